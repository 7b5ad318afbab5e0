"""Event lists as Parquet files, for those who want all rows.

A file has the rows of one event list, in their order, with the columns of the release's table:
the names, types and units that TAP serves. Its footer has a VOTable that describes them, see
:mod:`.voparquet`.

Imported separately from the package, because it loads pyarrow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy import units

from ingest.core.descriptors import PublishedColumn
from ingest.core.errors import ImportFailedError
from ingest.core.files import atomic_write
from ingest.core.fitsrows import TableRows
from ingest.core.progress import ProgressCallback
from ingest.events.fields import Array
from ingest.events.product.voparquet import describe_added, footer

SUFFIX: Final = ".parquet"
ROWS_PER_GROUP: Final = 1 << 19
"""Rows of which each column is stored together; readers skip groups by their ranges of values."""

_TYPES: Final = {
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "text": pa.string(),
    "unicode": pa.string(),
}
_FEW_VALUES: Final = re.compile("meta.code|meta.number|stat.confidenceLevel|.*;instr.det")
"""UCDs of columns with few different values, which a dictionary stores best."""
_CONSTANT: Final = re.compile("'([^']*)'")
"""SQL expressions of which the value is known without the database."""


def write_columns(
    product: Path,
    columns: Sequence[PublishedColumn],
    table: str,
    text: str,
    on_rows: ProgressCallback | None = None,
) -> Path:
    """Write the rows of an event list beside it, as ``<product>.parquet``.

    Columns that the database computes are left out, except constants. The rows are streamed, so
    that memory use does not depend on their number. The same list gives the same bytes.

    Parameters
    ----------
    product : pathlib.Path
        The event list.
    columns : sequence of PublishedColumn
        The columns of the release's table.
    table : str
        Its name in TAP.
    text : str
        What the table is, in one paragraph.
    on_rows : ProgressCallback, optional
        Called with the number of rows in each group that was written.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ingest.core.errors.ImportFailedError
        If the list does not have a column of the table, or has it with a unit that cannot be
        converted.
    """
    rows = TableRows(product)
    wanted = [one for one in columns if one.computed is None or _CONSTANT.fullmatch(one.computed)]
    filled = [_Column(one, rows) for one in wanted]
    schema = pa.schema([pa.field(one.name, one.type) for one in filled])
    path = product.with_suffix(SUFFIX)
    with (
        atomic_write(path) as stream,
        pq.ParquetWriter(stream, schema, store_schema=False, **_storage(wanted)) as writer,
    ):
        for group in _groups(rows):
            batches = [
                pa.record_batch([one.values(block) for one in filled], schema) for block in group
            ]
            written = pa.Table.from_batches(batches, schema)
            writer.write_table(written, ROWS_PER_GROUP)
            if on_rows is not None:
                on_rows(len(written))
        lengths = {one: column.length for one, column in zip(wanted, filled, strict=True)}
        writer.add_key_value_metadata(footer(lengths, table, text, rows.primary))
    return path


def schema_with(source: Path, added: PublishedColumn) -> Any:
    """Return the schema of a file written here, of which the VOTable has one more column.

    Parameters
    ----------
    source : pathlib.Path
        The Parquet file.
    added : PublishedColumn
        The column, which is to be the first one; it is not in the schema.
    """
    schema = pq.read_schema(source)
    return schema.with_metadata(describe_added(schema.metadata, added))


def _groups(rows: TableRows) -> Iterator[list[Array]]:
    """Yield the blocks of rows that are stored together."""
    group: list[Array] = []
    for block in rows.blocks():
        group.append(block)
        if sum(map(len, group)) >= ROWS_PER_GROUP:
            yield group
            group = []
    if group:
        yield group


def _storage(columns: Sequence[PublishedColumn]) -> dict[str, Any]:
    """Return how each column is encoded and compressed, see docs/decisions/049-columns.md."""
    few = [one.name for one in columns if one.computed is not None or _FEW_VALUES.match(one.ucd)]
    encodings, codecs, levels = {}, {}, {}
    for one in columns:
        is_float = pa.types.is_floating(_TYPES[one.type])
        codecs[one.name], levels[one.name] = ("gzip", 4) if is_float else ("zstd", 1)
        if one.name in few:
            continue
        if is_float:
            encodings[one.name] = "BYTE_STREAM_SPLIT"
        elif pa.types.is_integer(_TYPES[one.type]):
            encodings[one.name] = "DELTA_BINARY_PACKED"
        else:
            encodings[one.name] = "DELTA_LENGTH_BYTE_ARRAY"
    return {
        "use_dictionary": few,
        "column_encoding": encodings,
        "compression": codecs,
        "compression_level": levels,
        "data_page_version": "2.0",
    }


class _Column:
    """A column of the file, and the FITS column that fills it.

    Attributes
    ----------
    name : str
        Its name.
    type : pyarrow.DataType
        Its type.
    length : int
        The largest number of characters of a text; 0 if the column has no texts.
    """

    def __init__(self, column: PublishedColumn, rows: TableRows) -> None:
        if column.type not in _TYPES:
            raise _mismatch(rows, column, column.type, "one of " + ", ".join(_TYPES))
        self.name = column.name
        self.type = _TYPES[column.type]
        self.length = 0
        self._constant: str | None = None
        if column.computed is not None:
            self._constant = _CONSTANT.sub(r"\1", column.computed)
            self.length = len(self._constant)
            return
        names = {name.lower(): name for name in rows.dtype.names or ()}
        if column.fits.lower() not in names:
            present = ", ".join(names.values())
            raise _mismatch(rows, column, present, f"a column {column.fits.upper()}")
        self._field = names[column.fits.lower()]
        if rows.dtype[self._field].kind == "S":
            self.length = rows.dtype[self._field].itemsize
        number = 1 + (rows.dtype.names or ()).index(self._field)
        self._null = rows.header.get(f"TNULL{number}")
        self._factor = 1.0
        unit = rows.units[self._field]
        if unit != column.unit:
            try:
                self._factor = float(units.Unit(unit).to(units.Unit(column.unit)))
            except (ValueError, units.UnitsError):
                raise _mismatch(rows, column, unit, column.unit or "no unit") from None

    def values(self, block: Array) -> Any:
        """Return the column's values in rows of the list; what is missing is null."""
        if self._constant is not None:
            return pa.repeat(pa.scalar(self._constant, self.type), len(block))
        values = block[self._field]
        if values.dtype.kind == "S":
            return _texts(values)
        if values.dtype.kind == "f":
            missing = np.isnan(values)
            if self._factor != 1.0:
                values = values * self._factor
        elif self._null is None:
            missing = np.zeros(len(values), bool)
        else:
            missing = values == self._null
        native = values.astype(self.type.to_pandas_dtype())
        return pa.array(native, self.type, mask=missing if missing.any() else None)


def _texts(texts: Array) -> Any:
    """Return strings of FITS, without their padding, as an array of Arrow."""
    texts = np.ascontiguousarray(texts)
    letters = texts.view(np.uint8).reshape(len(texts), -1)
    if (letters == ord(" ")).any():
        # trailing spaces in a FITS string are not significant
        texts = np.char.rstrip(texts, b" \0")
        letters = texts.view(np.uint8).reshape(len(texts), -1)
    lengths = np.char.str_len(texts)
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    content = letters[np.arange(letters.shape[1]) < lengths[:, None]]
    present = pa.array(lengths > 0).buffers()[1]
    return pa.Array.from_buffers(
        pa.string(), len(texts), [present, pa.py_buffer(ends), pa.py_buffer(content)]
    )


def _mismatch(
    rows: TableRows, column: PublishedColumn, found: str, expected: str
) -> ImportFailedError:
    return ImportFailedError(
        "the event list does not fit the table",
        file=rows.path,
        where=f"column {column.name}",
        value=found,
        expected=expected,
        remedy="correct the column in the descriptor: its name, type or unit",
    )
