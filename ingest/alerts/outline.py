"""The polygon around the circle of a notice, for clients that do not know coverage maps."""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.alerts.circles import radii
from ingest.alerts.notice import Position

_CORNERS: Final = 8
"""Few, as pgSphere checks each side against each other: 24 take as long as all the rest."""
_SMALLEST: Final = 1e-6
_LARGEST: Final = 60.0
"""deg; pgSphere needs corners apart, and a polygon smaller than half the sky."""


def outline_of(position: Position | None) -> str | None:
    """Return a polygon around the circle of 90 %, as pgSphere reads it.

    Returns
    -------
    str or None
        ``{(10.5d,-3d),…}`` with right ascension and declination; None where there is no circle,
        or one so large that a polygon cannot say which side is meant.
    """
    found = None if position is None else radii(position)
    if position is None or found is None or not _SMALLEST <= found[1] <= _LARGEST:
        return None
    radius = found[1]
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
