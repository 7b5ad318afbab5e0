"""Conversion of the times in packets to MJD in UTC.

Packets write ISO 8601 in many ways: most omit the Z (the time is in UTC nevertheless), some
have nine decimal places, a space instead of the T, 24:00:00 or a leap second.
"""

from __future__ import annotations

import re
import warnings
from datetime import date
from typing import Final

import erfa

from ingest.core.timescales import DAY, MJD_EPOCH, MJD_ZERO

_ISO: Final = re.compile(
    r"\s*([+-]?\d{4,5})-(\d{1,2})-(\d{1,2})"
    r"(?:[Tt\s]\s*(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:[.,](\d*))?)?)?)?"
    r"\s*(?:([Zz]|UTC|utc)?(?:([+-])(\d{2}):?(\d{2})?)?)\s*",
    re.ASCII,
)
_MJD_ORDINAL: Final = MJD_EPOCH.toordinal()

FIRST_YEAR: Final = 1000
LAST_YEAR: Final = 2999
"""Other years are placeholders (0001, 9999), not times of observations or predictions."""

EXPECTED: Final = f"a time in ISO 8601 between the years {FIRST_YEAR} and {LAST_YEAR}"


def _leap_days() -> frozenset[int]:
    """Return the MJD of the days that end with a leap second, from the table of ERFA."""
    rows = erfa.leap_seconds.get()
    # before 1972 UTC followed UT1 by a drift, not by leap seconds
    return frozenset(
        date(int(row["year"]), int(row["month"]), 1).toordinal() - _MJD_ORDINAL - 1
        for row in rows
        if row["year"] >= 1972 and (row["year"], row["month"]) != (1972, 1)
    )


_LEAP_DAYS: Final = _leap_days()

SCALES: Final = frozenset({"UTC", "UT", "TT", "TDT", "ET", "TDB", "TAI", "GPS", "TCG", "TCB"})
"""Time scales that can be converted, with UT and the old names of TT."""


def iso_to_mjd(text: str, scale: str = "UTC") -> float | None:
    """Return the MJD in UTC of a time in ISO 8601.

    Parameters
    ----------
    text : str
        Date, optionally with a time of day in `scale` and an offset of the time zone.
    scale : str
        One of :data:`SCALES`. TT − TAI = 32.184 s, TAI − GPS = 19 s, TAI − UTC from the
        table of leap seconds; TDB − TT, at most 2 ms, from ERFA at the geocentre.

    Returns
    -------
    float or None
        MJD, UTC; days that end with a leap second have 86 401 s, as in ERFA. None for any
        other text, and for years outside :data:`FIRST_YEAR` to :data:`LAST_YEAR`.
    """
    match = _ISO.fullmatch(text)
    if match is None or scale not in SCALES:
        return None
    year, month, day, hour, minute, second, fraction, _, sign, *offset = match.groups()
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        return None
    try:
        mjd = date(int(year), int(month), int(day)).toordinal() - _MJD_ORDINAL
    except ValueError:
        return None
    hours, minutes = int(hour or 0), int(minute or 0)
    seconds = int(second or 0) + (float(f"0.{fraction}") if fraction else 0.0)
    if hours > 24 or minutes > 59 or seconds >= 61 or (hours == 24 and (minutes or seconds)):
        return None
    seconds += 3600.0 * hours + 60.0 * minutes
    if sign:
        zone = 3600 * int(offset[0]) + 60 * int(offset[1] or 0)
        seconds += -zone if sign == "+" else zone
    return _utc_mjd(mjd, seconds) if scale in ("UTC", "UT") else _to_utc(mjd, seconds, scale)


def _utc_mjd(mjd: int, seconds: float) -> float:
    """Return the MJD of a second of a UTC day; the second may lie outside that day."""
    while seconds < 0:
        mjd -= 1
        seconds += _day_length(mjd)
    while seconds >= (length := _day_length(mjd)):
        mjd += 1
        seconds -= length
    return mjd + seconds / length


def _day_length(mjd: int) -> float:
    return DAY + 1 if mjd in _LEAP_DAYS else DAY


def _to_utc(mjd: int, seconds: float, scale: str) -> float:
    """Return the MJD in UTC of a time in another scale."""
    first, second = MJD_ZERO + mjd, seconds / DAY
    if scale == "TCB":
        first, second = erfa.tcbtdb(first, second)
    if scale in ("TCB", "TDB"):
        # at the geocentre; elsewhere on Earth the difference is microseconds
        first, second = erfa.tdbtt(first, second, erfa.dtdb(first, second, 0.0, 0.0, 0.0, 0.0))
    elif scale == "TCG":
        first, second = erfa.tcgtt(first, second)
    if scale == "GPS":
        second += 19.0 / DAY
    elif scale != "TAI":
        first, second = erfa.tttai(first, second)
    with warnings.catch_warnings():
        # ERFA warns about years whose leap seconds are not known
        warnings.simplefilter("ignore", erfa.ErfaWarning)
        first, second = erfa.taiutc(first, second)
    return float(first - MJD_ZERO) + float(second)
