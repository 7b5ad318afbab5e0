"""Locating checked events on the sky: from the fields of a reader to those of a product."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from ingest.events.fields import (
    ALERT,
    ERROR_RADII,
    FIELDS,
    GALACTIC,
    MISSING_INTEGER,
    UNIX_TIME,
    VECTOR,
    Chunk,
    chunk_dtype,
)
from ingest.events.identity import NAME, event_names, event_numbers
from ingest.events.sky import coordinates

LOCATED: Final = tuple(
    name for name in FIELDS if name not in (*VECTOR, *UNIX_TIME, *ERROR_RADII, *GALACTIC, *ALERT)
)
"""The fields that every located event has. Its name is in ASCII, as FITS has it."""


def locate_chunks(
    chunks: Iterable[Chunk], detector: str, det_id: int | None = None, galactic: bool = False
) -> Iterator[Chunk]:
    """Yield events with their positions on the sky, names and numbers.

    Parameters
    ----------
    chunks : iterable of numpy.ndarray
        Checked events, in detector coordinates or already on the sky.
    detector : str
        ``antares``, ``arca`` or ``orca``.
    det_id : int, optional
        The detector's configuration, for events without one.
    galactic : bool
        Whether to add galactic coordinates.

    Yields
    ------
    numpy.ndarray
        Events with the fields :data:`LOCATED`, and the exact time, the containment radii and
        what only alerts have, if they were given. Without the exact time the TIME of a product is
        computed from ``mjd``.
    """
    before = 0
    for chunk in chunks:
        given = chunk.dtype.names or ()
        optional = [name for name in (*UNIX_TIME, *ERROR_RADII, *ALERT) if name in given]
        wanted = {*LOCATED, *optional, *GALACTIC * galactic}
        located = _with_fields(chunk, tuple(name for name in FIELDS if name in wanted))
        if "dir_x" in given:
            _locate(located, chunk, detector)
        if galactic:
            located["glon"], located["glat"] = coordinates.galactic(located["ra"], located["dec"])
        if det_id is not None:
            located["det_id"][located["det_id"] == MISSING_INTEGER] = det_id
        if "event_name" not in given:
            located["event_name"] = event_names(located)
        if "event_no" not in given:
            located["event_no"] = event_numbers(located, detector, before)
        before += len(chunk)
        yield located


def _locate(located: Chunk, chunk: Chunk, detector: str) -> None:
    x, y, z = (chunk[name] for name in VECTOR)
    seconds, nanoseconds = (chunk[name] for name in UNIX_TIME)
    position = coordinates.locate(x, y, z, seconds, nanoseconds, detector)
    for name in ("ra", "dec", "zenith", "azimuth"):
        located[name] = getattr(position, name)
    located["mjd"] = coordinates.mjd_utc(seconds, nanoseconds)


def _with_fields(chunk: Chunk, names: tuple[str, ...]) -> Chunk:
    """Return events with the fields `names`; those that `chunk` does not have are missing."""
    given = chunk_dtype(names)
    dtype = np.dtype([(name, NAME if name == "event_name" else given[name]) for name in names])
    completed = np.empty(len(chunk), dtype)
    missing = {"f": np.nan, "i": MISSING_INTEGER, "U": "", "S": b""}
    for name in names:
        if name in (chunk.dtype.names or ()):
            completed[name] = chunk[name]
        else:
            completed[name] = missing[dtype[name].kind]
    return completed
