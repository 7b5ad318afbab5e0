"""ANTARES events in HDF5 as written by SeaTray (``I3HDFWriter``), table ``AafitFinalFit``.

One row per physics frame. ``zenith`` and ``azimuth`` are, in the words of the file, those "of
particle origin", in radians. The sample confirms this: in nearly every fit with a zenith below 90°
the lower hits are the later ones. So the particle propagates along
``-(sin z cos a, sin z sin a, cos z)``, x = UTM easting, y = UTM northing, z = up.
``quality`` is the fit's Λ and becomes the likelihood. Values that the fit did not compute are
passed on (NaN, -1); hits are counted in ``AafitFinalFitHitsUsed`` if the file has this table. A
row whose ``exists`` is 0 is a frame without this fit.

The file has no absolute times. They are read from a table in the same directory, named like the
file with ``.times.csv`` appended: text in UTF-8, separated by commas, a header line with the
names below, one line per event.

========================  ===================================================================
``run_id``                ``Run`` of the file
``frame_index``           ``Event`` of the file
``trigger_counter``       ``TriggerCounter`` of the file (one ``Event`` can have several)
``unix_seconds``          whole UTC seconds since 1970-01-01 of the event, leap seconds not counted
``unix_nanoseconds``      fraction of the second, 0 to 999999999
========================  ===================================================================

The time of the track, in ns, is added. Events of the table that are not in the file are ignored,
so one table can serve all files of a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest.core.errors import InputError
from ingest.events.fields import MISSING_INTEGER, UNIX_TIME, VECTOR, Array, Chunk
from ingest.events.readers._columns import (
    FIRST_LIGHT,
    RowRange,
    fill_tracks,
    integers,
    propagation_direction,
    unix_time,
)
from ingest.events.readers._event_times import EVENT_KEY, EventTimes
from ingest.events.readers._hdf5 import HDF5, Table, attributes, holds
from ingest.events.readers.base import FileFacts, TableReader

FIT: Final = "AafitFinalFit"
HITS: Final = "AafitFinalFitHitsUsed"
TIMES_SUFFIX: Final = ".times.csv"
_INDEX_GROUP = "__I3Index__"
_IDS = {"run_id": "Run", "frame_index": "Event", "trigger_counter": "TriggerCounter"}
_NUMBERS = ("time", "zenith", "azimuth", "energy", "quality")
_COLUMNS = (*_IDS.values(), "exists", *_NUMBERS, "nUsedHits")
_INDEX_COLUMNS = ("Run", "Event", "exists", "start", "stop")


@dataclass(frozen=True)
class _OpenTables:
    """The tables of a file while its events are read."""

    fits: Table
    hits_index: Table | None
    times: EventTimes


class SeatrayHdf5Reader(TableReader):
    """Reads the final fits of AAFit from a SeaTray HDF5 file, and their times from a table."""

    format = "seatray-hdf5"
    title = "ANTARES SeaTray HDF5 (AafitFinalFit)"
    gives = (*_IDS, *UNIX_TIME, *VECTOR, "energy", "n_hits", "likelihood", "topology")

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.times_path = path.with_name(path.name + TIMES_SUFFIX)
        with HDF5.opened(path) as file:
            fits = Table.at(file, FIT, path)
            fits.require((*_IDS.values(), "exists", "nUsedHits"), "iu")
            fits.require(_NUMBERS)
            self.n_rows = fits.rows
            if index := self._hits_index(file):
                index.require(_INDEX_COLUMNS, "iu")

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether the file has the table of final fits and SeaTray's index."""
        if not HDF5.recognises(path):
            return False
        with HDF5.opened(path) as file, HDF5.guard(path):
            return FIT in file and _INDEX_GROUP in file

    def facts(self) -> FileFacts:
        """Return the number of frames, and the units and descriptions the file gives."""
        with HDF5.opened(self.path) as file, HDF5.guard(self.path, FIT):
            of_fits = attributes(file[FIT], self.path)
            root = attributes(file, self.path)
        columns = {
            of_fits[f"FIELD_{number}_NAME"]: {
                "unit": of_fits.get(f"FIELD_{number}_UNIT", ""),
                "description": of_fits.get(f"FIELD_{number}_DOC", ""),
            }
            for number in range(len(of_fits))
            if f"FIELD_{number}_NAME" in of_fits
        }
        return FileFacts(
            detector="antares",
            n_events=self.n_rows,
            provenance={**root, "table": FIT, "columns": columns, "times": self.times_path.name},
        )

    def where(self, row: int) -> str:
        """Return the row of the table of fits."""
        return f"{FIT} row {row}"

    @contextmanager
    def _open_events(self) -> Iterator[_OpenTables]:
        times = EventTimes(self.times_path, self.path)
        with HDF5.opened(self.path) as file:
            yield _OpenTables(Table.at(file, FIT, self.path), self._hits_index(file), times)

    def _hits_index(self, file: Any) -> Table | None:
        """Return the index of the used hits, if it has a row for each row of the fits."""
        name = f"{_INDEX_GROUP}/{HITS}"
        if not holds(file, name, self.path):
            return None
        table = Table.at(file, name, self.path)
        return table if table.rows == self.n_rows else None

    def _fill(self, chunk: Chunk, events: _OpenTables, rows: RowRange) -> None:
        block = events.fits.read(_COLUMNS, rows.first, rows.stop)
        fitted = block["exists"] != 0
        for field, name in _IDS.items():
            # the counter belongs to the fit; without one SeaTray writes -1
            missing = ~fitted if field == "trigger_counter" else None
            chunk[field] = integers(block[name], field, rows, missing)
        self._fill_times(chunk, block, fitted, events.times, rows)
        hits = None
        if events.hits_index:
            hits = events.hits_index.read(_INDEX_COLUMNS, rows.first, rows.stop)
        values = {
            "energy": block["energy"],
            "likelihood": block["quality"],
            "n_hits": self._count_hits(block, hits, rows),
        }
        direction = propagation_direction(block["zenith"], block["azimuth"])
        fill_tracks(chunk, fitted, direction, values, rows)

    def _fill_times(
        self,
        chunk: Chunk,
        block: dict[str, Array],
        fitted: Array,
        times: EventTimes,
        rows: RowRange,
    ) -> None:
        """Set the times; frames without a fit may be missing in the table of times."""
        keys = np.empty(len(rows), EVENT_KEY)
        for field, name in _IDS.items():
            keys[field] = block[name]
        seconds, nanoseconds, timed = times.find(keys)
        if (lost := fitted & ~timed).any():
            row = int(np.argmax(lost))
            raise InputError(
                "the table of times has no line for this event",
                file=self.times_path,
                where=f"for {self.path.name} {self.where(rows.first + row)}",
                value=", ".join(f"{field} {keys[field][row]}" for field in _IDS),
                expected="one line per event",
                remedy="add the line",
            )
        exact = unix_time(
            np.where(timed, seconds, FIRST_LIGHT),
            np.where(timed, nanoseconds, 0),
            np.where(fitted, block["time"], 0.0),
            rows,
        )
        for field, values in zip(UNIX_TIME, exact, strict=True):
            chunk[field] = np.where(timed, values, MISSING_INTEGER)

    def _count_hits(
        self, block: dict[str, Array], hits: dict[str, Array] | None, rows: RowRange
    ) -> Array:
        """Return the number of hits the fit used: as written, otherwise counted."""
        written = block["nUsedHits"].astype(np.int64)
        if hits is None:
            return written
        same = (hits["Run"] == block["Run"]) & (hits["Event"] == block["Event"])
        if not same.all():
            row = int(np.argmin(same))
            raise rows.error(
                row,
                "fits and used hits are not those of the same events",
                f"event {block['Event'][row]} in {FIT}, {hits['Event'][row]} in {HITS}",
                "the same frames in both",
                "write the file again with SeaTray",
            )
        counted = hits["stop"].astype(np.int64) - hits["start"].astype(np.int64)
        return np.where((written < 0) & (hits["exists"] != 0), counted, written)
