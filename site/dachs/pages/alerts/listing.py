"""Lists of alerts, newest first. This runs in the Python of DaCHS."""

from .. import database
from .addresses import address_of
from .names import readable_name

TIME = "least(coalesce(event_mjd, notice_mjd), received)"
"""The time by which alerts are ordered, as in the index of ``alerts.notices``: that of the event,
but nothing happens after its notice was received."""
_COLUMNS = (
    "notice_id, alert_id, stream, event_name, event_mjd, notice_mjd, received, notice_type, ra,"
    " dec, pos_err, pos_err_cl, far, far_doubtful, energy, energy_kind, signalness, retracted,"
    f" is_test, is_injection, sky_map, region_90 IS NOT NULL AS has_region, {TIME} AS time"
)


def newest(limit):
    """Return the newest alerts.

    Parameters
    ----------
    limit : int
        How many.

    Returns
    -------
    list of dict
        For each alert the columns of its newest notice, its ``name`` in words, and the ``address``
        of its page.
    """
    return alerts("TRUE", {}, limit)


def alerts(condition, parameters, limit, table="alerts.latest"):
    """Return alerts that fulfil a condition, newest first, as :func:`newest` does.

    Parameters
    ----------
    condition : str
        SQL, with ``%(name)s`` for each parameter.
    parameters : dict
        The values of the parameters.
    limit : int
        How many alerts at most.
    table : str, optional
        The table, or a query in parentheses with a name, that has one row for each alert.
    """
    found = database.rows(
        f"SELECT {_COLUMNS} FROM {table} WHERE {condition}"
        f" ORDER BY {TIME} DESC, notice_id DESC LIMIT {int(limit)}",
        parameters,
    )
    return [_described(row) for row in found]


def _described(row):
    return row | {"name": readable_name(row), "address": address_of(row["alert_id"])}
