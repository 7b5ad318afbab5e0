"""Sky maps: the probability density of a source's direction in multi-order HEALPix cells.

Files of sky maps are flat or multi-order, in two pixel orderings and three coordinate systems, with
probabilities per pixel, per steradian or per square degree. All become a :class:`SkyMap`:
multi-order cells in ICRS with a density per steradian and the integral 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy_healpix import uniq_to_level_ipix
from mocpy import MOC

from ingest import __version__
from ingest.alerts.notices import FROM_MAP, Regions
from ingest.alerts.skymaps.multiorder import (
    DEG2_PER_SR,
    Integers,
    cell_areas,
    cell_centres,
    sort_cells,
    values_at,
)
from ingest.alerts.skymaps.reader import read_cells
from ingest.alerts.skymaps.sphere import Floats
from ingest.core.files import atomic_write

MAX_RANGES: Final = 5000
"""Maximum number of ranges of cells of a region in the database; see :func:`simplified`."""
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, eq=False)
class SkyMap:
    """The probability density of a source's direction.

    Attributes
    ----------
    uniq : array of int64, shape (n,)
        NUNIQ numbers of HEALPix cells in ICRS that do not overlap, sorted by their position in
        the nested scheme. The density is 0 outside them.
    density : array of float64, shape (n,)
        Probability density in sr^-1; the integral is 1.
    remarks : tuple of str
        Peculiarities of the file that the map was read from, and how they were handled.
    """

    uniq: Integers
    density: Floats
    remarks: tuple[str, ...] = ()

    @classmethod
    def from_cells(cls, uniq: Integers, density: Floats, remarks: tuple[str, ...] = ()) -> SkyMap:
        """Return the normalised map of unsorted cells."""
        by_position = sort_cells(uniq)
        total = float(density @ cell_areas(uniq_to_level_ipix(uniq)[0]))
        return cls(uniq[by_position], density[by_position] / total, remarks)

    @cached_property
    def order(self) -> Integers:
        """The order of each cell."""
        return np.asarray(uniq_to_level_ipix(self.uniq)[0])

    @property
    def probability(self) -> Floats:
        """The probability in each cell."""
        return np.asarray(self.density * cell_areas(self.order))

    @cached_property
    def _levels(self) -> tuple[Floats, Floats]:
        """Densities of the cells in descending order, and their cumulative probabilities."""
        falling = np.argsort(-self.density, kind="stable")
        return self.density[falling], np.cumsum(self.probability[falling])

    def probability_density_at(self, ra: npt.ArrayLike, dec: npt.ArrayLike) -> Floats:
        """Return the density at positions.

        Parameters
        ----------
        ra, dec : array_like of float, shape (n,)
            Positions in deg, ICRS.

        Returns
        -------
        array of float64, shape (n,)
            Probability density in sr^-1.
        """
        return values_at(self.uniq, self.density, ra, dec)

    def containment_at(self, ra: npt.ArrayLike, dec: npt.ArrayLike) -> Floats:
        """Return the smallest credible levels whose regions contain positions.

        This is the total probability of all cells that are at least as dense as the one at the
        position, also called searched probability. It is small where the source is likely.

        Parameters
        ----------
        ra, dec : array_like of float, shape (n,)
            Positions in deg, ICRS.

        Returns
        -------
        array of float64, shape (n,)
            From 0 to 1; 1 where the density is 0.
        """
        here = self.probability_density_at(ra, dec)
        density, searched = self._levels
        last = np.searchsorted(-density, -here, side="right") - 1
        return np.where(here > 0, np.minimum(searched[np.maximum(last, 0)], 1.0), 1.0)

    def in_region(self, level: float) -> npt.NDArray[np.bool_]:
        """Return a mask of the cells in the region of a credible level, shape (n,)."""
        density, searched = self._levels
        last = min(int(np.searchsorted(searched, level - _ROUNDING)), len(density) - 1)
        # cells as dense as the last one belong to the region, too
        return np.asarray((self.density >= density[last]) & (self.density > 0))

    def region(self, level: float) -> MOC:
        """Return the smallest region that contains the source with a probability.

        Parameters
        ----------
        level : float
            The probability, above 0 and at most 1. The region contains at least as much: it
            consists of whole cells.

        Returns
        -------
        mocpy.MOC
            The region in ICRS.
        """
        order, cell = uniq_to_level_ipix(self.uniq[self.in_region(level)])
        highest = int(self.order.max())
        return MOC.from_healpix_cells(cell.astype(np.uint64), order.astype(np.uint8), highest)

    def area(self, level: float) -> float:
        """Return the area in square degrees of the region of a credible level."""
        return float(cell_areas(self.order[self.in_region(level)]).sum() * DEG2_PER_SR)

    def best(self) -> tuple[float, float]:
        """Return right ascension and declination in deg, ICRS, of the densest cell's centre."""
        order, cell = uniq_to_level_ipix(self.uniq[[int(np.argmax(self.density))]])
        ra, dec = cell_centres(order, cell)
        return float(ra[0]), float(dec[0])

    def write(self, path: Path, keywords: Mapping[str, str] | None = None) -> Path:
        """Write the map as a multi-order FITS file, in the format of GCN's alerts.

        Parameters
        ----------
        path : pathlib.Path
            The file; replaced if it exists.
        keywords : mapping of str to str, optional
            Further keywords, such as OBJECT, DATE-OBS, REFERENC, or DATE (default: now).

        Returns
        -------
        pathlib.Path
            `path`.
        """
        columns = [
            fits.Column("UNIQ", "K", array=self.uniq),
            fits.Column("PROBDENSITY", "D", unit="sr-1", array=self.density),
        ]
        table = fits.BinTableHDU.from_columns(columns)
        for keyword, value, comment in (
            ("PIXTYPE", "HEALPIX", "HEALPix pixels"),
            ("ORDERING", "NUNIQ", "multi-order cells"),
            ("COORDSYS", "C", "equatorial, ICRS"),
            ("MOCORDER", int(self.order.max()), "highest order of the cells"),
            ("INDXSCHM", "EXPLICIT", "each row has the number of its cell"),
            ("ORIGIN", "KM3NeT", "organisation that made the map"),
            ("CREATOR", f"km3net-vo {__version__}", "software that made the map"),
            ("DATE", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "UTC, when the map was made"),
        ):
            table.header[keyword] = (value, comment)
        for keyword, text in (keywords or {}).items():
            table.header[keyword] = text
        with atomic_write(path) as stream:
            fits.HDUList([fits.PrimaryHDU(), table]).writeto(stream)
        return path


def read_map(source: bytes | Path) -> SkyMap:
    """Read a sky map.

    Parameters
    ----------
    source : bytes or pathlib.Path
        A FITS file with a HEALPix map, compressed with gzip or not.

    Raises
    ------
    ingest.alerts.notices.model.PacketError
        If the bytes are not a probability map.
    OSError
        If the file cannot be read.
    """
    return SkyMap.from_cells(*read_cells(source))


def map_regions(source: bytes | Path) -> Regions:
    """Return the 50 % and 90 % regions of the sky map of an alert.

    Parameters
    ----------
    source : bytes or pathlib.Path
        As in :func:`read_map`, which also lists the errors raised.

    Returns
    -------
    Regions
        Each of at most `MAX_RANGES` ranges of cells; see :func:`simplified`.
    """
    sky = read_map(source)
    texts = [simplified(sky.region(level)).to_string() for level in (0.5, 0.9)]
    return Regions(texts[0], texts[1], FROM_MAP)


def simplified(region: MOC, max_ranges: int = MAX_RANGES) -> MOC:
    """Return a region of at most `max_ranges` ranges of cells that contains the given one."""
    while len(region.to_depth29_ranges) > max_ranges:
        region = region.degrade_to_order(region.max_order - 1)
    return region
