"""What alerts can be searched by: each criterion in words, in SQL and in ADQL.

This uses the standard library only, and runs in the Python of DaCHS.
"""

import math
import re
from dataclasses import dataclass, field

from . import words
from .event_names import normalised

YEAR = 31_557_600
"""Seconds; the year of 365.25 days, in which the archive counts as well."""
WIDE = 5.0
"""The radius in deg beyond which alerts are not ordered by distance."""
_LAST = "\U0010ffff"
"""The last of all characters."""


@dataclass(frozen=True)
class Criterion:
    """A condition that alerts have to fulfil.

    Attributes
    ----------
    words : str
        What it means, as part of a sentence.
    sql, adql : str
        The condition.
    parameters : dict
        The values of the parameters of `sql`.
    """

    words: str
    sql: str = "TRUE"
    adql: str = ""
    parameters: dict = field(default_factory=dict)


def place(label, ra, dec, radius):
    """Return the criterion that the position or the 90 % region is within a radius.

    Parameters
    ----------
    label : str
        What the visitor calls the place.
    ra, dec, radius : float
        Position (ICRS) and radius, in deg.
    """
    # cells of a sixteenth of the radius; those of order 0 measure 58.6 deg
    order = min(29, math.ceil(math.log2(58.6 * 16 / radius)))
    circle = f"CIRCLE({ra:.6f}, {dec:.6f}, {radius:g})"
    return Criterion(
        f"within {radius:g}° of {label}",
        "(q3c_radial_query(ra, dec, %(ra)s, %(dec)s, %(radius)s) OR region_90 && smoc(%(order)s,"
        " scircle(spoint(radians(%(ra)s), radians(%(dec)s)), radians(%(radius)s))))",
        f"(1 = CONTAINS(POINT(ra, dec), {circle})\n    OR 1 = INTERSECTS({circle}, region_90))",
        {"ra": ra, "dec": dec, "radius": radius, "order": max(0, order)},
    )


def since(label, mjd):
    """Return the criterion that the event was not before a time (MJD, UTC)."""
    return Criterion(
        f"since {label}", "event_mjd >= %(since)s", f"event_mjd >= {mjd:.6f}", {"since": mjd}
    )


def until(label, mjd, time):
    """Return the criterion that the event was before a time (MJD, UTC).

    Parameters
    ----------
    label : str
        The time as the visitor wrote it.
    mjd : float
        The time.
    time : str
        The expression by which alerts are ordered; it is never after the event.
    """
    return Criterion(
        f"until {label}",
        f"event_mjd < %(until)s AND {time} < %(until)s",
        f"event_mjd < {mjd:.6f}",
        {"until": mjd},
    )


def rate(per_year):
    """Return the criterion that the false-alarm rate is at most a number per year."""
    hertz = per_year / YEAR
    return Criterion(
        f"with at most {words.rate(hertz).replace('1 per', 'one false alarm per')}"
        if hertz < 1.01 / YEAR
        else f"with at most {per_year:g} false alarms per year",
        "far <= %(far)s",
        f"far <= {hertz:.6g}",
        {"far": hertz},
    )


def retracted(is_retracted):
    """Return the criterion that alerts are retracted, or that they are not."""
    value = int(is_retracted)
    return Criterion(
        "retracted" if is_retracted else "not retracted",
        f"retracted = {value}",
        f"retracted = {value}",
    )


def stream(choice, label, bounds=None):
    """Return the criterion that alerts are of a stream, or of all streams below it.

    Parameters
    ----------
    choice : str
        Its name.
    label : str
        The same in words.
    bounds : tuple of str, optional
        For streams of unknown senders: between which names they are. Other streams are selected
        by name, see :func:`pages.alerts.listing.find`.
    """
    if bounds:
        low, high = bounds
        between = f"stream >= {_quoted(low)} AND stream < {_quoted(high)}"
        return Criterion(f"of {label}", between, between)
    below = _quoted(f"{_plain(choice)}/%")
    return Criterion(f"of {label}", adql=f"(stream = {_quoted(choice)} OR stream LIKE {below})")


def named(text, families):
    """Return the criterion that a name of the event, or an identifier, begins with a text.

    Parameters
    ----------
    text : str
        What the visitor wrote.
    families : sequence of str
        The first parts of identifiers of alerts; without them, the rest is a name as well.

    Returns
    -------
    Criterion
        Its ``sql`` is a query for the identifiers of alerts; it has the parameter ``most``, too:
        how many for each way in which the text may be meant.
    """
    beginnings = [text, *(f"{family}/{text}" for family in families if "/" not in text)]
    parameters = {}
    parts = []
    for number, beginning in enumerate(beginnings):
        parameters |= {f"begin{number}": beginning, f"end{number}": beginning + _LAST}
        between = "{0} >= %(begin{1})s AND {0} < %(end{1})s"
        parts.append(
            "SELECT alert_id FROM alerts.notices WHERE " + between.format("alert_id", number)
        )
    parts.append("SELECT alert_id FROM alerts.notices WHERE " + between.format("ivorn", 0))
    parts.append("SELECT alert_id FROM alerts.notices WHERE event_name = %(begin0)s")
    pattern = _plain(text) + "%"
    adql = [
        f"alert_id LIKE {_quoted(pattern)}",
        f"alert_id IN (SELECT alert_id FROM alerts.notices WHERE ivorn LIKE {_quoted(pattern)})",
    ]
    if "/" not in text:
        name = normalised(text)
        adql.append(f"alert_id LIKE {_quoted('%/' + pattern)}")
        parameters |= {"name": name, "last": name + _LAST}
        parts.append(
            "SELECT n.alert_id FROM alerts.event_names AS e JOIN alerts.notices AS n"
            " USING (notice_id) WHERE e.event_name >= %(name)s AND e.event_name < %(last)s"
        )
        adql.append(
            "alert_id IN (SELECT n.alert_id FROM alerts.notices AS n JOIN alerts.event_names AS e"
            f" ON (e.notice_id = n.notice_id) WHERE e.event_name LIKE {_quoted(name + '%')})"
        )
    query = " UNION ".join(f"(SELECT * FROM ({part} LIMIT %(most)s) AS q)" for part in parts)
    return Criterion(f"named “{text}”", query, "(" + "\n    OR ".join(adql) + ")", parameters)


def _quoted(text):
    """Return a text as a literal of ADQL."""
    return "'" + text.replace("'", "''") + "'"


def _plain(text):
    """Return a text without what has a meaning in patterns; ``_`` stands for any character."""
    return re.sub(r"[%\\]", "_", text)
