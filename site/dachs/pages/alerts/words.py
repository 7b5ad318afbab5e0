"""How pages about alerts write rates, angles, probabilities and times.

This needs only the standard library.
"""

import math

NOTHING = "–"
_YEAR = 31_557_600
"""Seconds; the year of 365.25 days, in which the archive counts as well."""
_SPANS = ((_YEAR, "year"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def rate(hertz):
    """Return a rate as people say it.

    Parameters
    ----------
    hertz : float or None
        The rate in Hz.

    Returns
    -------
    str
        Such as ``1 per 3.2 years``, or ``12 per day``.
    """
    if hertz is None or not math.isfinite(hertz):
        return "not given"
    if hertz <= 0:
        return "0"
    period = 1 / hertz
    if period / _YEAR >= 1e6:
        return f"1 per {_power(period / _YEAR)} years"
    for seconds, name in _SPANS:
        if period >= seconds * 0.995:
            count = _rounded(period / seconds)
            return f"1 per {name}" if count == "1" else f"1 per {count} {name}s"
    return f"{_rounded(hertz)} per second"


def angle(degrees):
    """Return an angle in the unit in which it is readable: degrees, arcminutes or arcseconds."""
    if degrees is None or not math.isfinite(degrees):
        return NOTHING
    if degrees >= 0.1 or degrees == 0:
        return f"{_rounded(degrees)}°"
    if degrees * 60 >= 1:
        return f"{_rounded(degrees * 60)}′"
    return f"{_rounded(degrees * 3600)}″"


def areas(square_degrees):
    """Return areas in words, such as ``1,120 and 290 square degrees``."""
    return " and ".join(map(_rounded, square_degrees)) + " square degrees"


def interval(seconds):
    """Return the length of time between two events, such as ``3.2 days``."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    size = abs(seconds)
    for length, name in _SPANS[:-1]:
        if size >= length:
            count = _rounded(size / length)
            return f"{count} {name}" if count == "1" else f"{count} {name}s"
    return f"{_rounded(size)} s"


def before_or_after(seconds):
    """Return a difference of times in words, such as ``3.2 days before``."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds == 0:
        return "at the same time"
    return f"{interval(seconds)} {'after' if seconds > 0 else 'before'}"


def chance(probability):
    """Return a probability in words, such as ``1 in 23`` or ``97 %``."""
    if probability is None or not math.isfinite(probability):
        return NOTHING
    if probability <= 0:
        return "practically 0"
    if probability >= 0.1:
        return f"{_rounded(100 * probability)} %"
    return f"1 in {_rounded(1 / probability)}"


def sexagesimal(ra, dec):
    """Return a position in hours and degrees, such as ``06h 17m 12.0s, −07° 48′ 00″``."""
    tenths = round(ra % 360 * 2400) % 864_000
    hours, tenths = divmod(tenths, 36_000)
    minutes, tenths = divmod(tenths, 600)
    seconds = round(abs(dec) * 3600)
    degrees, seconds = divmod(seconds, 3600)
    sign = "−" if dec < 0 else "+"
    return (
        f"{hours:02}h {minutes:02}m {tenths / 10:04.1f}s, "
        f"{sign}{degrees:02}° {seconds // 60:02}′ {seconds % 60:02}″"
    )


def _rounded(value):
    """Return a number with two to three significant digits."""
    if value >= 1e6:
        return _power(value)
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    digits = 0 if value >= 10 else 1 if value >= 1 else 2 - math.floor(math.log10(value or 1))
    text = f"{value:,.{min(digits, 8)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _power(value):
    exponent = math.floor(math.log10(value))
    mantissa = f"{value / 10.0**exponent:.1f}".removesuffix(".0")
    power = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{power}" if mantissa == "1" else f"{mantissa} × 10{power}"
