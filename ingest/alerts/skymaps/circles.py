"""Regions on the sky from error circles, many at a time.

A region is a coverage map (MOC) that contains every point of its circle. What it has in excess is
a rim of less than two cells. Libraries that make coverage maps of circles approximate: some lose
a few per cent of the radius here and there, and most of a circle wider than 150°. A search by
region must not lose a position, so the cells are chosen here, by distances alone, which is right
at the poles and for any radius.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from astropy_healpix import healpix_to_xyz
from mocpy import MOC

from ingest.alerts.notices import Position, Regions, radii

Floats = npt.NDArray[np.float64]

FINEST_ORDER: Final = 18
"""Cells of 0.8"; what is known better than that gets a region of one or a few of them."""
_TABULATED: Final = 6
"""The order up to which the centres of all cells are kept, 1.6 MB: every circle needs these."""
CELLS_PER_RADIUS: Final = 6
"""At least; a region then has at most 1.5 times the area of its circle."""


def circle_regions(positions: Sequence[Position | None]) -> list[Regions]:
    """Return the regions of the error circles of positions.

    Parameters
    ----------
    positions : sequence of Position or None
        Hundreds at a time take a tenth of the time that each on its own takes.

    Returns
    -------
    list of Regions
        One for each position, in their order. Empty where there is no position or no radius. A
        radius of 0 counts as none: packets write it where nothing is known of the error, and a
        region of one cell would claim that the source is known to a second of arc.
    """
    known = [
        (number, position, found)
        for number, position in enumerate(positions)
        if position is not None and (found := radii(position))
    ]
    ra, dec = ([getattr(position, axis) for _, position, _ in known] for axis in ("ra", "dec"))
    sizes = np.array([found[:2] for _, _, found in known], np.float64).ravel()
    texts = [moc.to_string() for moc in covers(np.repeat(ra, 2), np.repeat(dec, 2), sizes)]
    regions = [Regions()] * len(positions)
    for place, (number, _, (_, _, origin)) in enumerate(known):
        regions[number] = Regions(texts[2 * place], texts[2 * place + 1], origin)
    return regions


def covers(ra: npt.ArrayLike, dec: npt.ArrayLike, radius: npt.ArrayLike) -> list[MOC]:
    """Return coverage maps that contain circles.

    From the twelve largest cells down, a cell whose centre is too far from the circle for the
    two to touch is left out, and one that is inside as a whole is kept; others are split, until
    they are small compared with the circle and are kept.

    Parameters
    ----------
    ra, dec : array_like of float, shape (n,)
        Centres in deg, ICRS.
    radius : array_like of float, shape (n,)
        deg, above 0, at most 180.

    Returns
    -------
    list of mocpy.MOC
        Of length n.
    """
    centre = unit_vectors(ra, dec).T.copy()
    size = np.radians(np.asarray(radius, np.float64))
    # a smaller circle than the first bound has the finest cells, too, and must not overflow
    cells = np.sqrt(np.pi / 3) * CELLS_PER_RADIUS / np.clip(size, 1e-12, np.pi / 2)
    last = np.clip(np.ceil(np.log2(cells)), 2, FINEST_ORDER).astype(np.int64)
    circle = np.repeat(np.arange(len(size)), 12)
    cell = np.tile(np.arange(12), len(size))
    kept = []
    for order in range(FINEST_ORDER + 1):
        apart = np.sqrt(
            sum(
                (one - of[circle]) ** 2
                for one, of in zip(_centres(cell, order), centre, strict=True)
            )
        )
        near = _chord_of(size + _REACH[order]) + _ROUNDING
        within = np.where(size >= _REACH[order], _chord_of(size - _REACH[order]), -1)
        touching = apart <= near[circle]
        done = (apart <= within[circle]) | (touching & (last[circle] == order))
        kept.append((circle[done], cell[done], np.full(np.count_nonzero(done), order, np.uint8)))
        split = touching & ~done
        circle = np.repeat(circle[split], 4)
        cell = (4 * cell[split, np.newaxis] + np.arange(4)).ravel()
    owner, cell, depth = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    by_owner = np.argsort(owner, kind="stable")
    ends = np.searchsorted(owner[by_owner], np.arange(len(size) + 1))
    cell, depth = cell[by_owner].astype(np.uint64), depth[by_owner]
    return [
        MOC.from_healpix_cells(cell[first:end], depth[first:end], order)
        for first, end, order in zip(ends[:-1], ends[1:], last, strict=True)
    ]


def _centres(cell: npt.NDArray[np.int64], order: int) -> Sequence[Floats]:
    """Return x, y and z of the centres of cells in three arrays."""
    if order > _TABULATED:
        x, y, z = healpix_to_xyz(cell, 2**order, order="nested")
        return x, y, z
    return [one[cell] for one in _all_centres(order)]


@functools.cache
def _all_centres(order: int) -> Sequence[Floats]:
    x, y, z = healpix_to_xyz(np.arange(12 * 4**order), 2**order, order="nested")
    return x, y, z


def unit_vectors(ra: npt.ArrayLike, dec: npt.ArrayLike) -> Floats:
    """Return directions given in deg as vectors of length 1, shape (n, 3)."""
    alpha, delta = np.radians(np.asarray(ra, np.float64)), np.radians(np.asarray(dec, np.float64))
    flat = np.cos(delta)
    return np.stack([flat * np.cos(alpha), flat * np.sin(alpha), np.sin(delta)], -1)


def chord(one: Floats, other: Floats) -> Floats:
    """Return the straight distances of points on the unit sphere, exact for small ones."""
    return np.asarray(np.sqrt(((one - other) ** 2).sum(-1)))


def _chord_of(angle: Floats) -> Floats:
    """Return the chord of angles in radian; beyond the antipode there is nothing."""
    return np.asarray(2 * np.sin(np.minimum(angle, np.pi) / 2))


def reach(order: int) -> float:
    """Return the largest distance in radian from the centre of a cell to a point in it.

    It is found where the polar caps begin, between a cell's centre and its northern corner; the
    ``max_pixrad`` of HEALPix (Górski et al. 2005, ApJ 622, 759) is the same.
    """
    nside = 2**order
    around, up = math.pi / 4 / nside, 1 - (1 - 1 / nside) ** 2 / 3
    flat = math.sqrt(5) / 3
    centre = np.array([flat * math.cos(around), flat * math.sin(around), 2 / 3])
    corner = np.array([math.sqrt(1 - up**2), 0.0, up])
    return 2 * math.asin(float(chord(centre, corner)) / 2)


_REACH: Final = [reach(order) for order in range(FINEST_ORDER + 1)]
_ROUNDING: Final = 1e-15
