"""Which alert a request is about. This runs in the Python of DaCHS."""

import re

from gavo import base

from .. import database
from ..answers import BadRequest, NotFound

_MOST = 50
"""How many alerts of the same name are listed."""
_NOT_IN_NAMES = re.compile("[^A-Z0-9+]")
_SEARCH = "All alerts can be searched by name, time and place at /alerts."


def asked_for(visit):
    """Return what a request asks for: a kind, and a value.

    Parameters
    ----------
    visit : Visit
        The request.

    Returns
    -------
    str, str or int
        ``id``, the identifier of an alert; ``notice_id`` or ``ivorn``, those of a notice.

    Raises
    ------
    BadRequest
        If a parameter makes no sense.
    """
    rest = visit.path.partition("/")[2]
    if rest != "show":
        return "id", rest
    # not ``visit.get``, which cuts long values: identifiers come from packets
    given = {
        kind: values[0]
        for kind in ("id", "notice_id", "ivorn")
        if (values := visit.parameters.get(kind)) and isinstance(values[0], str)
    }
    if len(given) != 1:
        raise BadRequest(
            "Please give one of these parameters: id, the identifier of an alert; notice_id, the"
            f" number of a notice; or ivorn, the identifier of a packet. {_SEARCH}"
        )
    ((kind, value),) = given.items()
    if kind != "notice_id":
        return kind, value
    if not re.fullmatch("[0-9]{1,18}", value.strip(), re.ASCII):
        raise BadRequest("notice_id is the number of a notice in the archive, such as 12.")
    return kind, int(value)


def notice(column, value):
    """Return a notice by its number or identifier, of which the newest version counts.

    Returns
    -------
    dict
        Its ``notice_id`` and ``alert_id``; or the ``reason`` why the packet is withheld.

    Raises
    ------
    NotFound
        If there is no such notice.
    """
    value = _valid(value)
    found = database.row(
        f"SELECT notice_id, alert_id FROM alerts.notices WHERE {column} = %(value)s"
        " ORDER BY version DESC LIMIT 1",
        {"value": value},
    ) or database.row(
        f"SELECT notice_id, reason FROM alerts.withheld WHERE {column} = %(value)s"
        " ORDER BY notice_id DESC LIMIT 1",
        {"value": value},
    )
    if found is None:
        raise NotFound(f"There is no notice {str(value)[:200]} in this archive. {_SEARCH}")
    return found


def named(name):
    """Return the identifiers of the alerts of an event.

    Parameters
    ----------
    name : str
        Such as ``KM3-230213A``; capital letters, blanks and hyphens do not matter.
    """
    whole = _valid(name)
    form = _NOT_IN_NAMES.sub("", whole.upper()) or whole
    found = database.rows(
        "SELECT DISTINCT alert_id FROM ("
        " SELECT alert_id FROM alerts.notices WHERE event_name IN (%(name)s, %(upper)s)"
        " UNION SELECT n.alert_id FROM alerts.event_names AS e"
        " JOIN alerts.notices AS n USING (notice_id) WHERE e.event_name = %(form)s) AS q"
        f" ORDER BY alert_id LIMIT {_MOST}",
        {"name": whole, "upper": whole.upper(), "form": form},
    )
    return [one["alert_id"] for one in found]


def former(alert_id):
    """Return the identifiers of the alert that was once listed under another one, or none."""
    # visitors cannot query this table
    with base.getTableConn() as connection:
        found = connection.queryToDicts(
            "SELECT alert_id FROM alerts.aliases WHERE alias = %(alias)s",
            {"alias": _valid(alert_id)},
        )
        return [one["alert_id"] for one in found]


def unknown(name):
    """Return the exception for an alert that does not exist."""
    shown = name if len(name) <= 200 else f"{name[:200]}…"
    return NotFound(f"There is no alert “{shown}” in this archive. {_SEARCH}")


def _valid(value):
    if isinstance(value, str) and "\0" in value:  # PostgreSQL cannot store it
        raise unknown(value.replace("\0", ""))
    return value
