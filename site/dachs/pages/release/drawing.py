"""Histograms as SVG, for browsers without scripts. This runs in the Python of DaCHS."""

import math
from dataclasses import dataclass
from datetime import datetime

from .. import formats

WIDTH, HEIGHT = 360, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 8, 22


@dataclass(frozen=True)
class Drawing:
    """A diagram.

    Attributes
    ----------
    outline : str
        The path of the histogram.
    x_ticks, y_ticks : list of (float, str)
        The places and labels of the ticks.
    """

    outline: str
    x_ticks: list
    y_ticks: list
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    bottom: int = HEIGHT - _BOTTOM


def histogram(edges, counts, kind):
    """Return the drawing of a histogram.

    Parameters
    ----------
    edges : list of float
        The edges of the bins.
    counts : list of int
        The number of events in each bin.
    kind : str
        The axis: "linear", "log", or "time" for MJD.
    """
    scale = math.log10 if kind == "log" else float
    low, high = scale(edges[0]), scale(edges[-1])
    top = max(counts) * 1.08 or 1

    def x(value):
        return round(_LEFT + (scale(value) - low) / (high - low) * (WIDTH - _LEFT - _RIGHT), 1)

    def y(value):
        return round(HEIGHT - _BOTTOM - value / top * (HEIGHT - _TOP - _BOTTOM), 1)

    steps = "".join(f"V{y(count)}H{x(edge)}" for count, edge in zip(counts, edges[1:], strict=True))
    outline = f"M{x(edges[0])} {y(0)}{steps}V{y(0)}Z"
    x_ticks = [(x(at), label) for at, label in _ticks(edges[0], edges[-1], kind)]
    y_ticks = [(y(at), label) for at, label in _round_ticks(0, top, 4)]
    return Drawing(outline, x_ticks, y_ticks)


def written(value, kind):
    """Return a value as it stands in a table."""
    if kind == "time":
        text = formats.utc(value)
        return text.removesuffix(" 00:00:00")
    return formats.quantity(float(value), 4)


def _ticks(low, high, kind):
    if kind == "log":
        powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        powers = powers[:: max(1, math.ceil(len(powers) / 6))]
        if len(powers) > 1:
            return [(10.0**power, formats.quantity(10.0**power, 1)) for power in powers]
        return [(at, label) for at, label in _round_ticks(low, high, 4) if at > 0]
    if kind == "time":
        return _dates(low, high)
    return _round_ticks(low, high, 5)


def _round_ticks(low, high, most):
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(
        (one * power for one in (1, 2, 5, 10) if (high - low) / (one * power) <= most), 10 * power
    )
    ticks = [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return [(tick, formats.quantity(float(tick), 4)) for tick in ticks]


def _dates(low, high):
    """Return ticks at the beginnings of years, or at days, or at times of one day."""
    first, last = (int(formats.day(at)[:4]) for at in (low, high))
    if last - first >= 3:
        step = math.ceil((last - first) / 6)
        years = range(first + 1, last + 1, step)
        zero = datetime(1858, 11, 17)
        return [((datetime(year, 1, 1) - zero).days, str(year)) for year in years]
    if high - low > 3:
        step = math.ceil((high - low) / 4)
        return [(at, formats.day(at)) for at in range(math.ceil(low), math.floor(high) + 1, step)]
    span = (high - low) * 1440
    step = next((one for one in (1, 2, 5, 10, 30, 60, 180, 360, 720) if span / one <= 5), 1440)
    ticks = range(math.ceil(low * 1440 / step), math.floor(high * 1440 / step) + 1)
    return [(at * step / 1440, formats.utc(at * step / 1440)[11:16]) for at in ticks]
