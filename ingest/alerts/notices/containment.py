"""Radii of error circles at 50 % and 90 % containment, and the regions of a notice.

Separate from the computation of coverage maps, so that commands that only start a server need not
load the libraries for it.
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
    """Return the radius of an error circle at another containment.

    The errors are assumed to follow a two-dimensional normal distribution. The distances then
    follow a Rayleigh distribution, of which a fraction p lies within sqrt(-2 ln(1 - p))
    standard deviations. On the sphere this is the limit of Fisher's distribution (1953, Proc.
    R. Soc. A 217, 295) for small errors.

    Parameters
    ----------
    radius : float
        Error radius in deg.
    containment, wanted : float
        Probabilities, > 0 and < 1, that the source is within `radius` and within the result.

    Returns
    -------
    float
        Radius in deg, at most 180.
    """
    factor = math.sqrt(math.log1p(-wanted) / math.log1p(-containment))
    return min(radius * factor, 180.0)


def containment_radii(position: Position) -> tuple[float, float, str] | None:
    """Return the radii of a position at 50 % and 90 % containment.

    Returns
    -------
    tuple or None
        Both radii in deg and their origin: :data:`FROM_CIRCLE`, or
        :data:`FROM_UNKNOWN_CONTAINMENT` for ANTARES and others whose packets do not state the
        containment of their radius, which is then assumed to be 50 %. None for a position
        without a radius.

    Notes
    -----
    A radius that the packet does not give is scaled from the one with the nearest containment;
    see :func:`scaled_radius`.
    """
    given = [(position.radius_50, 0.5), (position.radius_90, 0.9)]
    origin = FROM_CIRCLE
    if position.containment == 1:
        # certainty is not the limit of a normal distribution: the source is somewhere inside
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
    """Return the radius at the wanted containment, scaled from the one stated nearest to it."""
    radius, containment = min(stated, key=lambda pair: abs(pair[1] - wanted))
    return radius if containment == wanted else scaled_radius(radius, containment, wanted)
