"""From a direction in the detector to a place on the sky, and back.

The astrometry is ERFA's, the same as behind astropy's ``AltAz`` to ``ICRS``: bias, precession and
nutation (IAU 2006/2000A), annual and diurnal aberration, light deflection by the Sun, Earth
rotation and polar motion (IERS), no refraction. astropy prepares it anew for every event, which
takes nearly all its time. Here it is prepared for the midnights around each event and interpolated
linearly over the UTC day. The Earth's rotation stays exact by that: UT1 itself runs linearly
between the daily values of the IERS. All else changes so slowly that less than 0.01" is lost.
Diurnal aberration goes with the detector and not with the sky, hence into ERFA's ``diurab`` and
not into the observer's velocity.

Times are UTC: whole seconds since 1970-01-01 in which leap seconds are not counted, so that every
day has 86 400 of them, and nanoseconds. An event within a leap second cannot be told from one
second earlier or later. Times before 1972 and after 2099 give NaN.

Beyond the last prediction of the IERS (about one year after the release of ``astropy-iers-data``)
the last values of UT1-UTC and polar motion hold on and a warning is logged: an event from
yesterday must be located, however old the tables. One second of UT1 is 15" on the sky.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import astropy_iers_data
import erfa
import numpy as np
import numpy.typing as npt
from astropy import units as u
from astropy.utils import iers

from ingest.events.detectors import Detector, detector

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_log = logging.getLogger(__name__)

# Nothing here may wait for a network: the tables come from the package astropy-iers-data.
iers.conf.auto_download = False

_UNIX_EPOCH: Final = 40_587  # MJD
_FIRST_DAY: Final = 41_317  # MJD of 1972-01-01, when UTC began to have leap seconds
_LAST_DAY: Final = 88_068  # MJD of 2099-12-31, the end of ERFA's ephemeris of the Earth
_MJD_ZERO: Final = 2_400_000.5  # JD

_BLOCK: Final = 8_192
"""Events per pass: the interpolated astrometry, 248 bytes for each, stays in the cache."""


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

    Parameters
    ----------
    dir_x, dir_y, dir_z : array_like of float, shape (n,)
        Where the particles go, in the frame of the detector: x along UTM easting, y along
        UTM northing, z up. Any length but zero.
    unix_seconds, unix_nanoseconds : array_like of int, shape (n,)
        UTC, in any order; see the module. Numbers instead of arrays hold for all events.
    detector_name : str
        ``antares``, ``orca`` or ``arca``.

    Returns
    -------
    SkyPositions
        NaN for an event whose direction is no direction (zero, NaN or infinite), and NaN
        positions for one whose time is out of range.

    Raises
    ------
    ingest.errors.InputError
        If there is no such detector.
    """
    site = detector(detector_name)
    x, y, z, seconds, nanoseconds = _events(dir_x, dir_y, dir_z, unix_seconds, unix_nanoseconds)
    horizontal = np.hypot(x, y)
    length = np.hypot(horizontal, z)
    none = ~((length > 0) & (length < np.inf))

    zenith = np.arctan2(horizontal, -z)
    azimuth = erfa.anp(np.arctan2(-x, -y) + np.radians(site.meridian_convergence))
    zenith[none] = azimuth[none] = np.nan

    days, fractions = _utc(seconds, nanoseconds)
    ra, dec = np.empty_like(zenith), np.empty_like(zenith)
    with np.errstate(invalid="ignore"):  # of NaN
        for part, astrom in _astrometry(days, fractions, site):
            cirs = erfa.atoiq("A", azimuth[part], zenith[part], astrom)
            ra[part], dec[part] = erfa.aticq(*cirs, astrom)
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
    ingest.errors.InputError
        If there is no such detector.
    """
    site = detector(detector_name)
    alpha, delta, seconds, nanoseconds = _events(
        np.radians(ra), np.radians(dec), unix_seconds, unix_nanoseconds
    )
    days, fractions = _utc(seconds, nanoseconds)
    azimuth, zenith = np.empty_like(alpha), np.empty_like(alpha)
    with np.errstate(invalid="ignore"):  # of NaN
        for part, astrom in _astrometry(days, fractions, site):
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
    longitude, latitude = erfa.icrs2g(*_events(np.radians(ra), np.radians(dec)))
    return _turn(longitude), np.degrees(latitude)


def mjd_utc(unix_seconds: npt.ArrayLike, unix_nanoseconds: npt.ArrayLike) -> Floats:
    """Return the UTC MJD of unix times, shape (n,); NaN before 1972 and after 2099.

    On a day with a leap second the fraction counts 86 401 seconds, as ERFA and astropy read it;
    ``unix / 86400 + 40587`` would be up to a second off on such a day. A double holds an MJD to
    a microsecond.
    """
    days, fractions = _utc(*_events(unix_seconds, unix_nanoseconds))
    mjd: Floats = days + fractions
    return mjd


def _events(*columns: npt.ArrayLike) -> tuple[npt.NDArray[Any], ...]:
    """Return the columns as arrays of one shape; what is given once holds for all events."""
    return np.broadcast_arrays(*(np.atleast_1d(np.asarray(column)) for column in columns))


def _turn(angle: Floats) -> Floats:
    """Return an angle in radian as degrees in [0, 360)."""
    degrees: Floats = np.degrees(erfa.anp(angle))
    # The largest angle below 2 pi, and what the conversion rounds up to it, is 360.
    degrees[degrees >= 360] = 0
    return degrees


def _utc(seconds: npt.NDArray[Any], nanoseconds: npt.NDArray[Any]) -> tuple[Integers, Floats]:
    """Return the MJD of the UTC day, and the part of this day that is over; NaN out of range."""
    days = (seconds // 86_400).astype(np.int64)
    in_day = (seconds - days * 86_400) + nanoseconds * 1e-9
    days += _UNIX_EPOCH
    out_of_range = (days < _FIRST_DAY) | (days > _LAST_DAY)
    days[out_of_range] = _FIRST_DAY
    in_day[out_of_range] = np.nan

    which, row = np.unique(days, return_inverse=True)
    tai = _tai(which), _tai(which + 1)
    length = np.rint(86_400 * ((tai[1][0] - tai[0][0]) + (tai[1][1] - tai[0][1])))
    return days, in_day / length[row]


def _tai(days: Integers) -> tuple[Floats, Floats]:
    """Return the TAI of UTC midnights as a two-part JD."""
    with warnings.catch_warnings():
        # "dubious year": more than five years after the release of ERFA, leap seconds are
        # unknown; the module says what becomes of such events.
        warnings.simplefilter("ignore", erfa.ErfaWarning)
        first, second = erfa.utctai(_MJD_ZERO, days)
    return first, second


@functools.cache
def _earth_orientation() -> iers.IERS:
    """Return UT1-UTC and polar motion: measured, and predicted about one year ahead."""
    return iers.IERS_A.open(astropy_iers_data.IERS_A_FILE)


def _at_midnight(days: Integers, site: Detector) -> npt.NDArray[np.void]:
    """Return ERFA's astrometry at 0h UTC of `days`, for an observer who turns with the Earth."""
    table = _earth_orientation()
    # With the status asked for, days outside the table get its nearest value and do not raise.
    ut1_utc = table.ut1_utc(_MJD_ZERO, days, return_status=True)[0].to_value(u.s)
    x_pole, y_pole, _ = table.pm_xy(_MJD_ZERO, days, return_status=True)
    tt = erfa.taitt(*_tai(days))

    # The centre of the Earth among the stars (TT for TDB: 2 ms, nothing here) ...
    heliocentric, barycentric = erfa.epv00(*tt)
    astrom = erfa.apci(*tt, barycentric, heliocentric["p"], *erfa.xys06a(*tt))
    # ... and the detector on the Earth.
    local = erfa.apio(
        erfa.sp00(*tt),
        erfa.era00(_MJD_ZERO + days, ut1_utc / 86_400),
        np.radians(site.longitude),
        np.radians(site.latitude),
        site.height,
        x_pole.to_value(u.rad),
        y_pole.to_value(u.rad),
        0.0,  # no refraction
        0.0,
    )
    for name in ("along", "xpl", "ypl", "sphi", "cphi", "diurab", "eral", "refa", "refb"):
        astrom[name] = local[name]
    astrom["phi"] = np.radians(site.latitude)
    return np.asarray(astrom)


