"""Coverage maps (MOC) of error circles, many at a time.

A coverage map contains every point of its circle, and less than two cells beyond its edge.
Libraries only approximate this: docs/decisions/010-circle-coverage.md has the figures. A search by
region must not miss a position, so cells are selected by the distances of their centres alone,
which is correct at the poles and for any radius.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy_healpix import healpix_to_xyz
from mocpy import MOC

from ingest.alerts.notices import Position, Regions, containment_radii
from ingest.alerts.skymaps.multiorder import Integers, subdivide
from ingest.alerts.skymaps.sphere import Floats, angle_to_chord, chord_lengths, unit_vectors

MAX_CIRCLE_ORDER: Final = 18
"""Cells of 0.8 arcsec; a smaller circle is covered by one or a few of them."""
MIN_CELLS_PER_RADIUS: Final = 6
"""A coverage map then has at most 1.5 times the area of its circle."""
_MAX_TABULATED_ORDER: Final = 6
"""Cell centres are cached up to this order, 1.6 MB: all circles need them."""
_ROUNDING: Final = 1e-15


def circle_regions(positions: Sequence[Position | None]) -> list[Regions]:
    """Return the regions of the error circles of positions.

    Parameters
    ----------
    positions : sequence of Position or None
        Hundreds at a time take a tenth of the time that single calls take.

    Returns
    -------
    list of Regions
        One for each position, in their order. Empty without a position or a radius. A radius of
        0 counts as no radius: packets have it if the error is unknown, and a region of one cell
        would claim an accuracy of an arcsecond.
    """
    circles = [
        None
        if position is None or (found := containment_radii(position)) is None
        else (position.ra, position.dec, *found)
        for position in positions
    ]
    # the notices of an alert often have the same circle
    different = {circle: Regions() for circle in circles if circle is not None}
    centres = np.repeat([circle[:2] for circle in different], 2, axis=0).reshape(-1, 2)
    sizes = np.array([circle[2:4] for circle in different], np.float64).ravel()
    mocs = iter(circle_mocs(centres[:, 0], centres[:, 1], sizes))
    for circle in different:
        small, large = next(mocs).to_string(), next(mocs).to_string()
        different[circle] = Regions(small, large, circle[4])
    return [Regions() if circle is None else different[circle] for circle in circles]


def circle_mocs(ra: npt.ArrayLike, dec: npt.ArrayLike, radius: npt.ArrayLike) -> list[MOC]:
    """Return coverage maps that contain circles.

    Starting from the twelve cells of order 0, a cell is dropped if its centre is too far away for
    the cell to touch the circle, and selected if it lies entirely inside. Other cells are
    subdivided until they are small compared with the circle, and are then selected.

    Parameters
    ----------
    ra, dec : array_like of float, shape (n,)
        Centres in deg, ICRS.
    radius : array_like of float, shape (n,)
        Radii in deg, above 0, at most 180.

    Returns
    -------
    list of mocpy.MOC
        One for each circle.
    """
    centre = unit_vectors(ra, dec).T.copy()
    size = np.radians(np.asarray(radius, np.float64))
    # the lower bound avoids an overflow; such circles have cells of the highest order anyway
    cells = np.sqrt(np.pi / 3) * MIN_CELLS_PER_RADIUS / np.clip(size, 1e-12, np.pi / 2)
    last = np.clip(np.ceil(np.log2(cells)), 2, MAX_CIRCLE_ORDER).astype(np.int64)
    circle = np.repeat(np.arange(len(size)), 12)
    cell = np.tile(np.arange(12), len(size))
    selected = []
    for order in range(MAX_CIRCLE_ORDER + 1):
        chord = np.sqrt(
            sum(
                (axis - of_circles[circle]) ** 2
                for axis, of_circles in zip(_cell_vectors(cell, order), centre, strict=True)
            )
        )
        touches = chord <= (angle_to_chord(size + _CELL_RADII[order]) + _ROUNDING)[circle]
        inside = np.where(size >= _CELL_RADII[order], angle_to_chord(size - _CELL_RADII[order]), -1)
        done = (chord <= inside[circle]) | (touches & (last[circle] == order))
        selected.append(
            (circle[done], cell[done], np.full(np.count_nonzero(done), order, np.uint8))
        )
        split = touches & ~done
        circle, cell = np.repeat(circle[split], 4), subdivide(cell[split])
    return _mocs_by_circle(selected, last)


def _mocs_by_circle(
    selected: Sequence[tuple[Integers, Integers, Any]], last: Integers
) -> list[MOC]:
    """Return the coverage map of each circle from (circle, cell, order) of all selected cells."""
    circle, cell, order = (np.concatenate(parts) for parts in zip(*selected, strict=True))
    by_circle = np.argsort(circle, kind="stable")
    ends = np.searchsorted(circle[by_circle], np.arange(len(last) + 1))
    cell, order = cell[by_circle].astype(np.uint64), order[by_circle]
    return [
        MOC.from_healpix_cells(cell[first:end], order[first:end], highest)
        for first, end, highest in zip(ends[:-1], ends[1:], last, strict=True)
    ]


def _cell_vectors(cell: Integers, order: int) -> Sequence[Floats]:
    """Return x, y and z of the centres of cells in three arrays."""
    if order > _MAX_TABULATED_ORDER:
        x, y, z = healpix_to_xyz(cell, 2**order, order="nested")
        return x, y, z
    return [axis[cell] for axis in _all_cell_vectors(order)]


@functools.cache
def _all_cell_vectors(order: int) -> Sequence[Floats]:
    x, y, z = healpix_to_xyz(np.arange(12 * 4**order), 2**order, order="nested")
    return x, y, z


def max_cell_radius(order: int) -> float:
    """Return the largest distance in radians from the centre of a cell to a point in it.

    It is largest for the cells at the edge of the polar caps, from the centre to the northern
    corner, as in ``max_pixrad`` of HEALPix (Górski et al. 2005, ApJ 622, 759).
    """
    nside = 2**order
    lon, z = math.pi / 4 / nside, 1 - (1 - 1 / nside) ** 2 / 3
    rho = math.sqrt(5) / 3
    centre = np.array([rho * math.cos(lon), rho * math.sin(lon), 2 / 3])
    corner = np.array([math.sqrt(1 - z**2), 0.0, z])
    return 2 * math.asin(float(chord_lengths(centre, corner)) / 2)


_CELL_RADII: Final = [max_cell_radius(order) for order in range(MAX_CIRCLE_ORDER + 1)]
