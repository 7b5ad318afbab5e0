"""Selection of the best track of each event, and joins of tables that are sorted by a key.

A "track" of KM3NeT's data formats is any reconstructed direction, also that of a shower. The
selection is that of the collaboration's tools (``best_jmuon``, ``best_jshower``,
``best_aashower`` of km3io; ``bestjppmuon`` … of KM3io.jl, which like aanet also compares the
type): of the tracks of a :class:`Reconstruction`, those with most reconstruction stages; of
these, the one with the highest likelihood; of equals, the first. In the measured ORCA4 and ORCA6
samples it selects the track for which the collaboration gives equatorial coordinates, in every
event that has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ingest.core.errors import InputError
from ingest.events.fields import Array
from ingest.events.readers._hdf5 import Table

_TRACKS_LIMIT = 1 << 23
BLOCK: Final = 8_192
"""Number of events whose tracks are joined at once."""


@dataclass(frozen=True)
class Reconstruction:
    """An algorithm, and how its tracks are recognised (KM3NeT data format definitions).

    Attributes
    ----------
    name : str
        Its name in km3io.
    topology : str
        ``track`` or ``shower``.
    rec_type : int
        The type of its tracks.
    first_stage, last_stage : int
        All stages of its tracks are in this range.
    fit : mapping of str to int
        The fields that its fit information (``fitinf``) holds, with their index.
    """

    name: str
    topology: str
    rec_type: int
    first_stage: int
    last_stage: int
    fit: Mapping[str, int]

    @property
    def rule(self) -> str:
        """How the best of its tracks is selected, for the provenance."""
        return f"{self.name}: most reconstruction stages, then highest likelihood, then first"


JMUON: Final = Reconstruction(
    # JGANDALF_BETA0_RAD, JGANDALF_NUMBER_OF_HITS, JENERGY_ENERGY
    "JMuon", "track", 4000, 0, 99, {"ang_err": 0, "n_hits": 3, "energy": 4},
)  # fmt: skip
JSHOWER: Final = Reconstruction("JShower", "shower", 4000, 100, 199, {})
AASHOWER: Final = Reconstruction(
    # AASHOWERFIT_NUMBER_OF_HITS
    "aashower", "shower", 101, 300, 399, {"n_hits": 1},
)  # fmt: skip


def best_tracks(
    event: Array, eligible: Array, n_stages: Array, likelihood: Array, n_events: int
) -> tuple[Array, Array]:
    """Select the best track of each event.

    Parameters
    ----------
    event : numpy.ndarray of int, shape (n_tracks,)
        The event each track belongs to, from 0 to `n_events` - 1.
    eligible : numpy.ndarray of bool, shape (n_tracks,)
        Whether the track belongs to the reconstruction.
    n_stages : numpy.ndarray of int, shape (n_tracks,)
        Number of reconstruction stages of the track.
    likelihood : numpy.ndarray of float, shape (n_tracks,)
        NaN ranks below any number.
    n_events : int
        Number of events.

    Returns
    -------
    best : numpy.ndarray of int, shape (n_events,)
        The track of each event, 0 where it has none.
    reconstructed : numpy.ndarray of bool, shape (n_events,)
        Whether the event has an eligible track.
    """
    rows = np.flatnonzero(eligible)
    rank = -np.nan_to_num(likelihood.astype(np.float64)[rows], nan=-np.inf, posinf=np.inf)
    order = rows[np.lexsort((rows, rank, -n_stages[rows], event[rows]))]
    found, first = np.unique(event[order], return_index=True)
    best = np.zeros(n_events, np.int64)
    reconstructed = np.zeros(n_events, bool)
    best[found] = order[first]
    reconstructed[found] = True
    return best, reconstructed


class SortedTable:
    """A table sorted by a key, whose rows are taken once, from start to end."""

    def __init__(self, table: Table, key: str, columns: tuple[str, ...]) -> None:
        self._table, self._key, self._columns = table, key, columns
        self._next = 0
        self._pending = table.read(columns, 0, 0)

    def take_until(self, key: int) -> dict[str, Array]:
        """Return the remaining rows up to and including those with this key."""
        while self._next < self._table.rows:
            keys = self._pending[self._key]
            if len(keys) and keys[-1] > key:
                break
            if len(keys) > _TRACKS_LIMIT:
                raise self._error(
                    "too many rows for the events they belong to",
                    self._table.name,
                    f"more than {_TRACKS_LIMIT} rows for at most {BLOCK} events",
                )
            self._read_more()
        return self._take(int(np.searchsorted(self._pending[self._key], key, side="right")))

    def take_next(self) -> dict[str, Array]:
        """Return the next of the remaining rows, if any."""
        if not len(self._pending[self._key]) and self._next < self._table.rows:
            self._read_more()
        return self._take(len(self._pending[self._key]))

    def _read_more(self) -> None:
        more = self._table.read(self._columns, self._next, self._next + 4 * BLOCK)
        last = self._pending[self._key][-1:]
        steps = np.diff(np.concatenate((last, more[self._key])).astype(np.int64))
        if (steps < 0).any():
            row = self._next + int(np.argmax(steps < 0)) + 1 - len(last)
            raise self._error(
                f"{self._key} is not in ascending order", f"{self._table.name} row {row}"
            )
        self._pending = {
            name: np.concatenate((self._pending[name], values)) for name, values in more.items()
        }
        self._next += len(more[self._key])

    def _take(self, count: int) -> dict[str, Array]:
        taken = {name: values[:count] for name, values in self._pending.items()}
        self._pending = {name: values[count:] for name, values in self._pending.items()}
        return taken

    def _error(self, problem: str, where: str, value: str | None = None) -> InputError:
        return InputError(
            problem,
            file=self._table.path,
            where=where,
            value=value,
            expected=f"rows in ascending order of {self._key}",
            remedy="sort the table by this column",
        )


def count_stages(
    tracks: dict[str, Array], stages: dict[str, Array], key: str
) -> tuple[Array, Array]:
    """Return the number of reconstruction stages of each track, and whether all are muon stages.

    Parameters
    ----------
    tracks : dict of str to numpy.ndarray
        Columns `key` and ``idx``, which identify a track.
    stages : dict of str to numpy.ndarray
        Columns `key`, ``idx`` and ``rec_stage``, a row per stage of a track.
    key : str
        The column that identifies the event.

    Returns
    -------
    n_stages : numpy.ndarray of int, shape (n_tracks,)
    all_muon : numpy.ndarray of bool, shape (n_tracks,)
    """
    pair = np.dtype([("key", np.int64), ("idx", np.int64)])
    of_track, of_stage = np.empty(len(tracks[key]), pair), np.empty(len(stages[key]), pair)
    for pairs, table in ((of_track, tracks), (of_stage, stages)):
        pairs["key"], pairs["idx"] = table[key], table["idx"]
    stage = stages["rec_stage"]
    is_muon = (stage >= JMUON.first_stage) & (stage <= JMUON.last_stage)
    unique, index, counts = np.unique(of_stage, return_inverse=True, return_counts=True)
    other_stages = np.bincount(index, weights=~is_muon, minlength=len(unique))
    if not len(unique):
        return np.zeros(len(of_track), np.int64), np.zeros(len(of_track), bool)
    place = np.minimum(np.searchsorted(unique, of_track), len(unique) - 1)
    found = unique[place] == of_track
    return np.where(found, counts[place], 0), found & (other_stages[place] == 0)
