"""Angles on the sphere, for single positions and without a library that takes long to load."""

from __future__ import annotations

import math


def separation(ra: float, dec: float, other_ra: float, other_dec: float) -> float:
    """Return the angle in deg between two positions in deg, by the haversine formula."""
    delta, other_delta = math.radians(dec), math.radians(other_dec)
    square = (
        math.sin((other_delta - delta) / 2) ** 2
        + math.cos(delta) * math.cos(other_delta) * math.sin(math.radians(other_ra - ra) / 2) ** 2
    )
    return math.degrees(2 * math.asin(math.sqrt(min(square, 1.0))))
