"""A flat table of events in HDF5, as written by pandas, PyTables or h5py: one row per event.

Columns are identified by their names, upper or lower case, as listed in :data:`SPELLINGS`, which
also gives the unit to assume if the file states none. Units are taken from attributes: ``unit``
or ``units`` of a column, ``<column>_unit`` or ``FIELD_<n>_UNIT`` of a table. Other columns are
ignored, and listed by :meth:`SimpleHdf5Reader.facts`.

A table needs a direction and a time. The direction is ``ra, dec`` (ICRS), or the vector ``dir_x,
dir_y, dir_z`` along which the particle propagates (UTM easting, northing, up), or its angles
``theta, phi``. ``zenith, azimuth`` alone are not sufficient: they do not determine the site. The
time is ``mjd`` or ``unix_seconds``, UTC. Sky positions take precedence over detector directions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest.core.errors import InputError
from ingest.core.timescales import NANOSECONDS, unix_to_mjd
from ingest.events.fields import FIELD_UNITS, FIELDS, UNIX_TIME, VECTOR, Array, Chunk
from ingest.events.readers._columns import (
    RowRange,
    integers,
    mjd_to_unix_time,
    unit_factor,
    unix_time,
)
from ingest.events.readers._flat import FlatTable, check_columns, flat_tables
from ingest.events.readers._hdf5 import HDF5, attributes
from ingest.events.readers.base import FileFacts, TableReader

SPELLINGS: Final[dict[str, dict[str, str]]] = {
    "event_name": {"event_name": "", "name": "", "event_id": "", "id": ""},
    "event_no": {"event_no": "", "event_number": "", "event_id": "", "id": ""},
    "det_id": {"det_id": "", "detector_id": ""},
    "run_id": {"run_id": "", "run": "", "run_number": ""},
    "frame_index": {"frame_index": "", "frame": ""},
    "trigger_counter": {"trigger_counter": ""},
    "mjd": {"mjd": "d", "mjd_utc": "d", "time_mjd": "d"},
    "unix_seconds": {"unix_seconds": "s", "utc_seconds": "s", "timestamp": "s", "unix_time": "s"},
    "unix_nanoseconds": {"unix_nanoseconds": "ns", "utc_nanoseconds": "ns", "nanoseconds": "ns"},
    "ra": {"ra": "deg", "raj2000": "deg", "right_ascension": "deg"},
    "dec": {"dec": "deg", "decl": "deg", "dej2000": "deg", "declination": "deg"},
    "dir_x": {"dir_x": ""},
    "dir_y": {"dir_y": ""},
    "dir_z": {"dir_z": ""},
    "theta": {"theta": "rad"},
    "phi": {"phi": "rad"},
    "zenith": {"zenith": "deg"},
    "azimuth": {"azimuth": "deg"},
    "ang_err": {
        "ang_err": "deg", "angular_error": "deg", "beta": "deg", "sigma": "deg",
        "jgandalf_beta0_rad": "rad", "beta0": "rad",
    },
    "energy": {
        "energy": "GeV", "energy_gev": "GeV", "energy_tev": "TeV", "jenergy_energy": "GeV",
    },
    "n_hits": {"n_hits": "", "nhits": "", "nhit": "", "jgandalf_number_of_hits": ""},
    "likelihood": {"likelihood": "", "lik": "", "lambda": ""},
    "topology": {"topology": ""},
    "quality": {"quality": ""},
}  # fmt: skip
"""Accepted column names by field, in order of preference, each with the unit to assume."""

_UNITS = {**FIELD_UNITS, "theta": "rad", "phi": "rad"}
_UNIT_NAMES = {"degree": "deg", "degrees": "deg", "radian": "rad", "radians": "rad", "days": "d"}
_SKY, _ANGLES = ("ra", "dec"), ("theta", "phi")
_TIMES = ("mjd", *UNIX_TIME)
_TEXT = {"event_name", "topology"}
EXPECTED: Final = "ra and dec, or dir_x, dir_y and dir_z, or theta and phi; and mjd or unix_seconds"


class SimpleHdf5Reader(TableReader):
    """Reads the one table of events of an HDF5 file."""

    format = "simple-hdf5"
    title = "Flat table of events (HDF5 of pandas, PyTables or h5py)"
    gives: tuple[str, ...] = tuple(FIELDS)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with HDF5.opened(path) as file:
            table = self._events_table(file)
            check_columns(table)
            self._columns = _columns_of(table)
            self._factors = {
                field: _factor(table, column, field)
                for field, column in self._columns.items()
                if field in _UNITS
            }
            self.n_rows = table.rows
            self._all_columns = set(table.columns)
            self._name = table.name
        available = set(self._columns)
        self._on_sky = set(_SKY) <= available
        given = available - {*_SKY, *VECTOR, *_ANGLES, *_TIMES}
        if self._on_sky:
            given |= {*_SKY, "mjd"}
        else:
            given = given - {"zenith", "azimuth"} | {*VECTOR, *UNIX_TIME}
        self.gives = tuple(name for name in FIELDS if name in given)
        self._read_fields = self._fields_to_read(available, given)

    def _fields_to_read(self, available: set[str], given: set[str]) -> tuple[str, ...]:
        """Return the fields whose columns are needed for those the chunks have."""
        wanted = (given & available) - set(_TIMES)
        preferred = "mjd" if self._on_sky else "unix_seconds"
        if preferred not in available:
            preferred = "unix_seconds" if self._on_sky else "mjd"
        wanted |= {"mjd"} if preferred == "mjd" else set(UNIX_TIME) & available
        if not self._on_sky and not set(VECTOR) <= available:
            wanted = wanted - set(VECTOR) | set(_ANGLES)
        return tuple(name for name in self._columns if name in wanted)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether this is HDF5 with a table that has a direction and a time."""
        if not HDF5.recognises(path):
            return False
        with HDF5.opened(path) as file:
            return any(_is_complete(_columns_of(table)) for table in flat_tables(file, path))

    def facts(self) -> FileFacts:
        """Return which columns are used for which field, the others, and the attributes."""
        with HDF5.opened(self.path) as file:
            with HDF5.guard(self.path, self._name):
                node = file[self._name]
            of_table = attributes(node, self.path)
        used = {field: self._columns[field] for field in self._read_fields}
        return FileFacts(
            n_events=self.n_rows,
            provenance={
                "table": self._name,
                "columns": used,
                "columns_not_used": sorted(self._all_columns - set(used.values())),
                "attributes": of_table,
            },
        )

    def where(self, row: int) -> str:
        """Return the row of the table."""
        return f"{self._name} row {row}"

    @contextmanager
    def _open_events(self) -> Iterator[FlatTable]:
        with HDF5.opened(self.path) as file:
            yield self._events_table(file)

    def _fill(self, chunk: Chunk, events: FlatTable, rows: RowRange) -> None:
        values = {field: self._read(events, field, rows) for field in self._read_fields}
        for field in set(self.gives) & set(values) - set(_TIMES):
            if FIELDS[field].startswith("i"):
                chunk[field] = integers(values[field], field, rows)
            elif field in _TEXT:
                chunk[field] = _fitting_text(values[field], field, rows)
            else:
                chunk[field] = values[field]
        if "theta" in values:
            theta, phi = values["theta"], values["phi"]
            chunk["dir_x"] = np.sin(theta) * np.cos(phi)
            chunk["dir_y"] = np.sin(theta) * np.sin(phi)
            chunk["dir_z"] = np.cos(theta)
        self._fill_times(chunk, values, rows)

    def _fill_times(self, chunk: Chunk, values: dict[str, Array], rows: RowRange) -> None:
        if self._on_sky and "mjd" in values:
            chunk["mjd"] = values["mjd"]
            return
        if "mjd" in values:
            seconds, nanoseconds = mjd_to_unix_time(values["mjd"], rows)
        else:
            seconds, nanoseconds = _split_seconds(values)
            seconds, nanoseconds = unix_time(seconds, nanoseconds, np.zeros(len(rows)), rows)
        if self._on_sky:
            chunk["mjd"] = unix_to_mjd(seconds + nanoseconds / NANOSECONDS)
        else:
            chunk["unix_seconds"], chunk["unix_nanoseconds"] = seconds, nanoseconds

    def _read(self, table: FlatTable, field: str, rows: RowRange) -> Array:
        values = table.read(self._columns[field], rows.first, rows.stop)
        factor = self._factors.get(field, 1.0)
        # integers stay integers
        return values if factor == 1.0 else values * factor

    def _events_table(self, file: Any) -> FlatTable:
        tables = flat_tables(file, self.path)
        complete = [table for table in tables if _is_complete(_columns_of(table))]
        if len(complete) == 1:
            return complete[0]
        raise InputError(
            "the file has several tables of events"
            if complete
            else "the file has no table of events",
            file=self.path,
            value="; ".join(f"{t.name}: {', '.join(t.columns)}" for t in complete or tables)
            or "no tables",
            expected=f"one table with columns {EXPECTED}",
            remedy="deliver a file with one table" if complete else "use these column names",
        )


