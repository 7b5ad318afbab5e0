"""The step from checked events as a reader gives them to events as they are published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from ingest.events.fields import FIELDS, MISSING_INTEGER, Chunk, chunk_dtype
from ingest.events.identity import event_names, event_numbers
from ingest.events.sky import location

RADII: Final = ("err_50", "err_68", "err_90", "err_99")
GALACTIC: Final = ("glon", "glat")
PUBLISHED: Final = tuple(
    name for name in FIELDS if name not in ("dir_x", "dir_y", "dir_z", *RADII, *GALACTIC)
)
"""The fields that every located event has; those that few readers give are added to them."""


def locate_chunks(
    chunks: Iterable[Chunk], detector: str, det_id: int | None = None, galactic: bool = False
) -> Iterator[Chunk]:
    """Yield events with all fields of :data:`PUBLISHED`, located on the sky, named and numbered.

    Parameters
    ----------
    chunks : iterable of numpy.ndarray
        Checked events, in detector coordinates or on the sky already.
    detector : str
        ``antares``, ``arca`` or ``orca``.
    det_id : int, optional
        The detector's configuration, for events that do not say it themselves.
    galactic : bool
        Whether to add galactic coordinates.

    Notes
    -----
    Without the exact time of :data:`~ingest.events.fields.FIELDS` ``unix_seconds`` these two
    fields are left out, so that the product's TIME is made from ``mjd``.
    """
    before = 0
    for chunk in chunks:
        given = chunk.dtype.names or ()
        exact = "unix_seconds" in given
        names = (
            tuple(
                name
                for name in (*PUBLISHED, *(radius for radius in RADII if radius in given))
                if exact or not name.startswith("unix_")
            )
            + GALACTIC * galactic
        )
        located = _completed(chunk, names)
        if "dir_x" in given:
            _place(located, chunk, detector)
        if galactic:
            located["glon"], located["glat"] = location.galactic(located["ra"], located["dec"])
        if det_id is not None:
            located["det_id"][located["det_id"] == MISSING_INTEGER] = det_id
        if "event_name" not in given:
            located["event_name"] = event_names(located)
        if "event_no" not in given:
            located["event_no"] = event_numbers(located, detector, before)
        before += len(chunk)
        yield located


def _place(located: Chunk, chunk: Chunk, detector: str) -> None:
    seconds, nanoseconds = chunk["unix_seconds"], chunk["unix_nanoseconds"]
    position = location.locate(
        chunk["dir_x"], chunk["dir_y"], chunk["dir_z"], seconds, nanoseconds, detector
    )
    located["ra"], located["dec"] = position.ra, position.dec
    located["zenith"], located["azimuth"] = position.zenith, position.azimuth
    located["mjd"] = location.mjd_utc(seconds, nanoseconds)


def _completed(chunk: Chunk, names: tuple[str, ...]) -> Chunk:
    """Return events with the fields `names`; those that `chunk` does not have say nothing."""
    dtype = chunk_dtype(names)
    completed = np.empty(len(chunk), dtype)
    for name in names:
        if name in (chunk.dtype.names or ()):
            completed[name] = chunk[name]
        else:
            completed[name] = {"f": np.nan, "i": MISSING_INTEGER, "U": ""}[dtype[name].kind]
    return completed
