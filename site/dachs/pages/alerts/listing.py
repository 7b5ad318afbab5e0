"""Lists of alerts, newest first. This runs in the Python of DaCHS."""

from .. import database
from . import streams
from .addresses import address_of
from .names import readable_name

TIME = "least(coalesce(event_mjd, notice_mjd), received)"
"""The time by which alerts are ordered, as in the index of ``alerts.notices``: that of the event,
but nothing happens after its notice was received."""
_COLUMNS = (
    "notice_id, alert_id, stream, event_name, event_mjd, notice_mjd, received, notice_type, ra,"
    " dec, pos_err, pos_err_cl, far, far_doubtful, energy, energy_kind, signalness, retracted,"
    f" is_test, is_injection, region_90 IS NOT NULL AS has_region, {TIME} AS time"
)
_COUNTED = ", (SELECT count(*) FROM alerts.notices AS n WHERE n.alert_id = q.alert_id) AS notices"
_IN_ORDER = "is_latest = 1 AND role != 'utility' AND is_test = tested"
# The same in a way that keeps the planner from reading these indices, too, where that of regions
# finds few rows.
_ANYHOW = "is_latest + 0 = 1 AND role != 'utility' AND is_test + 0 = tested"
# Each part has an index in which its rows are in order.
_PARTS = """
    FROM unnest(%(tests)s::smallint[]) AS kind (tested){streams}, LATERAL (
        SELECT {columns} FROM alerts.notices
        WHERE {which} AND {condition}
        {order} LIMIT {limit}) AS q"""


def newest(limit):
    """Return the newest alerts, without tests: by the times of their events, if they have one.

    Alerts without are last, and listed only if there are few others.

    Parameters
    ----------
    limit : int
        How many.

    Returns
    -------
    list of dict
        For each alert the columns of its newest notice, its ``name`` in words, the ``address``
        of its page, and the number of its ``notices``.
    """
    found = []
    for condition in ("event_mjd IS NOT NULL", "event_mjd IS NULL"):
        if len(found) < limit:
            condition = f"is_injection = 0 AND {condition}"
            found += find(condition, {"tests": [0]}, limit - len(found))
    return found


def find(condition, parameters, limit, distance=None, nearest=False, by_place=False):
    """Return alerts that fulfil a condition, as :func:`newest` does.

    Parameters
    ----------
    condition : str
        SQL, with ``%(name)s`` for each parameter.
    parameters : dict
        Its parameters, among them ``tests``, a list of the values of ``is_test``, and, if only some
        streams are wanted, ``streams``, a list of their names.
    limit : int
        How many alerts at most.
    distance : str, optional
        An expression in SQL for the alert's ``distance``.
    nearest : bool, optional
        Whether the alerts with the smallest distances are first, not the newest.
    by_place : bool, optional
        Whether the condition selects a small part of the sky, so that alerts should be looked up by
        place.
    """
    if not streams.exist():
        return []
    order = "ORDER BY distance, notice_id" if nearest else "ORDER BY time DESC, notice_id DESC"
    parts = _parts(
        condition,
        parameters,
        which=_ANYHOW if by_place else _IN_ORDER,
        columns=f"{_COLUMNS}, {distance or 'NULL::float8'} AS distance",
        order=order.replace("time", TIME),
        limit=int(limit),
    )
    query = (
        f"SELECT q.*{_COUNTED} FROM (SELECT q.* {parts} {order} LIMIT {int(limit)}) AS q {order}"
    )
    return [_described(row) for row in database.rows(query, parameters)]


def count(condition, parameters, most):
    """Return the number of alerts that fulfil a condition; if there are more than `most`, one more.

    Parameters
    ----------
    condition, parameters
        As for :func:`find`.
    most : int
        Up to which number to count.
    """
    if not streams.exist():
        return 0
    limit = int(most) + 1
    parts = _parts(
        condition, parameters, which=_IN_ORDER, columns="1 AS one", order="", limit=limit
    )
    found = database.row(
        f"SELECT count(*) AS number FROM (SELECT 1 {parts} LIMIT {limit}) AS q", parameters
    )
    return found["number"]


def last_received():
    """Return the number of the newest packet of all notices; 0 if there is none."""
    if not streams.exist():
        return 0
    return database.row("SELECT coalesce(max(notice_id), 0) AS last FROM alerts.notices")["last"]


def _parts(condition, parameters, **more):
    of_streams = "streams" in parameters
    if of_streams:
        condition = f"stream = among.name AND {condition}"
    names = ", unnest(%(streams)s::text[]) AS among (name)" if of_streams else ""
    return _PARTS.format(condition=condition, streams=names, **more)


def _described(row):
    return row | {"name": readable_name(row), "address": address_of(row["alert_id"])}