def _fitting_text(values: Array, field: str, rows: RowRange) -> Array:
    limit = np.dtype(FIELDS[field]).itemsize // 4
    too_long = np.strings.str_len(values) > limit
    if too_long.any():
        row = int(np.argmax(too_long))
        raise rows.error(
            row,
            f"{field} is too long",
            str(values[row]),
            f"at most {limit} characters",
            "shorten it at its origin and deliver the file again",
        )
    return values


def _columns_of(table: FlatTable) -> dict[str, str]:
    """Return the names of the columns that can be used for a field, by field."""
    by_lower_case: dict[str, list[str]] = {}
    for name in table.columns:
        by_lower_case.setdefault(name.lower(), []).append(name)
    columns: dict[str, str] = {}
    for field, spellings in SPELLINGS.items():
        kinds = "S" if field in _TEXT else "iuf"
        found = [by_lower_case[word] for word in spellings if word in by_lower_case]
        usable = [names for names in found if table.columns[names[0]].kind in kinds]
        if not usable or usable[0][0] in columns.values():
            continue
        if len(usable[0]) > 1:
            raise InputError(
                f"two columns have the same name: {' and '.join(usable[0])}",
                file=table.path,
                where=table.name,
                expected="names that differ by more than upper and lower case",
                remedy="deliver the file with one of them",
            )
        columns[field] = usable[0][0]
    return columns


