"""Sky maps of our own alerts, from resimulated directions or from an error radius.

The map is a kernel density estimate on the sphere (Hall, Watson & Cabrera 1987, Biometrika 74,
751): a sum of Fisher distributions (von Mises-Fisher), one around each direction. The kernels'
width is the rule of thumb h = s n^(-1/6) for n directions with a spread s in each of two
dimensions, which minimises the expected squared error for a normal distribution (Silverman 1986,
Density Estimation, section 4.3.2; García-Portugués 2013, Electron. J. Stat. 7, 1655, has the same
limit for Fisher's distribution). As Silverman recommends, s is the smaller of two estimates, from
the mean square and from the median distance, so that long tails do not widen the core. Because
the kernels would widen the distribution as a whole, the directions are first shrunk towards their
mean by the factor that conserves the mean square (Silverman, section 6.4.1).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from astropy_healpix import healpix_to_xyz, level_ipix_to_uniq

from ingest.alerts.skymaps.circle_coverage import max_cell_radius
from ingest.alerts.skymaps.directions import Directions
from ingest.alerts.skymaps.model import SkyMap
from ingest.alerts.skymaps.multiorder import (
    MAX_ORDER,
    Integers,
    cell_areas,
    cells_at,
    subdivide,
)
from ingest.alerts.skymaps.sphere import (
    Floats,
    angle_to_chord,
    chord_to_angle,
    lonlat,
    separations,
    unit_vectors,
)
from ingest.core.errors import InputError

CELLS_PER_WIDTH: Final = 3
"""Minimum number of the finest cells per width of a kernel."""
CELLS_PER_CIRCLE: Final = 6
"""The same for a single kernel, which is as wide as the whole distribution."""
NEGLIGIBLE: Final = 1e-6
"""Cells that cannot contain a larger probability are not subdivided."""
_GROUP: Final = 256
"""Cells whose densities are computed together."""
_CUTOFF: Final = 7.0
"""Widths of a kernel; further away it is below 1e-10 of its maximum and left out."""
_MAX_LEVEL: Final = 0.999
"""A best direction outside this credible region does not belong to its directions."""


def make_map(
    ra: float,
    dec: float,
    directions: Directions | None = None,
    *,
    radius: float | None = None,
    containment: float | None = None,
) -> SkyMap:
    """Make the sky map of an alert.

    Parameters
    ----------
    ra, dec : float
        The best direction in deg, ICRS.
    directions : Directions, optional
        Directions where the source may be; see
        :func:`ingest.alerts.skymaps.directions.read_directions`.
    radius, containment : float, optional
        Without directions: the error radius in deg, and the probability that it contains the
        source.

    Returns
    -------
    SkyMap
        Multi-order, with small cells where the density is high.

    Raises
    ------
    InputError
        If the best direction is not on the sphere or far from all directions, or if no
        distribution with its maximum at the centre has this radius and containment.
    """
    if not (0 <= ra < 360 and -90 <= dec <= 90):
        raise InputError(
            "the best direction is not on the sphere",
            value=f"ra {ra:g}, dec {dec:g}",
            expected="ra from 0 to 360, dec from -90 to 90 deg",
        )
    if directions is None:
        if radius is None or containment is None:
            raise InputError(
                "a sky map needs directions or a radius",
                expected="resimulated directions, or a radius with its containment",
            )
        kappa = concentration(radius, containment)
        return _map_of_kernels(unit_vectors([ra], [dec]), np.ones(1), kappa)
    sky = _map_of_kernels(*_kernels(directions))
    if float(sky.containment_at([ra], [dec])[0]) > _MAX_LEVEL:
        ra_max, dec_max = sky.best()
        raise InputError(
            "the best direction is far from its resimulated directions",
            value=f"ra {ra:g}, dec {dec:g}",
            expected=f"near their maximum at ra {ra_max:.3f}, dec {dec_max:.3f}",
            remedy="check that both are of the same event, and ICRS in deg",
        )
    return sky


def concentration(radius: float, containment: float) -> float:
    """Return the concentration of the Fisher distribution with a radius and its containment.

    A circle of radius r contains (1 - exp(-k (1 - cos r))) / (1 - exp(-2 k)) (Fisher 1953,
    Proc. R. Soc. A 217, 295). This is solved for k by bisection.

    Parameters
    ----------
    radius : float
        Error radius in deg, above 0, below 180.
    containment : float
        Probability that the source is within `radius`, above 0, below 1.

    Returns
    -------
    float
        The concentration k, dimensionless; for small r the width of the distribution is k^(-1/2)
        radians.

    Raises
    ------
    InputError
        If there is no such distribution, because even the uniform one has a larger containment.
    """
    height = 2 * math.sin(math.radians(radius) / 2) ** 2
    if not (0 < radius < 180 and height / 2 < containment < 1):
        raise InputError(
            "no distribution with its maximum at the centre has this radius",
            value=f"radius {radius:g} deg with containment {containment:g}",
            expected=f"a containment below 1 and above {max(height, 0) / 2:.3g}, which the uniform"
            " distribution has",
        )
    # without the denominator the solution has a closed form, and is an upper bound
    low, high = 0.0, -math.log1p(-containment) / height
    for _ in range(200):
        middle = (low + high) / 2
        if math.expm1(-middle * height) / math.expm1(-2 * middle) < containment:
            low = middle
        else:
            high = middle
    return high


def _kernels(directions: Directions) -> tuple[Floats, Floats, float]:
    """Return centres, weights and concentration of the kernels."""
    vectors = unit_vectors(directions.ra, directions.dec)
    weight = directions.weight
    mean = weight @ vectors
    if not np.linalg.norm(mean) > 0.01:
        raise InputError(
            "the directions have no centre: they are spread over the whole sky",
            expected="directions around the best one",
        )
    mean /= np.linalg.norm(mean)
    distance = separations(vectors, mean)
    variance = float(weight @ distance**2) / 2
    ascending = np.argsort(distance)
    half = np.searchsorted(np.cumsum(weight[ascending]), 0.5)
    median = float(distance[ascending][min(int(half), len(distance) - 1)])
    # the median distance of a normal distribution in two dimensions is sqrt(2 ln 2) widths
    spread = min(math.sqrt(variance), median / math.sqrt(2 * math.log(2)))
    if not spread > 1e-7:
        raise InputError(
            "the directions are all the same",
            expected="directions that scatter with their errors",
        )
    width = spread * directions.effective_size ** (-1 / 6)
    factor = math.sqrt(1 - min(width**2 / variance, 1.0))
    vectors = _shrink(vectors, mean, distance, factor)
    return *_bin(vectors, weight, width), 1 / width**2


def _shrink(vectors: Floats, mean: Floats, distance: Floats, factor: float) -> Floats:
    """Move directions along great circles, to a fraction of their distance from the mean."""
    sine = np.sin(distance)
    safe = np.where(sine > 1e-12, sine, 1.0)
    of_vector = np.where(sine > 1e-12, np.sin(factor * distance) / safe, factor)
    of_mean = np.where(sine > 1e-12, np.sin((1 - factor) * distance) / safe, 1 - factor)
    moved = of_vector[:, np.newaxis] * vectors + of_mean[:, np.newaxis] * mean
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True))


def _bin(vectors: Floats, weight: Floats, width: float) -> tuple[Floats, Floats]:
    """Combine directions in cells that are small compared with the width of a kernel."""
    order = _order_for(width / 3)
    cell, group = np.unique(cells_at(*lonlat(vectors), order), return_inverse=True)
    sums = np.stack([np.bincount(group, weight * axis, len(cell)) for axis in vectors.T], 1)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    valid = length[:, 0] > 0
    return sums[valid] / length[valid], np.bincount(group, weight, len(cell))[valid]


def _order_for(size: float) -> int:
    """Return the lowest order whose cells are not larger than a size in radians."""
    return int(np.clip(math.ceil(math.log2(math.sqrt(math.pi / 3) / size)), 0, MAX_ORDER))


def _map_of_kernels(vectors: Floats, weight: Floats, kappa: float) -> SkyMap:
    """Return the map of a sum of Fisher distributions.

    Starting from order 0, a cell is subdivided while it may contain more than a negligible
    probability. The upper bound is the density that its centre would have if it were closer to
    every kernel by the radius of the cell.
    """
    norm = kappa / (2 * math.pi * -math.expm1(-2 * kappa))

    def density(cell: Integers, order: int, closer_by: float) -> Floats:
        points = np.stack(healpix_to_xyz(cell, 2**order, order="nested"), 1)
        return norm * _sum_of_kernels(points, vectors, weight, kappa, closer_by)

    per_width = CELLS_PER_CIRCLE if len(weight) == 1 else CELLS_PER_WIDTH
    last = _order_for(min(kappa**-0.5, 1.0) / per_width)
    cell, parts = np.arange(12), []
    for order in range(last + 1):
        split = np.zeros(len(cell), bool)
        if order < last:
            split = density(cell, order, max_cell_radius(order)) * cell_areas(order) > NEGLIGIBLE
        final = cell[~split]
        parts.append((level_ipix_to_uniq(order, final), density(final, order, 0.0)))
        cell = subdivide(cell[split])
    uniq, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    return SkyMap.from_cells(uniq, values)


def _sum_of_kernels(
    points: Floats, vectors: Floats, weight: Floats, kappa: float, closer_by: float
) -> Floats:
    """Return the weighted sums of kernels at points, as if these were closer by an angle.

    The points are processed in groups. In nested order their neighbours are in the same group,
    which therefore needs only the kernels nearby.
    """
    result = np.zeros(len(points))
    for first in range(0, len(points), _GROUP):
        group = points[first : first + _GROUP]
        middle = group.mean(0)
        length = float(np.linalg.norm(middle))
        nearby = np.ones(len(vectors), bool)
        if length > 0.5:
            middle /= length
            extent = float(separations(group, middle).max())
            nearby = separations(vectors, middle) < extent + closer_by + _CUTOFF / kappa**0.5
        squares = np.zeros((len(group), np.count_nonzero(nearby)))
        for axis in range(3):
            squares += (group[:, axis, np.newaxis] - vectors[nearby, axis]) ** 2
        if closer_by:
            angle = np.maximum(chord_to_angle(np.sqrt(squares)) - closer_by, 0)
            squares = angle_to_chord(angle) ** 2
        result[first : first + _GROUP] = np.exp(-kappa / 2 * squares) @ weight[nearby]
    return result
