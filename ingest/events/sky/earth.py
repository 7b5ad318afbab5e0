"""The times of events and the Earth in them: rotation, orientation and motion, for ERFA.

Preparing ERFA's astrometry for every event is what makes astropy's ``AltAz`` slow. Here it is
prepared for the midnights around each event, and interpolated linearly over the UTC day. The
Earth's rotation stays exact by that: UT1 itself runs linearly between the daily values of the
IERS. All else changes so slowly that less than 0.01" is lost. Diurnal aberration goes with the
detector and not with the sky, hence into ERFA's ``diurab`` and not into the observer's velocity.

Beyond the last prediction of the IERS (about one year after the release of ``astropy-iers-data``)
the last values of UT1-UTC and polar motion hold on and a warning is logged: an event from
yesterday must be located, however old the tables. One second of UT1 is 15" on the sky.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Iterator
from typing import Any, Final

import astropy_iers_data
import erfa
import numpy as np
import numpy.typing as npt
from astropy import units as u
from astropy.utils import iers

from ingest.events.sky.detectors import Detector

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_log = logging.getLogger(__name__)

# Nothing here may wait for a network: the tables come from the package astropy-iers-data.
iers.conf.auto_download = False

_UNIX_EPOCH: Final = 40_587  # MJD
_FIRST_DAY: Final = 42_048  # MJD of 1974-01-01: the first full year of the IERS table
_LAST_DAY: Final = 88_068  # MJD of 2099-12-31, the end of ERFA's ephemeris of the Earth
_MJD_ZERO: Final = 2_400_000.5  # JD

_BLOCK: Final = 8_192
"""Events per pass: the interpolated astrometry, 248 bytes for each, stays in the cache."""


def utc_days(seconds: npt.NDArray[Any], nanoseconds: npt.NDArray[Any]) -> tuple[Integers, Floats]:
    """Return the UTC days of unix times, and the part of its day that is over for each.

    Parameters
    ----------
    seconds, nanoseconds : ndarray of int, shape (n,)
        UTC since 1970-01-01; every day has 86 400 s.

    Returns
    -------
    days : ndarray of int, shape (n,)
        MJD. 1974-01-01 stands for times out of range.
    fractions : ndarray of float, shape (n,)
        Of the true length of the day: 86 401 s with a leap second. NaN for times before 1974
        and after 2099.
    """
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
    _learn_leap_seconds()
    with warnings.catch_warnings():
        # "dubious year": more than five years after the release of ERFA, leap seconds are
        # unknown; the module says what becomes of such events.
        warnings.simplefilter("ignore", erfa.ErfaWarning)
        first, second = erfa.utctai(_MJD_ZERO, days)
    return first, second


@functools.cache
def _learn_leap_seconds() -> None:
    """Tell ERFA of leap seconds that were announced after its release."""
    erfa.leap_seconds.update(iers.LeapSeconds.open(astropy_iers_data.IERS_LEAP_SECOND_FILE))


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


def astrometry(
    days: Integers, fractions: Floats, site: Detector
) -> Iterator[tuple[slice, npt.NDArray[np.void]]]:
    """Prepare ERFA's star-independent parameters for every event.

    Parameters
    ----------
    days, fractions : ndarray, shape (n,)
        From :func:`utc_days`.
    site : Detector
        Where the observer is.

    Yields
    ------
    part : slice
        A block of the events; the blocks come in order and cover all.
    astrom : ndarray of ``erfa.dt_eraASTROM``, shape of the block
        For ``erfa.atoiq``, ``atciqz`` and ``atioq``.
    """
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
    if days[-1] >= end:
        _log.warning(
            "events up to MJD %d, but the Earth orientation table ends at MJD %d: positions after "
            'that may be off by 15" per second that UT1-UTC has changed since; '
            "install a newer astropy-iers-data and locate them again",
            days[-1],
            end,
        )
