"""Time scales and epochs: Unix time, MJD in UTC, and the TT seconds of FITS event lists.

The constants that relate days, MJD, JD and Unix time are defined here. A double resolves the TT
seconds of 2025 to 0.12 µs, which satisfies GADF.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeVar

import astropy_iers_data
import erfa
import numpy as np
import numpy.typing as npt

MJD_REFERENCE: Final = 51_544
"""MJD of 2000-01-01T00:00:00 TT, the reference of this project's FITS files; a whole day, so
that MJDREFF is 0 and nothing is rounded."""
DAY: Final = 86_400.0
"""s; length of a day without a leap second."""
UNIX_EPOCH_MJD: Final = 40_587
"""MJD of 1970-01-01T00:00:00 UTC."""
NANOSECONDS: Final = 1_000_000_000
"""Nanoseconds per second."""
MJD_EPOCH: Final = date(1858, 11, 17)
"""The day with MJD 0."""
MJD_ZERO: Final = 2_400_000.5
"""Julian Date of MJD 0."""


def _update_leap_seconds() -> None:
    """Replace ERFA's built-in table of leap seconds, which may be older than that of the IERS.

    :func:`astropy.time.update_leap_seconds` does the same, but takes 0.2 s to load.
    """
    table = np.loadtxt(
        astropy_iers_data.IERS_LEAP_SECOND_FILE,
        dtype=[("year", int), ("month", int), ("tai_utc", float)],
        usecols=(3, 2, 4),
    )
    erfa.leap_seconds.update(table)


_update_leap_seconds()

Float64 = npt.NDArray[np.float64]
Times = TypeVar("Times", float, Float64)
"""One time or an array of them."""


def unix_to_mjd(seconds: Times) -> Times:
    """Return the MJD, UTC, of Unix times in seconds.

    Every day is taken to have 86 400 s: within a day that ends with a leap second the result is
    up to 1 s off. For the times of events see :func:`ingest.events.sky.mjd_utc`.
    """
    return UNIX_EPOCH_MJD + seconds / DAY


def iso_to_mjd(text: str) -> float:
    """Return the MJD, UTC, of a time in ISO 8601 with its time zone; see :func:`unix_to_mjd`."""
    return unix_to_mjd(datetime.fromisoformat(text).timestamp())


def mjd_to_datetime(mjd: float) -> datetime:
    """Return the time in UTC of an MJD, to the microsecond; every day has 86 400 s."""
    return datetime.combine(MJD_EPOCH, time(), UTC) + timedelta(days=mjd)


def split_mjd(mjd: npt.ArrayLike) -> tuple[Float64, Float64]:
    """Return MJD, UTC, as whole Unix seconds and nanoseconds; every day has 86 400 s.

    Both are whole floating-point numbers. NaN gives NaN seconds and 0 nanoseconds.
    """
    mjd = np.asarray(mjd, np.float64)
    day = np.floor(mjd)
    nanoseconds = np.nan_to_num(np.rint((mjd - day) * (DAY * NANOSECONDS)))
    second, nanosecond = np.divmod(nanoseconds, NANOSECONDS)
    return (day - UNIX_EPOCH_MJD) * DAY + second, nanosecond


def utc_mjd_to_tt(mjd: npt.ArrayLike) -> Float64:
    """Return seconds of TT since :data:`MJD_REFERENCE`.

    Parameters
    ----------
    mjd : array_like
        MJD, UTC, from 1960 on. A day that ends with a leap second has 86 401 seconds, as in
        ERFA and :class:`astropy.time.Time`.

    Returns
    -------
    ndarray of float
        s, with the shape of `mjd`.
    """
    whole, fraction = np.divmod(np.asarray(mjd, np.float64), 1.0)
    return _tt_seconds(*erfa.utctai(MJD_ZERO + whole, fraction))


def unix_to_tt(seconds: npt.ArrayLike, nanoseconds: npt.ArrayLike = 0) -> Float64:
    """Return seconds of TT since :data:`MJD_REFERENCE`.

    Parameters
    ----------
    seconds, nanoseconds : array_like of int
        UTC seconds since 1970-01-01, not counting leap seconds, and the fraction in ns. A leap
        second cannot be distinguished from the second that follows it.

    Returns
    -------
    ndarray of float
        s, with the shape of `seconds`.
    """
    day, second = np.divmod(np.asarray(seconds, np.int64), int(DAY))
    tai = erfa.utctai(MJD_ZERO + UNIX_EPOCH_MJD + day, np.zeros(day.shape))
    return _tt_seconds(*tai) + (second + np.asarray(nanoseconds) / 1e9)


def tt_to_iso(seconds: float) -> str:
    """Return seconds of TT since :data:`MJD_REFERENCE` as ``yyyy-mm-ddThh:mm:ss.sss`` in TT."""
    milliseconds = round(seconds * 1000)
    start = np.datetime64("2000-01-01T00:00:00.000", "ms")
    return str(start + np.timedelta64(milliseconds, "ms"))


def _tt_seconds(tai_1: Float64, tai_2: Float64) -> Float64:
    """Return seconds of TT since :data:`MJD_REFERENCE` of a two-part JD in TAI."""
    tt_1, tt_2 = erfa.taitt(tai_1, tai_2)
    # the first part is a whole number of days after the reference: exact in seconds
    days = tt_1 - (MJD_ZERO + MJD_REFERENCE)
    seconds: Float64 = days * DAY + tt_2 * DAY
    return seconds
