"""Sky maps of our own alerts, from resimulated directions or from an error radius.

The map is a sum of Fisher's distributions (von Mises-Fisher), one around each direction: a kernel
density on the sphere (Hall, Watson & Cabrera 1987, Biometrika 74, 751). The kernels' width is the
rule of thumb h = s n^(-1/6) for n directions that spread by s in each of two dimensions: it
minimises the expected squared error for a normal spread (Silverman 1986, Density Estimation,
section 4.3.2; for Fisher's distribution García-Portugués 2013, Electron. J. Stat. 7, 1655, has
the same limit). As Silverman advises, s is the smaller one of two estimates, by all directions
and by their median, so that long tails do not widen the core. Kernels would widen the
distribution as a whole; the directions are therefore drawn towards their mean by the factor that
keeps the mean square (Silverman's section 6.4.1).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from astropy_healpix import healpix_to_xyz

from ingest.alerts.skymaps.cells import DEEPEST, Whole, areas, cells_at, join_uniq
from ingest.alerts.skymaps.circles import chord, reach, unit_vectors
from ingest.alerts.skymaps.directions import Directions
from ingest.alerts.skymaps.model import SkyMap
from ingest.core.errors import InputError

Floats = npt.NDArray[np.float64]

CELLS_PER_WIDTH: Final = 3
"""The finest cells compared with a kernel: a third of its width, or smaller."""
CELLS_PER_CIRCLE: Final = 6
"""The same for a single kernel, which is as wide as the whole distribution."""
NEGLIGIBLE: Final = 1e-6
"""A cell that cannot hold more is not split."""
_GROUP: Final = 256
"""Cells that are worked on at a time."""
_FARTHEST: Final = 7.0
"""Widths of a kernel, beyond which it has 1e-11 of its height and is left out."""
_FAR: Final = 0.999
"""A best direction outside of this region does not belong to its directions."""


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
        Where the source may be, see :func:`ingest.alerts.skymaps.directions.read_directions`.
    radius, containment : float, optional
        Without directions: the error radius in deg, and the probability that the source is
        within it.

    Returns
    -------
    SkyMap
        Of many orders, fine where the probability is.

    Raises
    ------
    InputError
        If the position is none, if the best direction is not among the directions, or if the
        radius and its containment are none of a distribution that has its peak in the centre.
    """
    if not (0 <= ra < 360 and -90 <= dec <= 90):
        raise InputError(
            "the best direction is none",
            value=f"ra {ra:g}, dec {dec:g}",
            expected="ra from 0 to 360, dec from -90 to 90 deg",
        )
    if directions is None:
        if radius is None or containment is None:
            raise InputError(
                "there is nothing to make a map of",
                expected="resimulated directions, or a radius with its containment",
            )
        kappa = concentration(radius, containment)
        return _kernel_map(unit_vectors([ra], [dec]), np.ones(1), kappa)
    sky = _kernel_map(*_kernels(directions))
    if float(sky.containment_at([ra], [dec])[0]) > _FAR:
        centre = sky.best()
        raise InputError(
            "the best direction is far from its resimulated directions",
            value=f"ra {ra:g}, dec {dec:g}",
            expected=f"near ra {centre[0]:.3f}, dec {centre[1]:.3f}, where they are",
            remedy="check that both are ICRS in deg, and of the same event",
        )
    return sky


def concentration(radius: float, containment: float) -> float:
    """Return the concentration of Fisher's distribution from a radius and what it contains.

    Within r lies the share (1 - exp(-k (1 - cos r))) / (1 - exp(-2 k)) (Fisher 1953, Proc. R.
    Soc. A 217, 295), which is solved for k by bisection.

    Parameters
    ----------
    radius : float
        deg, above 0, below 180.
    containment : float
        Above 0, below 1.

    Raises
    ------
    InputError
        If there is no such distribution: a source that is anywhere is within `radius` with a
        larger probability.
    """
    height = 2 * math.sin(math.radians(radius) / 2) ** 2
    if not (0 < radius < 180 and height / 2 < containment < 1):
        raise InputError(
            "no distribution has its peak in the centre and this radius",
            value=f"radius {radius:g} deg with containment {containment:g}",
            expected=f"a containment below 1 and above {max(height, 0) / 2:.3g}, the whole sky's",
        )
    # without the denominator the solution is in closed form, and too large
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
            "the directions have no centre: they are all over the sky", expected="a concentration"
        )
    mean /= np.linalg.norm(mean)
    apart = _angle(chord(vectors, mean))
    square = float(weight @ apart**2) / 2
    rising = np.argsort(apart)
    half = np.searchsorted(np.cumsum(weight[rising]), 0.5)
    median = float(apart[rising][min(int(half), len(apart) - 1)])
    # half of a normal distribution in two dimensions lies within sqrt(2 ln 2) of its width
    spread = min(math.sqrt(square), median / math.sqrt(2 * math.log(2)))
    if not spread > 1e-7:
        raise InputError(
            "the directions are all the same", expected="directions that differ as their errors do"
        )
    width = spread * directions.effective ** (-1 / 6)
    drawn = math.sqrt(1 - min(width**2 / square, 1.0))
    vectors = _towards(mean, vectors, apart, drawn)
    return *_joined(vectors, weight, width), 1 / width**2


