"""Conversion of directions in the detector frame to positions on the sky, and back.

The astrometry is ERFA's, as in astropy's transformation from ``AltAz`` to ``ICRS``: bias,
precession and nutation (IAU 2006/2000A), annual and diurnal aberration, light deflection by the
Sun, Earth rotation and polar motion (IERS), no refraction. It is evaluated by interpolation, see
:mod:`ingest.events.sky.earth`. The results agree with astropy to 0.01", and to 0.02" within a few
degrees of the Sun. Behind the Sun's disc the formula for light deflection is not valid, and the
difference is larger.

Times are UTC: whole seconds since 1970-01-01 without leap seconds, so that every day has 86 400
of them, and nanoseconds. A time within a leap second is ambiguous by one second. Times before
1974 and after 2099 give NaN.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import erfa
import numpy as np
import numpy.typing as npt

from ingest.events.sky.detectors import detector
from ingest.events.sky.earth import Floats, astrometry, utc_days


class SkyPositions(NamedTuple):
    """Directions of origin of particles; every field has the shape of the events."""

    ra: Floats
    """deg, ICRS, [0, 360)."""
    dec: Floats
    """deg, ICRS, [-90, 90]."""
    zenith: Floats
    """deg, [0, 180]."""
    azimuth: Floats
    """deg, [0, 360), from true north through east."""


def locate(
    dir_x: npt.ArrayLike,
    dir_y: npt.ArrayLike,
    dir_z: npt.ArrayLike,
    unix_seconds: npt.ArrayLike,
    unix_nanoseconds: npt.ArrayLike,
    detector_name: str,
) -> SkyPositions:
    """Return the positions on the sky from which particles came.

    Scalars apply to all events; with scalars only, n is 1.

    Parameters
    ----------
    dir_x, dir_y, dir_z : array_like of float, shape (n,)
        Direction of propagation in the detector frame: x along UTM easting, y along UTM
        northing, z up. Any non-zero length.
    unix_seconds, unix_nanoseconds : array_like of int, shape (n,)
        UTC, in any order; see the module's docstring.
    detector_name : str
        ``antares``, ``orca`` or ``arca``.

    Returns
    -------
    SkyPositions
        NaN for events whose direction is zero, NaN or infinite; NaN in ``ra`` and ``dec`` for
        events whose time is out of range.

    Raises
    ------
    ingest.core.errors.InputError
        If the detector does not exist.
    """
    site = detector(detector_name)
    x, y, z, seconds, nanoseconds = _events(
        *(np.asarray(c, dtype=np.float64) for c in (dir_x, dir_y, dir_z)),
        unix_seconds,
        unix_nanoseconds,
    )
    horizontal = np.hypot(x, y)
    length = np.hypot(horizontal, z)
    invalid = ~((length > 0) & (length < np.inf))

    zenith = np.arctan2(horizontal, -z)
    azimuth = np.arctan2(-x, -y) + np.radians(site.meridian_convergence)
    zenith[invalid] = azimuth[invalid] = np.nan

    days, fractions = utc_days(seconds, nanoseconds)
    ra, dec = np.empty_like(zenith), np.empty_like(zenith)
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        for part, astrom in astrometry(days, fractions, site):
            cirs_ra, cirs_dec = erfa.atoiq("A", azimuth[part], zenith[part], astrom)
            ra[part], dec[part] = _cirs_to_icrs(cirs_ra, cirs_dec, astrom)
    return SkyPositions(_turn(ra), np.degrees(dec), np.degrees(zenith), _turn(azimuth))


def direction(
    ra: npt.ArrayLike,
    dec: npt.ArrayLike,
    unix_seconds: npt.ArrayLike,
    unix_nanoseconds: npt.ArrayLike,
    detector_name: str,
) -> tuple[Floats, Floats, Floats]:
    """Return the directions of propagation of particles: the inverse of :func:`locate`.

    Parameters
    ----------
    ra, dec : array_like of float, shape (n,)
        deg, ICRS.
    unix_seconds, unix_nanoseconds : array_like of int, shape (n,)
        UTC; see the module's docstring.
    detector_name : str
        ``antares``, ``orca`` or ``arca``.

    Returns
    -------
    dir_x, dir_y, dir_z : ndarray of float, shape (n,)
        Unit vectors in the detector frame.

    Raises
    ------
    ingest.core.errors.InputError
        If the detector does not exist.
    """
    site = detector(detector_name)
    alpha, delta, seconds, nanoseconds = _events(
        np.radians(ra), np.radians(dec), unix_seconds, unix_nanoseconds
    )
    days, fractions = utc_days(seconds, nanoseconds)
    azimuth, zenith = np.empty_like(alpha), np.empty_like(alpha)
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        for part, astrom in astrometry(days, fractions, site):
            cirs = erfa.atciqz(alpha[part], delta[part], astrom)
            azimuth[part], zenith[part], *_ = erfa.atioq(*cirs, astrom)
    grid_azimuth = azimuth - np.radians(site.meridian_convergence)
    sin_zenith = np.sin(zenith)
    return (
        -sin_zenith * np.sin(grid_azimuth),
        -sin_zenith * np.cos(grid_azimuth),
        -np.cos(zenith),
    )


def galactic(ra: npt.ArrayLike, dec: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return galactic longitude and latitude, deg, of ICRS positions in deg, shape (n,)."""
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        longitude, latitude = erfa.icrs2g(*_events(np.radians(ra), np.radians(dec)))
    return _turn(longitude), np.degrees(latitude)


def mjd_utc(unix_seconds: npt.ArrayLike, unix_nanoseconds: npt.ArrayLike) -> Floats:
    """Return the UTC MJD of Unix times, shape (n,); NaN before 1974 and after 2099.

    On a day with a leap second the fraction is in units of 86 401 s, as in ERFA and astropy, so
    that :func:`ingest.core.timescales.unix_to_mjd` differs by up to a second on such days. A
    double resolves an MJD to a microsecond.
    """
    days, fractions = utc_days(*_events(unix_seconds, unix_nanoseconds))
    mjd: Floats = days + fractions
    return mjd


def _events(*columns: npt.ArrayLike) -> tuple[npt.NDArray[Any], ...]:
    """Return the columns as arrays of one shape; scalars apply to all events."""
    return np.broadcast_arrays(*(np.atleast_1d(np.asarray(column)) for column in columns))


def _cirs_to_icrs(
    ra: Floats, dec: Floats, astrom: npt.NDArray[np.void]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Convert CIRS to ICRS, rad, in one step instead of the iterations of ``erfa.aticq``.

    The inverse of aberration is aberration by the opposite velocity. Light deflection is so
    small that it can be evaluated at the apparent position: 0.003" off at the Sun's limb.
    """
    apparent = erfa.trxp(astrom["bpn"], erfa.s2c(ra, dec))
    natural = erfa.ab(apparent, -astrom["v"], astrom["em"], astrom["bm1"])
    undeflected = 2 * natural - erfa.ldsun(natural, astrom["eh"], astrom["em"])
    longitude, latitude = erfa.c2s(undeflected)
    return longitude, latitude


def _turn(angle: Floats) -> Floats:
    """Return an angle in radian as degrees in [0, 360)."""
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        degrees: Floats = np.degrees(erfa.anp(angle))
    # An angle just below 2 pi may be rounded to 360 deg.
    degrees[degrees >= 360] = 0
    return degrees
