"""What the readers of HDF5 files share: tables that are checked before they are believed.

A table is a dataset of compound type, or a group whose members are equally long columns
(km3pipe calls that a split table). Tables are read a slice of rows at a time.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import numpy.typing as npt

from ingest.core.errors import IngestError, InputError
from ingest.events.readers._damage import unreadable

Array = npt.NDArray[Any]

SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
ROW_BYTES_LIMIT: Final = 1 << 20
"""No event table has rows of a megabyte; a damaged type description easily has."""
CHUNK_BYTES_LIMIT: Final = 1 << 28
"""HDF5 unpacks whole chunks in memory, whatever part of them is wanted."""
ATTRIBUTE_BYTES_LIMIT: Final = 1 << 16
REPAIR: Final = "fetch the file again; if it stays so, have it written again at its origin"


def is_hdf5(path: Path) -> bool:
    """Say whether the file starts as HDF5 does."""
    with path.open("rb") as stream:
        return stream.read(len(SIGNATURE)) == SIGNATURE


@contextlib.contextmanager
def told(path: Path, where: str | None = None) -> Iterator[None]:
    """Turn what HDF5 throws at a damaged file into an InputError.

    The library has no closed set of exceptions for that: damage surfaces as OSError,
    RuntimeError, KeyError, ValueError, TypeError, MemoryError and more. Wrap single calls of the
    library with this, not our own logic.
    """
    try:
        yield
    except IngestError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        missing_filter = "filter" in text or "plugin" in text
        raise InputError(
            "the file is compressed with a method this HDF5 library does not have"
            if missing_filter
            else "the file is damaged or not what its structure claims",
            file=path,
            where=where,
            value=text or type(error).__name__,
            expected="gzip or no compression" if missing_filter else "a readable HDF5 file",
            remedy="rewrite it: ptrepack --complib=zlib --complevel=5 OLD NEW"
            if missing_filter
            else REPAIR,
        ) from None


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open an HDF5 file for reading.

    Raises
    ------
    ingest.core.errors.InputError
        If there is no such file, or it is not HDF5, or it is cut off.
    """
    try:
        found = is_hdf5(path)
    except OSError as error:
        raise unreadable(path, error) from None
    if not found:
        raise InputError(
            "this is not an HDF5 file",
            file=path,
            expected=f"the signature {SIGNATURE!r} at its start",
            remedy="give the file's true format, or fetch the file again",
        )
    with told(path):
        file = h5py.File(path, "r")
    try:
        yield file
    finally:
        with contextlib.suppress(Exception):
            file.close()


def holds(file: Any, name: str, path: Path) -> bool:
    """Say whether an open file has a group or dataset of this name.

    Raises
    ------
    ingest.core.errors.InputError
        If the file is too damaged to tell.
    """
    with told(path, name):
        return name in file


@dataclass(frozen=True)
class Table:
    """A table inside an open file.

    Parameters
    ----------
    path : pathlib.Path
        The file, for messages.
    name : str
        Where the table is in the file.
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
        """Find the table `name` of an open file and check what it claims.

        Raises
        ------
        ingest.core.errors.InputError
            If it is missing, is no table, its columns differ in length, or it claims rows
            that were never written.
        """
        with told(path, name):
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
            believe(dataset, path, key if key == name else f"{name}/{key}")
        if len({len(dataset) for dataset in datasets.values()}) > 1:
            raise InputError(
                "the columns have different lengths",
                file=path,
                where=name,
                value=", ".join(f"{key}: {len(data)}" for key, data in datasets.items()),
                expected="one row per event in every column",
                remedy=REPAIR,
            )
        with told(path, name):
            if isinstance(node, h5py.Dataset):
                columns = {key: node.dtype[key] for key in node.dtype.names}
            else:
                columns = {key: dataset.dtype for key, dataset in datasets.items()}
        return cls(path, name, len(next(iter(datasets.values()))), columns, node)

    def read(self, names: tuple[str, ...], start: int, stop: int) -> dict[str, Array]:
        """Return the columns `names` of the rows from `start` to before `stop`.

        Raises
        ------
        ingest.core.errors.InputError
            If the rows cannot be read.
        """
        stop = min(stop, self.rows)
        with told(self.path, f"{self.name} rows {start} to {stop - 1}"):
            if isinstance(self.node, h5py.Group):
                return {name: self.node[name][start:stop] for name in names}
            block = self.node.fields(list(names))[start:stop]
            return {name: np.ascontiguousarray(block[name]) for name in names}

    def need(self, names: tuple[str, ...], kinds: str = "iuf") -> None:
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
                    f"the column {name} is of a wrong type",
                    file=self.path,
                    where=self.name,
                    value=str(kind),
                    expected="one number per row" if "f" in kinds else "one integer per row",
                    remedy="deliver the file with numbers there",
                )


def attributes(node: Any, path: Path) -> dict[str, Any]:
    """Return the attributes of a node as plain values: text, numbers or lists of them."""
    plain: dict[str, Any] = {}
    with told(path, "attributes"):
        for key in node.attrs:
            if attribute_bytes(node.attrs, key) <= ATTRIBUTE_BYTES_LIMIT:
                plain[key] = _plain(node.attrs[key])
    return plain


def attribute_bytes(attributes: Any, key: str) -> int:
    """Return how large an attribute is in the file; HDF5 has no size for an empty one."""
    try:
        return int(attributes.get_id(key).get_storage_size())
    except RuntimeError:
        return 0


def text(value: object) -> str:
    """Return bytes or text as text, whatever the bytes are."""
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


def believe(dataset: Any, path: Path, where: str) -> None:
    """Check that what a dataset claims to hold is there and can be held.

    Raises
    ------
    ingest.core.errors.InputError
        If it is not.
    """
    with told(path, where):
        rows = len(dataset)
        row_bytes = dataset.dtype.itemsize * math.prod(dataset.shape[1:])
        chunk_rows = dataset.chunks[0] if dataset.chunks else 0
        if chunk_rows:
            complete = rows == 0 or dataset.id.get_num_chunks() >= math.ceil(rows / chunk_rows)
        else:
            complete = rows == 0 or dataset.id.get_storage_size() >= rows * row_bytes
    if row_bytes > ROW_BYTES_LIMIT or chunk_rows * row_bytes > CHUNK_BYTES_LIMIT:
        raise InputError(
            "the table claims impossibly large rows",
            file=path,
            where=where,
            value=f"{row_bytes} bytes a row, {chunk_rows} rows a chunk",
            expected=f"at most {ROW_BYTES_LIMIT} bytes a row",
            remedy=REPAIR,
        )
    if not complete:
        raise InputError(
            "the table claims rows that are not in the file",
            file=path,
            where=where,
            value=f"{rows} rows",
            expected="all its rows stored",
            remedy=REPAIR,
        )
