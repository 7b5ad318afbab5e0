"""How long it takes to find out that identifiers are unique, and how much memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np

from ingest.events.checks.hashfile import HashFile
from ingest.events.checks.uniqueness import hash_rows
from ingest.events.readers import DEFAULT_CHUNK_ROWS
from tests.bench.figures import Point


def points(sizes: Sequence[int]) -> Iterator[Point]:
    """Yield a point per number of identifiers; each is measured in a process of its own."""
    for n in sizes:
        command = [sys.executable, "-m", __name__, str(n)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        yield Point("uniqueness", n, *json.loads(done.stdout))


def compare(n: int) -> float:
    """Compare the identifiers of one detector, in the order of time; return the seconds."""
    repeats = HashFile()
    start = time.perf_counter()
    for first in range(0, n, DEFAULT_CHUNK_ROWS):
        number = np.arange(first, min(n, first + DEFAULT_CHUNK_ROWS))
        frames = number % 2700
        repeats.add(hash_rows((np.full(len(number), 49), 8000 + number // 2700, frames, frames)))
    assert not len(repeats.repeated())
    return time.perf_counter() - start


if __name__ == "__main__":
    seconds = compare(int(sys.argv[1]))
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
