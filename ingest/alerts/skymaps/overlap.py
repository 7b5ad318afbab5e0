r"""How well two directions agree: the overlap of their probability densities.

.. math:: I = 4\pi \int p_1 p_2 \, d\Omega

is 1 on average for directions that have nothing to do with one another, and larger for the same
source (Ashton et al. 2018, ApJ 860, 6, which also derives it as a Bayes factor). If one of them is
not equally likely everywhere by chance but has the density :math:`b`, the average remains 1 with

.. math:: I = \int \frac{p_1 p_2}{b} \, d\Omega .

Cells of multi-order maps are either disjoint, or one contains the other. So the integral is a sum
over the cells that are inside a cell of the other map, which is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from astropy_healpix import uniq_to_level_ipix

from ingest.alerts.skymaps.model import SkyMap
from ingest.alerts.skymaps.multiorder import (
    MAX_ORDER,
    Integers,
    cell_areas,
    cell_centres,
    cell_ranges,
    subdivide,
)
from ingest.alerts.skymaps.sphere import Floats

FINE: int = 5
"""Order down to which cells are divided, to 1.8 deg, before a background is evaluated in them."""
Background = Callable[[Floats], Floats]
"""A density relative to the uniform one, :math:`4\\pi b`, at declinations in deg."""
_CELL = float(cell_areas(MAX_ORDER))


class Cells:
    """A sky map prepared for overlaps.

    Attributes
    ----------
    first, end : arrays of int64, shape (n,)
        The first cell of order 29 inside each cell, and the first one after it; ascending.
    density : array of float64, shape (n,)
        Probability densities in sr^-1, those of the background divided out if there is one.
    """

    def __init__(self, sky: SkyMap, background: Background | None = None) -> None:
        order, cell = (np.asarray(part, np.int64) for part in uniq_to_level_ipix(sky.uniq))
        density = sky.density
        if background is not None:
            order, cell, density = _divided(order, cell, density)
            density = density / background(cell_centres(order, cell)[1])
        self.first, self.end = cell_ranges(order, cell)
        self.density = density

    def overlap(self, other: Cells) -> float:
        """Return the overlap with another map, at most one of which has a background."""
        both = _inside(self, other, is_strict=False) + _inside(other, self, is_strict=True)
        return 4 * math.pi * _CELL * both


def overlap(one: SkyMap, other: SkyMap, background: Background | None = None) -> float:
    """Return the overlap of two sky maps.

    Parameters
    ----------
    one, other : SkyMap
        The maps.
    background : callable, optional
        The density of the directions of `one` by chance, relative to the uniform one, at
        declinations in deg. It is evaluated at the centres of cells of at most 1.8 deg.

    Returns
    -------
    float
        The overlap, dimensionless: 0 if the maps are disjoint.
    """
    return Cells(one, background).overlap(Cells(other))


def circle_overlap(separation: float, kappa: float, other_kappa: float) -> float:
    r"""Return the overlap of two Fisher distributions.

    With the concentrations :math:`\kappa_i` and :math:`K = |\kappa_1 n_1 + \kappa_2 n_2|`,

    .. math:: I = \frac{\kappa_1 \kappa_2 \sinh K}{K \sinh\kappa_1 \sinh\kappa_2}

    because the integral of :math:`\exp(v \cdot n)` over the sphere is
    :math:`4\pi \sinh|v| / |v|` (Mardia & Jupp 2000, Directional Statistics, section 9.3).

    Parameters
    ----------
    separation : float
        Angle between their centres in deg.
    kappa, other_kappa : float
        Their concentrations, above 0; see :func:`.concentration`.
    """
    height = 2 * math.sin(math.radians(separation) / 2) ** 2  # 1 - cos, exact for small angles
    total = kappa + other_kappa
    # the root of a difference that vanishes for opposite directions
    length = math.sqrt(max(total**2 - 2 * kappa * other_kappa * height, 0.0))
    if length < 1e-9 * total:
        ratio, shortfall = 1.0, -total  # sinh K / K → 1
    else:
        ratio = -math.expm1(-2 * length) / (2 * length)
        shortfall = -2 * kappa * other_kappa * height / (length + total)  # K - k1 - k2
    norm = -math.expm1(-2 * kappa) / (2 * kappa) * -math.expm1(-2 * other_kappa) / (2 * other_kappa)
    return ratio / norm * math.exp(shortfall)


def _inside(cells: Cells, others: Cells, *, is_strict: bool) -> float:
    """Return the sum over the cells that are inside one of the others.

    Cells that both maps have count unless `is_strict`. The result has to be multiplied by the
    area of a cell of order 29.
    """
    # cells and others are sorted, and a cell can only be in the last one that does not begin later
    index = np.searchsorted(others.first, cells.first, side="right") - 1
    index = np.maximum(index, 0)
    first, end = others.first[index], others.end[index]
    inside = (first <= cells.first) & (cells.end <= end)
    size = cells.end - cells.first
    if is_strict:
        inside &= size < end - first
    products = cells.density * others.density[index] * size
    return float(products[inside].sum())


def _divided(order: Integers, cell: Integers, density: Floats) -> tuple[Integers, Integers, Floats]:
    """Return the same map without cells of orders below :data:`FINE`, in the same sequence."""
    if not (order < FINE).any():
        return order, cell, density
    parts = [(order[order >= FINE], cell[order >= FINE], density[order >= FINE])]
    for level in np.unique(order[order < FINE]):
        children = cell[order == level]
        for _ in range(level, FINE):
            children = subdivide(children)
        values = np.repeat(density[order == level], 4 ** (FINE - level))
        parts.append((np.full(len(children), FINE), children, values))
    order, cell, density = (np.concatenate(part) for part in zip(*parts, strict=True))
    sequence = np.argsort(cell_ranges(order, cell)[0], kind="stable")
    return order[sequence], cell[sequence], density[sequence]
