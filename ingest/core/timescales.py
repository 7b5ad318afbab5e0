"""UTC to Terrestrial Time, as seconds since the reference of this project's FITS files.

One double resolves 0.12 µs there in 2025, which is what GADF asks for.
"""

from __future__ import annotations

from typing import Final

import erfa
import numpy as np
import numpy.typing as npt
from astropy.time import update_leap_seconds
from astropy.utils import iers

# erfa brings its own table of leap seconds; that of astropy-iers-data may be newer. The file
# is named because astropy would otherwise look for a newer one in the network.
update_leap_seconds([iers.IERS_LEAP_SECOND_FILE])

MJD_REFERENCE: Final = 51_544
"""2000-01-01T00:00:00 TT; a whole day, so MJDREFF is 0 and nothing is rounded."""
DAY: Final = 86_400.0
UNIX_EPOCH_MJD: Final = 40_587
_MJD_ZERO: Final = 2_400_000.5

Float64 = npt.NDArray[np.float64]


def utc_mjd_to_tt(mjd: npt.ArrayLike) -> Float64:
    """Return seconds of TT since :data:`MJD_REFERENCE`.

    Parameters
    ----------
    mjd : array_like
        MJD, UTC, from 1960 on. A day that ends with a leap second has 86 401 seconds, as in
        ERFA and :class:`astropy.time.Time`.
    """
    whole, fraction = np.divmod(np.asarray(mjd, np.float64), 1.0)
    return _tt_seconds(*erfa.utctai(_MJD_ZERO + whole, fraction))


def unix_to_tt(seconds: npt.ArrayLike, nanoseconds: npt.ArrayLike = 0) -> Float64:
    """Return seconds of TT since :data:`MJD_REFERENCE`.

    Parameters
    ----------
    seconds, nanoseconds : array_like of int
        UTC seconds since 1970-01-01, which do not count leap seconds, and the rest. A leap
        second itself cannot be told from the second that follows it.
    """
    day, second = np.divmod(np.asarray(seconds, np.int64), int(DAY))
    tai = erfa.utctai(_MJD_ZERO + UNIX_EPOCH_MJD + day, np.zeros(day.shape))
    return _tt_seconds(*tai) + (second + np.asarray(nanoseconds) / 1e9)


def tt_to_iso(seconds: float) -> str:
    """Return a time as ``yyyy-mm-ddThh:mm:ss.sss`` in TT."""
    milliseconds = round(seconds * 1000)
    start = np.datetime64("2000-01-01T00:00:00.000", "ms")
    return str(start + np.timedelta64(milliseconds, "ms"))


def _tt_seconds(tai_1: Float64, tai_2: Float64) -> Float64:
    tt_1, tt_2 = erfa.taitt(tai_1, tai_2)
    # the first part is a whole number of days after the reference: exact in seconds
    seconds: Float64 = (tt_1 - (_MJD_ZERO + MJD_REFERENCE)) * DAY + tt_2 * DAY
    return seconds
