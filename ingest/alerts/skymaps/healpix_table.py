"""HEALPix tables in FITS files, read without trusting their headers.

Memory is only allocated for bytes that the file has. A damaged or malicious file raises
:class:`~ingest.alerts.notices.model.PacketError` within milliseconds.
docs/decisions/011-sky-map-files.md explains why astropy.io.fits is not used here.
"""

from __future__ import annotations

import mmap
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from ingest.alerts.notices import PacketError
from ingest.core.fitstable import BLOCK

MAX_BYTES: Final = 512 << 20
"""Maximum size of an uncompressed map; one with NSIDE 2048 in double precision has 403 MB."""
_MAX_HEADER_BLOCKS: Final = 200
_MAX_HDUS: Final = 20
_CARD: Final = 80
_CHUNK: Final = 1 << 20
_NUMBERS: Final = {"L": "i1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_OTHER_WIDTHS: Final = {"A": 1, "C": 8, "M": 16, "P": 8, "Q": 16}
"""Bytes per element in the formats that other columns may have. Bits (X) are packed into bytes."""

Buffer = bytes | mmap.mmap


@dataclass(frozen=True)
class HealpixTable:
    """The HEALPix table of a file.

    Attributes
    ----------
    header : astropy.io.fits.Header
        Header of the table.
    names, units : tuple of str
        Names and units of the numeric columns, as in the file. A unit may be empty.
    """

    header: fits.Header
    names: tuple[str, ...]
    units: tuple[str, ...]
    _columns: tuple[tuple[npt.NDArray[Any], float, float], ...]

    def text(self, keyword: str) -> str:
        """Return the value of a keyword in upper case without blanks, or an empty text."""
        return str(self.header.get(keyword, "")).strip().upper()

    def integer(self, keyword: str) -> int | None:
        """Return the value of a keyword if it is an integer, else None."""
        value = self.header.get(keyword)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def values(self, number: int) -> npt.NDArray[Any]:
        """Return a column, row by row, as int64 or float64, shape (rows x elements per row,)."""
        stored, scale, zero = self._columns[number]
        flat = stored.reshape(-1)
        if stored.dtype.kind == "f" or scale != 1 or zero != int(zero):
            result = flat.astype(np.float64)
            return result if (scale, zero) == (1, 0) else result * scale + zero
        # unsigned integers are stored with an offset of 2^63, and wrap around
        return (flat.astype(np.int64).view(np.uint64) + np.uint64(int(zero) % 2**64)).view(np.int64)


@contextmanager
def open_table(source: bytes | Path) -> Iterator[HealpixTable]:
    """Open the first HEALPix table of a file.

    Parameters
    ----------
    source : bytes or pathlib.Path
        A FITS file, compressed with gzip or not.

    Yields
    ------
    HealpixTable
        Its columns are read when they are accessed, inside the block.

    Raises
    ------
    PacketError
        If the content is not a FITS file, has no such table, is truncated, or too large.
    OSError
        If the file cannot be read.
    """
    with _content(source) as content:
        if content[:6] != b"SIMPLE":
            raise PacketError("the sky map is not a FITS file", value=bytes(content[:60]))
        yield _first_map(content)


@contextmanager
def _content(source: bytes | Path) -> Iterator[Buffer]:
    """Open the decompressed content, without reading a large file into memory."""
    if isinstance(source, bytes):
        if source[:2] != b"\x1f\x8b":
            _check_size(len(source))
            yield source
            return
        chunks: Iterator[bytes] = iter([source])
    else:
        with source.open("rb") as stream:
            if stream.read(2) != b"\x1f\x8b":
                size = source.stat().st_size
                _check_size(size)
                if size == 0:
                    yield b""
                    return
                with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                    yield mapped
                return
        chunks = _chunks(source)
    with tempfile.TemporaryFile() as decompressed:
        size = 0
        for chunk in _decompress(chunks):
            size += len(chunk)
            _check_size(size)
            decompressed.write(chunk)
        if size == 0:
            raise PacketError("the compressed map is empty")
        decompressed.flush()
        with mmap.mmap(decompressed.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _decompress(compressed: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress gzip in chunks of limited size, however large the compression ratio."""
    decompressor = zlib.decompressobj(wbits=31)
    try:
        for chunk in compressed:
            while chunk:
                yield decompressor.decompress(chunk, _CHUNK)
                chunk = decompressor.unconsumed_tail
            if decompressor.eof:
                return
    except zlib.error as reason:
        raise PacketError("the compressed map is damaged", value=str(reason)) from None
    raise PacketError("the compressed map is truncated")


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise PacketError("the sky map is too large", expected=f"at most {MAX_BYTES >> 20} MiB")


def _first_map(content: Buffer) -> HealpixTable:
    start = 0
    for _ in range(_MAX_HDUS):
        if start >= len(content):
            break
        header, start = _header(content, start)
        if header.get("XTENSION", "").strip() == "BINTABLE" and _is_map(header):
            return _map_table(content, header, start)
        start += -(-_data_size(header) // BLOCK) * BLOCK
    raise PacketError("the file has no HEALPix map", expected="a table with PIXTYPE = 'HEALPIX'")


def _header(content: Buffer, start: int) -> tuple[fits.Header, int]:
    """Return the header that begins at an offset, and the offset of its data."""
    for number in range(_MAX_HEADER_BLOCKS):
        first = start + number * BLOCK
        block = content[first : first + BLOCK]
        if len(block) < BLOCK:
            break
        if any(block[at : at + 8] == b"END     " for at in range(0, BLOCK, _CARD)):
            end = first + BLOCK
            text = bytes(content[start:end]).decode("ascii", "replace").replace("�", "?")
            return fits.Header.fromstring(text), end
    raise PacketError(
        "a FITS header has no END",
        where=f"byte {start}",
        expected=f"at most {_MAX_HEADER_BLOCKS} blocks of {BLOCK} bytes",
    )


def _number(header: fits.Header, keyword: str, default: int | None = None) -> int:
    value = header.get(keyword, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise PacketError(
            "a FITS header is damaged", where=keyword, value=value, expected="an integer from 0"
        )
    return value


def _data_size(header: fits.Header) -> int:
    """Return the size in bytes of an HDU's data (FITS standard 4.0, section 4.4.1)."""
    axes = [_number(header, f"NAXIS{number + 1}") for number in range(_number(header, "NAXIS"))]
    size = 1 if axes else 0
    for axis in axes:
        size *= axis
    bits = abs(int(header.get("BITPIX", 8)))
    return bits // 8 * _number(header, "GCOUNT", 1) * (_number(header, "PCOUNT", 0) + size)


def _is_map(header: fits.Header) -> bool:
    names = {str(header.get(f"TTYPE{number}", "")).strip().upper() for number in range(1, 4)}
    return (
        str(header.get("PIXTYPE", "")).strip().upper() == "HEALPIX"
        or "UNIQ" in names
        or ("NSIDE" in header and "ORDERING" in header)
    )


def _map_table(content: Buffer, header: fits.Header, start: int) -> HealpixTable:
    width, rows = _number(header, "NAXIS1"), _number(header, "NAXIS2")
    if rows == 0 or start + width * rows > len(content):
        raise PacketError(
            "the table is shorter than its header claims",
            where="NAXIS2",
            value=rows,
            expected=f"at most {(len(content) - start) // max(width, 1)} rows, and at least one",
        )
    names, units, columns = [], [], []
    at = 0
    for number in range(1, _number(header, "TFIELDS") + 1):
        form = str(header.get(f"TFORM{number}", "")).strip()
        found = re.match(r"(\d{0,9})([A-Z])", form)
        if not found or found[2] not in {*_NUMBERS, *_OTHER_WIDTHS, "X"}:
            raise PacketError(
                "the format of a column is unknown", where=f"TFORM{number}", value=form
            )
        count, code = int(found[1] or 1), found[2]
        if code in _NUMBERS:
            dtype = np.dtype(_NUMBERS[code])
            size = count * dtype.itemsize
        else:
            size = -(-count // 8) if code == "X" else count * _OTHER_WIDTHS[code]
        if at + size > width:
            raise PacketError("the columns are wider than the rows", where="NAXIS1", value=width)
        if code in _NUMBERS and count:
            strides = (width, dtype.itemsize)
            stored = np.ndarray((rows, count), dtype, content, start + at, strides)
            scale, zero = header.get(f"TSCAL{number}", 1), header.get(f"TZERO{number}", 0)
            columns.append((stored, float(scale), float(zero)))
            names.append(str(header.get(f"TTYPE{number}", "")).strip())
            units.append(str(header.get(f"TUNIT{number}", "")).strip())
        at += size
    return HealpixTable(header, tuple(names), tuple(units), tuple(columns))
