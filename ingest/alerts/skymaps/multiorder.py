"""Multi-order HEALPix cells.

A cell is identified by its order and its number in the nested scheme, or by both in one NUNIQ
number (Fernique et al. 2015, A&A 578, A114). Cells of different orders are compared as ranges of
cells of the highest order, 29.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy import units as u
from astropy.coordinates import BarycentricMeanEcliptic, Galactic, SkyCoord
from astropy_healpix import (
    healpix_to_lonlat,
    level_ipix_to_uniq,
    lonlat_to_healpix,
    neighbours,
    uniq_to_level_ipix,
)
from astropy_healpix.core import ring_to_nested

from ingest.alerts.skymaps.sphere import Floats

Integers = npt.NDArray[np.int64]

MAX_ORDER: Final = 29
FRAMES: Final[dict[str, Any]] = {
    **dict.fromkeys(["", "C", "CEL", "EQ", "EQU", "EQUATORIAL", "Q", "ICRS", "J2000"]),
    **dict.fromkeys(["G", "GAL", "GALACTIC"], Galactic),
    **dict.fromkeys(["E", "ECL", "ECLIPTIC"], BarycentricMeanEcliptic),
}
"""Frames by the values of COORDSYS in use; None for equatorial coordinates."""
DEG2_PER_SR: Final = math.degrees(1) ** 2
_CHUNK: Final = 1 << 20
"""Pixels that are reordered at a time."""


def cell_areas(order: npt.ArrayLike) -> Floats:
    """Return the areas in sr of cells of some orders."""
    return np.asarray(np.pi / 3 * 0.25 ** np.asarray(order, np.float64))


def cell_ranges(order: Integers, cell: Integers) -> tuple[Integers, Integers]:
    """Return the first order-29 cell inside each cell, and the first one after it."""
    shift = 2 * (MAX_ORDER - order)
    return np.left_shift(cell, shift), np.left_shift(cell + 1, shift)


def cell_centres(order: Integers, cell: Integers) -> tuple[Floats, Floats]:
    """Return longitudes and latitudes in deg of the centres of cells."""
    lon, lat = healpix_to_lonlat(cell, np.left_shift(np.int64(1), order), order="nested")
    return np.asarray(lon.deg), np.asarray(lat.deg)


def cells_at(lon: npt.ArrayLike, lat: npt.ArrayLike, order: int = MAX_ORDER) -> Integers:
    """Return the cells of one order that contain positions in deg."""
    cells = lonlat_to_healpix(
        np.asarray(lon, np.float64) % 360 * u.deg,
        np.asarray(lat, np.float64) * u.deg,
        2**order,
        order="nested",
    )
    return np.asarray(cells, np.int64)


def subdivide(cell: Integers) -> Integers:
    """Return the four cells of the next order inside each cell, shape (4 n,)."""
    return (4 * cell[:, np.newaxis] + np.arange(4)).reshape(-1)


def sort_cells(uniq: Integers) -> npt.NDArray[np.intp]:
    """Return the indices that sort cells by their position in the nested scheme."""
    return np.argsort(cell_ranges(*uniq_to_level_ipix(uniq))[0], kind="stable")


def values_at(uniq: Integers, values: Floats, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Floats:
    """Return the values of the cells that contain positions in deg, and 0 outside all cells.

    The cells must be sorted, see :func:`sort_cells`.
    """
    first, end = cell_ranges(*uniq_to_level_ipix(uniq))
    position = cells_at(lon, lat)
    index = np.maximum(np.searchsorted(first, position, side="right") - 1, 0)
    inside = (position >= first[index]) & (position < end[index])
    return np.where(inside, values[index], 0.0)


def reorder_to_nested(values: Floats, order: int) -> Floats:
    """Return the pixels of an all-sky map in the nested scheme from those in the ring scheme."""
    result = np.empty_like(values)
    for first in range(0, len(values), _CHUNK):
        ring = np.arange(first, min(first + _CHUNK, len(values)))
        result[ring_to_nested(ring, 2**order)] = values[ring]
    return result


def to_multiorder(density: Floats, order: int, negligible: float) -> tuple[Integers, Floats]:
    """Convert an all-sky map of pixels of one size to a multi-order map.

    Four pixels of the same parent are merged if they are equal, or if their total probability is
    negligible. The parent then has their mean.

    Parameters
    ----------
    density : array of float, shape (12 * 4**order,)
        Probability per sr, nested scheme.
    order : int
        Order of the pixels.
    negligible : float
        Probability below which pixels are merged.

    Returns
    -------
    uniq : array of int64, shape (n,)
        NUNIQ numbers of the cells.
    density : array of float64, shape (n,)
        Their densities in sr^-1.
    """
    parts = []
    whole = np.ones(len(density), bool)
    while True:
        if order:
            four = density.reshape(-1, 4)
            equal = (four == four[:, :1]).all(1)
            # the mean of four equal numbers may differ from them by rounding
            mean = np.where(equal, four[:, 0], four.mean(1))
            merge = equal | (mean * cell_areas(order - 1) < negligible)
            merge &= whole.reshape(-1, 4).all(1)
            whole &= ~np.repeat(merge, 4)
        cells = np.flatnonzero(whole)
        parts.append((level_ipix_to_uniq(order, cells), density[cells]))
        if not order or not merge.any():
            break
        density, order, whole = mean, order - 1, merge
    uniq, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    return uniq, values


def to_icrs(uniq: Integers, density: Floats, frame: Any) -> tuple[Integers, Floats]:
    """Transform a multi-order map to ICRS.

    The new cells are one order finer than the map's cells at the same place. Each has the density
    at its centre.

    Parameters
    ----------
    uniq : array of int64, shape (n,)
        NUNIQ numbers of the map's cells in `frame`.
    density : array of float64, shape (n,)
        Their densities in sr^-1.
    frame : class
        Astropy's class of the map's frame; see `FRAMES`.

    Returns
    -------
    uniq, density : arrays of int64 and float64, shape (m,)
        The same in ICRS.
    """
    order, cell = uniq_to_level_ipix(uniq)
    new_order, new_cell = _icrs_cells(order, cell, frame)
    ra, dec = cell_centres(new_order, new_cell)
    there = SkyCoord(ra, dec, unit="deg").transform_to(frame()).spherical
    by_position = sort_cells(uniq)
    values = values_at(uniq[by_position], density[by_position], there.lon.deg, there.lat.deg)
    return level_ipix_to_uniq(new_order, new_cell), values


def _icrs_cells(order: Integers, cell: Integers, frame: Any) -> tuple[Integers, Integers]:
    """Return ICRS cells that cover the sky, one order finer than cells in another frame."""
    icrs = SkyCoord(*cell_centres(order, cell), unit="deg", frame=frame).icrs
    orders, cells = [], []
    split: Integers = np.empty(0, np.int64)
    for level in range(int(order.max()), -1, -1):
        chosen = order == level
        at_centre = cells_at(icrs.ra.deg[chosen], icrs.dec.deg[chosen], level)
        # a rotated cell overlaps with the neighbours of the cell that contains its centre
        around = neighbours(at_centre, 2**level, order="nested").reshape(-1)
        parents = np.unique(np.concatenate([at_centre, around[around >= 0], split // 4]))
        # children that are split themselves are not part of the result
        cells.append(np.setdiff1d(subdivide(parents), split, assume_unique=True))
        orders.append(np.full(len(cells[-1]), level + 1))
        split = parents
    cells.append(np.setdiff1d(np.arange(12), split))
    orders.append(np.zeros(len(cells[-1]), np.int64))
    return np.concatenate(orders), np.concatenate(cells)
