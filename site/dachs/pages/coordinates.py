"""Positions and times as visitors write them.

This uses the standard library only, and runs in the Python of DaCHS.
"""

import math
import re
from datetime import UTC, datetime, timedelta

_NUMBER = r"[+-]?\d+(?:\.\d*)?|[+-]?\.\d+"
_DEGREES = re.compile(rf"\s*({_NUMBER})\s*°?\s*[\s,;]\s*({_NUMBER})\s*°?\s*", re.ASCII)
_SEXAGESIMAL = re.compile(
    r"\s*(\d{1,2})[h:\s]\s*(\d{1,2})[m:\s]\s*(\d{1,2}(?:\.\d*)?)s?[\s,;]*"
    r"([+-])\s*(\d{1,2})[d°:\s]\s*(\d{1,2})[m'′:\s]\s*(\d{1,2}(?:\.\d*)?)[s\"″]?\s*",
    re.ASCII,
)
_DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T\s]+(\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?)?\s*(?:Z|UTC)?", re.ASCII
)
_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
_DAY = timedelta(days=1)
_MJD = (-678_575.0, 2_973_483.0)
"""The years from 1 to 9999."""
POSITION_FORMAT = (
    "Positions are right ascension and declination in degrees, such as 77.36 +5.69, or in hours and"
    " degrees, such as 05:09:26 +05:41:35."
)
TIME_FORMAT = (
    "Please give a date (UTC), such as 2017-08-17 or 2017-08-17 12:41:04, or a Modified Julian"
    " Date, such as 57982.53."
)


def position(text):
    """Return the right ascension and declination (ICRS, deg) that a text has.

    Parameters
    ----------
    text : str
        Such as ``77.36 +5.69``, ``77.36, 5.69`` or ``05 09 26 +05 41 35``.

    Returns
    -------
    tuple of float, or None
        The position; None if the text is something else, such as a name.

    Raises
    ------
    ValueError
        If the numbers are not those of a position.
    """
    if found := _SEXAGESIMAL.fullmatch(text):
        hours, minutes, seconds, sign, *south = found.groups()
        ra = 15 * _from_parts(hours, minutes, seconds)
        dec = math.copysign(_from_parts(*south), -1 if sign == "-" else 1)
    elif found := _DEGREES.fullmatch(text):
        ra, dec = map(float, found.groups())
    else:
        return None
    if not 0 <= ra <= 360 or not -90 <= dec <= 90:
        raise ValueError(
            f"{text.strip()} is not a position: right ascensions are from 0 to 360 degrees,"
            " declinations from -90 to 90 degrees."
        )
    return ra, dec


def _from_parts(whole, minutes, seconds):
    if float(minutes) >= 60 or float(seconds) >= 60:
        raise ValueError("Minutes and seconds are less than 60.")
    return int(whole) + int(minutes) / 60 + float(seconds) / 3600


def mjd(text, is_end=False):
    """Return the time (MJD, UTC) that a text has.

    Parameters
    ----------
    text : str
        A date, with a time or without, or an MJD.
    is_end : bool, optional
        Whether a date without a time means the end of this day, not its beginning.

    Raises
    ------
    ValueError
        If the text is no time; the message says what is.
    """
    text = text.strip()
    if found := _DATE.fullmatch(text):
        year, month, day, hour, minute, second = found.groups()
        try:
            moment = datetime(int(year), int(month), int(day), tzinfo=UTC)
        except ValueError:
            raise ValueError(f"There is no day {text[:10]}. {TIME_FORMAT}") from None
        if hour is None:
            return float((moment - _MJD_ZERO).days + is_end)
        if int(hour) > 23 or int(minute) > 59 or float(second or 0) >= 61:
            raise ValueError(f"There is no time {text}. {TIME_FORMAT}")
        passed = timedelta(hours=int(hour), minutes=int(minute), seconds=float(second or 0))
        return (moment - _MJD_ZERO + passed) / _DAY
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not _MJD[0] <= value <= _MJD[1]:
        raise ValueError(f"“{text[:60]}” is not a time. {TIME_FORMAT}")
    return value


def iso(value):
    """Return an MJD as ISO 8601 has it, such as ``2017-08-17T12:41:04``."""
    moment = _MJD_ZERO.replace(tzinfo=None) + timedelta(microseconds=round(value * 86_400_000_000))
    return moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds")
