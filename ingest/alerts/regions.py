"""Where on the sky a notice is: regions as MOCs, and the polygon around its circle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.alerts.notice import Position

UNKNOWN_CONTAINMENT: Final = 0.5
"""What a circle of unknown containment is taken as: the smallest that is in use, so that the
region of 90 % rather has too much of the sky than too little."""
_CORNERS: Final = 8
"""Few, as pgSphere checks each side against each other: 24 take as long as all the rest."""
_SMALLEST: Final = 1e-6
_LARGEST: Final = 60.0
"""deg; pgSphere needs corners apart, and a polygon smaller than half the sky."""


@dataclass(frozen=True, slots=True)
class Regions:
    """Parts of the sky that contain a source with a probability, as ASCII MOCs.

    Attributes
    ----------
    region_50, region_90 : str or None
        Such as ``6/1-5 10 7/44``.
    origin : str or None
        What they were made from: map, circle, or circle of unknown containment.
    """

    region_50: str | None = None
    region_90: str | None = None
    origin: str | None = None


def radius_at(position: Position, level: float) -> float | None:
    """Return the radius in deg of the circle that contains the source with a probability.

    Where the notice has no radius for `level`, errors are taken as normal and the same in all
    directions: the probability within r is then 1 − exp(−r²/2σ²) (Rayleigh's distribution).
    """
    told = {0.5: position.radius_50, 0.9: position.radius_90}.get(level)
    if told is not None:
        return told
    known = [
        (position.radius, position.containment or UNKNOWN_CONTAINMENT),
        (position.radius_90, 0.9),
        (position.radius_50, 0.5),
    ]
    for radius, containment in known:
        if radius is not None and containment < 1:
            scale = math.log1p(-level) / math.log1p(-containment)
            return min(180.0, radius * math.sqrt(scale))
    return None


def outline_of(position: Position | None) -> str | None:
    """Return a polygon around the circle of 90 %, as pgSphere reads it.

    Returns
    -------
    str or None
        ``{(10.5d,-3d),…}`` with right ascension and declination; None where there is no circle,
        or one so large that a polygon cannot say which side is meant.
    """
    radius = None if position is None else radius_at(position, 0.9)
    if position is None or radius is None or not _SMALLEST <= radius <= _LARGEST:
        return None
    ra, dec = math.radians(position.ra), math.radians(position.dec)
    centre = np.array([math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)])
    east = np.array([-math.sin(ra), math.cos(ra), 0.0])
    # The corners of a polygon around a circle are further out than it (Napier's rule).
    distance = math.atan(math.tan(math.radians(radius)) / math.cos(math.pi / _CORNERS))
    ring = _ring() @ np.array([east, np.cross(centre, east)])
    x, y, z = (math.cos(distance) * centre + math.sin(distance) * ring).T
    longitudes = np.degrees(np.arctan2(y, x)) % 360
    latitudes = np.degrees(np.arctan2(z, np.hypot(x, y)))
    pairs = zip(longitudes.tolist(), latitudes.tolist(), strict=True)
    return "{" + ",".join(f"({lon:.9f}d,{lat:.9f}d)" for lon, lat in pairs) + "}"


@cache
def _ring() -> npt.NDArray[np.float64]:
    """Return directions around the centre, as parts to the east and to the north."""
    angles = np.arange(_CORNERS) * (2 * np.pi / _CORNERS)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)
