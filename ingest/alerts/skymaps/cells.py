"""Cells of many sizes: HEALPix cells of all orders, as sky maps are made of.

The cell of number p at order o has the NUNIQ number 4^(o+1) + p (nested scheme; Fernique et al.
2015, A&A 578, A114). Where cells are compared, they are ranges of cells of the finest order, 29.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy import units as u
from astropy.coordinates import BarycentricMeanEcliptic, Galactic, SkyCoord
from astropy_healpix import healpix_to_lonlat, lonlat_to_healpix, neighbours
from astropy_healpix.core import ring_to_nested

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

DEEPEST: Final = 29
FRAMES: Final[dict[str, Any]] = {
    **dict.fromkeys(["", "C", "CEL", "EQ", "EQU", "EQUATORIAL", "Q", "ICRS", "J2000"]),
    **dict.fromkeys(["G", "GAL", "GALACTIC"], Galactic),
    **dict.fromkeys(["E", "ECL", "ECLIPTIC"], BarycentricMeanEcliptic),
}
"""By what files have as COORDSYS; None where the coordinates are equatorial."""
SQUARE_DEGREES: Final = math.degrees(1) ** 2
"""In a steradian."""
_PIECE: Final = 1 << 20
"""Pixels worked on at a time."""


def split_uniq(uniq: Whole) -> tuple[Whole, Whole]:
    """Return orders and numbers of cells from their NUNIQ numbers, shapes (n,)."""
    # of a float64 the exponent is exact for every number of order 25 and below; above,
    # rounding may reach the next power of two, which the comparison undoes
    order = (np.log2(uniq.astype(np.float64)).astype(np.int64) >> 1) - 1
    order -= uniq < np.left_shift(np.int64(4), 2 * order)
    return order, uniq - np.left_shift(np.int64(4), 2 * order)


def join_uniq(order: npt.ArrayLike, cell: Whole) -> Whole:
    """Return the NUNIQ numbers of cells."""
    return np.left_shift(np.int64(4), 2 * np.asarray(order, np.int64)) + cell


def areas(order: npt.ArrayLike) -> Floats:
    """Return the areas in sr of cells."""
    return np.asarray(np.pi / 3 * 0.25 ** np.asarray(order, np.float64))


def first_of(order: Whole, cell: Whole) -> Whole:
    """Return the first cell of the finest order that lies in each cell."""
    return np.left_shift(cell, 2 * (DEEPEST - order))


def centres(order: Whole, cell: Whole) -> tuple[Floats, Floats]:
    """Return longitudes and latitudes in deg of the centres of cells."""
    lon, lat = healpix_to_lonlat(cell, np.left_shift(np.int64(1), order), order="nested")
    return np.asarray(lon.deg), np.asarray(lat.deg)


def cells_at(lon: npt.ArrayLike, lat: npt.ArrayLike, order: int = DEEPEST) -> Whole:
    """Return the numbers of the cells of one order that positions in deg lie in."""
    found = lonlat_to_healpix(
        np.asarray(lon, np.float64) % 360 * u.deg,
        np.asarray(lat, np.float64) * u.deg,
        2**order,
        order="nested",
    )
    return np.asarray(found, np.int64)


def value_at(uniq: Whole, values: Floats, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Floats:
    """Return the values of the cells that positions in deg lie in; 0 outside of all cells.

    The cells must be ordered by their place in the nested scheme.
    """
    order, cell = split_uniq(uniq)
    first, place = first_of(order, cell), cells_at(lon, lat)
    found = np.maximum(np.searchsorted(first, place, side="right") - 1, 0)
    beyond = first[found] + np.left_shift(np.int64(1), 2 * (DEEPEST - order[found]))
    return np.where((place >= first[found]) & (place < beyond), values[found], 0.0)


def nested_from_ring(values: npt.NDArray[np.float64], order: int) -> Floats:
    """Bring the pixels of a whole sky from the ring scheme to the nested one."""
    result = np.empty_like(values)
    for first in range(0, len(values), _PIECE):
        ring = np.arange(first, min(first + _PIECE, len(values)))
        result[ring_to_nested(ring, 2**order)] = values[ring]
    return result


def merged(density: Floats, order: int, negligible: float) -> tuple[Whole, Floats]:
    """Make a map of many orders of a whole sky in pixels of one size.

    Four pixels that make one larger pixel are merged where they are equal, and where they hold
    together less than a negligible probability: then they have their mean.

    Parameters
    ----------
    density : array of float, shape (12 * 4**order,)
        Probability per sr, nested scheme.
    order : int
        Of the pixels.
    negligible : float
        A probability.

    Returns
    -------
    uniq, density : arrays of int64 and float64, shape (n,)
    """
    found = []
    whole = np.ones(len(density), bool)
    while True:
        if order:
            four = density.reshape(-1, 4)
            equal = (four == four[:, :1]).all(1)
            # the mean of an equal four may be off by a rounding
            mean = np.where(equal, four[:, 0], four.mean(1))
            alike = equal | (mean * areas(order - 1) < negligible)
            alike &= whole.reshape(-1, 4).all(1)
            whole &= ~np.repeat(alike, 4)
        kept = np.flatnonzero(whole)
        found.append((join_uniq(order, kept), density[kept]))
        if not order or not alike.any():
            break
        density, order, whole = mean, order - 1, alike
    uniq, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return uniq, values


def turned_cells(order: Whole, cell: Whole, frame: Any) -> tuple[Whole, Whole, Floats, Floats]:
    """Return cells in ICRS that are finer by one order than a map's, wherever on the sky.

    Parameters
    ----------
    order, cell : arrays of int, shape (n,)
        The map's cells in the coordinates of `frame`.
    frame : class
        Astropy's, of the map; see `FRAMES`.

    Returns
    -------
    order, cell : arrays of int64, shape (m,)
        Cells in ICRS, which cover the sky.
    lon, lat : arrays of float64, shape (m,)
        Their centres, in deg in the coordinates of `frame`.
    """
    lon, lat = centres(order, cell)
    icrs = SkyCoord(lon, lat, unit="deg", frame=frame).icrs
    leaves_order, leaves = [], []
    split: Whole = np.empty(0, np.int64)
    for level in range(int(order.max()), -1, -1):
        chosen = order == level
        at = cells_at(icrs.ra.deg[chosen], icrs.dec.deg[chosen], level)
        # a turned cell reaches into those around the one that its centre is in
        around = neighbours(at, 2**level, order="nested").reshape(-1)
        inner = np.unique(np.concatenate([at, around[around >= 0], split // 4]))
        children = (4 * inner[:, np.newaxis] + np.arange(4)).reshape(-1)
        # those children that are split themselves are not part of the result
        leaves.append(np.setdiff1d(children, split, assume_unique=True))
        leaves_order.append(np.full(len(leaves[-1]), level + 1))
        split = inner
    leaves.append(np.setdiff1d(np.arange(12), split))
    leaves_order.append(np.zeros(len(leaves[-1]), np.int64))
    result_order, result = np.concatenate(leaves_order), np.concatenate(leaves)
    ra, dec = centres(result_order, result)
    there = SkyCoord(ra, dec, unit="deg").transform_to(frame())
    return result_order, result, there.spherical.lon.deg, there.spherical.lat.deg
