"""Times as packets write them, and as they are kept: MJD in UTC.

Packets write ISO 8601 in many ways: most leave the Z out (it is UTC then), some have nine
digits after the point, a blank for the T, 24:00:00 or a leap second.
"""

from __future__ import annotations

import re
import warnings
from datetime import date
from typing import Final

import erfa

from ingest.core.timescales import DAY

_ISO: Final = re.compile(
    r"\s*([+-]?\d{4,5})-(\d{1,2})-(\d{1,2})"
    r"(?:[Tt\s]\s*(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:[.,](\d*))?)?)?)?"
    r"\s*(?:([Zz]|UTC|utc)?(?:([+-])(\d{2}):?(\d{2})?)?)\s*",
    re.ASCII,
)
_MJD_ORDINAL: Final = 678_576
"""``date.toordinal()`` of MJD 0, 1858-11-17."""
_JD_ZERO: Final = 2_400_000.5

FIRST_YEAR: Final = 1000
LAST_YEAR: Final = 2999
"""Years outside are fillers (0001, 9999), not times of observations or predictions."""

EXPECTED: Final = f"a time in ISO 8601 between the years {FIRST_YEAR} and {LAST_YEAR}"


def _leap_days() -> frozenset[int]:
    """Return the days, as MJD, that end with a leap second, from the table of ERFA."""
    rows = erfa.leap_seconds.get()
    # before 1972 UTC was kept close to UT1 by drifting, not by leap seconds
    return frozenset(
        date(int(row["year"]), int(row["month"]), 1).toordinal() - _MJD_ORDINAL - 1
        for row in rows
        if row["year"] >= 1972 and (row["year"], row["month"]) != (1972, 1)
    )


_LEAP_DAYS: Final = _leap_days()

SCALES: Final = frozenset({"UTC", "UT", "TT", "TDT", "ET", "TDB", "TAI", "GPS", "TCG", "TCB"})
"""Time scales that can be converted; UT and the old names of TT included."""


def iso_to_mjd(text: str, scale: str = "UTC") -> float | None:
    """Return the MJD in UTC of a time in ISO 8601.

    Parameters
    ----------
    text : str
        Date with or without a time of day, with or without an offset. Without one it is
        in `scale`; an offset is honoured whatever the scale.
    scale : str
        One of :data:`SCALES`. TT − TAI = 32.184 s, TAI − GPS = 19 s, TAI − UTC from the
        table of leap seconds; TDB − TT, at most 2 ms, from ERFA at the geocentre.

    Returns
    -------
    float or None
        MJD, UTC; days that end with a leap second have 86 401 s, as in ERFA. None for what
        is no such time, or is outside the years :data:`FIRST_YEAR` to :data:`LAST_YEAR`.
    """
    match = _ISO.fullmatch(text)
    if match is None or scale not in SCALES:
        return None
    year, month, day, hour, minute, second, fraction, _, sign, *offset = match.groups()
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        return None
    try:
        whole = date(int(year), int(month), int(day)).toordinal() - _MJD_ORDINAL
    except ValueError:
        return None
    hours, minutes = int(hour or 0), int(minute or 0)
    seconds = int(second or 0) + (float(f"0.{fraction}") if fraction else 0.0)
    if hours > 24 or minutes > 59 or seconds >= 61 or (hours == 24 and (minutes or seconds)):
        return None
    seconds += 3600.0 * hours + 60.0 * minutes
    if sign:
        ahead = 3600 * int(offset[0]) + 60 * int(offset[1] or 0)
        seconds += -ahead if sign == "+" else ahead
    return _utc(whole, seconds) if scale in ("UTC", "UT") else _converted(whole, seconds, scale)


def _utc(whole: int, seconds: float) -> float:
    """Return day and second of the day as one number, carried over where it is beyond."""
    while seconds < 0:
        whole -= 1
        seconds += _length(whole)
    while seconds >= (length := _length(whole)):
        whole += 1
        seconds -= length
    return whole + seconds / length


def _length(day: int) -> float:
    return DAY + 1 if day in _LEAP_DAYS else DAY


def _converted(whole: int, seconds: float, scale: str) -> float:
    """Return the MJD in UTC of a time in another scale."""
    first, second = _JD_ZERO + whole, seconds / DAY
    if scale == "TCB":
        first, second = erfa.tcbtdb(first, second)
    if scale in ("TCB", "TDB"):
        # at the geocentre; the place on Earth changes it by microseconds
        first, second = erfa.tdbtt(first, second, erfa.dtdb(first, second, 0.0, 0.0, 0.0, 0.0))
    elif scale == "TCG":
        first, second = erfa.tcgtt(first, second)
    if scale == "GPS":
        second += 19.0 / DAY
    elif scale != "TAI":
        first, second = erfa.tttai(first, second)
    with warnings.catch_warnings():
        # far from today UTC is a guess; the packet's time is no better known
        warnings.simplefilter("ignore", erfa.ErfaWarning)
        first, second = erfa.taiutc(first, second)
    return float(first - _JD_ZERO) + float(second)
