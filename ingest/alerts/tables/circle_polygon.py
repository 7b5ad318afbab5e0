"""The polygon around the circle of a notice, for clients that do not know coverage maps."""

from __future__ import annotations

import math
from typing import Final

from ingest.alerts.notices import Position, radii

_CORNERS: Final = 6
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
    east = (-math.sin(ra), math.cos(ra))
    outwards = math.cos(dec), math.sin(dec)
    # The corners of a polygon around a circle are further out than it (Napier's rule).
    distance = math.atan(math.tan(math.radians(radius)) / math.cos(math.pi / _CORNERS))
    near, far = math.cos(distance), math.sin(distance)
    corners = []
    for to_east, to_north in _RING:
        # in the plane of the meridian, to the equator and to the pole; then across it
        level = near * outwards[0] - far * to_north * outwards[1]
        up = near * outwards[1] + far * to_north * outwards[0]
        x = level * east[1] + far * to_east * east[0]
        y = -level * east[0] + far * to_east * east[1]
        longitude = math.degrees(math.atan2(y, x)) % 360
        latitude = math.degrees(math.atan2(up, math.hypot(x, y)))
        corners.append(f"({longitude:.9f}d,{latitude:.9f}d)")
    return "{" + ",".join(corners) + "}"


_RING: Final = [
    (math.cos(2 * math.pi * corner / _CORNERS), math.sin(2 * math.pi * corner / _CORNERS))
    for corner in range(_CORNERS)
]
"""Directions around the centre, as parts to the east and to the north."""
