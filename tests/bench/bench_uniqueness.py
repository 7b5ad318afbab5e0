"""How long it takes to find out that identifiers are unique, and how much memory.

The peer keeps all hashes in sorted arrays in memory, and says at once which repeat.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np

from ingest.events.checks.hashfile import HashFile
from ingest.events.checks.uniqueness import SeenRows, hash_rows
from ingest.events.readers import DEFAULT_CHUNK_ROWS
from tests.bench.report import Line

WAYS = {"file": HashFile, "memory": SeenRows}


def lines(events: int) -> Iterator[Line]:
    """Yield a line per number of identifiers; each in a process of its own."""
    for count in (events, 10 * events):
        (ours, peak), (peer, all_peak) = (measured(way, count) for way in WAYS)
        yield Line(
            f"{count:,} identifiers hashed and compared",
            f"{count / ours:,.0f}/s, {peak:,.0f} MiB",
            f"in memory {count / peer:,.0f}/s, {all_peak:,.0f} MiB",
            f"{peer / ours:.2f}",
            "< 1,024 MiB",
        )


def measured(way: str, count: int) -> tuple[float, float]:
    """Return the seconds and the largest resident memory in MiB."""
    command = [sys.executable, "-m", __name__, way, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak


def compare(way: str, count: int) -> float:
    """Compare the identifiers of one detector, in the order of time; return the seconds."""
    repeats = WAYS[way]()
    start = time.perf_counter()
    for first in range(0, count, DEFAULT_CHUNK_ROWS):
        number = np.arange(first, min(count, first + DEFAULT_CHUNK_ROWS))
        frames = number % 2700
        columns = (np.full(len(number), 49), 8000 + number // 2700, frames * 80 + 1, frames)
        assert not repeats.add(hash_rows(columns)).any()
    if isinstance(repeats, HashFile):
        assert not len(repeats.repeated())
    return time.perf_counter() - start


if __name__ == "__main__":
    seconds = compare(sys.argv[1], int(sys.argv[2]))
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
