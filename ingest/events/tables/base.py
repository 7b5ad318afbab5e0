"""Tables in memory, and the checks of values that all formats have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.core.errors import InputError
from ingest.core.fitstable import FitsColumn, row_dtype

REDELIVER: Final = "correct the file at its origin and deliver it again"


@dataclass(frozen=True)
class Table:
    """A table as it is written to a FITS file.

    Parameters
    ----------
    columns : tuple of FitsColumn
        Its columns with their units; the descriptor of the release describes them.
    rows : numpy.ndarray
        Its rows, of the type that :func:`ingest.core.fitstable.row_dtype` gives.
    cells : int, optional
        The number of rows that a complete table has, if it has one for each bin.
    """

    columns: tuple[FitsColumn, ...]
    rows: npt.NDArray[np.void]
    cells: int | None = None

    @property
    def is_extract(self) -> bool:
        """Whether bins are missing."""
        return self.cells is not None and len(self.rows) < self.cells

    def __len__(self) -> int:
        return len(self.rows)


Part = Callable[[Path, "Path | None"], Table]
"""Reads one part of a file; the second path is the file with the edges of the bins, if any."""


@dataclass(frozen=True)
class Field:
    """A value of each record of a file, and the column that it fills.

    Parameters
    ----------
    key : str
        Its name in the file.
    column : FitsColumn
        The column. Texts are ``S``; a truth value is an ``i2`` that is 0 or 1.
    low, high : float, optional
        The smallest and the largest value that can be right.
    is_flag : bool
        Whether the file has true and false.
    """

    key: str
    column: FitsColumn
    low: float = -math.inf
    high: float = math.inf
    is_flag: bool = False

    @property
    def expected(self) -> str:
        """What the value must be."""
        if self.is_flag:
            return "true or false"
        if self.column.dtype[0] == "S":
            return f"a text of 1 to {self.column.dtype[1:]} characters"
        kind = "a whole number" if self.column.dtype[0] == "i" else "a finite number"
        if math.isfinite(self.low) and math.isfinite(self.high):
            return f"{kind} from {self.low:g} to {self.high:g}"
        return f"{kind} of at least {self.low:g}" if math.isfinite(self.low) else kind

    def accepts(self, value: object) -> bool:
        """Return whether a value of the file can be right."""
        if self.is_flag:
            return isinstance(value, bool)
        if self.column.dtype[0] == "S":
            return isinstance(value, str) and 0 < len(value.encode()) <= int(self.column.dtype[1:])
        kinds = (int,) if self.column.dtype[0] == "i" else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool):
            return False
        return self.low <= value <= self.high and math.isfinite(value)


def vector(prefix: str, names: str, unit: str, low: float, high: float) -> list[Field]:
    """Return the fields of the three components of a vector, such as ``pos_x``.

    Parameters
    ----------
    prefix : str
        What the keys in the file begin with.
    names : str
        What the names of the columns begin with.
    unit : str
        Their unit.
    low, high : float
        The smallest and the largest value that can be right.
    """
    return [
        Field(f"{prefix}{axis}", FitsColumn(f"{names}{axis}", "f8", unit), low, high)
        for axis in "xyz"
    ]


POSITION: Final = vector("pos_", "", "m", -1e5, 1e5)
"""A place in the detector, m: the arrays of KM3NeT extend over about a kilometre."""
DIRECTION: Final = vector("dir_", "dir_", "", -1, 1)
"""A unit vector in the frame of the detector."""
_LENGTH_TOLERANCE: Final = 1e-6


def table_of(
    path: Path, fields: Sequence[Field], records: Iterable[tuple[str, dict[str, Any]]]
) -> Table:
    """Return a table of records; its first column numbers them from 1, in the order of the file.

    Parameters
    ----------
    path : pathlib.Path
        The file, for messages.
    fields : sequence of Field
        What each record must have; it may have more.
    records : iterable of (str, dict)
        The records, each with its place in the file.

    Raises
    ------
    ingest.core.errors.InputError
        If a value is missing or cannot be right, or there are no records.
    """
    columns = (FitsColumn("NUMBER", "i4"), *(one.column for one in fields))
    rows = [
        (number, *(_value(path, where, record, one) for one in fields))
        for number, (where, record) in enumerate(records, start=1)
    ]
    if not rows:
        raise InputError("the file has no rows", file=path, remedy="fetch the file again")
    return Table(columns, np.array(rows, row_dtype(columns)))


def _value(path: Path, where: str, record: dict[str, Any], field: Field) -> object:
    if field.key not in record:
        raise InputError(
            "a value is missing",
            file=path,
            where=where,
            value=", ".join(record) or "nothing",
            expected=field.key,
            remedy=REDELIVER,
        )
    value = record[field.key]
    if not field.accepts(value):
        raise InputError(
            f"the value of {field.key} cannot be right",
            file=path,
            where=where,
            value=value,
            expected=field.expected,
            remedy=REDELIVER,
        )
    return value.encode() if isinstance(value, str) else value


def require_unit_vectors(path: Path, table: Table, place: str) -> None:
    """Refuse a table in which a direction is not a unit vector.

    Parameters
    ----------
    path : pathlib.Path
        The file, for the message.
    table : Table
        A table with the columns of :data:`DIRECTION`.
    place : str
        What a row is called in the file.
    """
    length = np.sqrt(sum(table.rows[f"dir_{axis}"] ** 2 for axis in "xyz"))
    wrong = np.flatnonzero(abs(length - 1) > _LENGTH_TOLERANCE)
    if len(wrong):
        raise InputError(
            "the direction is not a unit vector",
            file=path,
            where=f"{place} {wrong[0] + 1}",
            value=f"length {length[wrong[0]]:.9g}",
            expected="1",
            remedy=REDELIVER,
        )


def require_unique(path: Path, table: Table, names: Sequence[str], place: str) -> None:
    """Refuse a table in which two rows have the same values in all of some columns."""
    keys = np.stack([table.rows[name].astype("i8") for name in names])
    order = np.lexsort(keys[::-1])
    same = (keys[:, order[1:]] == keys[:, order[:-1]]).all(axis=0)
    if same.any():
        first = int(order[1:][same][0])
        raise InputError(
            "a row is given twice",
            file=path,
            where=f"{place} {first + 1}",
            value=", ".join(f"{name} {table.rows[name][first]}" for name in names),
            expected="each combination of these values once",
            remedy=REDELIVER,
        )
