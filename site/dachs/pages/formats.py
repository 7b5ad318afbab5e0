"""How pages write values: dates as dates, numbers with a sensible precision.

This runs in the Python of DaCHS.
"""

import math
import re
from datetime import datetime, timedelta

_MJD_ZERO = datetime(1858, 11, 17)
_URL = re.compile(r"https?://[\w.-]+(:\d+)?([/?#][!-~]*)?", re.ASCII | re.IGNORECASE)
_LONGEST_URL = 2000
NOTHING = "–"
"""What stands where a value is missing."""


def utc(mjd, digits=0):
    """Return a time as people write it.

    Parameters
    ----------
    mjd : float or None
        The time (MJD, UTC).
    digits : int, optional
        The number of decimal places of the seconds.

    Returns
    -------
    str
        Such as ``2023-02-13 01:16:47``; the MJD if the calendar of Python does not have the year.
    """
    if mjd is None or not math.isfinite(mjd):
        return NOTHING
    try:
        step = 10 ** (6 - digits)
        microseconds = round(mjd * 86_400_000_000 / step) * step
        moment = _MJD_ZERO + timedelta(microseconds=microseconds)
    except OverflowError:
        return f"MJD {mjd:g}"
    text = moment.isoformat(" ", "microseconds")
    return text[: 19 if digits == 0 else 20 + digits]


def day(mjd):
    """Return the day of a time (MJD, UTC), such as ``2023-02-13``."""
    text = utc(mjd)
    return text if text.startswith(("MJD", NOTHING)) else text[:10]


def quantity(value, digits=3, unit=""):
    """Return a number with a number of significant digits and its unit.

    Large and small numbers are written as ``1.2 × 10⁵``, whole numbers with separators.
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOTHING
    return f"{_number(value, digits)}{' ' if unit else ''}{unit}"


def _number(value, digits):
    if isinstance(value, int):
        return f"{value:,}"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -4 < exponent < 6:
        text = f"{value:,.{max(0, digits - 1 - exponent)}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa = f"{value / 10.0**exponent:.{digits - 1}f}".rstrip("0").rstrip(".")
    power = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa} × 10{power}"


def size(octets):
    """Return the size of a file, such as ``1.3 MB``."""
    if octets is None:
        return NOTHING
    for unit in ("bytes", "kB", "MB", "GB"):
        if octets < 1000 or unit == "GB":
            return f"{octets:,.0f} {unit}" if unit == "bytes" else f"{octets:.1f} {unit}"
        octets /= 1000
    return NOTHING


def safe_url(text):
    """Return an address that somebody else wrote if a page may link to it, else an empty text.

    Only addresses of the web are; others, such as ``javascript:``, may run code.
    """
    is_safe = _URL.fullmatch(text or "") and len(text) <= _LONGEST_URL
    return text if is_safe else ""


def moment(iso):
    """Return an ISO 8601 time in UTC, such as ``2026-11-28T03:00:00Z``, as :func:`utc` does."""
    return iso[:19].replace("T", " ")


FILTERS = {
    "utc": utc,
    "moment": moment,
    "day": day,
    "quantity": quantity,
    "size": size,
    "safe_url": safe_url,
}
