"""Coverage maps as scripts read them. This needs only the standard library."""

FINEST = 6
"""The finest cells: a degree is as fine as it can be seen in the whole sky."""


def cells(text, finest=FINEST):
    """Return a coverage map as cells by order, which Aladin Lite reads, not finer than an order.

    Parameters
    ----------
    text : str or None
        As in ``5/3-5,7 6/33``.
    finest : int, optional
        Cells of higher orders are replaced by those of this order that they are in.
    """
    if not text:
        return None
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
    return {str(one): sorted(numbers) for one, numbers in found.items() if numbers} or None