def _towards(mean: Floats, vectors: Floats, apart: Floats, factor: float) -> Floats:
    """Bring directions nearer to another one, along great circles."""
    sine = np.sin(apart)
    safe = np.where(sine > 1e-12, sine, 1.0)
    ours = np.where(sine > 1e-12, np.sin(factor * apart) / safe, factor)
    theirs = np.where(sine > 1e-12, np.sin((1 - factor) * apart) / safe, 1 - factor)
    moved = ours[:, np.newaxis] * vectors + theirs[:, np.newaxis] * mean
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True))


def _joined(vectors: Floats, weight: Floats, width: float) -> tuple[Floats, Floats]:
    """Join directions that are much nearer to each other than kernels are wide."""
    order = _order_of(width / 3)
    dec = np.degrees(np.arctan2(vectors[:, 2], np.hypot(vectors[:, 0], vectors[:, 1])))
    ra = np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0]))
    cell, group = np.unique(cells_at(ra, dec, order), return_inverse=True)
    sums = [np.bincount(group, weight * axis, len(cell)) for axis in vectors.T]
    joined = np.stack(sums, 1)
    length = np.linalg.norm(joined, axis=1, keepdims=True)
    kept = length[:, 0] > 0
    return joined[kept] / length[kept], np.bincount(group, weight, len(cell))[kept]


def _order_of(size: float) -> int:
    """Return the order whose cells are not larger than a size in radian."""
    return int(np.clip(math.ceil(math.log2(math.sqrt(math.pi / 3) / size)), 0, DEEPEST))


def _kernel_map(vectors: Floats, weight: Floats, kappa: float) -> SkyMap:
    """Return the map of a sum of Fisher's distributions.

    From the twelve largest cells down, a cell is split as long as it may hold more than a
    negligible probability: the density nowhere in it is higher than if its centre were nearer
    to every kernel by the cell's reach.
    """
    norm = kappa / (2 * math.pi * -math.expm1(-2 * kappa))

    def density(cell: Whole, order: int, nearer: float) -> Floats:
        points = np.stack(healpix_to_xyz(cell, 2**order, order="nested"), 1)
        return norm * _summed(points, vectors, weight, kappa, nearer)

    fine = CELLS_PER_CIRCLE if len(weight) == 1 else CELLS_PER_WIDTH
    last = _order_of(min(kappa**-0.5, 1.0) / fine)
    cell, found = np.arange(12), []
    for order in range(last + 1):
        split = np.zeros(len(cell), bool)
        if order < last:
            split = density(cell, order, reach(order)) * areas(order) > NEGLIGIBLE
        kept = cell[~split]
        found.append((join_uniq(order, kept), density(kept, order, 0.0)))
        cell = (4 * cell[split, np.newaxis] + np.arange(4)).reshape(-1)
    uniq, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return SkyMap.of(uniq, values)


def _summed(points: Floats, vectors: Floats, weight: Floats, kappa: float, nearer: float) -> Floats:
    """Return the weighted sums of kernels at points, as if these were nearer by an angle.

    The points are worked on in groups, in the order of the nested scheme, which keeps neighbours
    together: a group needs the kernels around it only.
    """
    result = np.zeros(len(points))
    for first in range(0, len(points), _GROUP):
        some = points[first : first + _GROUP]
        middle = some.mean(0)
        length = float(np.linalg.norm(middle))
        around = vectors[:, 0] > -2  # all of them
        if length > 0.5:
            middle /= length
            widest = float(_angle(chord(some, middle)).max())
            around = _angle(chord(vectors, middle)) < widest + nearer + _FARTHEST / kappa**0.5
        square = np.zeros((len(some), np.count_nonzero(around)))
        for axis in range(3):
            square += (some[:, axis, np.newaxis] - vectors[around, axis]) ** 2
        if nearer:
            angle = np.maximum(_angle(np.sqrt(square)) - nearer, 0)
            square = 4 * np.sin(angle / 2) ** 2
        result[first : first + _GROUP] = np.exp(-kappa / 2 * square) @ weight[around]
    return result


def _angle(chords: Floats) -> Floats:
    """Return the angles in radian that chords of the unit sphere span."""
    return np.asarray(2 * np.arcsin(np.minimum(chords / 2, 1)))
