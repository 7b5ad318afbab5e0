"""Bins of histograms: edges at round numbers. This runs in the Python of DaCHS."""

import math

_STEPS = (1, 2, 5)
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400)
"""Widths of bins of less than a day (s)."""
_DAY = 86_400


def linear(low, high, most=40, step=0.0):
    """Return the edges of at most about so many equal bins that contain an interval.

    Parameters
    ----------
    low, high : float
        The interval.
    most : int, optional
        The number of bins that is not exceeded by more than two.
    step : float, optional
        The distance of the values, if they have so few digits that it matters. Each bin then has
        as many values, and none is at an edge.

    Returns
    -------
    list of float
        The edges, which ascend; the last one is larger than `high`.
    """
    width = max(_round((high - low) / most), step) or 1.0
    if step:
        width = step * round(width / step)
    offset = step / 2
    first = math.floor((low + offset) / width)
    last = max(first + 1, math.floor((high + offset) / width) + 1)
    edges = [_clean(i * width - offset, width) for i in range(first, last + 1)]
    # a value at an edge, but for the rounding of the division
    if edges[0] > low:
        edges.insert(0, _clean((first - 1) * width - offset, width))
    if edges[-1] <= high:
        edges.append(_clean((last + 1) * width - offset, width))
    return edges


def logarithmic(low, high, most=40, whole=False):
    """Return the edges of bins whose widths grow as the values do.

    Parameters
    ----------
    low, high : float
        The interval; `low` is positive.
    most : int, optional
        The number of bins that is not exceeded by more than two.
    whole : bool, optional
        Whether the values are whole numbers; the edges are then between them.
    """
    per_decade = max(1, int(most / max(math.log10(high / low), 0.1)))
    per_decade = max(one for one in (1, 2, 3, 4, 5, 8, 10, 20, 40) if one <= per_decade)
    first = math.floor(math.log10(low) * per_decade)
    last = math.floor(math.log10(high) * per_decade) + 1
    edges = [float(f"{10 ** (i / per_decade):.4g}") for i in range(first, last + 1)]
    if whole:
        edges = sorted({math.ceil(edge) - 0.5 for edge in edges})
        edges[0] = min(edges[0], low - 0.5)
    # rounded edges may have moved past the values
    edges[0] = min(edges[0], low)
    if edges[-1] <= high:
        edges.append(high + 0.5 if whole else high * 1.0001)
    return edges


def times(low, high, most=44):
    """Return the edges of equal bins of an interval in time (MJD); whole days, or parts of one."""
    if high - low > 1:
        return linear(low, high, most, 0.0 if (high - low) / most > 1 else 1.0)
    wanted = (high - low) * _DAY / most
    width = next((one for one in _SECONDS if one >= wanted), _SECONDS[-1])
    day, start = math.floor(low), (low - math.floor(low)) * _DAY
    first = math.floor(start / width)
    last = math.floor((high - day) * _DAY / width) + 1
    return [day + i * width / _DAY for i in range(first, last + 1)]


def _round(width):
    """Return the next round number: 1, 2 or 5 times a power of ten."""
    if width <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(width))
    return next(one * power for one in (*_STEPS, 10) if one * power >= width * 0.999)


def _clean(edge, width):
    digits = max(1, 3 - math.floor(math.log10(width)))
    return round(edge, digits)
