"""Sky maps that users upload or that the archive has, read without trusting their headers.

Memory is only allocated for bytes that the file has. This runs in the Python of DaCHS.
"""

import re
import warnings
import zlib

import numpy as np
from astropy.io import fits

MOST_BYTES = 64 << 20
"""The largest map that is read, without compression."""
_MOST_BLOCKS = 200
_MOST_HDUS = 20
_BLOCK = 2880
_GZIP = b"\x1f\x8b"
_NUMBERS = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_WIDTHS = {"A": 1, "L": 1, "C": 8, "M": 16, "P": 8, "Q": 16}
_PIXELS = ("PIXEL", "PIX", "IPIX", "HPX_INDEX", "HEALPIX", "INDEX")
_VALUES = ("PROBDENSITY", "PROBABILITY", "PROB")
_MOST_ORDER = 29
_SQUARE_DEGREES = np.degrees(1) ** 2
_TOLERANCE = 0.05
"""The largest deviation of the integral of a map from 1."""


class MapError(ValueError):
    """The file is not a sky map that can be read; the message ends without a full stop."""


def read(content):
    """Return the cells of a sky map and their probabilities.

    Parameters
    ----------
    content : bytes
        A FITS file, compressed with gzip or not. Its first HEALPix table is read: flat (RING or
        NESTED, with or without numbers of pixels) or multi-order (UNIQ), in equatorial coordinates,
        with probabilities per pixel, sr or deg².

    Returns
    -------
    values : ndarray
        The probability in each cell, NaN where the map has no value; the sum is 1.
    uniq : ndarray or None
        The NUNIQ numbers of the cells.
    pixels : tuple
        Otherwise the order, whether the scheme is NESTED, and the numbers of pixels, None for all.

    Raises
    ------
    MapError
        If it is not a probability map.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _read(_uncompressed(content))
        except MapError:
            raise
        except Exception as reason:  # astropy raises many kinds of errors for a damaged header
            raise MapError(f"it cannot be read: {type(reason).__name__}: {reason}") from None


def _uncompressed(content):
    if content[:2] == _GZIP:
        decompressor = zlib.decompressobj(wbits=31)
        try:
            content = decompressor.decompress(content, MOST_BYTES + 1)
        except zlib.error as reason:
            raise MapError(f"it is damaged: {reason}") from None
        if len(content) <= MOST_BYTES and not decompressor.eof:
            raise MapError("it is truncated")
    if len(content) > MOST_BYTES:
        raise MapError(f"it has more than {MOST_BYTES >> 20} MiB, which is the limit")
    if content[:6] != b"SIMPLE":
        raise MapError("it is not a FITS file")
    return content


def _read(content):
    header, rows = _table(content)
    names = {name.upper(): name for name in rows.dtype.names}
    system = _word(header, "COORDSYS")
    if system not in ("", "C", "CEL", "EQ", "ICRS", "EQUATORIAL"):
        raise MapError(f"its coordinates are {system}; expected equatorial ones, COORDSYS = 'C'")
    column = next((names[one] for one in _VALUES if one in names), None) or next(
        (own for name, own in names.items() if name not in (*_PIXELS, "UNIQ")), None
    )
    if column is None:
        raise MapError("it has no column with probabilities")
    number = _column_number(header, column)
    values = _scaled(header, rows[column], number)
    # missing pixels are NaN or HEALPix' UNSEEN, -1.6375e30
    values = np.where(values < -1.6e30, np.nan, values)
    if np.isinf(values).any() or (values < -1e-9).any() or not (values > 0).any():
        raise MapError("its values are not probabilities, which are finite and 0 or more")
    values = np.maximum(values, 0.0)
    if "UNIQ" in names:
        uniq = rows[names["UNIQ"]].astype(np.int64).ravel()
        if len(uniq) != len(values) or uniq.min() < 4 or uniq.max() >= 16 << (2 * _MOST_ORDER):
            raise MapError("the numbers in its column UNIQ are not those of cells")
        order = (np.log2(uniq / 4) // 2).astype(int)
        # the logarithm of a large number may be rounded up
        order -= uniq < 4 << (2 * order)
        return _probabilities(values, order, header, number), uniq, None
    order, pixels = _flat(header, rows, names, len(values))
    scheme = _word(header, "ORDERING")
    if scheme not in ("RING", "NEST", "NESTED"):
        raise MapError(f"ORDERING is '{scheme}'; expected RING or NESTED")
    values = _probabilities(values, np.int64(order), header, number)
    return values, None, (order, scheme != "RING", pixels)


def _flat(header, rows, names, count):
    """Return the order of the pixels, and their numbers or None."""
    sides = header.get("NSIDE", round((count / 12) ** 0.5))
    if type(sides) is not int or not 1 <= sides <= 2**_MOST_ORDER or sides & (sides - 1):
        raise MapError(f"NSIDE is {sides}; expected a power of 2")
    found = next((names[one] for one in _PIXELS if one in names), None)
    if found is None:
        if count != 12 * sides**2:
            raise MapError(f"it has {count} pixels; expected {12 * sides**2} for NSIDE {sides}")
        return sides.bit_length() - 1, None
    pixels = rows[found].astype(np.int64).ravel()
    if (
        len(pixels) != count
        or pixels.min() < 0
        or pixels.max() >= 12 * sides**2
        or len(np.unique(pixels)) != count
    ):
        raise MapError(f"the numbers in its column {found} are not those of pixels")
    return sides.bit_length() - 1, pixels


def _probabilities(values, order, header, number):
    """Return the probability in each cell, from values per cell, sr or deg²."""
    area = np.pi / 3 / 4.0**order
    per_cell = {"pixel": values, "sr": values * area, "deg2": values * area * _SQUARE_DEGREES}
    unit = str(header.get(f"TUNIT{number}", "")).lower()
    named = next(
        (name for sign, name in (("deg", "deg2"), ("sr", "sr"), ("pix", "pixel")) if sign in unit),
        None,
    )
    totals = {name: float(np.nansum(one)) for name, one in per_cell.items()}
    best = named or min(totals, key=lambda name: abs(totals[name] - 1))
    if abs(totals[best] - 1) > _TOLERANCE:
        shown = ", ".join(f"{total:.4g} per {name}" for name, total in totals.items())
        raise MapError(f"its probabilities do not sum to one: with values taken as {shown}")
    return per_cell[best] / totals[best]


def _table(content):
    """Return the header and the rows of the first HEALPix table."""
    start = 0
    for _ in range(_MOST_HDUS):
        if start >= len(content):
            break
        header, start = _header(content, start)
        if header.get("XTENSION", "").strip() == "BINTABLE" and _is_map(header):
            return header, _rows(content, header, start)
        start += -(-_size(header) // _BLOCK) * _BLOCK
    raise MapError("it has no HEALPix table")


def _header(content, start):
    for number in range(1, _MOST_BLOCKS + 1):
        end = start + number * _BLOCK
        block = content[end - _BLOCK : end]
        if len(block) < _BLOCK:
            break
        if any(block[at : at + 8] == b"END     " for at in range(0, _BLOCK, 80)):
            return fits.Header.fromstring(content[start:end].decode("ascii", "replace")), end
    raise MapError("a header has no end")


def _is_map(header):
    names = {_word(header, f"TTYPE{number}") for number in range(1, 5)}
    return (
        _word(header, "PIXTYPE") == "HEALPIX"
        or "UNIQ" in names
        or ("NSIDE" in header and "ORDERING" in header)
    )


def _word(header, keyword):
    return str(header.get(keyword, "")).strip().upper()


def _number(header, keyword, default=None):
    value = header.get(keyword, default)
    if type(value) is not int or value < 0:
        raise MapError(f"{keyword} is {value}; expected a number from 0")
    return value


def _size(header):
    """Return the size of the data after a header (FITS standard 4.0, section 4.4.1)."""
    axes = [_number(header, f"NAXIS{n + 1}") for n in range(min(_number(header, "NAXIS"), 999))]
    size = 1 if axes else 0
    for axis in axes:
        size *= axis
    bits = abs(int(header.get("BITPIX", 8)))
    return bits // 8 * _number(header, "GCOUNT", 1) * (_number(header, "PCOUNT", 0) + size)


def _rows(content, header, start):
    width, count = _number(header, "NAXIS1"), _number(header, "NAXIS2")
    if count == 0 or width == 0 or start + width * count > len(content):
        raise MapError(f"its table is shorter than the {count} rows that its header promises")
    names, formats, offsets = [], [], []
    at = 0
    for number in range(1, min(_number(header, "TFIELDS"), 999) + 1):
        form = str(header.get(f"TFORM{number}", "")).strip()
        parts = re.match(r"(\d{0,9})([A-Z])", form)
        if not parts or parts[2] not in {*_NUMBERS, *_WIDTHS, "X"}:
            raise MapError(f"TFORM{number} is '{form}', which is not the format of a column")
        repeats, code = int(parts[1] or 1), parts[2]
        if code in _NUMBERS:
            size = repeats * int(_NUMBERS[code][-1])
            name = _column_name(header, number)
            if name in names:
                raise MapError(f"it has two columns {name}")
            if at + size <= width and repeats:
                names.append(name)
                formats.append((_NUMBERS[code], (repeats,)))
                offsets.append(at)
        else:
            size = -(-repeats // 8) if code == "X" else repeats * _WIDTHS[code]
        at += size
    if at > width or not names:
        raise MapError("its columns do not fit its rows")
    form = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": width})
    return np.frombuffer(content, form, count, start)


def _column_number(header, name):
    return next(n for n in range(1, 1000) if _column_name(header, n) == name)


def _column_name(header, number):
    return _word(header, f"TTYPE{number}") or f"COLUMN{number}"


def _scaled(header, stored, number):
    scale, zero = header.get(f"TSCAL{number}", 1), header.get(f"TZERO{number}", 0)
    try:
        return stored.astype(np.float64).ravel() * float(scale) + float(zero)
    except (TypeError, ValueError):
        raise MapError(f"TSCAL{number} or TZERO{number} is not a number") from None
