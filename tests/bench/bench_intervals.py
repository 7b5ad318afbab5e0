"""Intervals of Feldman and Cousins: ours next to the construction on a grid, as textbooks have it.

``python -m tests.bench intervals`` prints the figures of docs/decisions/026-intervals.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import poisson

from km3vo.analysis import feldman_cousins, p_value, sensitivity
from tests.bench.report import Line

PAIRS = 1000
STEP, LARGEST = 0.005, 50
"""Of the signal, in events; the authors' step."""
Floats = npt.NDArray[np.float64]


def lines(_: int) -> Iterator[Line]:
    """Yield the processor time of intervals, sensitivities and p-values."""
    random = np.random.default_rng(1)
    background = random.uniform(0, 15, PAIRS)
    n = random.poisson(background)
    few = slice(0, 3)
    grid = _cpu(_grid, n[few], background[few]) / 3
    ours = _cpu(feldman_cousins, n, background) / PAIRS
    difference = np.abs(
        feldman_cousins(n[few], background[few])[0] - _grid(n[few], background[few])[0]
    )
    yield Line(
        f"interval, of {PAIRS} with background to 15: ms",
        f"{ours * 1e3:.3f}",
        f"grid {grid * 1e3:,.0f}; lower ends differ by {difference.max():.3f} at most",
        f"{ours / grid:.1e}",
        "0.1 ms",
    )
    one = min(_cpu(feldman_cousins, 3, 1.7 + i / 100) for i in range(20))
    yield Line("  one alone: ms", f"{one * 1e3:.1f}", goal="5 ms")
    for largest in (100, 1000, 10_000):
        means = random.uniform(0, largest, PAIRS)
        each = _cpu(feldman_cousins, random.poisson(means), means) / PAIRS
        yield Line(f"  background to {largest:,}: ms", f"{each * 1e3:.3f}")
    median = _cpu(sensitivity, background) / PAIRS
    yield Line(
        "sensitivity: ms",
        f"{median * 1e3:.3f}",
        f"our interval {ours * 1e3:.3f}",
        f"{median / ours:.2f}",
        "1",
    )
    many = np.tile(n, 100), np.tile(background, 100)
    mine, peer = _cpu(p_value, *many), _cpu(lambda n, b: poisson.sf(n - 1, b), *many)
    yield Line(
        f"p-value, of {100 * PAIRS:,}: µs",
        f"{mine / PAIRS * 1e4:.2f}",
        f"scipy {peer / PAIRS * 1e4:.2f}",
        f"{mine / peer:.2f}",
    )


def _cpu(function: Callable[..., Any], *arguments: Any) -> float:
    """Return the processor time in s of a call, the shortest of three."""
    times = []
    for _ in range(3):
        begin = time.process_time()
        function(*arguments)
        times.append(time.process_time() - begin)
    return min(times)


def _grid(n: Floats, background: Floats, confidence: float = 0.9) -> tuple[Floats, Floats]:
    """Return intervals by accepting numbers of events for each signal on a grid."""
    numbers = np.arange(200)
    ends = []
    for observed, b in zip(n, background, strict=True):
        inside = []
        best = poisson.pmf(numbers, np.maximum(numbers, b))
        for signal in np.arange(0, LARGEST, STEP):
            probability = poisson.pmf(numbers, signal + b)
            order = np.argsort(-probability / best)
            accepted = order[: np.searchsorted(np.cumsum(probability[order]), confidence) + 1]
            if observed in accepted:
                inside.append(signal)
        ends.append((inside[0], inside[-1]))
    low, high = np.array(ends).T
    return low, high
