"""The tree ``E`` of DST and offline files: events (``Evt``) with all their reconstructed tracks.

An event has identifiers, the UTC time of its time slice, and tracks: those of muons and those of
showers, with their type, reconstruction stages, likelihood and fit information (``fitinf``).
Directions are those of propagation, x = UTM easting, y = UTM northing, z = up.

Neither kind of file says whether an event is a track or a shower: analyses classify the events,
and publish samples of tracks or of showers. So a release, or ``--topology``, states which of the
two is taken, and all events of the file have this topology: tracks from JMuon, showers from
aashower (ARCA) if the file has it, otherwise from JShower (ORCA). Of the tracks of that
reconstruction the best is selected, see :mod:`._tracks`. An event without one has no direction.

The time is that of the event plus that of the track, in ns within the time slice of 0.1 s.

The energy of a muon is JENERGY_ENERGY, before the correction that simulations apply: in measured
data it equals ``E`` of the track. That of a shower is ``E`` of its track. Only JMuon estimates an
angular error, JGANDALF_BETA0_RAD. JShower does not give the number of hits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import awkward as ak
import numpy as np

from ingest.core.errors import InputError
from ingest.events.fields import UNIX_TIME, VECTOR, Array, Chunk
from ingest.events.readers._columns import RowRange, fill_tracks, integers, unix_time
from ingest.events.readers._root_files import ROOT, open_tree, tree_names
from ingest.events.readers._tracks import AASHOWER, JMUON, JSHOWER, Reconstruction, best_tracks
from ingest.events.readers.base import TableReader

RECONSTRUCTIONS: Final = {"track": (JMUON,), "shower": (AASHOWER, JSHOWER)}
"""Those of each topology; the first that a file has is used."""
_IDS = ("det_id", "run_id", "frame_index", "trigger_counter")
_EVENT = (*_IDS, "t.fSec", "t.fNanoSec")
_DIRECTION = ("trks.dir.x", "trks.dir.y", "trks.dir.z")
_KIND = ("trks.rec_type", "trks.rec_stages")
_VALUES = (*_DIRECTION, "trks.t", "trks.lik", "trks.E")
_BRANCHES = (*_EVENT, *_KIND, *_VALUES, "trks.fitinf")
_MEMORY = 64_000_000
"""Bytes of a block of events: offline files may have a thousand tracks per event."""
_FIRST_LOOK = 100
"""Events in which signs of a simulation are looked for, and reconstructions at first."""
_SIMULATION = {"physics", "simul", "genvol", "spectrum", "primary", "cut_nu"}


class EvtReader(TableReader):
    """Reads the best track, or the best shower, of each event of the tree ``E``."""

    topologies = tuple(RECONSTRUCTIONS)
    gives = (
        *_IDS, *UNIX_TIME, *VECTOR, "ang_err", "energy", "n_hits", "likelihood", "topology",
    )  # fmt: skip

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._topology = self.topologies[0]
        self._found: dict[str, Reconstruction | None] = {}
        with ROOT.opened(path) as file:
            events = open_tree(file, "E", path)
            with ROOT.guard(path, "E"):
                branches = {name.split("/")[-1] for name in events.keys()}  # noqa: SIM118
                self.n_rows = int(events.num_entries)
            if missing := [name for name in _BRANCHES if name not in branches]:
                raise InputError(
                    f"branches are missing: {', '.join(missing)}",
                    file=path,
                    where="E",
                    expected="events with reconstructed tracks (Evt with trks)",
                    remedy="deliver the file with its tree E as the collaboration writes it",
                )
            self._check_trees(file, tree_names(file, path))

    def _check_trees(self, file: Any, names: set[str]) -> None:
        """Check the other trees of the file."""

    def select(self, topology: str) -> None:
        """Take the best tracks or the best showers; tracks by default."""
        super().select(topology)
        self._topology = topology

    def where(self, row: int) -> str:
        """Return the entry of the tree E."""
        return f"E entry {row}"

    def _used(self, events: Any) -> Reconstruction | None:
        """Return the reconstruction that is used; None if the file has none of the topology."""
        if self._topology not in self._found:
            self._found[self._topology] = self._first_reconstruction(events)
        return self._found[self._topology]

    def _first_reconstruction(self, events: Any) -> Reconstruction | None:
        # an algorithm is run on all events: mostly the first ones tell
        for start, stop in self._blocks(events, 0, self.n_rows, _FIRST_LOOK):
            with ROOT.guard(self.path, f"E entries {start} to {stop - 1}"):
                tracks = _read(events, _KIND, start, stop)
                for one in RECONSTRUCTIONS[self._topology]:
                    if _eligible(tracks, one)[0].any():
                        return one
        return None

    def _rule(self, file: Any) -> str:
        """Return how the best track is selected, for the provenance."""
        used = self._used(open_tree(file, "E", self.path))
        return used.rule if used else f"no {self._topology} in the file"

    def _is_simulated(self, file: Any, heads: list[dict[str, str]]) -> bool | None:
        """Return whether the headers or the first events are of a simulation; None if unknown."""
        if any(_SIMULATION & set(head) for head in heads):
            return True
        with ROOT.guard(self.path, "E"):
            events = file["E"]
            branches = {name.split("/")[-1] for name in events.keys()}  # noqa: SIM118
            # the particles that were simulated, and the run of the simulation
            for name in {"mc_trks.id", "mc_run_id"} & branches:
                values = events[name].array(entry_stop=_FIRST_LOOK)
                if ak.any(ak.num(values) > 0 if values.ndim > 1 else values != 0):
                    return True
        return False if heads else None

    @contextlib.contextmanager
    def _open_events(self) -> Iterator[Any]:
        with ROOT.opened(self.path) as file:
            events = open_tree(file, "E", self.path)
            if self._used(events) is None:
                raise self._nothing_reconstructed(events)
            yield events

    def _nothing_reconstructed(self, events: Any) -> InputError:
        with ROOT.guard(self.path, "E"):
            tracks = _read(events, _KIND, 0, _FIRST_LOOK)
            types = ak.to_numpy(ak.flatten(tracks["trks.rec_type"]))
            stages = ak.flatten(tracks["trks.rec_stages"], axis=1)
            found = [
                f"type {kind}, stages {ak.min(stages[types == kind])} to"
                f" {ak.max(stages[types == kind])}"
                for kind in np.unique(types)
            ]
        expected = [
            f"{one.name} (type {one.rec_type}, stages {one.first_stage} to {one.last_stage})"
            for one in RECONSTRUCTIONS[self._topology]
        ]
        return InputError(
            f"no event has a reconstructed {self._topology}",
            file=self.path,
            where="E",
            value=f"tracks of {'; '.join(found)}" if found else "no tracks",
            expected=f"tracks of {' or '.join(expected)}",
            remedy="deliver the file after this reconstruction, or correct event_type in the"
            " manifest, or --topology",
        )

    def _blocks(
        self, events: Any, start: int, stop: int, first: int | None = None
    ) -> Iterator[tuple[int, int]]:
        """Yield ranges of entries whose tracks fit into memory."""
        with ROOT.guard(self.path, "E"):
            size = sum(events[name].uncompressed_bytes for name in _BRANCHES)
            most = max(1, int(_MEMORY / max(size, 1) * events.num_entries))
        step = min(first or most, most)
        while start < stop:
            yield start, min(start + step, stop)
            start, step = start + step, most

    def _fill(self, chunk: Chunk, events: Any, rows: RowRange) -> None:
        for start, stop in self._blocks(events, rows.first, rows.stop):
            part = RowRange(self.path, start, stop, self.where)
            self._fill_block(chunk[start - rows.first : stop - rows.first], events, part)

    def _fill_block(self, chunk: Chunk, events: Any, rows: RowRange) -> None:
        used = self._used(events)
        assert used is not None
        with ROOT.guard(self.path, f"E entries {rows.first} to {rows.stop - 1}"):
            block = _read(events, _BRANCHES, rows.first, rows.stop)
            columns, fit, reconstructed = _best_track_columns(block, used, len(rows))
        for name in _IDS:
            chunk[name] = integers(columns[name], name, rows)
        chunk["unix_seconds"], chunk["unix_nanoseconds"] = unix_time(
            columns["t.fSec"],
            columns["t.fNanoSec"],
            np.where(reconstructed, columns["trks.t"], 0.0),
            rows,
        )
        values = {"energy": columns["trks.E"], **fit, "likelihood": columns["trks.lik"]}
        values["ang_err"] = np.degrees(values["ang_err"])
        x, y, z = (columns[branch] for branch in _DIRECTION)
        fill_tracks(chunk, reconstructed, (x, y, z), values, rows, used.topology)


def _read(events: Any, names: tuple[str, ...], start: int, stop: int) -> Any:
    return events.arrays(list(names), entry_start=start, entry_stop=stop, library="ak")


def _eligible(block: Any, used: Reconstruction) -> tuple[Array, Array]:
    """Return which of all tracks of a block are of a reconstruction, and how many stages each has.

    All its stages have to be those of the reconstruction.
    """
    stages = ak.flatten(block["trks.rec_stages"], axis=1)
    n_stages = ak.to_numpy(ak.num(stages))
    within = ak.all((stages >= used.first_stage) & (stages <= used.last_stage), axis=1)
    of_type = ak.to_numpy(ak.flatten(block["trks.rec_type"])) == used.rec_type
    return of_type & (n_stages > 0) & ak.to_numpy(within), n_stages


def _best_track_columns(
    block: Any, used: Reconstruction, n_events: int
) -> tuple[dict[str, Array], dict[str, Array], Array]:
    """Flatten a block of events.

    Returns
    -------
    columns : dict of str to numpy.ndarray, shape (n_events,)
        The columns of the events, and those of their best tracks.
    fit : dict of str to numpy.ndarray, shape (n_events,)
        Fields of their fit information; NaN where there is none.
    reconstructed : numpy.ndarray of bool, shape (n_events,)
        Which events have a track.
    """
    event = np.repeat(np.arange(n_events), ak.to_numpy(ak.num(block["trks.rec_type"])))
    flat = {name: ak.to_numpy(ak.flatten(block[name])) for name in _VALUES}
    eligible, n_stages = _eligible(block, used)
    best, reconstructed = best_tracks(event, eligible, n_stages, flat["trks.lik"], n_events)
    columns = {name: ak.to_numpy(block[name]) for name in _EVENT}
    chosen = best[reconstructed]
    for name, values in flat.items():
        columns[name] = np.zeros(n_events, values.dtype)
        columns[name][reconstructed] = values[chosen]
    of_best = ak.flatten(block["trks.fitinf"], axis=1)[chosen]
    fit = {name: np.full(n_events, np.nan) for name in ("ang_err", "n_hits", *used.fit)}
    for name, index in used.fit.items():
        padded = ak.pad_none(of_best, index + 1, clip=True)[:, index]
        fit[name][reconstructed] = ak.to_numpy(ak.fill_none(padded, np.nan))
    return columns, fit, reconstructed
