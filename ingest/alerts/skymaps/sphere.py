"""Unit vectors on the celestial sphere, and distances between them.

Distances are computed from chords, which are exact for small angles, where the arc cosine of a
scalar product is not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def unit_vectors(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Floats:
    """Return directions in deg as unit vectors, shape (n, 3)."""
    alpha, delta = np.radians(np.asarray(lon, np.float64)), np.radians(np.asarray(lat, np.float64))
    cos_lat = np.cos(delta)
    return np.stack([cos_lat * np.cos(alpha), cos_lat * np.sin(alpha), np.sin(delta)], -1)


def lonlat(vectors: Floats) -> tuple[Floats, Floats]:
    """Return longitudes from 0 to 360 and latitudes in deg of vectors, shape (..., 3)."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))


def chord_lengths(vectors: Floats, others: Floats) -> Floats:
    """Return the lengths of the chords between unit vectors."""
    return np.asarray(np.sqrt(((vectors - others) ** 2).sum(-1)))


def chord_to_angle(chord: Floats) -> Floats:
    """Return angles in radians from the lengths of chords."""
    return np.asarray(2 * np.arcsin(np.minimum(chord / 2, 1)))


def angle_to_chord(angle: Floats) -> Floats:
    """Return the lengths of chords from angles in radians; angles above pi count as pi."""
    return np.asarray(2 * np.sin(np.minimum(angle, np.pi) / 2))


def separations(vectors: Floats, others: Floats) -> Floats:
    """Return the angles in radians between unit vectors."""
    return chord_to_angle(chord_lengths(vectors, others))
