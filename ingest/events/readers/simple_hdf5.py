"""A flat table of events in HDF5, as pandas, PyTables or h5py write it: one row per event.

Columns are recognised by their names, upper or lower case, after :data:`SPELLINGS`, where also
the unit stands that is meant if the file states none. Units are taken from attributes: ``unit``
or ``units`` of a column, ``<column>_unit`` or ``FIELD_<n>_UNIT`` of a table. What is not in the
list is not used, and :meth:`SimpleHdf5Reader.facts` says so.

A table needs a direction and a time. The direction is ``ra, dec`` (ICRS), or the vector ``dir_x,
dir_y, dir_z`` of the way the particle goes (UTM easting, northing, up), or its angles ``theta,
phi``. ``zenith, azimuth`` alone do not do: they say nothing of the site. The time is ``mjd`` or
``unix_seconds``, UTC. A position on the sky goes before a direction in the detector.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy import units as u

from ingest.core.errors import InputError
from ingest.events.fields import FIELDS, Chunk, chunk_dtype
from ingest.events.readers._columns import (
    MJD_OF_UNIX_EPOCH,
    NS_PER_S,
    SECONDS_PER_DAY,
    integers,
    mjd_to_unix,
    refuse_empty,
    unix_time,
)
from ingest.events.readers._flat import FlatTable, check, flat_tables
from ingest.events.readers._hdf5 import attributes, is_hdf5, opened, told
from ingest.events.readers.base import DEFAULT_CHUNK_ROWS, FileFacts, Reader

Array = npt.NDArray[Any]

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
"""Accepted names of columns by field, the better one first, each with the unit meant."""

UNITS: Final = {
    "mjd": u.d, "unix_seconds": u.s, "unix_nanoseconds": u.ns, "ra": u.deg, "dec": u.deg,
    "theta": u.rad, "phi": u.rad, "zenith": u.deg, "azimuth": u.deg, "ang_err": u.deg,
    "energy": u.GeV,
}  # fmt: skip
_UNIT_WORDS = {"degree": "deg", "degrees": "deg", "radian": "rad", "radians": "rad", "days": "d"}
_SKY, _VECTOR, _ANGLES = ("ra", "dec"), ("dir_x", "dir_y", "dir_z"), ("theta", "phi")
_TIME = ("unix_seconds", "unix_nanoseconds")
_TEXT = {"event_name", "topology"}
EXPECTED: Final = "ra and dec, or dir_x, dir_y and dir_z, or theta and phi; and mjd or unix_seconds"


class SimpleHdf5Reader(Reader):
    """Reads the one table of events of an HDF5 file."""

    format = "simple-hdf5"
    title = "Flat table of events (HDF5 of pandas, PyTables or h5py)"
    gives: tuple[str, ...] = tuple(FIELDS)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with opened(path) as file:
            table = self._table(file)
            check(table)
            self._columns = _matched(table)
            self._factors = {
                field: _factor(table, column, field)
                for field, column in self._columns.items()
                if field in UNITS
            }
            self._n_events = table.rows
            self._all = tuple(table.columns)
            self._name = table.name
        has = set(self._columns)
        self._on_sky = set(_SKY) <= has
        direction = _SKY if self._on_sky else _VECTOR
        times = ("mjd",) if self._on_sky else _TIME
        others = has - {*_SKY, *_VECTOR, *_ANGLES, *_TIME, "mjd"}
        if not self._on_sky:
            others -= {"zenith", "azimuth"}
        given = {*direction, *times, *others}
        self.gives = tuple(name for name in FIELDS if name in given)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Look for a table that has a direction and a time."""
        if not is_hdf5(path):
            return False
        with opened(path) as file:
            return any(_complete(_matched(table)) for table in flat_tables(file, path))

    def facts(self) -> FileFacts:
        """Return which columns are used for what, which are not, and the table's attributes."""
        with opened(self.path) as file:
            with told(self.path, self._name):
                node = file[self._name]
            marks = attributes(node, self.path)
        used = self._used()
        return FileFacts(
            n_events=self._n_events,
            provenance={
                "table": self._name,
                "columns": {field: self._columns[field] for field in used},
                "columns_not_used": sorted(
                    set(self._all) - {self._columns[field] for field in used}
                ),
                "attributes": marks,
            },
        )

    def where(self, row: int) -> str:
        """Name the row of the table."""
        return f"{self._name} row {row}"

    def chunks(self, rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the events in file order.

        Raises
        ------
        ingest.core.errors.InputError
            If rows cannot be read, or a value does not fit its field.
        """
        refuse_empty(self._n_events, self.path)
        with opened(self.path) as file:
            table = self._table(file)
            for first in range(0, self._n_events, rows):
                stop = min(first + rows, self._n_events)
                values = {field: self._read(table, field, first, stop) for field in self._used()}
                chunk = np.empty(stop - first, chunk_dtype(self.gives))
                self._fill(chunk, values, first)
                yield chunk

    def _used(self) -> tuple[str, ...]:
        """Return the fields whose columns are read."""
        used = {name for name in self.gives if name in self._columns}
        wanted = ("mjd", "unix_seconds") if self._on_sky else ("unix_seconds", "mjd")
        time = next(name for name in wanted if name in self._columns)
        used |= {"mjd"} if time == "mjd" else {name for name in _TIME if name in self._columns}
        if not self._on_sky and not set(_VECTOR) <= set(self._columns):
            used = used - set(_VECTOR) | set(_ANGLES)
        return tuple(name for name in self._columns if name in used)

    def _read(self, table: FlatTable, field: str, first: int, stop: int) -> Array:
        values = table.read(self._columns[field], first, stop)
        factor = self._factors.get(field, 1.0)
        return values if factor == 1.0 else values * factor

    def _fill(self, chunk: Chunk, values: dict[str, Array], first: int) -> None:
        def where(row: int) -> str:
            return self.where(first + row)

        for field in self.gives:
            if field not in values or field in (*_TIME, "mjd"):
                continue
            if FIELDS[field].startswith("i"):
                chunk[field] = integers(values[field], field, self.path, where)
            elif field in _TEXT:
                chunk[field] = self._text(values[field], field, where)
            else:
                chunk[field] = values[field]
        if "theta" in values:
            theta, phi = values["theta"], values["phi"]
            chunk["dir_x"] = np.sin(theta) * np.cos(phi)
            chunk["dir_y"] = np.sin(theta) * np.sin(phi)
            chunk["dir_z"] = np.cos(theta)
        if "mjd" in values and self._on_sky:
            chunk["mjd"] = values["mjd"]
            return
        if "mjd" in values:
            seconds, nanoseconds = mjd_to_unix(values["mjd"], self.path, where)
        else:
            seconds, nanoseconds = _split(values)
            none = np.zeros(len(chunk))
            seconds, nanoseconds = unix_time(seconds, nanoseconds, none, self.path, where)
        if self._on_sky:
            day = seconds / SECONDS_PER_DAY + nanoseconds / (SECONDS_PER_DAY * NS_PER_S)
            chunk["mjd"] = MJD_OF_UNIX_EPOCH + day
        else:
            chunk["unix_seconds"], chunk["unix_nanoseconds"] = seconds, nanoseconds

    def _text(self, values: Array, field: str, where: Any) -> Array:
        room = np.dtype(FIELDS[field]).itemsize // 4
        long = np.strings.str_len(values) > room
        if long.any():
            row = int(np.argmax(long))
            raise InputError(
                f"{field} is too long",
                file=self.path,
                where=where(row),
                value=str(values[row]),
                expected=f"at most {room} characters",
                remedy="shorten it at its origin and deliver the file again",
            )
        return values

    def _table(self, file: Any) -> FlatTable:
        tables = flat_tables(file, self.path)
        complete = [table for table in tables if _complete(_matched(table))]
        if len(complete) == 1:
            return complete[0]
        raise InputError(
            "the file has several tables of events" if complete else "there is no table of events",
            file=self.path,
            value="; ".join(f"{t.name}: {', '.join(t.columns)}" for t in complete or tables)
            or "no tables",
            expected=f"one table with columns {EXPECTED}",
            remedy="deliver a file with one table" if complete else "name the columns like this",
        )


def _matched(table: FlatTable) -> dict[str, str]:
    """Return the column of each field that has one and can be used for it."""
    spelled: dict[str, list[str]] = {}
    for name in table.columns:
        spelled.setdefault(name.lower(), []).append(name)
    matched: dict[str, str] = {}
    for field, spellings in SPELLINGS.items():
        kinds = "S" if field in _TEXT else "iuf"
        names = [spelled[word] for word in spellings if word in spelled]
        fitting = [name for name in names if table.columns[name[0]].kind in kinds]
        if not fitting or fitting[0][0] in matched.values():
            continue
        if len(fitting[0]) > 1:
            raise InputError(
                f"two columns are called the same: {' and '.join(fitting[0])}",
                file=table.path,
                where=table.name,
                expected="names that differ by more than upper and lower case",
                remedy="deliver the file with one of them",
            )
        matched[field] = fitting[0][0]
    return matched


def _complete(columns: dict[str, str]) -> bool:
    has = set(columns)
    direction = any(set(names) <= has for names in (_SKY, _VECTOR, _ANGLES))
    return direction and bool(has & {"mjd", "unix_seconds"})


def _factor(table: FlatTable, column: str, field: str) -> float:
    """Return what the column's values are multiplied with to have the unit of the field."""
    stated = table.columns[column].unit
    unit = stated or SPELLINGS[field][column.lower()]
    try:
        return float(u.Unit(_UNIT_WORDS.get(unit.strip().lower(), unit)).to(UNITS[field]))
    except (ValueError, TypeError):
        raise InputError(
            f"the unit of {column} cannot be used",
            file=table.path,
            where=f"{table.name} column {column}",
            value=unit,
            expected=f"a unit that can be converted to {UNITS[field]}",
            remedy="correct the unit attribute, or remove it"
            f" if the values are in {SPELLINGS[field][column.lower()]}",
        ) from None


def _split(values: dict[str, Array]) -> tuple[Array, Array]:
    """Return seconds and nanoseconds of times that may have their fraction in the seconds."""
    seconds = values["unix_seconds"]
    if "unix_nanoseconds" in values:
        return seconds, values["unix_nanoseconds"]
    whole = np.floor(seconds)
    rest = np.rint((seconds - whole) * NS_PER_S)
    carry = rest >= NS_PER_S
    return whole + carry, np.where(carry, 0.0, rest)
