"""Simulated deliveries of any size, in the forms in which KM3NeT delivers."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

BEGIN = 1_577_836_800
"""2020-01-01, unix seconds."""
SPACING = 8
"""Seconds from an event to the next, on average."""
PART = 250_000
# What km3pipe asks PyTables for: 64 kB chunks, zlib, shuffled, with checksums.
PACKED = {"compression": "gzip", "compression_opts": 5, "shuffle": True, "fletcher32": True}

EVENT_INFO = np.dtype(
    [
        *((name, "i8") for name in ("det_id", "event_id", "frame_index", "mc_run_id")),
        ("mc_time", "f8"),
        *((name, "i8") for name in ("nanoseconds", "overlays", "run_id", "timestamp")),
        *((name, "i8") for name in ("trigger_counter", "trigger_mask")),
        *((f"weight_w{number}", "f8") for number in (1, 2, 3, 4)),
        ("group_id", "i8"),
    ]
)
# the columns of real files; those of which nothing is taken have a value, too
_FITS = (
    "E", "JCOPY_Z_M", "JENERGY_CHI2", "JENERGY_ENERGY", "JENERGY_MUON_RANGE_METRES",
    "JENERGY_NDF", "JENERGY_NOISE_LIKELIHOOD", "JENERGY_NUMBER_OF_HITS", "JGANDALF_BETA0_RAD",
    "JGANDALF_BETA1_RAD", "JGANDALF_CHI2", "JGANDALF_LAMBDA", "JGANDALF_NUMBER_OF_HITS",
    "JGANDALF_NUMBER_OF_ITERATIONS", "JSHOWERFIT_ENERGY", "JSTART_LENGTH_METRES",
    "JSTART_NPE_MIP_MISSED", "JSTART_NPE_MIP_TOTAL", "JVETO_NPE", "JVETO_NUMBER_OF_HITS",
)  # fmt: skip
_PLACES = ("dir_x", "dir_y", "dir_z", "likelihood", "pos_x", "pos_y", "pos_z", "t")
TRACKS = np.dtype(
    [
        *((name, "f4") for name in _FITS),
        *((name, "f8") for name in _PLACES),
        *((name, "i4") for name in ("id", "idx", "length", "rec_type")),
        ("group_id", "i8"),
    ]
)


def write_km3pipe(path: Path, events: int, seed: int = 1, before: int = 0) -> Path:
    """Write a delivery as km3pipe does, format 5.1, with one best track per event.

    `before` is the number of events in earlier files.
    """
    random = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        for key, value in (("format_version", "5.1"), ("km3pipe", "9.13.0"), ("kid", "bench")):
            file.attrs[key] = np.bytes_(value)
        info = _table(file, "event_info", EVENT_INFO, events)
        tracks = _table(file, "reco/best_jmuon", TRACKS, events)
        for first in range(0, events, PART):
            number = before + np.arange(first, min(first + PART, events))
            info[first : first + PART] = _event_info(number, random)
            tracks[first : first + PART] = _tracks(number, random)
    return path


def write_simple(path: Path, events: int, seed: int = 2) -> Path:
    """Write a flat table of events, as h5py does by itself."""
    random = np.random.default_rng(seed)
    names = ("run_id", "frame_index", "trigger_counter", "timestamp", "nanoseconds")
    floats = ("dir_x", "dir_y", "dir_z", "energy", "beta0", "likelihood")
    dtype = np.dtype(
        [*((name, "i8") for name in (*names, "n_hits")), *((name, "f8") for name in floats)]
    )
    with h5py.File(path, "w") as file:
        table = file.create_dataset("events", (events,), dtype)
        for first in range(0, events, PART):
            number = np.arange(first, min(first + PART, events))
            info, tracks = _event_info(number, random), _tracks(number, random)
            rows = np.empty(len(number), dtype)
            for name in names:
                rows[name] = info[name]
            rows["n_hits"] = tracks["JGANDALF_NUMBER_OF_HITS"]
            rows["energy"] = tracks["JENERGY_ENERGY"]
            rows["beta0"] = tracks["JGANDALF_BETA0_RAD"]
            for name in ("dir_x", "dir_y", "dir_z", "likelihood"):
                rows[name] = tracks[name]
            table[first : first + PART] = rows
    return path


def _table(file: h5py.File, name: str, dtype: np.dtype, events: int) -> h5py.Dataset:
    rows = min(65_536 // dtype.itemsize, events)
    return file.create_dataset(name, (events,), dtype, chunks=(rows,), **PACKED)


def _event_info(number: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return events of runs of six hours and frames of 0.1 s, one event every :data:`SPACING`."""
    rows = np.zeros(len(number), EVENT_INFO)
    moment = BEGIN * 10 + number * 10 * SPACING + random.integers(0, 80, len(number))
    rows["timestamp"], tenths = moment // 10, moment % 10
    rows["nanoseconds"] = tenths * 10**8
    rows["det_id"] = 49
    rows["run_id"] = 8000 + number // 2700
    rows["frame_index"] = number % 2700 * 80 + 1 + random.integers(0, 80, len(number))
    rows["trigger_counter"] = number % 2700
    rows["event_id"] = number % 2700
    rows["trigger_mask"] = 1 << random.integers(0, 4, len(number))
    rows["overlays"] = random.poisson(3, len(number))
    rows["group_id"] = number
    return rows


def _tracks(number: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return tracks from all directions, as single precision fits write them."""
    count = len(number)
    rows = np.zeros(count, TRACKS)
    direction = random.normal(size=(3, count))
    direction /= np.linalg.norm(direction, axis=0)
    rows["dir_x"], rows["dir_y"], rows["dir_z"] = direction
    for name in _FITS:
        rows[name] = random.gamma(2, 3, count)
    rows["JENERGY_ENERGY"] = 10 ** random.normal(3, 1, count)
    rows["JGANDALF_BETA0_RAD"] = random.gamma(2, 0.005, count)
    rows["JGANDALF_NUMBER_OF_HITS"] = 20 + random.poisson(40, count)
    rows["likelihood"] = random.normal(100, 30, count)
    rows["t"] = random.uniform(0, 1e8, count)
    for name in ("pos_x", "pos_y", "pos_z"):
        rows[name] = random.normal(0, 100, count)
    rows["length"] = 5
    rows["rec_type"] = 4000
    rows["group_id"] = number
    return rows
