"""Names and numbers of events.

KM3NeT names an event ``km3.<det_id>.<run_id>.<frame_index>.<trigger_counter>``, also in its GCN
notices; GADF wants a 64-bit integer, for which KM3NeT writes the same numbers in decimal places
(``i ddd rrrrrr ffffff ttt``: i is 1 for KM3NeT and 2 for ANTARES, then detector, run, frame and
trigger counter; open-event-writer, "Event-Parameters").
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.events.fields import MISSING_INTEGER, Chunk

IDENTITY: Final = ("det_id", "run_id", "frame_index", "trigger_counter")
_PLACES: Final = {"det_id": 3, "run_id": 6, "frame_index": 6, "trigger_counter": 3}
_TELESCOPES: Final = {"antares": 2, "arca": 1, "orca": 1}


def event_names(chunk: Chunk) -> npt.NDArray[np.str_]:
    """Return the names of events by their numbers; empty where a number is not given.

    Parameters
    ----------
    chunk : numpy.ndarray
        Events with the fields of :data:`IDENTITY`.
    """
    given = _are_given(chunk)
    names = np.zeros(len(chunk), "U48")
    if given.any():
        columns = [chunk[name][given].tolist() for name in IDENTITY]
        # one of the few loops in Python left: numpy's own way to write numbers takes longer
        names[given] = [f"km3.{a}.{b}.{c}.{d}" for a, b, c, d in zip(*columns, strict=True)]
    return names


def event_numbers(chunk: Chunk, detector: str, before: int) -> npt.NDArray[np.int64]:
    """Return the 64-bit numbers of events.

    An event whose own numbers do not fit into their places gets its running number, which
    is smaller than any encoded one: both are unique together.

    Parameters
    ----------
    chunk : numpy.ndarray
        Events with the fields of :data:`IDENTITY`.
    detector : str
        ``antares``, ``arca`` or ``orca``.
    before : int
        How many events of the release came before.
    """
    number = np.full(len(chunk), _TELESCOPES[detector], np.int64)
    fits = _are_given(chunk)
    for name, places in _PLACES.items():
        values = chunk[name].astype(np.int64)
        fits &= (values >= 0) & (values < 10**places)
        number = number * 10**places + np.where(fits, values, 0)
    running = np.arange(before + 1, before + len(chunk) + 1)
    return np.where(fits, number, running)


def _are_given(chunk: Chunk) -> npt.NDArray[np.bool_]:
    given = np.ones(len(chunk), np.bool_)
    for name in IDENTITY:
        given &= chunk[name] != MISSING_INTEGER
    return given
