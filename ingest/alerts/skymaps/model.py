"""Sky maps: the probability of where the source of an alert is, as HEALPix maps.

Collaborations write them flat or of many orders, in two pixel schemes and three systems of
coordinates, and as probability per pixel, per steradian or per square degree. All become a
:class:`SkyMap`: cells of many orders in ICRS with a density per steradian and the integral 1.
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
from mocpy import MOC

from ingest import __version__
from ingest.alerts.notices import FROM_MAP, Regions
from ingest.alerts.skymaps.cells import (
    SQUARE_DEGREES,
    Floats,
    Whole,
    areas,
    centres,
    first_of,
    split_uniq,
    value_at,
)
from ingest.alerts.skymaps.reader import read_cells
from ingest.core.files import atomic_write

MOST_RANGES: Final = 5000
"""Of a region in the database; a more ragged one gets coarser cells, and still contains it."""
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, eq=False)
class SkyMap:
    """The probability density of a source's direction.

    Attributes
    ----------
    uniq : array of int64, shape (n,)
        NUNIQ numbers of HEALPix cells that do not overlap, in ICRS, ordered by their place in
        the nested scheme. The density is 0 where there are no cells.
    density : array of float64, shape (n,)
        sr^-1; the integral is 1.
    remarks : tuple of str
        What was noticed when the map was read, and done about it.
    """

    uniq: Whole
    density: Floats
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, uniq: Whole, density: Floats, remarks: tuple[str, ...] = ()) -> SkyMap:
        """Return a map of cells in any order, whose integral is brought to 1."""
        order, cell = split_uniq(uniq)
        by_place = np.argsort(first_of(order, cell), kind="stable")
        total = float(density @ areas(order))
        return cls(uniq[by_place], density[by_place] / total, remarks)

    @cached_property
    def order(self) -> Whole:
        """The order of each cell."""
        return split_uniq(self.uniq)[0]

    @property
    def probability(self) -> Floats:
        """The probability in each cell."""
        return np.asarray(self.density * areas(self.order))

    @cached_property
    def _levels(self) -> tuple[Floats, Floats]:
        """The densities of cells from the highest down, and what is at least as dense."""
        falling = np.argsort(-self.density, kind="stable")
        return self.density[falling], np.cumsum(self.probability[falling])

    def probability_density_at(self, ra: npt.ArrayLike, dec: npt.ArrayLike) -> Floats:
        """Return the density at positions.

        Parameters
        ----------
        ra, dec : array_like of float, shape (n,)
            deg, ICRS.

        Returns
        -------
        array of float64, shape (n,)
            sr^-1.
        """
        return value_at(self.uniq, self.density, ra, dec)

    def containment_at(self, ra: npt.ArrayLike, dec: npt.ArrayLike) -> Floats:
        """Return the smallest credible levels whose regions contain positions.

        It is the probability of everything that is at least as dense as the position, also
        called searched probability: small where the source is likely to be.

        Parameters
        ----------
        ra, dec : array_like of float, shape (n,)
            deg, ICRS.

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
        """Return which cells make the region of a credible level, shape (n,)."""
        density, searched = self._levels
        last = min(int(np.searchsorted(searched, level - _ROUNDING)), len(density) - 1)
        # cells as dense as the last one belong to it, too: nothing chooses between them
        return np.asarray((self.density >= density[last]) & (self.density > 0))

    def region(self, level: float) -> MOC:
        """Return the smallest region that contains the source with a probability.

        Parameters
        ----------
        level : float
            The probability, above 0 and at most 1. The region holds as much or, because cells
            are whole, a little more.

        Returns
        -------
        mocpy.MOC
            In ICRS.
        """
        order, cell = split_uniq(self.uniq[self.in_region(level)])
        deepest = int(self.order.max())
        return MOC.from_healpix_cells(cell.astype(np.uint64), order.astype(np.uint8), deepest)

    def area(self, level: float) -> float:
        """Return the area in square degrees of the region of a credible level."""
        return float(areas(self.order[self.in_region(level)]).sum() * SQUARE_DEGREES)

    def best(self) -> tuple[float, float]:
        """Return right ascension and declination in deg, ICRS, of the densest cell's centre."""
        order, cell = split_uniq(self.uniq[[int(np.argmax(self.density))]])
        ra, dec = centres(order, cell)
        return float(ra[0]), float(dec[0])

    def write(self, path: Path, about: Mapping[str, str] | None = None) -> Path:
        """Write the map as a FITS file of many orders, in the form that GCN's alerts have.

        Parameters
        ----------
        path : pathlib.Path
            The file; replaced if it is there.
        about : mapping of str to str, optional
            Further keywords, such as OBJECT, DATE-OBS, REFERENC, or DATE, which else is now.

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
            ("ORDERING", "NUNIQ", "cells of many orders"),
            ("COORDSYS", "C", "equatorial, ICRS"),
            ("MOCORDER", int(self.order.max()), "finest order of the cells"),
            ("INDXSCHM", "EXPLICIT", "each row has its cell's number"),
            ("ORIGIN", "KM3NeT", "who made the map"),
            ("CREATOR", f"km3net-vo {__version__}", "what made the map"),
            ("DATE", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "UTC, when it was made"),
        ):
            table.header[keyword] = (value, comment)
        for keyword, text in (about or {}).items():
            table.header[keyword] = text
        with atomic_write(path) as stream:
            fits.HDUList([fits.PrimaryHDU(), table]).writeto(stream)
        return path


def read_map(source: bytes | Path) -> SkyMap:
    """Read a sky map.

    Parameters
    ----------
    source : bytes or pathlib.Path
        A FITS file with a HEALPix map, packed by gzip or not.

    Raises
    ------
    ingest.alerts.notices.model.PacketError
        If it is no map of probabilities, whatever the bytes.
    OSError
        If the file cannot be read.
    """
    return SkyMap.of(*read_cells(source))


def map_regions(source: bytes | Path) -> Regions:
    """Return the regions of a sky map that came with an alert.

    Parameters
    ----------
    source : bytes or pathlib.Path
        As in :func:`read_map`, which tells the errors raised.

    Returns
    -------
    Regions
        Each of at most `MOST_RANGES` ranges of cells; one that has more is made coarser.
    """
    return regions_of(read_map(source))


def regions_of(sky: SkyMap) -> Regions:
    """Return the regions of a sky map; see :func:`map_regions`."""
    texts = [simplified(sky.region(level)).to_string() for level in (0.5, 0.9)]
    return Regions(texts[0], texts[1], FROM_MAP)


def simplified(region: MOC, most: int = MOST_RANGES) -> MOC:
    """Return a region of at most `most` ranges of cells that contains another one."""
    while len(region.to_depth29_ranges) > most:
        region = region.degrade_to_order(region.max_order - 1)
    return region
