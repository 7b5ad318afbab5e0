"""Tables in HDF5 files, checked against the file before they are read.

A table is a dataset of compound type, or a group whose members are columns of equal length
(km3pipe's "split table"). Tables are read a slice of rows at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from ingest.core.errors import InputError
from ingest.events.fields import Array
from ingest.events.readers._files import REFETCH, BinaryFormat

ROW_BYTES_LIMIT: Final = 1 << 20
"""No event table has rows of a megabyte, but a damaged type description may claim them."""
CHUNK_BYTES_LIMIT: Final = 1 << 28
"""HDF5 decompresses whole chunks in memory, even to read a part of them."""
ATTRIBUTE_BYTES_LIMIT: Final = 1 << 16


class _Hdf5Format(BinaryFormat):
    def damage(self, path: Path, where: str | None, error: Exception) -> InputError:
        text = " ".join(str(error).split())
        if "filter" not in text and "plugin" not in text:
            return super().damage(path, where, error)
        return InputError(
            "the file is compressed with a method that this HDF5 library does not support",
            file=path,
            where=where,
            value=text,
            expected="gzip or no compression",
            remedy="rewrite it: ptrepack --complib=zlib --complevel=5 OLD NEW",
        )


HDF5: Final = _Hdf5Format("HDF5", b"\x89HDF\r\n\x1a\n", lambda path: h5py.File(path, "r"))


def holds(file: Any, name: str, path: Path) -> bool:
    """Return whether an open file has a group or dataset called `name`.

    Raises
    ------
    ingest.core.errors.InputError
        If the file is damaged.
    """
    with HDF5.guard(path, name):
        return name in file


@dataclass(frozen=True)
class Table:
    """A table inside an open file.

    Parameters
    ----------
    path : pathlib.Path
        The file, for messages.
    name : str
        Path of the table within the file.
    rows : int
        Number of rows.
    columns : dict
        Types of the columns by their names.
    node : object
        The dataset or group.
    """

    path: Path
    name: str
    rows: int
    columns: dict[str, np.dtype[Any]]
    node: Any = field(repr=False)

    @classmethod
    def at(cls, file: Any, name: str, path: Path) -> Table:
        """Return the table `name` of an open file.

        Raises
        ------
        ingest.core.errors.InputError
            If it is missing or not a table, its columns differ in length, or it claims rows
            that are not in the file.
        """
        with HDF5.guard(path, name):
            node = file.get(name)
            datasets = {}
            if isinstance(node, h5py.Group):
                datasets = {key: node[key] for key in node if _is_column(node[key], key)}
            elif isinstance(node, h5py.Dataset) and node.dtype.names and node.ndim == 1:
                datasets = {name: node}
        if not datasets:
            raise InputError(
                "the table is missing" if node is None else "this is not a table",
                file=path,
                where=name,
                expected="rows with named columns",
                remedy="deliver the file with this table",
            )
        for key, dataset in datasets.items():
            check_stored(dataset, path, key if key == name else f"{name}/{key}")
        if len({len(dataset) for dataset in datasets.values()}) > 1:
            raise InputError(
                "the columns have different lengths",
                file=path,
                where=name,
                value=", ".join(f"{key}: {len(data)}" for key, data in datasets.items()),
                expected="one row per event in every column",
                remedy=REFETCH,
            )
        with HDF5.guard(path, name):
            if isinstance(node, h5py.Dataset):
                columns = {key: node.dtype[key] for key in node.dtype.names}
            else:
                columns = {key: dataset.dtype for key, dataset in datasets.items()}
        return cls(path, name, len(next(iter(datasets.values()))), columns, node)

    def read(self, names: tuple[str, ...], start: int, stop: int) -> dict[str, Array]:
        """Return the columns `names` of the rows from `start` up to, not including, `stop`.

        Raises
        ------
        ingest.core.errors.InputError
            If the rows cannot be read.
        """
        stop = min(stop, self.rows)
        with HDF5.guard(self.path, f"{self.name} rows {start} to {stop - 1}"):
            if isinstance(self.node, h5py.Group):
                return {name: self.node[name][start:stop] for name in names}
            block = self.node.fields(list(names))[start:stop]
            return {name: np.ascontiguousarray(block[name]) for name in names}

    def require(self, names: tuple[str, ...], kinds: str = "iuf") -> None:
        """Check that the columns `names` exist and are scalars of the numpy kinds `kinds`.

        Raises
        ------
        ingest.core.errors.InputError
            If one is missing or of another type.
        """
        for name in names:
            kind = self.columns.get(name)
            if kind is None:
                raise InputError(
                    f"the column {name} is missing",
                    file=self.path,
                    where=self.name,
                    value=", ".join(self.columns),
                    expected=f"the columns {', '.join(names)}",
                    remedy="deliver the file with this column",
                )
            if kind.kind not in kinds or kind.shape:
                raise InputError(
                    f"the column {name} has the wrong type",
                    file=self.path,
                    where=self.name,
                    value=str(kind),
                    expected="one number per row" if "f" in kinds else "one integer per row",
                    remedy="deliver the file with numbers in this column",
                )


def attributes(node: Any, path: Path) -> dict[str, Any]:
    """Return the attributes of a node as text, numbers or lists of them; huge ones are omitted."""
    plain: dict[str, Any] = {}
    with HDF5.guard(path, "attributes"):
        for key in node.attrs:
            if attribute_bytes(node.attrs, key) <= ATTRIBUTE_BYTES_LIMIT:
                plain[key] = _plain(node.attrs[key])
    return plain


def attribute_bytes(attributes: Any, key: str) -> int:
    """Return the stored size of an attribute; HDF5 gives no size for an empty one."""
    try:
        return int(attributes.get_id(key).get_storage_size())
    except RuntimeError:
        return 0


def text(value: object) -> str:
    """Return bytes or text as text; bytes that are not UTF-8 are replaced."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return text(value)
    if isinstance(value, h5py.Empty):
        return ""
    if isinstance(value, np.ndarray | tuple | list):
        return [_plain(item) for item in (value.tolist() if hasattr(value, "tolist") else value)]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return value if isinstance(value, str | int | float | bool) else str(value)


def _is_column(node: Any, key: str) -> bool:
    return isinstance(node, h5py.Dataset) and node.ndim == 1 and not key.startswith("_")


def check_stored(dataset: Any, path: Path, where: str) -> None:
    """Check that the rows a dataset claims are in the file and fit into memory.

    Raises
    ------
    ingest.core.errors.InputError
        If they are not, or do not.
    """
    with HDF5.guard(path, where):
        rows = len(dataset)
        row_bytes = dataset.dtype.itemsize * math.prod(dataset.shape[1:])
        chunk_rows = dataset.chunks[0] if dataset.chunks else 0
        if chunk_rows:
            complete = rows == 0 or dataset.id.get_num_chunks() >= math.ceil(rows / chunk_rows)
        else:
            complete = rows == 0 or dataset.id.get_storage_size() >= rows * row_bytes
    if row_bytes > ROW_BYTES_LIMIT or chunk_rows * row_bytes > CHUNK_BYTES_LIMIT:
        raise InputError(
            "the table claims rows that are too large",
            file=path,
            where=where,
            value=f"{row_bytes} bytes per row, {chunk_rows} rows per chunk",
            expected=f"at most {ROW_BYTES_LIMIT} bytes per row and {CHUNK_BYTES_LIMIT} per chunk",
            remedy=REFETCH,
        )
    if not complete:
        raise InputError(
            "the table claims rows that are not in the file",
            file=path,
            where=where,
            value=f"{rows} rows",
            expected="all rows stored",
            remedy=REFETCH,
        )
