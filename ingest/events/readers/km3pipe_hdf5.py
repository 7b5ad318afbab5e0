"""KM3NeT events in HDF5 as written by km3pipe, format versions 4.x and 5.x.

``event_info`` has one row per event; tables below ``reco`` have one or several tracks per event.
They are joined by ``event_id`` (4.x) or ``group_id`` (5.x), which increase in both. Times are
UTC: ``utc_seconds`` and ``utc_nanoseconds`` (4.x), ``timestamp`` and ``nanoseconds`` (5.x); the
time of the track, in ns within the event, is added. Directions are those of propagation, x = UTM
easting, y = UTM northing, z = up.

The track of an event is selected from those of the muon chain as in km3io and aanet:

1. from the first of the tables :data:`TRACK_TABLES` in the file;
2. in ``tracks``, which mixes reconstructions, only tracks of type 4000 (Jpp) whose stages are
   all muon stages, 0 to 99;
3. with most stages in ``reco/rec_stages``, if the file has this table;
4. of these, the one with the highest likelihood; of equals, the first.

The energy is JENERGY_ENERGY, before the correction that simulations apply. Times in simulated
files start at zero: such files are recognised, and rejected where absolute time is required.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest.core.errors import InputError
from ingest.events.fields import UNIX_TIME, VECTOR, Array, Chunk
from ingest.events.readers._columns import RowRange, fill_tracks, integers, unix_time
from ingest.events.readers._hdf5 import HDF5, Table, attributes, holds, text
from ingest.events.readers._tracks import (
    BLOCK,
    JMUON,
    SortedTable,
    best_tracks,
    count_stages,
)
from ingest.events.readers.base import FileFacts, TableReader

TRACK_TABLES: Final = ("best_jmuon", "tracks", "jmuon", "jmuongandalf", "gandalf")
TRACK_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "energy": ("JENERGY_ENERGY", "jenergy_energy", "energy"),
    "ang_err": ("JGANDALF_BETA0_RAD", "beta0"),
    "n_hits": ("JGANDALF_NUMBER_OF_HITS", "n_hits"),
    "likelihood": ("likelihood", "lik", "JGANDALF_CHI2", "chi2"),
    "t": ("t", "time"),
}
"""The columns that may hold a field; the first in the table is used. ``chi2`` is minus the
likelihood."""
_EVENTS, _STAGES, _HEADER = "event_info", "reco/rec_stages", "raw_header"
_TIMES = {"4": ("utc_seconds", "utc_nanoseconds"), "5": ("timestamp", "nanoseconds")}
_KEYS = {"4": "event_id", "5": "group_id"}
_IDS = ("det_id", "run_id", "frame_index", "trigger_counter")
_SIMULATION = {"physics", "simul", "simul_1", "genvol", "spectrum", "cut_nu", "can", "fixedcan"}
_PYTABLES_ATTRIBUTES = {"CLASS", "VERSION", "TITLE", "PYTABLES_FORMAT_VERSION"}
_HEADER_ROWS = 10_000


@dataclass
class _OpenTables:
    """The tables of a file while its events are read."""

    events: Table
    tracks: SortedTable
    stages: SortedTable | None
    last_key: int | None = None
    """The key of the last event that was read."""


class Km3pipeHdf5Reader(TableReader):
    """Reads the events and best tracks of a km3pipe HDF5 file."""

    format = "km3pipe-hdf5"
    title = "KM3NeT events, km3pipe HDF5 4.x and 5.x"
    topologies = (JMUON.topology,)
    gives: tuple[str, ...] = (
        *_IDS, *UNIX_TIME, *VECTOR, "ang_err", "energy", "n_hits", "likelihood", "topology",
    )  # fmt: skip

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with HDF5.opened(path) as file:
            generation = self._generation(file)
            self._key, self._times = _KEYS[generation], _TIMES[generation]
            header = self._header(file)
            self._simulated: bool | None = None if not header else False
            if holds(file, "mc_tracks", path) or _SIMULATION & set(header):
                self._simulated = True
            events = Table.at(file, _EVENTS, path)
            self.n_rows = events.rows
            ids = self._inspect_events(events)
            self._inspect_tracks(file)
        given = {*ids, *UNIX_TIME, *VECTOR, "topology", *self._column_of}
        self.gives = tuple(name for name in type(self).gives if name in given)

    def _generation(self, file: Any) -> str:
        """Return the major version of the format."""
        version = str(attributes(file, self.path).get("format_version", ""))
        generation = version.split(".")[0]
        if generation not in _KEYS:
            raise InputError(
                "this version of the format is not supported",
                file=self.path,
                where="attribute format_version",
                value=version or "none",
                expected="4.x or 5.x",
                remedy="convert the file with km3pipe version 7, 8 or 9",
            )
        return generation

    def _inspect_events(self, events: Table) -> list[str]:
        """Check the columns of the events; return those that identify an event."""
        if not set(self._times) <= set(events.columns):
            simulation = ": the file is a simulation" if self._simulated else ""
            raise InputError(
                f"the events have no absolute time{simulation}",
                file=self.path,
                where=_EVENTS,
                value=", ".join(events.columns),
                expected=f"columns {' and '.join(self._times)}, UTC",
                remedy="deliver measured data, with these columns",
            )
        ids = [name for name in _IDS if name in events.columns]
        events.require((self._key, *ids), "iu")
        events.require(self._times)
        self._event_columns = (self._key, *self._times, *ids)
        return ids

    def _inspect_tracks(self, file: Any) -> None:
        """Find the table of tracks and the columns to read from it."""
        tracks = self._track_table(file)
        self._table = tracks.name
        self._column_of = {
            field: next(column for column in columns if column in tracks.columns)
            for field, columns in TRACK_COLUMNS.items()
            if set(columns) & set(tracks.columns)
        }
        self._mixed = tracks.name.endswith("/tracks")
        self._staged = self._mixed and holds(file, _STAGES, self.path) and "idx" in tracks.columns
        selection = ("rec_type",) * self._mixed + ("idx",) * self._staged
        tracks.require((self._key, *selection), "iu")
        tracks.require((*VECTOR, *self._column_of.values()))
        columns = (self._key, *VECTOR, *self._column_of.values(), *selection)
        self._track_columns = tuple(dict.fromkeys(columns))

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether the file has the table ``event_info`` and an attribute of km3pipe."""
        if not HDF5.recognises(path):
            return False
        with HDF5.opened(path) as file, HDF5.guard(path):
            return _EVENTS in file and bool({"km3pipe", "format_version"} & set(file.attrs))

    def facts(self) -> FileFacts:
        """Return the attributes, the raw header, and how the tracks are selected.

        Raises
        ------
        ingest.core.errors.InputError
            If the header cannot be read.
        """
        with HDF5.opened(self.path) as file:
            root = attributes(file, self.path)
            header = self._header(file)
        try:
            livetime = float(header["DAQ"]["livetime"])
        except (KeyError, ValueError, TypeError):
            livetime = 0.0
        return FileFacts(
            n_events=self.n_rows,
            livetime=livetime if livetime > 0 and np.isfinite(livetime) else None,
            simulated=self._simulated,
            provenance={
                **{key: value for key, value in root.items() if key not in _PYTABLES_ATTRIBUTES},
                "raw_header": header,
                "track_table": self._table,
                "best_track": JMUON.rule,
                "columns": dict(self._column_of),
            },
        )

    def where(self, row: int) -> str:
        """Return the row of ``event_info``."""
        return f"{_EVENTS} row {row}"

    @contextmanager
    def _open_events(self) -> Iterator[_OpenTables]:
        with HDF5.opened(self.path) as file:
            tracks = Table.at(file, self._table, self.path)
            stages = None
            if self._staged:
                columns = (self._key, "idx", "rec_stage")
                table = Table.at(file, _STAGES, self.path)
                table.require(columns, "iu")
                stages = SortedTable(table, self._key, columns)
            tables = _OpenTables(
                Table.at(file, _EVENTS, self.path),
                SortedTable(tracks, self._key, self._track_columns),
                stages,
            )
            yield tables
            if len(left := tables.tracks.take_next()[self._key]):
                raise self._orphan(int(left[0]))

    def _fill(self, chunk: Chunk, events: _OpenTables, rows: RowRange) -> None:
        for start in range(rows.first, rows.stop, BLOCK):
            part = RowRange(self.path, start, min(start + BLOCK, rows.stop), self.where)
            block = events.events.read(self._event_columns, part.first, part.stop)
            keys = block[self._key].astype(np.int64)
            self._check_keys(keys, events.last_key, part)
            events.last_key = int(keys[-1])
            stages = events.stages.take_until(events.last_key) if events.stages else None
            tracks = events.tracks.take_until(events.last_key)
            best, reconstructed = self._best_tracks(keys, tracks, stages)
            begin = part.first - rows.first
            self._fill_block(chunk[begin : begin + len(part)], block, best, reconstructed, part)

    def _fill_block(
        self,
        chunk: Chunk,
        block: dict[str, Array],
        best: dict[str, Array],
        reconstructed: Array,
        rows: RowRange,
    ) -> None:
        for name in set(self.gives) & set(block):
            chunk[name] = integers(block[name], name, rows)
        offset = np.zeros(len(rows))
        if "t" in self._column_of:
            offset = np.where(reconstructed, best[self._column_of["t"]], 0.0)
        seconds, nanoseconds = (block[name] for name in self._times)
        chunk["unix_seconds"], chunk["unix_nanoseconds"] = unix_time(
            seconds, nanoseconds, offset, rows
        )
        values = {field: best[name] for field, name in self._column_of.items() if field != "t"}
        if "likelihood" in values:
            values["likelihood"] = self._likelihood(best)
        if "ang_err" in values:
            values["ang_err"] = np.degrees(values["ang_err"])
        x, y, z = (best[name] for name in VECTOR)
        fill_tracks(chunk, reconstructed, (x, y, z), values, rows)

    def _header(self, file: Any) -> dict[str, Any]:
        """Return ``raw_header`` as {parameter: {field: value}}, values as spelled in the file."""
        if not holds(file, _HEADER, self.path):
            return {}
        table = Table.at(file, _HEADER, self.path)
        names = ("parameter", "field_names", "field_values")
        table.require(names, "SO")
        rows = table.read(names, 0, _HEADER_ROWS)
        header = {}
        for parameter, fields, values in zip(*(rows[name] for name in names), strict=True):
            keys, words = text(fields).split(), text(values).split()
            plain = len(keys) != len(words)
            header[text(parameter)] = text(values) if plain else dict(zip(keys, words, strict=True))
        return header

    def _track_table(self, file: Any) -> Table:
        with HDF5.guard(self.path, "reco"):
            names = [key for key in file.get("reco", ()) if not key.startswith("_")]
        for name in TRACK_TABLES:
            if name in names:
                return Table.at(file, f"reco/{name}", self.path)
        raise InputError(
            "the file has no reconstructed muon tracks",
            file=self.path,
            where="reco",
            value=", ".join(names) or "nothing",
            expected=f"one of the tables {', '.join(TRACK_TABLES)}",
            remedy="deliver the reconstructed file (h5extract with reconstructed tracks)",
        )

    def _check_keys(self, keys: Array, last: int | None, rows: RowRange) -> None:
        previous = np.concatenate(([keys[0] - 1 if last is None else last], keys[:-1]))
        bad = keys <= previous
        if bad.any():
            row = int(np.argmax(bad))
            repeated = keys[row] == previous[row]
            raise rows.error(
                row,
                f"{self._key} is {'repeated' if repeated else 'not in ascending order'}, so"
                " tracks cannot be assigned to events",
                int(keys[row]),
                f"more than {int(previous[row])}, the value in the previous row",
                "write the file again with km3pipe, which renumbers the events",
            )

    def _best_tracks(
        self, keys: Array, tracks: dict[str, Array], stages: dict[str, Array] | None
    ) -> tuple[dict[str, Array], Array]:
        """Return the columns of the best track of each event, and which events have one."""
        track_keys = tracks[self._key].astype(np.int64)
        event = np.searchsorted(keys, track_keys)
        orphans = keys[np.minimum(event, len(keys) - 1)] != track_keys
        if orphans.any():
            raise self._orphan(int(track_keys[np.argmax(orphans)]))
        eligible = np.ones(len(event), bool)
        n_stages = np.zeros(len(event), np.int64)
        if self._mixed:
            eligible &= tracks["rec_type"] == JMUON.rec_type
        if stages is not None:
            n_stages, all_muon = count_stages(tracks, stages, self._key)
            eligible &= all_muon
        likelihood = self._likelihood(tracks)
        best, reconstructed = best_tracks(event, eligible, n_stages, likelihood, len(keys))
        return {
            name: values[best] if len(values) else np.zeros(len(keys), values.dtype)
            for name, values in tracks.items()
        }, reconstructed

    def _likelihood(self, tracks: dict[str, Array]) -> Array:
        name = self._column_of.get("likelihood")
        if name is None:
            return np.zeros(len(tracks[self._key]))
        values = tracks[name].astype(np.float64)
        return -values if name in ("JGANDALF_CHI2", "chi2") else values

    def _orphan(self, key: int) -> InputError:
        return InputError(
            "a track belongs to no event",
            file=self.path,
            where=self._table,
            value=f"{self._key} {key}",
            expected=f"the same {self._key} in {_EVENTS}, ascending in both tables",
            remedy="write the file again with km3pipe; sort a merged file by this column",
        )
