"""Polygons around error circles, for clients that do not support coverage maps."""

from __future__ import annotations

import math
from typing import Final

from ingest.alerts.notices import Position, containment_radii

_CORNERS: Final = 6
"""Few, because pgSphere checks each side against all others: decision 007 has the figures."""
_MIN_RADIUS: Final = 1e-6
_MAX_RADIUS: Final = 60.0
"""Limits in deg: pgSphere needs distinct corners, and a polygon smaller than a hemisphere."""


def circle_polygon(position: Position | None) -> str | None:
    """Return a polygon around the 90 % error circle of a position.

    The corners lie outside the circle, at a distance d with tan r = tan d cos(pi / n) for n
    corners (Napier's rule for the right spherical triangle of centre, corner and side).

    Returns
    -------
    str or None
        In the syntax of pgSphere, ``{(10.5d,-3d),…}``, ICRS; None without an error radius, or
        with one below 1e-6 or above 60 deg.
    """
    found = None if position is None else containment_radii(position)
    if position is None or found is None or not _MIN_RADIUS <= found[1] <= _MAX_RADIUS:
        return None
    radius = found[1]
    ra, dec = math.radians(position.ra), math.radians(position.dec)
    east = (-math.sin(ra), math.cos(ra))
    outwards = math.cos(dec), math.sin(dec)
    distance = math.atan(math.tan(math.radians(radius)) / math.cos(math.pi / _CORNERS))
    near, far = math.cos(distance), math.sin(distance)
    corners = []
    for to_east, to_north in _DIRECTIONS:
        # components in the plane of the meridian; then perpendicular to it
        level = near * outwards[0] - far * to_north * outwards[1]
        up = near * outwards[1] + far * to_north * outwards[0]
        x = level * east[1] + far * to_east * east[0]
        y = -level * east[0] + far * to_east * east[1]
        longitude = math.degrees(math.atan2(y, x)) % 360
        latitude = math.degrees(math.atan2(up, math.hypot(x, y)))
        corners.append(f"({longitude:.9f}d,{latitude:.9f}d)")
    return "{" + ",".join(corners) + "}"


_DIRECTIONS: Final = [
    (math.cos(2 * math.pi * corner / _CORNERS), math.sin(2 * math.pi * corner / _CORNERS))
    for corner in range(_CORNERS)
]
"""From the centre to the corners: components to the east and to the north."""
