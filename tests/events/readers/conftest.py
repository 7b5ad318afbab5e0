"""Real files of the collaboration, and measured-looking ones made of simulated ones."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import uproot
from km3net_testdata import data_path

RUN_START = 1_600_000_000
"""Unix seconds the simulated time of a file is shifted to."""
ROOT_BLOCK_HEADER = 9
"""Bytes before each compressed block of a ROOT file."""


@pytest.fixture
def real() -> Callable[[str], Path]:
    """Return the path of a file of km3net-testdata."""
    return lambda name: Path(data_path(name))


@pytest.fixture
def dated(tmp_path: Path) -> Callable[[str], Path]:
    """Return a copy of a simulated km3pipe file whose times are those of measured data."""

    def copy(name: str) -> Path:
        path = tmp_path / Path(name).name
        shutil.copy(data_path(name), path)
        with h5py.File(path, "r+") as file:
            events = file["event_info"][:]
            events["timestamp" if "timestamp" in events.dtype.names else "utc_seconds"] += RUN_START
            file["event_info"][:] = events
        return path

    return copy


@pytest.fixture
def another_run(tmp_path: Path) -> Callable[..., Path]:
    """Return a copy of the measured offline file, with later events of another run or detector."""

    def copy(later: int, **values: int) -> Path:
        original = Path(data_path("offline/km3net_offline.root"))
        path = tmp_path / f"{later}.root"
        content = bytearray(original.read_bytes())
        with uproot.open(original) as file:
            tree = file["E"]
            seconds = tree["t.fSec"].array(library="np") + later
            for name, numbers in {"t.fSec": seconds, **values}.items():
                key = tree[name].basket_key(0)
                begin = key.fSeekKey + key.fKeylen + ROOT_BLOCK_HEADER
                end = key.fSeekKey + key.fNbytes
                data = np.full(tree.num_entries, numbers, ">i4").tobytes()
                streams = (zlib.compress(data, level) for level in range(1, 10))
                content[begin:end] = next(one for one in streams if len(one) == end - begin)
        path.write_bytes(content)
        return path

    return copy
