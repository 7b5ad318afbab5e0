"""Which of an event's tracks is the event's: the rule, and joining tables that are sorted by a key.

The rule is the one of the collaboration's own tools (``best_jmuon`` of km3io): of the tracks of
the muon chain those that went through most reconstruction stages, of these the one of highest
likelihood, of equals the first. In the measured ORCA4 and ORCA6 samples it chooses the track
whose equatorial coordinates the collaboration wrote beside, in every event that has one.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.core.errors import InputError
from ingest.events.readers._hdf5 import Table

Array = npt.NDArray[Any]

BEST_TRACK: Final = "most reconstruction stages, then highest likelihood, then first (muon chain)"
JPP: Final = 4000
"""``rec_type`` of Jpp's reconstructions."""
LAST_MUON_STAGE: Final = 99
"""Stages 0 to 99 are those of the muon chain, higher ones of showers."""
BLOCK: Final = 8_192
"""Events whose tracks are joined at once."""
_TRACKS_LIMIT = 1 << 23


def best_tracks(
    event: Array, eligible: Array, length: Array, likelihood: Array, n_events: int
) -> tuple[Array, Array]:
    """Choose one track for each event.

    Parameters
    ----------
    event : numpy.ndarray of int, shape (n_tracks,)
        Which event each track belongs to, from 0 to before `n_events`.
    eligible : numpy.ndarray of bool, shape (n_tracks,)
        Whether the track is one of the muon chain.
    length : numpy.ndarray of int, shape (n_tracks,)
        Number of reconstruction stages it went through.
    likelihood : numpy.ndarray of float, shape (n_tracks,)
        NaN is lower than any number.
    n_events : int
        Number of events.

    Returns
    -------
    chosen : numpy.ndarray of int, shape (n_events,)
        The track of each event, 0 where there is none.
    known : numpy.ndarray of bool, shape (n_events,)
        Where there is one.
    """
    rows = np.flatnonzero(eligible)
    rank = -np.nan_to_num(likelihood.astype(np.float64)[rows], nan=-np.inf, posinf=np.inf)
    order = rows[np.lexsort((rows, rank, -length[rows], event[rows]))]
    found, first = np.unique(event[order], return_index=True)
    chosen = np.zeros(n_events, np.int64)
    known = np.zeros(n_events, bool)
    chosen[found] = order[first]
    known[found] = True
    return chosen, known


class ByKey:
    """The rows of a table that is sorted by a key, taken from its start to its end once."""

    def __init__(self, table: Table, key: str, columns: tuple[str, ...]) -> None:
        self._table, self._key, self._columns = table, key, columns
        self._next = 0
        self._held = table.read(columns, 0, 0)

    def until(self, key: int | None) -> dict[str, Array]:
        """Return the rows not returned yet up to this key; up to the next one there is if None."""
        while self._next < self._table.rows:
            held = self._held[self._key]
            if len(held) and (key is None or held[-1] > key):
                break
            if len(held) > _TRACKS_LIMIT:
                raise InputError(
                    "too many rows for the events they belong to",
                    file=self._table.path,
                    where=self._table.name,
                    value=f"more than {_TRACKS_LIMIT} rows for at most {BLOCK} events",
                    expected=f"rows in the order of {self._key}",
                    remedy="sort the table by this column",
                )
            more = self._table.read(self._columns, self._next, self._next + 4 * BLOCK)
            keys = np.concatenate((held[-1:], more[self._key])).astype(np.int64)
            if (np.diff(keys) < 0).any():
                row = self._next + int(np.argmax(np.diff(keys) < 0)) - len(held[-1:]) + 1
                raise InputError(
                    f"{self._key} is not in order",
                    file=self._table.path,
                    where=f"{self._table.name} row {row}",
                    expected=f"rows in the order of {self._key}",
                    remedy="sort the table by this column",
                )
            self._held = {name: np.concatenate((self._held[name], more[name])) for name in more}
            self._next += len(keys) - len(held[-1:])
        held = self._held[self._key]
        stop = len(held) if key is None else int(np.searchsorted(held, key, side="right"))
        taken = {name: values[:stop] for name, values in self._held.items()}
        self._held = {name: values[stop:] for name, values in self._held.items()}
        return taken


def histories(tracks: dict[str, Array], stages: dict[str, Array], key: str) -> tuple[Array, Array]:
    """Return how many stages each track went through, and whether all were muon stages."""
    pair = np.dtype([("key", np.int64), ("idx", np.int64)])
    wanted, given = np.empty(len(tracks[key]), pair), np.empty(len(stages[key]), pair)
    for pairs, table in ((wanted, tracks), (given, stages)):
        pairs["key"], pairs["idx"] = table[key], table["idx"]
    is_muon = (stages["rec_stage"] >= 0) & (stages["rec_stage"] <= LAST_MUON_STAGE)
    names, index, counts = np.unique(given, return_inverse=True, return_counts=True)
    others = np.bincount(index, weights=~is_muon, minlength=len(names))
    if not len(names):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    place = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
    found = names[place] == wanted
    return np.where(found, counts[place], 0), found & (others[place] == 0)
