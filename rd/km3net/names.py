"""Positions of names: events of a sample, alerts, and what the resolver of the CDS knows.

This runs in the Python of DaCHS.
"""

import numpy as np
from gavo import base
from gavo.protocols import simbadinterface

_MOST_CHARACTERS = 100
_SAME = 0.01  # deg
ALERTS = """
    SELECT alert_id, ra, dec FROM alerts.notices
    WHERE event_name = ANY(%(names)s) AND is_latest = 1 AND is_test = 0 AND is_injection = 0
        AND ra IS NOT NULL AND dec IS NOT NULL
    ORDER BY alert_id LIMIT 10"""


def resolve(text, sample):
    """Return right ascension and declination (ICRS, deg) of a name.

    Parameters
    ----------
    text : str
        An identifier of an event of the sample, the name of an alert in this archive, or a name
        that the CDS' resolver knows, as DaCHS asks it.
    sample : Sample
        The sample.

    Raises
    ------
    gavo.base.ValidationError
        If nobody knows it, or it has several positions.
    """
    name = cleaned(text)
    known = np.flatnonzero(sample.event_id == name)
    if len(known):
        return float(sample.ra[known[0]]), float(sample.dec[known[0]])
    return resolve_elsewhere(name)


def cleaned(text):
    """Return a name without superfluous blanks.

    Raises
    ------
    gavo.base.ValidationError
        If it cannot be a name.
    """
    name = " ".join(text.split())
    if not name.isprintable() or not 0 < len(name) <= _MOST_CHARACTERS:
        raise base.ValidationError(
            f"A name has 1 to {_MOST_CHARACTERS} characters that can be printed.", "TARGET"
        )
    return name


def resolve_elsewhere(name):
    """Return the position of a name that is not an event of a sample, as :func:`resolve` does."""
    return _alert(name) or _resolved(name)


def _alert(name):
    """Return the position of an alert, or None if none has this name."""
    with base.getTableConn() as connection:
        (there,) = connection.queryToDicts("SELECT to_regclass('alerts.notices') AS there")
        if there["there"] is None:
            return None
        rows = list(connection.queryToDicts(ALERTS, {"names": sorted({name, name.upper()})}))
    if not rows:
        return None
    first = rows[0]
    if any(_differ(first, other) for other in rows[1:]):
        shown = "; ".join(f"{one['alert_id']} at {one['ra']:g} {one['dec']:+g}" for one in rows)
        raise base.ValidationError(
            f"The name {name} is ambiguous: {shown}. Please give its coordinates instead.", "TARGET"
        )
    return first["ra"], first["dec"]


def _differ(one, other):
    longitude = (one["ra"] - other["ra"] + 180) % 360 - 180
    return max(abs(longitude) * np.cos(np.radians(one["dec"])), abs(one["dec"] - other["dec"])) > (
        _SAME
    )


def _resolved(name):
    """Return the position that the CDS' resolver gives; DaCHS keeps it in the database."""
    try:
        return simbadinterface.getSimbadPositions(name)
    except KeyError:
        raise base.ValidationError(
            f"Neither this archive nor the name resolver of the CDS knows {name}. Please correct"
            " it, or give coordinates instead.",
            "TARGET",
        ) from None
    except base.ValidationError as reason:
        # DaCHS names a field that this service does not have
        raise base.ValidationError(
            f"The name {name} cannot be looked up now: {reason.msg} Please give its coordinates"
            " instead.",
            "TARGET",
        ) from None
