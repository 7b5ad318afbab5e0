"""What is newest, and how the live streams do. This runs in the Python of DaCHS."""

import os
from datetime import UTC, datetime

from gavo import base

from .. import database
from ..alerts import listing
from ..releases import releases

_FACTS = ("release.json", "responses.json")


def newest_releases(visit):
    """Return the releases that a visitor may know of, the one imported last first."""
    found = [
        {
            "name": one.name,
            "title": one.title,
            "released": one.facts["created"],
            "imported": _imported(one.name),
            "is_closed": one.is_closed,
        }
        for one in releases(visit)
    ]
    return sorted(found, key=lambda one: (one["imported"], one["name"]), reverse=True)


def _imported(name):
    """Return when the files of a release were written last."""
    for file in _FACTS:
        path = os.path.join(base.getConfig("inputsDir"), name, file)
        if os.path.exists(path):
            moment = datetime.fromtimestamp(os.stat(path).st_mtime, UTC)
            return moment.strftime("%Y-%m-%d %H:%M:%S")
    return ""


def newest_alerts():
    """Return the newest alert and the newest circular.

    Returns
    -------
    dict
        ``alert`` and ``circular``; None where there is none.
    """
    alert = next(iter(_tolerant(lambda: listing.newest(1))), None)
    circular = _first(
        "SELECT circular_id, created, subject FROM alerts.circulars WHERE is_latest = 1"
        " ORDER BY created DESC NULLS LAST LIMIT 1"
    )
    received = _first("SELECT received FROM alerts.notices ORDER BY notice_id DESC LIMIT 1")
    return {
        "alert": alert
        and {name: alert[name] for name in ("alert_id", "name", "address", "time", "received")},
        "last_received": received and received["received"],
        "circular": circular,
    }


def live_streams():
    """Return the latency of live streams, their gaps, and the seals of the archive.

    Returns
    -------
    dict
        ``last_received`` (MJD; None if no live stream was ever received), ``latency``, ``gaps``
        by type and the last of them, the last ``seal`` and the number of ``seals``.
    """
    last = _first("SELECT max(received) AS last FROM alerts.receptions")
    return {
        "last_received": last and last["last"],
        "latency": _rows(
            "SELECT stream, step, n_notices, p50, p90, p99 FROM alerts.latency_percentiles"
            " ORDER BY stream, step_no"
        ),
        "gaps": _rows(
            "SELECT gap_type, count(*) AS n, max(gap_end) AS last FROM alerts.gaps"
            " GROUP BY gap_type ORDER BY gap_type"
        ),
        "seals": (_first("SELECT count(*) AS n FROM alerts.seals") or {"n": 0})["n"],
        "seal": _first(
            "SELECT seal_id, seal_day, n_packets, seal_hash FROM alerts.seals"
            " ORDER BY seal_id DESC LIMIT 1"
        ),
    }


def _first(query):
    return next(iter(_rows(query)), None)


def _rows(query):
    return _tolerant(lambda: database.rows(query))


def _tolerant(ask):
    """Return the rows; none if there are no tables of alerts."""
    try:
        return ask()
    except database.NotOnline:
        return []