def _astrometry(
    days: Integers, fractions: Floats, site: Detector
) -> Iterator[tuple[slice, npt.NDArray[np.void]]]:
    """Yield blocks of events and ERFA's astrometry of each of their events."""
    if not days.size:
        return
    which, row = np.unique(days, return_inverse=True)
    _warn_of_old_tables(which)
    midnights = np.union1d(which, which + 1)
    astrom = _at_midnight(midnights, site)
    before = astrom[np.searchsorted(midnights, which)]
    after = astrom[np.searchsorted(midnights, which + 1)]
    # A day is one whole turn of the Earth and some 59'.
    after["eral"] = before["eral"] + 2 * np.pi + erfa.anp(after["eral"] - before["eral"])

    # All of the structure's fields are doubles: interpolate them in one go.
    start = before.view(np.float64).reshape(which.size, -1)
    change = after.view(np.float64).reshape(which.size, -1) - start
    for first in range(0, days.size, _BLOCK):
        part = slice(first, first + _BLOCK)
        values = change[row[part]]
        values *= fractions[part, np.newaxis]
        values += start[row[part]]
        events = values.view(astrom.dtype).reshape(-1)
        # The straight line cuts the corner of the unit vector from the Sun, by 4e-5; that would
        # spoil the light deflection within a degree of it.
        events["eh"] /= np.linalg.norm(events["eh"], axis=1, keepdims=True)
        yield part, events


def _warn_of_old_tables(days: Integers) -> None:
    end = int(_earth_orientation()["MJD"][-1].value)
    if days[-1] > end:
        _log.warning(
            'events up to MJD %d are later than the Earth orientation table, which ends at MJD %d: '
            'their positions may be off by 15" per second that UT1-UTC has changed since; '
            "a newer astropy-iers-data helps",
            days[-1],
            end,
        )
