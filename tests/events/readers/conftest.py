"""Real files of the collaboration, and measured-looking ones made of simulated ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from km3net_testdata import data_path

RUN_START = 1_600_000_000
"""Unix seconds the simulated time of a file is shifted to."""


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
