"""Time intervals as T-MOC, a MOC in time, in its ASCII form (IVOA MOC 2.0).

A cell of order 61 is one microsecond of TCB at the barycentre of the Solar System, counted from
JD 0; a cell of the order before is twice as long. Event times are those at the detector, which
differ from those at the barycentre by up to 500 s. The standard therefore recommends order 31,
cells of 18 minutes. This runs in the Python of DaCHS, which has no library for it.
"""

import numpy as np
from astropy.time import Time

FINEST = 61
ORDER = 31
LONGEST = 10_000
"""The most characters of a T-MOC."""
_MICROSECONDS_PER_DAY = 86_400_000_000


def microseconds(times):
    """Return times as whole microseconds of TCB since JD 0.

    Parameters
    ----------
    times : astropy.time.Time
        Any number of times.
    """
    start = Time(np.floor(times.tcb.jd1), format="jd", scale="tcb")
    rest = np.rint((times.tcb - start).jd * _MICROSECONDS_PER_DAY)
    return start.jd1.astype(np.int64) * _MICROSECONDS_PER_DAY + rest.astype(np.int64)


def ascii_moc(starts, stops, order=ORDER):
    """Return the T-MOC that covers intervals, coarser than asked if it would become too long.

    Parameters
    ----------
    starts, stops : iterable of int
        Microseconds of TCB since JD 0.
    order : int
        The finest order of its cells.
    """
    shift = FINEST - order
    merged = []
    for low, high in sorted(
        (int(a) >> shift, int(b) >> shift) for a, b in zip(starts, stops, strict=True)
    ):
        if merged and low <= merged[-1][1] + 1:
            merged[-1][1] = max(high, merged[-1][1])
        else:
            merged.append([low, high])
    found = {}
    for low, high in merged:
        for level, cell in _cells(low, high, order):
            found.setdefault(level, []).append(str(cell))
    words = [f"{level}/{' '.join(found[level])}" for level in sorted(found)]
    if order not in found:
        words.append(f"{order}/")
    text = " ".join(words)
    return text if len(text) <= LONGEST else ascii_moc(starts, stops, order - 1)


def _cells(low, high, order):
    """Yield the fewest cells that together are a range of cells, each with its order."""
    while low <= high:
        step = 0
        while not low & ((2 << step) - 1) and low + (2 << step) - 1 <= high:
            step += 1
        yield order - step, low >> step
        low += 1 << step
