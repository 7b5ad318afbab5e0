"""KM3NeT events as km3pipe writes them to HDF5, formats 4.x and 5.x.

``event_info`` has one row per event; tables below ``reco`` have one or several tracks per event.
They are joined by ``event_id`` (4.x) or ``group_id`` (5.x), which grow along both. Times are UTC:
``utc_seconds`` and ``utc_nanoseconds`` (4.x), ``timestamp`` and ``nanoseconds`` (5.x); the time
of the track, ns within the event, is added. Directions are those of the particle, x = UTM
easting, y = UTM northing, z = up.

Which track is the event's, of those from the muon chain (rule of km3io and aanet):

1. the table: the first there is of :data:`TRACK_TABLES`;
2. from ``tracks``, which mixes reconstructions, only those of type 4000 (Jpp) all of whose
   stages are muon stages, 0 to 99;
3. most stages in ``reco/rec_stages``, where there is one;
4. of these, the highest likelihood; of equals, the first.

The energy is JENERGY_ENERGY, before the correction that simulations apply. Simulated files count
time from zero: they are recognised, and refused where absolute time is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest.core.errors import InputError
from ingest.events.fields import Chunk, chunk_dtype
from ingest.events.readers._columns import integers, refuse_empty, unix_time
from ingest.events.readers._hdf5 import (
    Array,
    Table,
    attributes,
    holds,
    is_hdf5,
    opened,
    text,
    told,
)
from ingest.events.readers._tracks import BEST_TRACK, BLOCK, JPP, ByKey, best_tracks, histories
from ingest.events.readers.base import DEFAULT_CHUNK_ROWS, FileFacts, Reader

TRACK_TABLES: Final = ("best_jmuon", "tracks", "jmuon", "jmuongandalf", "gandalf")
TRACK_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "energy": ("JENERGY_ENERGY", "jenergy_energy", "energy"),
    "ang_err": ("JGANDALF_BETA0_RAD", "beta0"),
    "n_hits": ("JGANDALF_NUMBER_OF_HITS", "n_hits"),
    "likelihood": ("likelihood", "lik", "JGANDALF_CHI2", "chi2"),
    "t": ("t", "time"),
}
"""Where a field comes from, the first that exists; ``chi2`` is minus the likelihood."""
DIRECTION: Final = ("dir_x", "dir_y", "dir_z")
_TIMES = {"4": ("utc_seconds", "utc_nanoseconds"), "5": ("timestamp", "nanoseconds")}
_KEYS = {"4": "event_id", "5": "group_id"}
_SIMULATION = {"physics", "simul", "simul_1", "genvol", "spectrum", "cut_nu", "can", "fixedcan"}
_HEADER_ROWS = 10_000


class Km3pipeHdf5Reader(Reader):
    """Reads the events and best tracks of a km3pipe HDF5 file."""

    format = "km3pipe-hdf5"
    title = "KM3NeT events, km3pipe HDF5 4.x and 5.x"
    gives: tuple[str, ...] = (
        "det_id", "run_id", "frame_index", "trigger_counter", "unix_seconds", "unix_nanoseconds",
        *DIRECTION, "ang_err", "energy", "n_hits", "likelihood", "topology",
    )  # fmt: skip

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with opened(path) as file:
            root = attributes(file, path)
            self._version = str(root.get("format_version", ""))
            generation = self._version.split(".")[0]
            if generation not in _KEYS:
                raise InputError(
                    "this version of the format is not known",
                    file=path,
                    where="attribute format_version",
                    value=self._version or "none",
                    expected="4.x or 5.x",
                    remedy="convert the file with a km3pipe of version 7, 8 or 9",
                )
            self._key, self._times = _KEYS[generation], _TIMES[generation]
            events = Table.at(file, "event_info", path)
            self._n_events = events.rows
            header = self._header(file)
            self._simulated: bool | None = None if not header else False
            if holds(file, "mc_tracks", path) or _SIMULATION & set(header):
                self._simulated = True
            if not set(self._times) <= set(events.columns):
                raise InputError(
                    "the events carry no absolute time"
                    + (": the file is a simulation" if self._simulated else ""),
                    file=path,
                    where="event_info",
                    value=", ".join(events.columns),
                    expected=f"columns {' and '.join(self._times)}, UTC",
                    remedy="deliver measured data, with these columns",
                )
            ids = [name for name in self.gives[:4] if name in events.columns]
            events.need((self._key, *ids), "iu")
            events.need(self._times, "iuf")
            self._event_columns = (self._key, *self._times, *ids)
            name, tracks = self._track_table(file)
            self._table = name
            self._from = {
                field: next(column for column in columns if column in tracks.columns)
                for field, columns in TRACK_COLUMNS.items()
                if set(columns) & set(tracks.columns)
            }
            self._filtered = name.endswith("/tracks")
            extra = ("rec_type",) if self._filtered else ()
            staged = (
                self._filtered and holds(file, "reco/rec_stages", path) and "idx" in tracks.columns
            )
            self._staged = staged
            tracks.need((self._key, *(("idx",) if staged else ()), *extra), "iu")
            tracks.need((*DIRECTION, *self._from.values()))
            self._track_columns = tuple(dict.fromkeys(
                (self._key, *DIRECTION, *self._from.values(), *extra, *(("idx",) * staged))
            ))  # fmt: skip
        given = {*ids, "unix_seconds", "unix_nanoseconds", *DIRECTION, "topology", *self._from}
        self.gives = tuple(name for name in type(self).gives if name in given)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Look for the table ``event_info`` and the mark of km3pipe."""
        if not is_hdf5(path):
            return False
        with opened(path) as file, told(path):
            return "event_info" in file and bool({"km3pipe", "format_version"} & set(file.attrs))

    def facts(self) -> FileFacts:
        """Return the attributes, the raw header, and the rules by which the tracks are chosen.

        Raises
        ------
        ingest.core.errors.InputError
            If the header cannot be read.
        """
        with opened(self.path) as file:
            marks = attributes(file, self.path)
            header = self._header(file)
        told_by = ("CLASS", "VERSION", "TITLE", "PYTABLES_FORMAT_VERSION")
        try:
            livetime = float(header["DAQ"]["livetime"])
        except (KeyError, ValueError, TypeError):
            livetime = 0.0
        return FileFacts(
            n_events=self._n_events,
            livetime=livetime if livetime > 0 and np.isfinite(livetime) else None,
            simulated=self._simulated,
            provenance={
                **{key: value for key, value in marks.items() if key not in told_by},
                "raw_header": header,
                "track_table": self._table,
                "best_track": BEST_TRACK,
                "columns": dict(self._from),
            },
        )

    def where(self, row: int) -> str:
        """Name the row of ``event_info``."""
        return f"event_info row {row}"

    def chunks(self, rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the events in file order; one without a track has NaN and an empty topology.

        Raises
        ------
        ingest.core.errors.InputError
            If the times are not absolute, keys repeat or do not grow, or a track's event is
            missing.
        """
        refuse_empty(self._n_events, self.path)
        with opened(self.path) as file:
            events = Table.at(file, "event_info", self.path)
            tracks = ByKey(Table.at(file, self._table, self.path), self._key, self._track_columns)
            stages = None
            if self._staged:
                table = Table.at(file, "reco/rec_stages", self.path)
                columns = (self._key, "idx", "rec_stage")
                table.need(columns, "iu")
                stages = ByKey(table, self._key, columns)
            last: int | None = None
            for start in range(0, events.rows, rows):
                stop = min(start + rows, events.rows)
                chunk = np.empty(stop - start, chunk_dtype(self.gives))
                for first in range(start, stop, BLOCK):
                    block = events.read(self._event_columns, first, min(first + BLOCK, stop))
                    keys = block[self._key].astype(np.int64)
                    self._check_keys(keys, last, first)
                    last = int(keys[-1])
                    history = None if stages is None else stages.until(last)
                    best = self._best(keys, tracks.until(last), history)
                    self._fill(chunk[first - start : first - start + len(keys)], block, best, first)
                yield chunk
            if (left := tracks.until(None)) and len(left[self._key]):
                self._no_event(int(left[self._key][0]))

    def _header(self, file: Any) -> dict[str, Any]:
        """Return ``raw_header`` as {parameter: {field: value}}, values as the file spells them."""
        if not holds(file, "raw_header", self.path):
            return {}
        table = Table.at(file, "raw_header", self.path)
        names = ("parameter", "field_names", "field_values")
        table.need(names, "SO")
        rows = table.read(names, 0, _HEADER_ROWS)
        header = {}
        for parameter, fields, values in zip(*(rows[name] for name in names), strict=True):
            keys, words = text(fields).split(), text(values).split()
            plain = len(keys) != len(words)
            header[text(parameter)] = text(values) if plain else dict(zip(keys, words, strict=True))
        return header

    def _track_table(self, file: Any) -> tuple[str, Table]:
        with told(self.path, "reco"):
            there = [key for key in file.get("reco", ()) if not key.startswith("_")]
        for name in TRACK_TABLES:
            if name in there:
                return f"reco/{name}", Table.at(file, f"reco/{name}", self.path)
        raise InputError(
            "the file has no reconstructed muon tracks",
            file=self.path,
            where="reco",
            value=", ".join(there) or "nothing",
            expected=f"one of the tables {', '.join(TRACK_TABLES)}",
            remedy="deliver the reconstructed file (h5extract with reconstructed tracks)",
        )

    def _check_keys(self, keys: Array, last: int | None, first: int) -> None:
        before = np.concatenate(([keys[0] - 1 if last is None else last], keys[:-1]))
        bad = keys <= before
        if bad.any():
            row = int(np.argmax(bad))
            repeated = keys[row] == before[row]
            raise InputError(
                f"{self._key} is {'repeated' if repeated else 'not in order'}, so tracks cannot"
                " be given to events",
                file=self.path,
                where=self.where(first + row),
                value=int(keys[row]),
                expected=f"more than {int(before[row])}, that of the row before",
                remedy="write the file again with km3pipe, which numbers its events anew",
            )

    def _best(
        self, keys: Array, tracks: dict[str, Array], stages: dict[str, Array] | None
    ) -> dict[str, Array]:
        """Return the best track of each event of `keys`; ``known`` tells where there is one."""
        of_track = tracks[self._key].astype(np.int64)
        event = np.searchsorted(keys, of_track)
        lost = keys[np.minimum(event, len(keys) - 1)] != of_track
        if lost.any():
            self._no_event(int(of_track[np.argmax(lost)]))
        eligible = np.ones(len(event), bool)
        length = np.zeros(len(event), np.int64)
        if self._filtered:
            eligible &= tracks["rec_type"] == JPP
        if stages is not None:
            length, muon = histories(tracks, stages, self._key)
            eligible &= muon
        chosen, known = best_tracks(event, eligible, length, self._likelihood(tracks), len(keys))
        best = {
            name: values[chosen] if len(values) else np.zeros(len(keys), values.dtype)
            for name, values in tracks.items()
        }
        return {**best, "known": known}

    def _likelihood(self, tracks: dict[str, Array]) -> Array:
        name = self._from.get("likelihood")
        if name is None:
            return np.zeros(len(tracks[self._key]))
        values = tracks[name].astype(np.float64)
        return -values if name in ("JGANDALF_CHI2", "chi2") else values

    def _fill(
        self, chunk: Chunk, block: dict[str, Array], best: dict[str, Array], first: int
    ) -> None:
        known = best["known"]

        def where(row: int) -> str:
            return self.where(first + row)

        for name in set(self.gives) & set(block):
            chunk[name] = integers(block[name], name, self.path, where)
        shift = np.where(known, best[self._from["t"]], 0.0) if "t" in self._from else 0.0 * known
        seconds, nanoseconds = (block[name] for name in self._times)
        chunk["unix_seconds"], chunk["unix_nanoseconds"] = unix_time(
            seconds, nanoseconds, shift, self.path, where
        )
        numbers = {name: best[name] for name in DIRECTION}
        numbers |= {field: best[name] for field, name in self._from.items() if field in self.gives}
        numbers |= {"likelihood": self._likelihood(best)} if "likelihood" in self.gives else {}
        for field, values in numbers.items():
            if field == "n_hits":
                chunk[field] = integers(values, field, self.path, where, missing=~known)
                continue
            values = np.degrees(values) if field == "ang_err" else values
            chunk[field] = np.where(known, values, np.nan)
        chunk["topology"] = np.where(known, "track", "")

    def _no_event(self, key: int) -> None:
        raise InputError(
            "a track belongs to no event",
            file=self.path,
            where=self._table,
            value=f"{self._key} {key}",
            expected=f"the same {self._key} in event_info, growing in both tables",
            remedy="write the file again with km3pipe; sort a merged one by this column",
        )
