"""Coverage maps as scripts read them. This needs only the standard library."""

FINEST = 6
"""The finest cells: a degree is as fine as it can be seen in the whole sky."""


def cells(text, finest=FINEST, most=None):
    """Return a coverage map as cells by order, which Aladin Lite reads, not finer than an order.

    Parameters
    ----------
    text : str or None
        As in ``5/3-5,7 6/33``.
    finest : int, optional
        Cells of higher orders are replaced by those of this order that they are in.
    most : int, optional
        How many cells at most; of more, larger ones are returned.
    """
    if not text:
        return None
    found = _cells(text, finest)
    while most and finest > 0 and sum(map(len, found.values())) > most:
        finest -= 1
        found = _cells(text, finest)
    return {str(one): sorted(numbers) for one, numbers in found.items() if numbers} or None


def _cells(text, finest):
    found, order = {}, 0
    for part in text.replace(",", " ").split():
        head, slash, rest = part.rpartition("/")
        if slash:
            order = int(head)
        if not rest:
            continue
        first, _, last = rest.partition("-")
        shift = 2 * max(0, order - finest)
        span = range(int(first) >> shift, (int(last or first) >> shift) + 1)
        found.setdefault(min(order, finest), set()).update(span)
    return found
