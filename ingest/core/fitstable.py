"""Streaming output of FITS binary tables: rows are written as they come, the header last.

Memory use does not grow with the number of rows. The same content always gives the same bytes:
no dates are written, not even in the comments of the checksums.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits

BLOCK: Final = 2880

Value = str | int | float | bool
Card = tuple[str, Value, str]
"""Keyword, value and comment."""

_MAX_STRING: Final = 67
"""The longest string that fits on one card."""
_CODES = {"f8": "D", "f4": "E", "i8": "K", "i4": "J", "i2": "I", "u1": "B"}


@dataclass(frozen=True)
class FitsColumn:
    """A column of a binary table.

    Parameters
    ----------
    name, unit, comment, ucd : str
        For TTYPE, TUNIT, the comment of TTYPE, and TUCD.
    dtype : str
        As numpy writes it: ``f8``, ``i4``, ``S48``.
    null : int, optional
        TNULL: the integer that stands for a missing value.
    """

    name: str
    dtype: str
    unit: str = ""
    comment: str = ""
    ucd: str = ""
    null: int | None = None

    @property
    def format(self) -> str:
        """The column's TFORM."""
        return f"{self.dtype[1:]}A" if self.dtype[0] == "S" else f"1{_CODES[self.dtype]}"


def row_dtype(columns: Sequence[FitsColumn]) -> np.dtype[np.void]:
    """Return the type of a table's rows as FITS stores them: packed and big-endian."""
    return np.dtype([(one.name, np.dtype(one.dtype).newbyteorder(">")) for one in columns])


def write_primary(stream: BinaryIO, cards: Iterable[Card], history: Iterable[str] = ()) -> None:
    """Write a primary HDU without data.

    Parameters
    ----------
    stream : typing.BinaryIO
        The file.
    cards : iterable of (str, value, str)
        Keywords with their values and comments.
    history : iterable of str, optional
        Lines for HISTORY.
    """
    header = fits.Header()
    header["SIMPLE"] = (True, "conforms to FITS standard")
    header["BITPIX"] = 8
    header["NAXIS"] = 0
    header["EXTEND"] = True
    _add(header, cards)
    for line in history:
        header.add_history(_ascii(line))
    stream.write(_with_checksum(header, 0))


class TableWriter:
    """Writes one binary table at the stream's position.

    Parameters
    ----------
    stream : typing.BinaryIO
        The file, which must be seekable. Nothing else may write to it before :meth:`finish`.
    name : str
        EXTNAME.
    columns : sequence of FitsColumn
        The table's columns.
    cards : iterable of (str, value, str)
        Further keywords. A keyword whose value is only known at the end gets a preliminary one
        of the same type here, and the final one in :meth:`finish`.
    """

    def __init__(
        self, stream: BinaryIO, name: str, columns: Sequence[FitsColumn], cards: Iterable[Card] = ()
    ) -> None:
        self.dtype = row_dtype(columns)
        self.rows = 0
        self._stream = stream
        self._start = stream.tell()
        self._sum = 0
        self._rest = b""
        self._header = _table_header(name, columns, self.dtype.itemsize, cards)
        placeholder = _with_checksum(self._header, 0)
        self._header_size = len(placeholder)
        stream.write(placeholder)

    def append(self, rows: npt.NDArray[np.void]) -> None:
        """Write rows; their type must be :attr:`dtype`."""
        if rows.dtype != self.dtype:
            raise TypeError(f"rows of type {rows.dtype} in a table of type {self.dtype}")
        data = rows.tobytes()
        self._stream.write(data)
        self.rows += len(rows)
        data = self._rest + data
        whole = len(data) - len(data) % 4
        self._sum += _word_sum(data[:whole])
        self._rest = data[whole:]

    def finish(self, values: dict[str, Value] | None = None) -> None:
        """Complete the table with its padding, number of rows and checksums.

        Parameters
        ----------
        values : dict, optional
            The final values of keywords of the header.
        """
        size = self.rows * self.dtype.itemsize
        self._stream.write(b"\0" * (-size % BLOCK))
        self._header["NAXIS2"] = self.rows
        for keyword, value in (values or {}).items():
            if keyword not in self._header:
                raise KeyError(f"the header has no {keyword}")
            self._header[keyword] = value
        total = self._sum + _word_sum(self._rest + b"\0" * (-len(self._rest) % 4))
        header = _with_checksum(self._header, total)
        if len(header) != self._header_size:
            raise ValueError("the header has become longer than the space before the data")
        end = self._stream.tell()
        self._stream.seek(self._start)
        self._stream.write(header)
        self._stream.seek(end)


