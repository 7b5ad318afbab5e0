"""ANTARES events as SeaTray writes them to HDF5 (``I3HDFWriter``), table ``AafitFinalFit``.

One row per physics frame. ``zenith`` and ``azimuth`` are, in the file's own words, those "of
particle origin", in radian: where the particle comes from. The sample confirms it: in nearly
every fit with zenith below 90° the hits come later the lower they are. So the particle goes along
``-(sin z cos a, sin z sin a, cos z)``, x = UTM easting, y = UTM northing, z = up.
``quality`` is the fit's Λ and becomes the likelihood. Values the fit did not compute stay as they
are written (NaN, -1); the number of hits is counted in ``AafitFinalFitHitsUsed`` where there is
this table. A row whose ``exists`` is 0 is a frame without this fit.

The file knows no absolute time. It is read from a table beside it, called like the file with
``.times.csv`` added: text in UTF-8, commas, a header line with the names below, one line per event.

========================  ===================================================================
``run_id``                ``Run`` of the file
``frame_index``           ``Event`` of the file
``trigger_counter``       ``TriggerCounter`` of the file (one ``Event`` can have several)
``unix_seconds``          whole UTC seconds since 1970-01-01 of the event, leap seconds not counted
``unix_nanoseconds``      the rest of the second, 0 to 999999999
========================  ===================================================================

The track's own time, ns, is added to it. Events of the table that the file does not have are
passed over, so one table can serve all files of a run.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.core.errors import InputError
from ingest.events.fields import MISSING_INTEGER, Chunk, chunk_dtype
from ingest.events.readers._columns import integers, refuse_empty, source_to_direction, unix_time
from ingest.events.readers._hdf5 import Table, attributes, holds, is_hdf5, opened, told
from ingest.events.readers.base import DEFAULT_CHUNK_ROWS, FileFacts, Reader

Array = npt.NDArray[Any]

FIT: Final = "AafitFinalFit"
HITS: Final = "AafitFinalFitHitsUsed"
TIMES_SUFFIX: Final = ".times.csv"
TIMES_COLUMNS: Final = (
    "run_id", "frame_index", "trigger_counter", "unix_seconds", "unix_nanoseconds",
)  # fmt: skip
_IDS = {"run_id": "Run", "frame_index": "Event", "trigger_counter": "TriggerCounter"}
_NUMBERS = ("time", "zenith", "azimuth", "energy", "quality")
_COLUMNS = (*_IDS.values(), "exists", *_NUMBERS, "nUsedHits")
_INDEX = ("Run", "Event", "exists", "start", "stop")
_KEY = np.dtype([("run_id", "i8"), ("frame_index", "i8"), ("trigger_counter", "i8")])


class SeatrayHdf5Reader(Reader):
    """Reads the final fits of AAFit from a SeaTray HDF5 file and their times from beside it."""

    format = "seatray-hdf5"
    title = "ANTARES SeaTray HDF5 (AafitFinalFit)"
    gives = (
        "run_id", "frame_index", "trigger_counter", "unix_seconds", "unix_nanoseconds",
        "dir_x", "dir_y", "dir_z", "energy", "n_hits", "likelihood", "topology",
    )  # fmt: skip
    needs = (f"absolute times: a table called like the file with {TIMES_SUFFIX} added",)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.times_path = path.with_name(path.name + TIMES_SUFFIX)
        with opened(path) as file:
            fits = Table.at(file, FIT, path)
            fits.need((*_IDS.values(), "exists", "nUsedHits"), "iu")
            fits.need(_NUMBERS)
            self._rows = fits.rows
            index = self._hits_index(file)
            if index is not None:
                index.need(_INDEX, "iu")

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Look for the table of final fits and SeaTray's index."""
        if not is_hdf5(path):
            return False
        with opened(path) as file, told(path):
            return FIT in file and "__I3Index__" in file

    def facts(self) -> FileFacts:
        """Return the number of frames, and the units and words of the file for its columns."""
        with opened(self.path) as file, told(self.path, FIT):
            marks = attributes(file[FIT], self.path)
            root = attributes(file, self.path)
        columns = {
            marks[f"FIELD_{number}_NAME"]: {
                "unit": marks.get(f"FIELD_{number}_UNIT", ""),
                "description": marks.get(f"FIELD_{number}_DOC", ""),
            }
            for number in range(len(marks))
            if f"FIELD_{number}_NAME" in marks
        }
        return FileFacts(
            detector="antares",
            n_events=self._rows,
            provenance={**root, "table": FIT, "columns": columns, "times": self.times_path.name},
        )

    def where(self, row: int) -> str:
        """Name the row of the table of fits."""
        return f"{FIT} row {row}"

    def chunks(self, rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield one event per frame, in file order.

        A frame without a fit has NaN and an empty topology, and, where the table of times does
        not have it, :data:`~ingest.events.fields.MISSING_INTEGER` for its time.

        Raises
        ------
        ingest.core.errors.InputError
            If there is no table of times, it has no line for an event or two, or rows cannot
            be read.
        """
        refuse_empty(self._rows, self.path)
        times = _Times(self.times_path, self.path)
        with opened(self.path) as file:
            fits = Table.at(file, FIT, self.path)
            index = self._hits_index(file)
            for first in range(0, fits.rows, rows):
                block = fits.read(_COLUMNS, first, first + rows)
                hits = index.read(_INDEX, first, first + rows) if index else None
                chunk = np.empty(len(block["Run"]), chunk_dtype(self.gives))
                self._fill(chunk, block, hits, times, first)
                yield chunk

    def _hits_index(self, file: Any) -> Table | None:
        """Return the index of the used hits, where it has a row for each row of the fits."""
        name = f"__I3Index__/{HITS}"
        if not holds(file, name, self.path):
            return None
        table = Table.at(file, name, self.path)
        return table if table.rows == self._rows else None

    def _fill(
        self,
        chunk: Chunk,
        block: dict[str, Array],
        hits: dict[str, Array] | None,
        times: _Times,
        first: int,
    ) -> None:
        known = block["exists"] != 0

        def where(row: int) -> str:
            return self.where(first + row)

        for field, name in _IDS.items():
            # the counter belongs to the fit; without one SeaTray writes -1
            missing = ~known if field == "trigger_counter" else None
            chunk[field] = integers(block[name], field, self.path, where, missing)
        keys = np.empty(len(known), _KEY)
        for field, name in _IDS.items():
            keys[field] = block[name]
        seconds, nanoseconds, timed = times.find(keys)
        if (lost := known & ~timed).any():
            row = int(np.argmax(lost))
            raise InputError(
                "the table of times has no line for this event",
                file=self.times_path,
                where=f"for {self.path.name} {where(row)}",
                value=", ".join(f"{field} {keys[field][row]}" for field in _IDS),
                expected="one line per event",
                remedy="add the line",
            )
        here = np.flatnonzero(timed)
        chunk["unix_seconds"] = MISSING_INTEGER
        chunk["unix_nanoseconds"] = MISSING_INTEGER
        chunk["unix_seconds"][here], chunk["unix_nanoseconds"][here] = unix_time(
            seconds[here],
            nanoseconds[here],
            np.where(known, block["time"], 0.0)[here],
            self.path,
            lambda row: where(int(here[row])),
        )
        direction = source_to_direction(block["zenith"], block["azimuth"])
        numbers = dict(zip(("dir_x", "dir_y", "dir_z"), direction, strict=True))
        numbers |= {"energy": block["energy"], "likelihood": block["quality"]}
        for field, values in numbers.items():
            chunk[field] = np.where(known, values, np.nan)
        used = self._count(block, hits, first)
        chunk["n_hits"] = integers(used, "n_hits", self.path, where, missing=~known)
        chunk["topology"] = np.where(known, "track", "")

    def _count(self, block: dict[str, Array], hits: dict[str, Array] | None, first: int) -> Array:
        """Return the hits the fit used: what it wrote, or where it wrote none, their count."""
        written = block["nUsedHits"].astype(np.int64)
        if hits is None:
            return written
        same = (hits["Run"] == block["Run"]) & (hits["Event"] == block["Event"])
        if not same.all():
            row = int(np.argmin(same))
            raise InputError(
                "fits and used hits are not those of the same events",
                file=self.path,
                where=self.where(first + row),
                value=f"event {block['Event'][row]} in {FIT}, {hits['Event'][row]} in {HITS}",
                expected="the same frames in both",
                remedy="write the file again with SeaTray",
            )
        counted = hits["stop"].astype(np.int64) - hits["start"].astype(np.int64)
        return np.where((written < 0) & (hits["exists"] != 0), counted, written)


class _Times:
    """The table of times, sorted by event; it is held in memory, 40 bytes for each line."""

    def __init__(self, path: Path, events: Path) -> None:
        self.path = path
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                keys, times = self._read(csv.reader(stream))
        except FileNotFoundError:
            raise InputError(
                "a SeaTray file carries no absolute time, and there is no table of times beside it",
                file=events,
                expected=f"{path.name}, with the columns {', '.join(TIMES_COLUMNS)}",
                remedy="write this table from the run database and put it beside the file",
            ) from None
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(
                "the table of times cannot be read",
                file=path,
                value=str(error),
                expected="text in UTF-8, separated by commas",
                remedy="write it again",
            ) from None
        order = np.argsort(keys)
        self._keys, self._times = keys[order], times[order]
        twice = self._keys[1:] == self._keys[:-1]
        if twice.any():
            raise InputError(
                "the table of times has two lines for one event",
                file=path,
                where=f"line {int(order[int(np.argmax(twice)) + 1]) + 2}",
                value=", ".join(map(str, self._keys[int(np.argmax(twice))].tolist())),
                expected="one line per event",
                remedy="remove one of them",
            )

    def find(self, keys: Array) -> tuple[Array, Array, Array]:
        """Return seconds and nanoseconds of events, and which of them were found."""
        if not len(self._keys):
            return np.zeros(len(keys), "i8"), np.zeros(len(keys), "i8"), np.zeros(len(keys), bool)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return self._times[place, 0], self._times[place, 1], self._keys[place] == keys

    def _read(self, lines: Any) -> tuple[Array, Array]:
        names = [name.strip().lower() for name in next(lines, [])]
        if missing := [name for name in TIMES_COLUMNS if names.count(name) != 1]:
            raise InputError(
                f"the table of times lacks {', '.join(missing)}",
                file=self.path,
                where="line 1",
                value=", ".join(names) or "nothing",
                expected=", ".join(TIMES_COLUMNS),
                remedy="name the columns in the first line",
            )
        places = [names.index(name) for name in TIMES_COLUMNS]
        rows = []
        for words in lines:
            try:
                row = [int(words[place]) for place in places]
                rows.append(tuple(np.array(row, np.int64).tolist()))
            except (ValueError, IndexError, OverflowError):
                raise InputError(
                    "this line is no time of an event",
                    file=self.path,
                    where=f"line {lines.line_num}",
                    value=",".join(words),
                    expected="whole numbers: " + ", ".join(TIMES_COLUMNS),
                    remedy="repair the line",
                ) from None
        table = np.array(rows, np.int64).reshape(-1, len(TIMES_COLUMNS))
        keys = np.empty(len(table), _KEY)
        for column, name in enumerate(_KEY.names or ()):
            keys[name] = table[:, column]
        return keys, table[:, 3:]
