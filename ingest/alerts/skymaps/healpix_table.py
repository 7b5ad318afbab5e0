"""Tables of sky maps in FITS files, read without trusting what the header claims.

Nothing is allocated before it is known that the file has the bytes. A damaged or hostile file
ends as a :class:`~ingest.alerts.notices.model.PacketError` within milliseconds.
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

MOST_BYTES: Final = 512 << 20
"""Of a map, unpacked: NSIDE 2048 in double precision is 403 MB."""
_MOST_HEADER_BLOCKS: Final = 200
_MOST_EXTENSIONS: Final = 20
_CARD: Final = 80
_PIECE: Final = 1 << 20
_TYPES: Final = {"L": "i1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_WIDTHS: Final = {"A": 1, "C": 8, "M": 16, "P": 8, "Q": 16}
"""Bytes of types no map is made of, which may stand beside it. Bits (X) have their own rule."""

Buffer = bytes | mmap.mmap


@dataclass(frozen=True)
class MapTable:
    """The first table of a file that holds a HEALPix map.

    Attributes
    ----------
    names, units : tuple of str
        Of the columns of numbers, as the file has them; a unit may be empty.
    """

    header: fits.Header
    names: tuple[str, ...]
    units: tuple[str, ...]
    _columns: tuple[tuple[npt.NDArray[Any], float, float], ...]

    def text(self, keyword: str) -> str:
        """Return a keyword's value in upper case without blanks; empty if there is none."""
        return str(self.header.get(keyword, "")).strip().upper()

    def whole(self, keyword: str) -> int | None:
        """Return a keyword's value if it is a whole number."""
        value = self.header.get(keyword)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def values(self, number: int) -> npt.NDArray[Any]:
        """Return a column, row after row, shape (rows x elements per row,).

        Whole numbers are int64, others float64.
        """
        stored, scale, zero = self._columns[number]
        flat = stored.reshape(-1)
        if stored.dtype.kind == "f" or scale != 1 or zero != int(zero):
            result = flat.astype(np.float64)
            return result if (scale, zero) == (1, 0) else result * scale + zero
        # an unsigned number is stored as a signed one less 2^63, and wraps around
        return (flat.astype(np.int64).view(np.uint64) + np.uint64(int(zero) % 2**64)).view(np.int64)


@contextmanager
def read_table(source: bytes | Path) -> Iterator[MapTable]:
    """Open the HEALPix table of a file.

    Parameters
    ----------
    source : bytes or pathlib.Path
        A FITS file, packed by gzip or not.

    Yields
    ------
    MapTable
        Its columns are read from the file when they are asked for.

    Raises
    ------
    PacketError
        If this is no FITS file, has no such table, is shorter than it says, or too large.
    OSError
        If the file cannot be read.
    """
    with _content(source) as content:
        if content[:6] != b"SIMPLE":
            raise PacketError("this is no FITS file", value=bytes(content[:60]))
        yield _table(content)


@contextmanager
def _content(source: bytes | Path) -> Iterator[Buffer]:
    """Open what is to be read, unpacked, without holding a large file in memory."""
    if isinstance(source, bytes):
        if source[:2] != b"\x1f\x8b":
            _check_size(len(source))
            yield source
            return
        pieces: Iterator[bytes] = iter([source])
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
        pieces = _pieces(source)
    with tempfile.TemporaryFile() as unpacked:
        size = 0
        for piece in _unpack(pieces):
            size += len(piece)
            _check_size(size)
            unpacked.write(piece)
        if size == 0:
            raise PacketError("the packed map is empty")
        unpacked.flush()
        with mmap.mmap(unpacked.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece


def _unpack(packed: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what gzip packed, a piece at a time, however much a piece may become."""
    machine = zlib.decompressobj(wbits=31)
    try:
        for piece in packed:
            while piece:
                yield machine.decompress(piece, _PIECE)
                piece = machine.unconsumed_tail
            if machine.eof:
                return
    except zlib.error as reason:
        raise PacketError("the packed map is damaged", value=str(reason)) from None
    raise PacketError("the packed map is cut off")


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise PacketError("the map is too large", expected=f"at most {MOST_BYTES >> 20} MiB")


def _table(content: Buffer) -> MapTable:
    start = 0
    for _ in range(_MOST_EXTENSIONS):
        if start >= len(content):
            break
        header, start = _header(content, start)
        if header.get("XTENSION", "").strip() == "BINTABLE" and _is_map(header):
            return _columns(content, header, start)
        start += -(-_data_size(header) // BLOCK) * BLOCK
    raise PacketError("the file has no HEALPix map", expected="a table with PIXTYPE = 'HEALPIX'")


def _header(content: Buffer, start: int) -> tuple[fits.Header, int]:
    """Read the header that begins at `start`; return it, and where its data begin."""
    for number in range(_MOST_HEADER_BLOCKS):
        first = start + number * BLOCK
        block = content[first : first + BLOCK]
        if len(block) < BLOCK:
            break
        if any(block[at : at + 8] == b"END     " for at in range(0, BLOCK, _CARD)):
            end = first + BLOCK
            text = bytes(content[start:end]).decode("ascii", "replace").replace("�", "?")
            return fits.Header.fromstring(text), end
    raise PacketError("a header of the FITS file has no end", where=f"byte {start}")


def _number(header: fits.Header, keyword: str, default: int | None = None) -> int:
    value = header.get(keyword, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise PacketError("a header is damaged", where=keyword, value=value)
    return value


def _data_size(header: fits.Header) -> int:
    """Return the bytes of an HDU's data, as the FITS standard has it (section 4.4.1)."""
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


def _columns(content: Buffer, header: fits.Header, start: int) -> MapTable:
    width, rows = _number(header, "NAXIS1"), _number(header, "NAXIS2")
    if rows == 0 or start + width * rows > len(content):
        raise PacketError(
            "the table is shorter than its header says",
            where="NAXIS2",
            value=rows,
            expected=f"at most {(len(content) - start) // max(width, 1)} rows, and at least one",
        )
    names, units, columns = [], [], []
    at = 0
    for number in range(1, _number(header, "TFIELDS") + 1):
        form = str(header.get(f"TFORM{number}", "")).strip()
        found = re.match(r"(\d{0,9})([A-Z])", form)
        if not found or found[2] not in {*_TYPES, *_WIDTHS, "X"}:
            raise PacketError("a column has no known format", where=f"TFORM{number}", value=form)
        count, code = int(found[1] or 1), found[2]
        if code in _TYPES:
            dtype = np.dtype(_TYPES[code])
            size = count * dtype.itemsize
        else:
            size = -(-count // 8) if code == "X" else count * _WIDTHS[code]
        if at + size > width:
            raise PacketError("the columns are wider than the rows", where="NAXIS1", value=width)
        if code in _TYPES and count:
            strides = (width, dtype.itemsize)
            stored = np.ndarray((rows, count), dtype, content, start + at, strides)
            scale, zero = header.get(f"TSCAL{number}", 1), header.get(f"TZERO{number}", 0)
            columns.append((stored, float(scale), float(zero)))
            names.append(str(header.get(f"TTYPE{number}", "")).strip())
            units.append(str(header.get(f"TUNIT{number}", "")).strip())
        at += size
    return MapTable(header, tuple(names), tuple(units), tuple(columns))
