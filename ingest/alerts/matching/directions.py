"""The direction of an alert, as associations with sources use it: a circle, or a sky map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ingest.alerts.skymaps import SkyMap

Floats = npt.NDArray[np.float64]
WHOLE_SKY = 4 * math.pi
"""In sr."""


@dataclass(frozen=True, eq=False)
class Here:
    """What the direction of an alert says of some positions; arrays have shape (n,).

    Attributes
    ----------
    separation : array of float64
        From the most probable direction, in deg.
    density : array of float64
        Probability density in sr^-1.
    containment : array of float64
        Credible level of the smallest region with the position.
    area : array of float64
        Its solid angle in sr.
    """

    separation: Floats
    density: Floats
    containment: Floats
    area: Floats


class Direction(Protocol):
    """Where the source of an alert may be."""

    def at(self, ra: Floats, dec: Floats) -> Here:
        """Return what it says of positions in deg, ICRS."""


@dataclass(frozen=True)
class FisherDirection:
    """An error circle as a Fisher distribution (1953, Proc. R. Soc. A 217, 295).

    Attributes
    ----------
    ra, dec : float
        Its centre in deg, ICRS.
    kappa : float
        Its concentration.
    """

    ra: float
    dec: float
    kappa: float

    def at(self, ra: Floats, dec: Floats) -> Here:
        """Return what it says of positions in deg, ICRS."""
        separation = _separations(self.ra, self.dec, ra, dec)
        # 1 - cos of the separation, also for small ones
        height = 2 * np.sin(separation / 2) ** 2
        whole = -math.expm1(-2 * self.kappa)
        return Here(
            separation=np.degrees(separation),
            density=self.kappa / (2 * math.pi * whole) * np.exp(-self.kappa * height),
            containment=-np.expm1(-self.kappa * height) / whole,
            area=2 * math.pi * height,
        )


@dataclass(frozen=True, eq=False)
class MapDirection:
    """A sky map.

    Attributes
    ----------
    sky : SkyMap
        The map.
    """

    sky: SkyMap

    def at(self, ra: Floats, dec: Floats) -> Here:
        """Return what it says of positions in deg, ICRS."""
        density = self.sky.probability_density_at(ra, dec)
        falling = np.argsort(-self.sky.density, kind="stable")
        areas = np.cumsum((WHOLE_SKY / 12 / 4.0**self.sky.order)[falling])
        last = np.searchsorted(-self.sky.density[falling], -density, side="right") - 1
        return Here(
            separation=np.degrees(_separations(*self.sky.best(), ra, dec)),
            density=density,
            containment=self.sky.containment_at(ra, dec),
            area=np.where(density > 0, areas[np.maximum(last, 0)], WHOLE_SKY),
        )


def _separations(ra: float, dec: float, others_ra: Floats, others_dec: Floats) -> Floats:
    """Return angles in radians from positions in deg, by the haversine formula."""
    delta, others = math.radians(dec), np.radians(others_dec)
    square = (
        np.sin((others - delta) / 2) ** 2
        + math.cos(delta) * np.cos(others) * np.sin(np.radians(others_ra - ra) / 2) ** 2
    )
    return np.asarray(2 * np.arcsin(np.sqrt(np.minimum(square, 1.0))))
