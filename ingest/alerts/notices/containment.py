"""Which radii an error circle has, and what a region says: without the libraries of regions.

The store and the commands that start a server load this, and not what makes coverage maps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from ingest.alerts.notices.model import Position

FROM_MAP: Final = "map"
FROM_CIRCLE: Final = "circle"
FROM_UNKNOWN_CONTAINMENT: Final = "circle of unknown containment"


@dataclass(frozen=True)
class Regions:
    """Where the source of a notice is.

    Attributes
    ----------
    region_50, region_90 : str or None
        Regions that contain the source with a probability of 50 % and 90 %, as MOC in the ASCII
        form of the standard, such as ``6/1-5 10 7/44``.
    origin : str or None
        ``map``, ``circle`` or ``circle of unknown containment``.
    """

    region_50: str | None = None
    region_90: str | None = None
    origin: str | None = None


def scaled_radius(radius: float, containment: float, wanted: float) -> float:
    """Return the radius of another containment.

    The error is taken as a normal distribution in two dimensions, so that distances follow
    Rayleigh's, where a share p lies within sqrt(-2 ln(1 - p)) standard deviations. On the sphere
    this is the limit of Fisher's distribution (1953, Proc. R. Soc. A 217, 295) for small errors.

    Parameters
    ----------
    radius : float
        deg.
    containment, wanted : float
        Probabilities that the source is within `radius`, and within what is returned; > 0, < 1.

    Returns
    -------
    float
        deg, at most 180.
    """
    factor = math.sqrt(math.log1p(-wanted) / math.log1p(-containment))
    return min(radius * factor, 180.0)


def radii(position: Position) -> tuple[float, float, str] | None:
    """Return the radii in deg for 50 % and 90 %, and what they were taken from.

    None where the packet has no radius. Where both are given they stand; else the missing one is
    scaled from the radius whose containment is nearest. A radius of unknown containment, as
    ANTARES has it, is taken as one of 50 %, and the origin says so.
    """
    given = [(position.radius_50, 0.5), (position.radius_90, 0.9)]
    origin = FROM_CIRCLE
    if position.containment == 1:
        # certain, but no normal distribution: all that is said is that it is inside
        given += [(position.radius, 0.5), (position.radius, 0.9)]
    elif position.containment:
        given.append((position.radius, position.containment))
    stated = [(radius, containment) for radius, containment in given if radius]
    if not stated and position.radius:
        stated, origin = [(position.radius, 0.5)], FROM_UNKNOWN_CONTAINMENT
    if not stated:
        return None
    small, large = (_nearest(stated, wanted) for wanted in (0.5, 0.9))
    return small, large, origin


def _nearest(stated: list[tuple[float, float]], wanted: float) -> float:
    """Return the radius of the wanted containment from the stated one that is nearest."""
    radius, containment = min(stated, key=lambda pair: abs(pair[1] - wanted))
    return radius if containment == wanted else scaled_radius(radius, containment, wanted)
