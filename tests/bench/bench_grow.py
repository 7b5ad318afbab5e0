"""One more file in a release that grows by months, until it is online; against all of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from ingest.events.delivery import Manifest
from ingest.events.import_release import import_release
from tests.bench.instance import private_instance, release_of
from tests.bench.report import Line, timed
from tests.bench.samples import BEGIN, write_simple

EVENTS = 100_000
"""In each file."""
MONTH = 2_629_800  # s


def lines(events: int) -> Iterator[Line]:
    """Yield how long a file takes that is added, and how long all did before."""
    with tempfile.TemporaryDirectory() as name, private_instance(serve=True) as (layout, state):
        folder = Path(name)
        paths = [_deliver(folder, number) for number in range(events // EVENTS + 1)]
        whole = timed(import_release, _release(paths[:-1]), layout, state, folder)
        more = timed(import_release, _release(paths), layout, state, folder)
        yield Line(
            f"a file of {EVENTS:,} events in a release of {len(paths) - 1} such files",
            f"{more:.1f} s",
            f"all files before {whole:.0f} s",
            f"{whole / more:.1f}",
            "10 s",
        )


def _deliver(folder: Path, number: int) -> Path:
    """Write a file with the events of one month."""
    path = write_simple(folder / f"run{number:05d}.h5", EVENTS, seed=number)
    with h5py.File(path, "a") as file:
        rows = file["events"][:]
        rows["timestamp"] = BEGIN + number * MONTH + np.linspace(0, 0.9 * MONTH, EVENTS).astype(int)
        rows["run_id"] = number + 1
        rows["frame_index"] = np.arange(EVENTS)
        file["events"][:] = rows
    return path


def _release(paths: list[Path]) -> Manifest:
    first, *more = paths
    section = {"products": "per-file", "periods": "month"}
    return release_of(first, EVENTS * len(paths), "simple-hdf5", *more, **section)
