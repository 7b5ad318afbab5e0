"""From a direction in the detector to a place on the sky, and back.

The astrometry is ERFA's, the same as behind astropy's ``AltAz`` to ``ICRS``: bias, precession and
nutation (IAU 2006/2000A), annual and diurnal aberration, light deflection by the Sun, Earth
rotation and polar motion (IERS), no refraction. What makes it fast is in
:mod:`ingest.events.sky.earth`. The results agree with astropy to 0.01", and to 0.02" within some
degrees of the Sun. Behind its disc the formula of light deflection means nothing, and there they
differ by more.

Times are UTC: whole seconds since 1970-01-01 in which leap seconds are not counted, so that every
day has 86 400 of them, and nanoseconds. An event within a leap second cannot be told from one
second earlier or later. Times before 1974 and after 2099 give NaN.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import erfa
import numpy as np
import numpy.typing as npt

from ingest.events.sky.detectors import detector
from ingest.events.sky.earth import Floats, astrometry, utc_days


class SkyPositions(NamedTuple):
    """Where particles came from; every field has the shape of the events."""

    ra: Floats
    """deg, ICRS, [0, 360)."""
    dec: Floats
    """deg, ICRS, [-90, 90]."""
    zenith: Floats
    """deg, [0, 180]."""
    azimuth: Floats
    """deg, [0, 360), from true north over east."""


def locate(
    dir_x: npt.ArrayLike,
    dir_y: npt.ArrayLike,
    dir_z: npt.ArrayLike,
    unix_seconds: npt.ArrayLike,
    unix_nanoseconds: npt.ArrayLike,
    detector_name: str,
) -> SkyPositions:
    """Return the places on the sky that particles came from.

    A number instead of an array holds for all events; with numbers only, n is 1.

    Parameters
    ----------
    dir_x, dir_y, dir_z : array_like of float, shape (n,)
        Where the particles go, in the frame of the detector: x along UTM easting, y along
        UTM northing, z up. Any length but zero.
    unix_seconds, unix_nanoseconds : array_like of int, shape (n,)
        UTC, in any order; see the module.
    detector_name : str
        ``antares``, ``orca`` or ``arca``.

    Returns
    -------
    SkyPositions
        NaN for an event whose direction is no direction (zero, NaN or infinite), and NaN
        positions for one whose time is out of range.

    Raises
    ------
    ingest.core.errors.InputError
        If there is no such detector.
    """
    site = detector(detector_name)
    x, y, z, seconds, nanoseconds = _events(
        *(np.asarray(c, dtype=np.float64) for c in (dir_x, dir_y, dir_z)),
        unix_seconds,
        unix_nanoseconds,
    )
    horizontal = np.hypot(x, y)
    length = np.hypot(horizontal, z)
    none = ~((length > 0) & (length < np.inf))

    zenith = np.arctan2(horizontal, -z)
    azimuth = np.arctan2(-x, -y) + np.radians(site.meridian_convergence)
    zenith[none] = azimuth[none] = np.nan

    days, fractions = utc_days(seconds, nanoseconds)
    ra, dec = np.empty_like(zenith), np.empty_like(zenith)
    with np.errstate(invalid="ignore"):  # of NaN
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
    """Return the way particles from given places on the sky go: the inverse of :func:`locate`.

    Parameters
    ----------
    ra, dec : array_like of float, shape (n,)
        deg, ICRS.
    unix_seconds, unix_nanoseconds : array_like of int, shape (n,)
        UTC; see the module.
    detector_name : str
        ``antares``, ``orca`` or ``arca``.

    Returns
    -------
    dir_x, dir_y, dir_z : ndarray of float, shape (n,)
        Unit vectors in the frame of the detector.

    Raises
    ------
    ingest.core.errors.InputError
        If there is no such detector.
    """
    site = detector(detector_name)
    alpha, delta, seconds, nanoseconds = _events(
        np.radians(ra), np.radians(dec), unix_seconds, unix_nanoseconds
    )
    days, fractions = utc_days(seconds, nanoseconds)
    azimuth, zenith = np.empty_like(alpha), np.empty_like(alpha)
    with np.errstate(invalid="ignore"):  # of NaN
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
    with np.errstate(invalid="ignore"):  # of NaN
        longitude, latitude = erfa.icrs2g(*_events(np.radians(ra), np.radians(dec)))
    return _turn(longitude), np.degrees(latitude)


def mjd_utc(unix_seconds: npt.ArrayLike, unix_nanoseconds: npt.ArrayLike) -> Floats:
    """Return the UTC MJD of unix times, shape (n,); NaN before 1974 and after 2099.

    On a day with a leap second the fraction counts 86 401 seconds, as ERFA and astropy read it;
    ``unix / 86400 + 40587`` would be up to a second off on such a day. A double holds an MJD to
    a microsecond.
    """
    days, fractions = utc_days(*_events(unix_seconds, unix_nanoseconds))
    mjd: Floats = days + fractions
    return mjd


def _events(*columns: npt.ArrayLike) -> tuple[npt.NDArray[Any], ...]:
    """Return the columns as arrays of one shape; what is given once holds for all events."""
    return np.broadcast_arrays(*(np.atleast_1d(np.asarray(column)) for column in columns))


def _cirs_to_icrs(
    ra: Floats, dec: Floats, astrom: npt.NDArray[np.void]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Do what ``erfa.aticq`` does by iterations, in one step and a quarter of the time; radian.

    The inverse of aberration is the aberration by the opposite velocity. Light deflection is so
    small that the one at the place where the light is seen serves: 0.003" off at the Sun's limb.
    """
    apparent = erfa.trxp(astrom["bpn"], erfa.s2c(ra, dec))
    natural = erfa.ab(apparent, -astrom["v"], astrom["em"], astrom["bm1"])
    undeflected = 2 * natural - erfa.ldsun(natural, astrom["eh"], astrom["em"])
    longitude, latitude = erfa.c2s(undeflected)
    return longitude, latitude


def _turn(angle: Floats) -> Floats:
    """Return an angle in radian as degrees in [0, 360)."""
    with np.errstate(invalid="ignore"):  # of NaN
        degrees: Floats = np.degrees(erfa.anp(angle))
    # An angle just below 2 pi is 360 deg after rounding.
    degrees[degrees >= 360] = 0
    return degrees
