r"""How well two directions agree: the overlap of their probability densities.

.. math:: I = 4\pi \int p_1 p_2 \, d\Omega

is 1 on average for directions that have nothing to do with one another, and larger for the same
source (Ashton et al. 2018, ApJ 860, 6, which also derives it as a Bayes factor).

Cells of multi-order maps are either disjoint, or one contains the other. So the integral is a sum
over the cells that are inside a cell of the other map, which is exact.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from astropy_healpix import uniq_to_level_ipix

from ingest.alerts.skymaps.model import SkyMap
from ingest.alerts.skymaps.multiorder import MAX_ORDER, cell_areas, cell_ranges

_CELL: Final = float(cell_areas(MAX_ORDER))


class Cells:
    """A sky map prepared for overlaps.

    Parameters
    ----------
    sky : SkyMap
        The map.

    Attributes
    ----------
    first, end : arrays of int64, shape (n,)
        The first cell of order 29 inside each cell, and the first one after it; ascending.
    size : array of int64, shape (n,)
        Numbers of cells of order 29 in each cell.
    density : array of float64, shape (n,)
        Probability densities in sr^-1.
    probability : array of float64, shape (n,)
        The density times the size.
    """

    def __init__(self, sky: SkyMap) -> None:
        self.first, self.end = cell_ranges(*uniq_to_level_ipix(sky.uniq))
        self.size = self.end - self.first
        self.density = sky.density
        self.probability = sky.density * self.size

    def overlap(self, other: Cells) -> float:
        """Return the overlap with another map; see :func:`overlap`."""
        both = _inside(self, other, is_strict=False) + _inside(other, self, is_strict=True)
        return 4 * math.pi * _CELL * both


def overlap(one: SkyMap, other: SkyMap) -> float:
    """Return the overlap of two sky maps, dimensionless: 0 if they are disjoint."""
    return Cells(one).overlap(Cells(other))


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
    # both are sorted, and a cell can only be in the last one that does not begin later
    index = np.searchsorted(others.first, cells.first, side="right") - 1
    is_inside = (index >= 0) & (cells.end <= others.end[index])
    if is_strict:
        is_inside &= others.size[index] > cells.size
    inside = np.flatnonzero(is_inside)
    return float((cells.probability[inside] * others.density[index[inside]]).sum())
