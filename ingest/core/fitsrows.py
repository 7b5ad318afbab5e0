"""Input of FITS binary tables in blocks of rows, or of single values by the number of the row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits

BLOCK_ROWS: Final = 1 << 16
_TAKEN_ROWS: Final = 1 << 20


class TableRows:
    """The rows of one binary table of fixed-size columns.

    astropy's memory map would keep all rows in memory.

    Parameters
    ----------
    path : pathlib.Path
        The FITS file.
    extension : str
        EXTNAME of the table.

    Attributes
    ----------
    primary, header : astropy.io.fits.Header
        The headers of the file and of the table.
    dtype : numpy.dtype
        The type of the rows, big-endian.
    units : dict of str to str
        The columns and their units; an empty string if a column has none.
    """

    def __init__(self, path: Path, extension: str = "EVENTS") -> None:
        self.path = path
        with fits.open(path, memmap=True) as hdus:
            table = hdus[extension]
            self.primary: fits.Header = hdus[0].header
            self.header: fits.Header = table.header
            self.dtype: np.dtype[np.void] = table.columns.dtype.newbyteorder(">")
            self.units: dict[str, str] = {one.name: one.unit or "" for one in table.columns}
            self._start: int = table.fileinfo()["datLoc"]

    def __len__(self) -> int:
        return int(self.header["NAXIS2"])

    def blocks(self, first: int = 0, last: int | None = None) -> Iterator[npt.NDArray[np.void]]:
        """Yield the rows in their order: all, or from one number up to another, from 0."""
        with self.path.open("rb") as stream:
            stream.seek(self._start + first * self.dtype.itemsize)
            left = (len(self) if last is None else last) - first
            while left > 0:
                rows = np.fromfile(stream, self.dtype, min(BLOCK_ROWS, left))
                left -= len(rows) or left
                yield rows

    def take(self, name: str, numbers: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the values of a column in the rows with these numbers, counted from 0."""
        values: npt.NDArray[Any] = np.empty(len(numbers), self.dtype[name])
        for first in range(0, len(numbers), _TAKEN_ROWS):
            # mapped again for each piece, because all that was read stays in memory until then
            rows = np.memmap(self.path, self.dtype, "r", self._start, (len(self),))
            here = slice(first, first + _TAKEN_ROWS)
            values[here] = np.asarray(rows[name])[numbers[here]]
        return values
