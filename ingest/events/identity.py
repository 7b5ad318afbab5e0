"""Names and numbers of events.

KM3NeT names an event ``km3.<det_id>.<run_id>.<frame_index>.<trigger_counter>``, also in its GCN
notices. GADF requires a 64-bit integer, in which KM3NeT encodes the same numbers as decimal digits
(``i ddd rrrrrr ffffff ttt``: i is 1 for KM3NeT and 2 for ANTARES, followed by detector, run, frame
and trigger counter; see "Event-Parameters" of open-event-writer).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.events.fields import MISSING_INTEGER, Chunk

NAME: Final = "S48"
"""The type of names in event lists."""
IDENTITY: Final = ("det_id", "run_id", "frame_index", "trigger_counter")
_DIGITS: Final = {"det_id": 3, "run_id": 6, "frame_index": 6, "trigger_counter": 3}
_TELESCOPES: Final = {"antares": 2, "arca": 1, "orca": 1, "km3net": 1}


def event_names(chunk: Chunk) -> npt.NDArray[np.bytes_]:
    """Return the names of events from their numbers; empty where a number is missing.

    Parameters
    ----------
    chunk : numpy.ndarray
        Events with the fields of :data:`IDENTITY`.
    """
    complete = _is_complete(chunk)
    names = np.zeros(len(chunk), NAME)
    if complete.any():
        columns = [chunk[name][complete].tolist() for name in IDENTITY]
        # formatting in a loop is faster than with numpy
        names[complete] = [b"km3.%d.%d.%d.%d" % one for one in zip(*columns, strict=True)]
    return names


def event_numbers(chunk: Chunk, detector: str, before: int) -> npt.NDArray[np.int64]:
    """Return the 64-bit numbers of events.

    An event whose numbers do not fit into their digits gets its running number, which is
    smaller than any encoded number, so that the two cannot collide.

    Parameters
    ----------
    chunk : numpy.ndarray
        Events with the fields of :data:`IDENTITY`.
    detector : str
        ``antares``, ``arca`` or ``orca``.
    before : int
        Number of events of the release in earlier chunks.
    """
    number = np.full(len(chunk), _TELESCOPES[detector], np.int64)
    fits = _is_complete(chunk)
    for name, digits in _DIGITS.items():
        values = chunk[name].astype(np.int64)
        fits &= (values >= 0) & (values < 10**digits)
        number = number * 10**digits + np.where(fits, values, 0)
    running = np.arange(before + 1, before + len(chunk) + 1)
    return np.where(fits, number, running)


def _is_complete(chunk: Chunk) -> npt.NDArray[np.bool_]:
    complete = np.ones(len(chunk), np.bool_)
    for name in IDENTITY:
        complete &= chunk[name] != MISSING_INTEGER
    return complete