def write_table(
    stream: BinaryIO,
    name: str,
    columns: Sequence[FitsColumn],
    rows: Sequence[tuple[Any, ...]],
    cards: Iterable[Card] = (),
) -> None:
    """Write a small table.

    Parameters
    ----------
    stream, name, columns, cards
        As in :class:`TableWriter`.
    rows : sequence of tuple
        The rows, each with one value per column.

    Raises
    ------
    ValueError
        If a string is longer than its column; numpy would truncate it silently.
    """
    for position, column in enumerate(columns):
        if column.dtype[0] == "S":
            longest = max((len(row[position]) for row in rows), default=0)
            if longest > int(column.dtype[1:]):
                raise ValueError(
                    f"{column.name}: {longest} characters do not fit into {column.format}"
                )
    writer = TableWriter(stream, name, columns, cards)
    writer.append(np.array(rows, dtype=writer.dtype))
    writer.finish()


def changed_header(header: bytes, values: Mapping[str, Value]) -> bytes:
    """Return a header that was written here with other values of some keywords.

    Parameters
    ----------
    header : bytes
        All of its blocks.
    values : mapping of str to value
        The new values; each as short as the old one.

    Raises
    ------
    KeyError
        If it has no such keyword.
    """
    found = fits.Header.fromstring(header)
    for keyword, value in values.items():
        if keyword not in found:
            raise KeyError(f"the header has no {keyword}")
        found[keyword] = value
    return _with_checksum(found, int(found["DATASUM"]))


def _table_header(
    name: str, columns: Sequence[FitsColumn], row_size: int, cards: Iterable[Card]
) -> fits.Header:
    header = fits.Header()
    header["XTENSION"] = ("BINTABLE", "binary table extension")
    header["BITPIX"] = 8
    header["NAXIS"] = 2
    header["NAXIS1"] = (row_size, "bytes per row")
    header["NAXIS2"] = (0, "number of rows")
    header["PCOUNT"] = 0
    header["GCOUNT"] = 1
    header["TFIELDS"] = len(columns)
    for number, column in enumerate(columns, start=1):
        header[f"TTYPE{number}"] = (column.name, column.comment)
        header[f"TFORM{number}"] = column.format
        if column.unit:
            header[f"TUNIT{number}"] = column.unit
        if column.null is not None:
            header[f"TNULL{number}"] = (column.null, "not given")
        if column.ucd:
            header[f"TUCD{number}"] = column.ucd
    header["EXTNAME"] = name
    _add(header, cards)
    return header


def _add(header: fits.Header, cards: Iterable[Card]) -> None:
    for keyword, value, comment in cards:
        if isinstance(value, str) and len(value) > _MAX_STRING and "LONGSTRN" not in header:
            # older readers need this keyword to join continued values
            header["LONGSTRN"] = ("OGIP 1.0", "long strings continue on the next card")
        header[keyword] = (_ascii(value) if isinstance(value, str) else value, comment)


def _ascii(text: str) -> str:
    """Return `text` with only the characters that are allowed in a FITS header."""
    plain = text.replace("–", "-").replace("’", "'")
    plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return "".join(letter if letter.isprintable() else " " for letter in plain)


def _with_checksum(header: fits.Header, data_sum: int) -> bytes:
    """Return the header's bytes with DATASUM and CHECKSUM (FITS 4.0, appendix J)."""
    data_sum = _folded(data_sum)
    header["DATASUM"] = (str(data_sum), "data unit checksum")
    header["CHECKSUM"] = ("0" * 16, "HDU checksum")
    total = _folded(_word_sum(header.tostring().encode("ascii")) + data_sum)
    header["CHECKSUM"] = _encoded(~total & 0xFFFFFFFF)
    return bytes(header.tostring().encode("ascii"))


def _word_sum(data: bytes) -> int:
    return int(np.frombuffer(data, ">u4").sum(dtype=np.uint64))


def _folded(total: int) -> int:
    """Return a sum of 32-bit words in ones'-complement arithmetic."""
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def _encoded(value: int) -> str:
    """Write 32 bits as 16 letters and digits (FITS 4.0, appendix J.2)."""
    letters = [""] * 16
    for position, byte in enumerate(value.to_bytes(4, "big")):
        quotient, remainder = divmod(byte, 4)
        codes = [quotient + 48 + remainder, quotient + 48, quotient + 48, quotient + 48]
        for pair in (0, 2):
            # neither may be punctuation; changing both in opposite directions preserves their sum
            while any(not chr(code).isalnum() for code in codes[pair : pair + 2]):
                codes[pair] += 1
                codes[pair + 1] -= 1
        for row, code in enumerate(codes):
            letters[4 * row + position] = chr(code)
    return letters[15] + "".join(letters[:15])
