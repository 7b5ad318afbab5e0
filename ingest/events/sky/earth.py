"""Rotation, orientation and motion of the Earth at the times of events, for ERFA.

Computing ERFA's astrometry for every event is what makes astropy's ``AltAz`` slow. Here it is
computed for the midnights around each event, and interpolated linearly over the UTC day. This
keeps the Earth's rotation exact, since UT1 is itself interpolated linearly between the daily
values of the IERS. Everything else changes so slowly that the error is less than 0.01". Diurnal
aberration rotates with the detector and is therefore put into ERFA's ``diurab``, not into the
observer's velocity.

Beyond the last prediction of the IERS (about one year after the release of ``astropy-iers-data``)
the last values of UT1-UTC and polar motion are used and a warning is logged: recent events must
be located even with old tables. One second of UT1 is 15" on the sky.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import astropy_iers_data
import erfa
import numpy as np
import numpy.typing as npt

from ingest.core import privileges
from ingest.core.timescales import DAY, MJD_ZERO, UNIX_EPOCH_MJD
from ingest.events.sky.detectors import Detector

if TYPE_CHECKING:
    from astropy.utils import iers

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_log = logging.getLogger(__name__)

_DAY: Final = int(DAY)  # s; whole, which keeps integer times exact
_FIRST_DAY: Final = 42_048  # MJD of 1974-01-01: the first full year of the IERS table
_LAST_DAY: Final = 88_068  # MJD of 2099-12-31, the end of ERFA's ephemeris of the Earth

_BLOCK: Final = 8_192
"""Events per pass: the interpolated astrometry, 248 bytes each, fits into the cache."""


def utc_days(seconds: npt.NDArray[Any], nanoseconds: npt.NDArray[Any]) -> tuple[Integers, Floats]:
    """Return the UTC days of Unix times, and the fraction of the day.

    Parameters
    ----------
    seconds, nanoseconds : ndarray of int, shape (n,)
        UTC since 1970-01-01; every day has 86 400 s.

    Returns
    -------
    days : ndarray of int, shape (n,)
        MJD; 1974-01-01 for times out of range.
    fractions : ndarray of float, shape (n,)
        In units of the true length of the day, 86 401 s with a leap second. NaN for times
        before 1974 and after 2099.
    """
    days = (seconds // _DAY).astype(np.int64)
    in_day = (seconds - days * _DAY) + nanoseconds * 1e-9
    days += UNIX_EPOCH_MJD
    out_of_range = (days < _FIRST_DAY) | (days > _LAST_DAY)
    days[out_of_range] = _FIRST_DAY
    in_day[out_of_range] = np.nan

    which, row = np.unique(days, return_inverse=True)
    tai = _tai(which), _tai(which + 1)
    length = np.rint(_DAY * ((tai[1][0] - tai[0][0]) + (tai[1][1] - tai[0][1])))
    return days, in_day / length[row]


def _tai(days: Integers) -> tuple[Floats, Floats]:
    """Return the TAI of UTC midnights as a two-part JD."""
    with warnings.catch_warnings():
        # "dubious year": leap seconds are unknown more than five years after the release of
        # ERFA; see the module's docstring for such events.
        warnings.simplefilter("ignore", erfa.ErfaWarning)
        first, second = erfa.utctai(MJD_ZERO, days)
    return first, second


@functools.cache
def _earth_orientation() -> iers.IERS:
    """Return UT1-UTC and polar motion, measured and predicted for about one year."""
    # not at the top: commands that locate no event need not wait for it
    from astropy.utils import iers

    # No network access: the tables come from the package astropy-iers-data.
    iers.conf.auto_download = False
    with privileges.caller():
        return iers.IERS_A.open(astropy_iers_data.IERS_A_FILE)


def _at_midnight(days: Integers, site: Detector) -> npt.NDArray[np.void]:
    """Return ERFA's astrometry at 0h UTC of `days`, for an observer on the rotating Earth."""
    table = _earth_orientation()
    # With return_status, days outside the table get its nearest value instead of an error.
    ut1_utc = table.ut1_utc(MJD_ZERO, days, return_status=True)[0].to_value("s")
    x_pole, y_pole, _ = table.pm_xy(MJD_ZERO, days, return_status=True)
    tt = erfa.taitt(*_tai(days))

    # Motion of the Earth; TT for TDB, which differ by a negligible 2 ms ...
    heliocentric, barycentric = erfa.epv00(*tt)
    astrom = erfa.apci(*tt, barycentric, heliocentric["p"], *erfa.xys06a(*tt))
    # ... and position of the detector on the Earth.
    local = erfa.apio(
        erfa.sp00(*tt),
        erfa.era00(MJD_ZERO + days, ut1_utc / _DAY),
        np.radians(site.longitude),
        np.radians(site.latitude),
        site.height,
        x_pole.to_value("rad"),
        y_pole.to_value("rad"),
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
    """Yield ERFA's star-independent astrometry parameters of every event.

    Parameters
    ----------
    days, fractions : ndarray, shape (n,)
        From :func:`utc_days`.
    site : Detector
        Position of the observer.

    Yields
    ------
    part : slice
        A block of events; the blocks are in order and cover all events.
    astrom : ndarray of ``erfa.dt_eraASTROM``, shape of the block
        For ``erfa.atoiq``, ``atciqz`` and ``atioq``.
    """
    if not days.size:
        return
    which, row = np.unique(days, return_inverse=True)
    _warn_if_tables_are_old(which)
    midnights = np.union1d(which, which + 1)
    astrom = _at_midnight(midnights, site)
    before = astrom[np.searchsorted(midnights, which)]
    after = astrom[np.searchsorted(midnights, which + 1)]
    # In a day the Earth rotates by a full turn and about 59'.
    after["eral"] = before["eral"] + 2 * np.pi + erfa.anp(after["eral"] - before["eral"])

    # All fields of the structure are doubles: interpolate them together.
    start = before.view(np.float64).reshape(which.size, -1)
    change = after.view(np.float64).reshape(which.size, -1) - start
    for first in range(0, days.size, _BLOCK):
        part = slice(first, first + _BLOCK)
        values = change[row[part]]
        values *= fractions[part, np.newaxis]
        values += start[row[part]]
        events = values.view(astrom.dtype).reshape(-1)
        # Linear interpolation shortens the unit vector from the Sun by 4e-5, which would spoil
        # the light deflection within a degree of the Sun.
        events["eh"] /= np.linalg.norm(events["eh"], axis=1, keepdims=True)
        yield part, events


def _warn_if_tables_are_old(days: Integers) -> None:
    end = int(_earth_orientation()["MJD"][-1].value)
    if days[-1] >= end:
        _log.warning(
            "events up to MJD %d, but the Earth orientation table ends at MJD %d: later positions "
            'may be off by 15" per second of change in UT1-UTC since then; '
            "install a newer astropy-iers-data and locate the events again",
            days[-1],
            end,
        )
