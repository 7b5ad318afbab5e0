"""Timing, and the lines of the table that the benches print."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


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


def core_seconds(*process_ids: int) -> float:
    """Return the processor time in s of processes and of all below them so far.

    The kernel's account of ended children misses workers, whose parent is the server that forks
    them.
    """
    spent: dict[int, float] = {}
    below: dict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            number = int(path.parent.name)
            spent[number] = sum(map(int, fields[11:15])) / _TICKS
            below[int(fields[1])].append(number)
    found = list(process_ids)
    for number in found:
        found += below[number]
    return sum(spent.get(number, 0.0) for number in set(found))


def median(repeat: int, function: Callable[[], float]) -> float:
    """Return the median of some measurements."""
    return statistics.median(function() for _ in range(repeat))
