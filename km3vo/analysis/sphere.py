"""Angles on the sphere, and numbers that callers give."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import AnalysisError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SQUARE_DEGREES = float(np.degrees(1) ** 2)
"""deg² in a steradian"""


def numbers(parameter: str, values: Any) -> Floats:
    """Return what a caller gives as an array of float64; masked values become NaN.

    Raises
    ------
    AnalysisError
        If it is no number, or an array of no numbers.
    """
    try:
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise AnalysisError(parameter, repr(values)[:80], "numbers") from None


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
