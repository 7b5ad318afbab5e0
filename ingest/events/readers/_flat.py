"""Flat HDF5 tables in any of the usual layouts: columns with names, types and units.

Known layouts: one dataset of compound type (h5py, PyTables); a group of columns of equal length
(h5py); pandas' ``format="table"``, where columns of one type share a block whose column names
are in an attribute; pandas' ``format="fixed"``, where each block is a matrix. pandas pickles the
names: they are taken from the text in the pickle, and nothing in it is executed.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ingest.core.errors import InputError
from ingest.events.fields import Array
from ingest.events.readers._files import REFETCH
from ingest.events.readers._hdf5 import (
    ATTRIBUTE_BYTES_LIMIT,
    HDF5,
    attribute_bytes,
    check_stored,
    text,
)

_NODES_LIMIT = 10_000
_NAMES_LIMIT = 10_000
_LIST_OPCODES = {
    "MARK", "LIST", "EMPTY_LIST", "APPEND", "APPENDS", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE",
    "PROTO", "FRAME", "STOP", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "STRING", "BINSTRING",
    "SHORT_BINSTRING",
}  # fmt: skip


@dataclass(frozen=True)
class FlatColumn:
    """One column of a flat table."""

    node: Any
    """The dataset that holds its values."""
    member: str | None
    """Name of the member of a compound type."""
    place: int | None
    """Number of the column in a block of columns."""
    kind: str
    """The type's character code in numpy; O for types that are not supported."""
    unit: str | None
    """The unit as the file states it."""


@dataclass(frozen=True)
class FlatTable:
    """A flat table of an open file."""

    path: Path
    name: str
    rows: int
    columns: dict[str, FlatColumn]

    def read(self, name: str, start: int, stop: int) -> Array:
        """Return the rows of a column from `start` up to, not including, `stop`.

        Raises
        ------
        ingest.core.errors.InputError
            If they cannot be read.
        """
        column = self.columns[name]
        with HDF5.guard(self.path, f"{self.name} column {name}, rows {start} to {stop - 1}"):
            node = column.node if column.member is None else column.node.fields(column.member)
            values = node[start:stop]
            values = values if column.place is None else values[:, column.place]
            if column.kind == "S":
                values = np.array([text(value) for value in values.tolist()], dtype=np.str_)
            return np.ascontiguousarray(values)


def flat_tables(file: Any, path: Path) -> list[FlatTable]:
    """Return all flat tables of an open file that have at least one column.

    Raises
    ------
    ingest.core.errors.InputError
        If the file's structure cannot be read.
    """
    nodes: list[tuple[str, Any]] = [("/", file)]

    def collect(name: str, node: Any) -> bool | None:
        if not any(part.startswith("_") for part in name.split("/")):
            nodes.append((name, node))
        return True if len(nodes) > _NODES_LIMIT else None

    with HDF5.guard(path):
        file.visititems(collect)
    tables = []
    for name, node in nodes:
        with HDF5.guard(path, name):
            found = _table(path, name, node)
        if found is not None and found.columns:
            tables.append(found)
    return tables


def check_columns(table: FlatTable) -> None:
    """Check that all columns of a table have the same length and are stored completely.

    Raises
    ------
    ingest.core.errors.InputError
        If one is not.
    """
    for name, column in table.columns.items():
        if column.kind == "O":
            continue
        check_stored(column.node, table.path, f"{table.name} column {name}")
        with HDF5.guard(table.path, table.name):
            length = len(column.node)
        if length != table.rows:
            raise InputError(
                "the columns have different lengths",
                file=table.path,
                where=f"{table.name} column {name}",
                value=f"{length} rows",
                expected=f"{table.rows} rows, as in the first column",
                remedy=REFETCH,
            )


def _table(path: Path, name: str, node: Any) -> FlatTable | None:
    if isinstance(node, h5py.Dataset):
        if not node.dtype.names or node.ndim != 1:
            return None
        return FlatTable(path, name, len(node), dict(_compound(node)))
    if "pandas_type" in node.attrs:
        columns = dict(_fixed(node))
    else:
        columns = {
            key: FlatColumn(item, None, None, _kind(item.dtype), _unit(item.attrs, ""))
            for key, item in node.items()
            if isinstance(item, h5py.Dataset) and item.ndim == 1 and not item.dtype.names
            and not key.startswith("_")
        }  # fmt: skip
    first = next((column for column in columns.values() if column.kind != "O"), None)
    return FlatTable(path, name, len(first.node), columns) if first else None


def _compound(node: Any) -> Iterator[tuple[str, FlatColumn]]:
    for number, name in enumerate(node.dtype.names):
        kind = node.dtype[name]
        unit = _unit(node.attrs, name) or _attribute(node.attrs, f"FIELD_{number}_UNIT")
        if not kind.shape:
            yield name, FlatColumn(node, name, None, _kind(kind), unit)
        elif len(kind.shape) == 1:
            for place, inner in enumerate(_names(node.attrs, f"{name}_kind")[: kind.shape[0]]):
                column = FlatColumn(node, name, place, _kind(kind.base), _unit(node.attrs, inner))
                yield inner, column


def _fixed(group: Any) -> Iterator[tuple[str, FlatColumn]]:
    """Yield the columns of a frame written by pandas with ``format="fixed"``."""
    for number in range(_NAMES_LIMIT):
        items, values = group.get(f"block{number}_items"), group.get(f"block{number}_values")
        if not isinstance(items, h5py.Dataset) or not isinstance(values, h5py.Dataset):
            return
        for place, name in enumerate(items[:_NAMES_LIMIT].tolist()):
            # a block of text is stored as one pickled object
            usable = values.ndim == 2 and place < values.shape[1]
            kind = _kind(values.dtype) if usable else "O"
            yield text(name), FlatColumn(values, None, place, kind, _unit(group.attrs, text(name)))


def _kind(dtype: np.dtype[Any]) -> str:
    if h5py.check_string_dtype(dtype) is not None:
        return "S"
    return dtype.kind


def _unit(attributes: Any, name: str) -> str | None:
    wanted = {f"{name}{mark}unit{s}".lower() for mark in ("_", ".", "") for s in ("", "s")}
    for key in attributes:
        if key.lower() in wanted:
            return _attribute(attributes, key)
    return None


def _attribute(attributes: Any, key: str) -> str | None:
    if key not in attributes or attribute_bytes(attributes, key) > ATTRIBUTE_BYTES_LIMIT:
        return None
    value = attributes[key]
    return text(value) or None if isinstance(value, bytes | str) else None


def _names(attributes: Any, key: str) -> list[str]:
    """Return the names in a pickled list of texts, or an empty list for any other object."""
    if key not in attributes or attribute_bytes(attributes, key) > 1 << 20:
        return []
    value = attributes[key]
    if isinstance(value, np.ndarray):
        return [text(name) for name in value.tolist()]
    if not isinstance(value, bytes):
        return []
    operations = list(pickletools.genops(value))
    if any(operation.name not in _LIST_OPCODES for operation, _, _ in operations):
        return []
    return [word for _, word, _ in operations if isinstance(word, str)]