def _is_complete(columns: dict[str, str]) -> bool:
    """Return whether there are a direction and a time."""
    direction = any(set(names) <= set(columns) for names in (_SKY, VECTOR, _ANGLES))
    return direction and bool({"mjd", "unix_seconds"} & set(columns))


def _factor(table: FlatTable, column: str, field: str) -> float:
    """Return the factor that converts a column to the unit of a field."""
    default = SPELLINGS[field][column.lower()]
    stated = table.columns[column].unit or ""
    try:
        unit = _UNIT_NAMES.get(stated.strip().lower(), stated)
        return unit_factor(unit, default, _UNITS[field])
    except (ValueError, TypeError):
        raise InputError(
            f"the unit of {column} is not supported",
            file=table.path,
            where=f"{table.name} column {column}",
            value=stated,
            expected=f"a unit that can be converted to {_UNITS[field]}",
            remedy=f"correct the unit attribute, or remove it if the values are in {default}",
        ) from None


def _split_seconds(values: dict[str, Array]) -> tuple[Array, Array]:
    """Return seconds and nanoseconds of times that may have a fraction in the seconds."""
    seconds = values["unix_seconds"]
    if "unix_nanoseconds" in values:
        return seconds, values["unix_nanoseconds"]
    whole = np.floor(seconds)
    fraction = np.rint((seconds - whole) * NANOSECONDS)
    carry = fraction >= NANOSECONDS
    return whole + carry, np.where(carry, 0.0, fraction)
