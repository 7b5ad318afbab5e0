"""Timing, and the lines of the table that the benches print."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Line(NamedTuple):
    """One measurement.

    Attributes
    ----------
    what : str
        What was measured.
    ours, peers : str
        The absolute figures.
    ratio : str
        Ours to the peer's.
    goal : str
        What the ratio or the rate should be.
    """

    what: str
    ours: str
    peers: str = ""
    ratio: str = ""
    goal: str = ""


def rates(what: str, ours: float, peers: float, peer: str, goal: str = "") -> Line:
    """Return a line that compares two rates in 1/s."""
    return Line(what, f"{ours:,.0f}/s", f"{peer} {peers:,.0f}/s", f"{ours / peers:.2f}", goal)


def timed(function: Callable[..., Any], *arguments: Any) -> float:
    """Return how long a call takes, in s."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def median(repeat: int, function: Callable[[], float]) -> float:
    """Return the median of some measurements."""
    return statistics.median(function() for _ in range(repeat))
