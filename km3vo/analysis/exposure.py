"""Expected events of a source, and background around it, with a response of KM3NeT.

The effective area depends on the zenith angle, which changes over the day. Over whole sidereal
days each hour angle is equally likely; the time in which the detector took data is assumed to be
spread evenly over the day, as it is for a neutrino telescope over a year.

Declinations are taken as those of date: the precession since J2000, nutation and aberration are
neglected, which change a zenith angle by less than 0.2 deg until 2035.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .arrays import Floats
from .errors import AnalysisError
from .flux import PowerLaw
from .responses import BackgroundRate, EffectiveArea

CM2_PER_M2 = 1e4

_RADII, _RADIAL_WEIGHTS = np.polynomial.legendre.leggauss(8)
_ANGLES = np.radians(np.arange(0.5, 24) * 15)


def zenith_fractions(dec: npt.ArrayLike, latitude: float, edges: npt.ArrayLike) -> Floats:
    """Return the fraction of a sidereal day that a source spends in bins of the zenith angle.

    The zenith angle z at the hour angle h follows from ``cos z = sin(latitude) sin(dec) +
    cos(latitude) cos(dec) cos(h)``, and h moves evenly. Solved for h, this gives the time above a
    zenith angle in closed form.

    Parameters
    ----------
    dec : array_like
        Declination, deg.
    latitude : float
        Geodetic latitude of the detector, deg.
    edges : array_like, shape (bins + 1,)
        Zenith angles, deg, increasing.

    Returns
    -------
    numpy.ndarray, shape (..., bins)
        For each declination; the sum is 1 if the edges go from 0 to 180.

    Raises
    ------
    AnalysisError
        If a declination or the latitude is not from -90 to 90, or the edges do not increase.
    """
    declination = checked_declinations(dec)[..., np.newaxis]
    if not -90 <= latitude <= 90:
        raise AnalysisError("latitude", latitude, "a latitude from -90 to 90 deg")
    limits = checked_edges("edges", edges)
    fixed = np.sin(np.radians(latitude)) * np.sin(np.radians(declination))
    moving = np.cos(np.radians(latitude)) * np.cos(np.radians(declination))
    # at a pole, of the Earth or the sky, the zenith angle does not change
    cosine = (np.cos(np.radians(limits)) - fixed) / np.maximum(moving, 1e-15)
    above = np.arccos(np.clip(cosine, -1, 1)) / np.pi
    # the ends of the range hold everything; cos(0) and cos(180 deg) may miss it by rounding
    above = np.where(limits <= 0, 0.0, np.where(limits >= 180, 1.0, above))
    fractions: Floats = np.diff(above, axis=-1)
    return fractions


def exposure_by_energy(
    area: EffectiveArea, dec: npt.ArrayLike, latitude: float, livetime: float
) -> Floats:
    """Return the exposure of a point of the sky in the bins of energy of an effective area.

    Parameters
    ----------
    area : EffectiveArea
        The effective area.
    dec : array_like
        Declination, deg.
    latitude : float
        Geodetic latitude of the detector, deg; 36.29 for ARCA, 42.80 for ORCA and ANTARES.
    livetime : float
        Seconds, spread evenly over the sidereal day.

    Returns
    -------
    numpy.ndarray, shape (..., energies)
        cm2 s.

    Raises
    ------
    AnalysisError
        If a parameter is out of range.
    """
    check_livetime(livetime)
    fractions = zenith_fractions(dec, latitude, area.zenith_edges)
    exposure: Floats = fractions @ area.values.T * (CM2_PER_M2 * livetime)
    return exposure


def events_by_energy(
    area: EffectiveArea, flux: PowerLaw, dec: npt.ArrayLike, latitude: float, livetime: float
) -> Floats:
    """Return the events expected of a point source in the bins of energy of an effective area.

    The effective area is constant within a bin; the flux is integrated over it.

    Parameters
    ----------
    area, dec, latitude, livetime
        As for :func:`exposure_by_energy`.
    flux : PowerLaw
        The flux of the source.

    Returns
    -------
    numpy.ndarray, shape (..., energies)
        Expected events.
    """
    exposure = exposure_by_energy(area, dec, latitude, livetime)
    return exposure * flux.integrals(area.energy_edges)


def expected_events(
    area: EffectiveArea, flux: PowerLaw, dec: npt.ArrayLike, latitude: float, livetime: float
) -> Floats:
    """Return the events expected of a point source, of all energies.

    Parameters
    ----------
    area, flux, dec, latitude, livetime
        As for :func:`events_by_energy`.

    Returns
    -------
    numpy.ndarray
        Expected events, of the shape of `dec`. They are those that are reconstructed at any
        distance from the source.
    """
    events: Floats = events_by_energy(area, flux, dec, latitude, livetime).sum(axis=-1)
    return events


def expected_background(
    rate: BackgroundRate,
    dec: npt.ArrayLike,
    radius: float,
    livetime: float,
    latitude: float | None = None,
    energy_min: float = 0.0,
    energy_max: float = np.inf,
) -> Floats:
    """Return the background events expected within a circle.

    Parameters
    ----------
    rate : BackgroundRate
        The rate of background.
    dec : array_like
        Declination of the centre, deg.
    radius : float
        deg, up to 180.
    livetime : float
        Seconds, spread evenly over the sidereal day.
    latitude : float, optional
        Geodetic latitude of the detector, deg. Needed if the rate depends on the zenith angle.
    energy_min, energy_max : float, optional
        Range of the reconstructed energy, GeV.

    Returns
    -------
    numpy.ndarray
        Events, of the shape of `dec`: the integral of the rate over the circle.

    Raises
    ------
    AnalysisError
        If a parameter is out of range, or the latitude is missing.
    """
    centre = np.radians(checked_declinations(dec))[..., np.newaxis]
    if not 0 < radius <= 180:
        raise AnalysisError("radius", radius, "a radius above 0, up to 180 deg")
    check_livetime(livetime)
    if not rate.by_declination and latitude is None:
        raise AnalysisError("latitude", latitude, "the latitude of the detector in deg")
    # points of equal solid angle: evenly spaced in the angle, Gauss-Legendre in the cosine
    half = (1 - np.cos(np.radians(radius))) / 2
    cos_rho = np.repeat(1 - half * (1 + _RADII), len(_ANGLES))
    weights = np.repeat(half * _RADIAL_WEIGHTS, len(_ANGLES)) * (2 * np.pi / len(_ANGLES))
    angle = np.tile(_ANGLES, len(_RADII))
    sin_dec = np.sin(centre) * cos_rho
    sin_dec = sin_dec + np.cos(centre) * np.sqrt(1 - cos_rho**2) * np.cos(angle)
    points = np.degrees(np.arcsin(np.clip(sin_dec, -1, 1)))
    per_bin = rate.integrated(energy_min, energy_max)
    if rate.by_declination:
        place = np.searchsorted(rate.edges, points, side="right") - 1
        inside = (points >= rate.edges[0]) & (points <= rate.edges[-1])
        at_points = np.where(inside, per_bin[np.clip(place, 0, len(per_bin) - 1)], 0.0)
    else:
        at_points = zenith_fractions(points, float(latitude or 0.0), rate.edges) @ per_bin
    events: Floats = at_points @ weights * livetime
    return events


def checked_declinations(dec: npt.ArrayLike) -> Floats:
    """Return declinations as an array, and raise AnalysisError where one is impossible."""
    values = np.asarray(dec, float)
    wrong = ~((values >= -90) & (values <= 90)) & ~np.isnan(values)
    if wrong.any():
        raise AnalysisError("dec", float(values[wrong].flat[0]), "declinations from -90 to 90 deg")
    return values


def checked_edges(name: str, edges: npt.ArrayLike) -> Floats:
    """Return edges as an array, and raise AnalysisError if they do not increase."""
    values = np.asarray(edges, float)
    if values.ndim != 1 or len(values) < 2 or not (np.diff(values) > 0).all():
        raise AnalysisError(name, edges, "at least two increasing numbers, in deg")
    return values


def check_livetime(livetime: float) -> None:
    """Raise AnalysisError if a livetime is not a number from 0."""
    if not (np.isfinite(livetime) and livetime >= 0):
        raise AnalysisError("livetime", livetime, "a number of seconds from 0")
