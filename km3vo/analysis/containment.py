"""Which fraction of a source's events lies within a radius, and the radius to choose."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import Floats, numbers

_LOG_BACKGROUND = np.linspace(-4, 2, 13)
"""Decimal logarithm of the number of background events within the resolution."""
_BEST = np.array([3.77, 3.54, 3.30, 3.04, 2.76, 2.47, 2.17, 1.86, 1.76, 1.49, 1.45, 1.44, 1.39])
"""The best radius in units of the resolution."""


def contained(radius_deg: Any, resolution_deg: float) -> Floats:
    """Return the fraction of a source's events within a radius.

    Parameters
    ----------
    radius_deg : array_like
        Radius in deg.
    resolution_deg : float
        Median angular resolution in deg.

    Returns
    -------
    ndarray
        1 − 2^(−(r/ψ)²), as for a Gaussian in two dimensions with the median ψ.

    Notes
    -----
    A median is all that is published with the sample. The true distribution has a longer tail, from
    badly reconstructed events and from the angle between neutrino and muon, which is larger for
    soft spectra; see docs/limits.md.
    """
    radius = numbers("radius", radius_deg)
    return np.asarray(-np.expm1(-np.log(2) * (radius / resolution_deg) ** 2))


def best_radius(density: Any, resolution_deg: float) -> Floats:
    """Return the radius in deg with the lowest flux limit expected without a source.

    Parameters
    ----------
    density : array_like
        Background events per sr at the source.
    resolution_deg : float
        Median angular resolution in deg.

    Returns
    -------
    ndarray
        Rounded to 0.01 deg; NaN where there is no background.

    Notes
    -----
    It minimises U(b)/C(r), with b = π r² ρ, the containment C and the mean U of the upper limits at
    90 % confidence of Feldman and Cousins over the Poisson distribution of b (their "sensitivity",
    Phys. Rev. D 57, 3873, section VI). The median would have steps. The table of minima was
    computed with this package's own functions; a test computes it again. As the resolution is one
    number for all spectra, the best radius does not depend on the spectral index.
    """
    background = numbers("density", density) * np.pi * np.radians(resolution_deg) ** 2
    some = background > 0
    logarithm = np.log10(np.where(some, background, 1))
    radius = np.interp(logarithm, _LOG_BACKGROUND, _BEST) * resolution_deg
    return np.where(some, np.round(radius, 2), np.nan)
