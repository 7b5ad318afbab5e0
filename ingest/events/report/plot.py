"""The geometry of a histogram in the page of a report, which its template draws as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.core.pages import grouped
from ingest.core.timescales import DAY, MJD_EPOCH
from ingest.events.survey import Distribution

WIDTH, HEIGHT = 360.0, 200.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 350.0, 10.0, 168.0
_MOST_BARS: Final = 40
_LEAST_HEIGHT: Final = 2.5
"""Of bars of rejected rows, so that one among a million is seen."""
_TIME_STEPS: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10_800, 21_600, 43_200),
    *(86_400 * days for days in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
)
"""s"""
_TAIL: Final = 0.995
"""How much of a distribution with a long tail is shown."""
_ROUNDING: Final = 1e-9
_EXPONENTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Bar:
    """Part of the histogram: a rectangle."""

    kind: str
    """``accepted`` or ``rejected``."""
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Tick:
    """A label at an axis."""

    place: float
    text: str


@dataclass(frozen=True)
class Plot:
    """A histogram of accepted rows, with the rejected ones on top of them."""

    title: str
    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    notes: tuple[str, ...]
    """What is not in the picture."""


def plot(distribution: Distribution) -> Plot | None:
    """Return the histogram of a quantity; None if no row has it."""
    only_accepted = not distribution.read.any()
    accepted = distribution.accepted[1:-2]
    read = accepted if only_accepted else distribution.read[1:-2]
    filled = np.flatnonzero(read)
    if not len(filled):
        return None
    edges = np.linspace(distribution.low, distribution.high, distribution.bins + 1)
    shown = _without_tail(read) if distribution.long_tail else filled
    beyond = int(read[shown[-1] + 1 :].sum())
    first, group, count = _range(shown, len(read), distribution.logarithmic)
    read, accepted = (_regrouped(counts, first, group, count) for counts in (read, accepted))
    step = edges[1] - edges[0]
    low = edges[0] + first * step
    high = low + count * group * step
    top = float(read.max()) * 1.08
    return Plot(
        title=_title(distribution, low, high),
        bars=tuple(_bars(read, accepted, top)),
        x_ticks=tuple(_x_ticks(distribution, low, high)),
        y_ticks=tuple(
            Tick(_y(value, top), grouped(int(value)))
            for value in _nice(0, top, 4)
            if value == int(value)
        ),
        notes=tuple(_notes(distribution, only_accepted, beyond)),
    )


def _title(distribution: Distribution, low: float, high: float) -> str:
    if distribution.name == "mjd":
        return f"time (UTC), {_day(low)}" if _day(low) == _day(high) else "time (UTC)"
    return distribution.label + (f" / {distribution.unit}" if distribution.unit else "")


def _notes(distribution: Distribution, only_accepted: bool, beyond: int) -> list[str]:
    notes = []
    if only_accepted:
        notes.append("accepted events only: rejected rows have no position")
    if distribution.missing:
        notes.append(f"{grouped(distribution.missing)} without a value")
    if distribution.outside or beyond:
        notes.append(f"{grouped(distribution.outside + beyond)} outside the range")
    return notes


def _without_tail(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Return the filled bins, without a long tail of few rows."""
    filled = np.flatnonzero(counts)
    share = np.cumsum(counts[filled]) / counts.sum()
    end = int(np.searchsorted(share, _TAIL))
    long = filled[-1] - filled[0] > 2 * (filled[end] - filled[0])
    return filled[: end + 1] if long else filled


