"""Angles on the sphere."""

from __future__ import annotations

import numpy as np

from .arrays import Floats

SQUARE_DEGREES = float(np.degrees(1) ** 2)
"""deg² in a steradian"""


def fraction_of_parallel(sin_event: Floats, sin_centre: Floats, cos_radius: Floats) -> Floats:
    """Return which fraction of a circle of constant declination lies in a circle of the sky.

    Parameters
    ----------
    sin_event : ndarray
        Sine of the constant declination.
    sin_centre : ndarray
        Sine of the declination of the centre.
    cos_radius : ndarray
        Cosine of the radius.

    Returns
    -------
    ndarray
        From 0 to 1, of the shape to which the arguments broadcast. It is Δα/π with the spherical
        law of cosines, cos r = sin δ sin δ₀ + cos δ cos δ₀ cos Δα.
    """
    cosines = np.sqrt(np.maximum((1 - sin_event**2) * (1 - sin_centre**2), 1e-300))
    cos_half_width = (cos_radius - sin_event * sin_centre) / cosines
    fraction: Floats = np.arccos(np.clip(cos_half_width, -1, 1)) / np.pi
    return fraction


def unit_vectors(ra_deg: Floats, dec_deg: Floats) -> Floats:
    """Return directions as vectors, with an axis of three added at the end."""
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    cos_dec = np.cos(dec)
    return np.stack([cos_dec * np.cos(ra), cos_dec * np.sin(ra), np.sin(dec)], axis=-1)