def _range(filled: npt.NDArray[np.intp], bins: int, logarithmic: bool) -> tuple[int, int, int]:
    """Return the first bin to show, how many make a bar, and the number of bars."""
    first, last = int(filled[0]), int(filled[-1])
    # a single bar would look like a full plot, and have no label at a logarithmic axis
    margin = 0 if last - first >= 4 else 20 if logarithmic else 4
    first, last = max(0, first - margin), min(bins - 1, last + margin)
    group = -(-(last - first + 1) // _MOST_BARS)
    return first, group, -(-(last - first + 1) // group)


def _regrouped(
    counts: npt.NDArray[np.int64], first: int, group: int, count: int
) -> npt.NDArray[np.int64]:
    shown = np.zeros(group * count, np.int64)
    part = counts[first : first + group * count]
    shown[: len(part)] = part
    sums: npt.NDArray[np.int64] = shown.reshape(count, group).sum(axis=1)
    return sums


def _bars(read: npt.NDArray[np.int64], accepted: npt.NDArray[np.int64], top: float) -> list[Bar]:
    width = (RIGHT - LEFT) / len(read)
    gap = 0.5 if len(read) > 1 else 0.0
    bars = []
    for number, (all_rows, good) in enumerate(zip(read.tolist(), accepted.tolist(), strict=True)):
        x = round(LEFT + number * width + gap / 2, 2)
        y = _y(good, top)
        if good:
            bars.append(Bar("accepted", x, y, round(width - gap, 2), round(BOTTOM - y, 2)))
        if all_rows > good:
            height = max(y - _y(all_rows, top), _LEAST_HEIGHT)
            bars.append(
                Bar("rejected", x, round(y - height, 2), round(width - gap, 2), round(height, 2))
            )
    return bars


def _y(value: float, top: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * value / top, 2)


def _x_ticks(distribution: Distribution, low: float, high: float) -> list[Tick]:
    if distribution.name == "mjd":
        labels = _dates(low, high)
    elif distribution.logarithmic:
        labels = _powers(low, high)
    else:
        labels = {value: f"{value:g}".replace("-", "−") for value in _nice(low, high, 5)}
    scale = (RIGHT - LEFT) / (high - low)
    return [Tick(round(LEFT + (value - low) * scale, 2), text) for value, text in labels.items()]


def _nice(low: float, high: float, most: int) -> list[float]:
    """Return up to about `most` round numbers in a range."""
    step = 10.0 ** np.floor(np.log10((high - low) / most))
    step *= next(one for one in (1, 2, 5, 10) if (high - low) / (one * step) <= most)
    numbers = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1)
    return [float(round(number * step, 12)) + 0.0 for number in numbers]


def _powers(low: float, high: float) -> dict[float, str]:
    """Return labels for a logarithmic axis, by their decimal logarithms."""
    factors = (1,) if high - low > 2 else (1, 3) if high - low > 1 else (1, 2, 5)
    step = max(1, round((high - low) / 5))
    labels = {}
    for exponent in range(int(np.floor(low)), int(np.ceil(high)) + 1, step):
        for factor in factors:
            place = exponent + float(np.log10(factor))
            if low - _ROUNDING <= place <= high + _ROUNDING:
                labels[place] = _power(factor, exponent)
    return labels


def _power(factor: int, exponent: int) -> str:
    if -2 <= exponent <= 3:
        return f"{factor * 10.0**exponent:g}"
    power = f"10{str(exponent).translate(_EXPONENTS)}"
    return power if factor == 1 else f"{factor}·{power}"


def _dates(low: float, high: float) -> dict[float, str]:
    """Return labels for an axis of times, by MJD: years, days or times of the day."""
    if high - low > 1000:
        years = [int(year) for year in _nice(_day(low).year, _day(high).year + 1, 7)]
        starts = {float((date(year, 1, 1) - MJD_EPOCH).days): str(year) for year in years}
        return {mjd: text for mjd, text in starts.items() if low <= mjd <= high}
    seconds = (high - low) * DAY
    step = next((one for one in _TIME_STEPS if seconds / one <= 4.5), _TIME_STEPS[-1])
    numbers = np.arange(np.ceil(low * DAY / step - 1e-3), np.floor(high * DAY / step + 1e-3) + 1)
    return {
        float(number * step / DAY): _time(number * step, step, one_day=_day(low) == _day(high))
        for number in numbers.tolist()
    }


def _time(seconds: float, step: int, one_day: bool) -> str:
    """Return the label of a time in s since MJD 0, at an axis with this step."""
    days, second = divmod(round(seconds), int(DAY))
    day = _day(days)
    if step >= DAY:
        return day.isoformat()
    time = f"{second // 3600:02d}:{second // 60 % 60:02d}"
    if step < 60:
        time += f":{second % 60:02d}"
    return time if one_day else f"{day:%m-%d} {time}"


def _day(mjd: float) -> date:
    return MJD_EPOCH + timedelta(days=int(mjd))
