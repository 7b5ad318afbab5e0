"""What a notice says, as far as its recipients need it; in the outbox it is beside the notice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ingest.alerts.notices import Notice, containment_radii
from ingest.alerts.publishing.document import PIPELINES, event_ids
from ingest.core.timescales import mjd_to_datetime

Facts = dict[str, Any]

COLUMNS: Final = (
    "notice_id", "sha256", "ivorn", "stream", "event_name", "alert_id", "record_number",
    "notice_type", "is_test", "is_injection", "event_mjd", "notice_mjd", "received", "ra", "dec",
    "pos_err_90", "far", "energy", "topology", "pipeline", "instrument", "n_events", "region_90",
)  # fmt: skip
"""The columns of ``alerts.notices`` from which the facts of a notice of others are taken."""


def of_notice(notice: Notice, document: Mapping[str, Any]) -> Facts:
    """Return the facts of a notice that is published here.

    Parameters
    ----------
    notice : Notice
        The notice as the archive will understand it.
    document : mapping
        Its JSON document.
    """
    at = notice.position
    radii = containment_radii(at) if at else None
    entries = document.get(PIPELINES) or [document]
    return {
        "ivorn": notice.ivorn,
        "stream": notice.stream,
        "name": notice.event_name,
        "record": notice.record_number,
        "type": notice.notice_type.value,
        "test": notice.is_test or notice.is_injection,
        "time": isoformat(notice.event_mjd),
        "ra": at.ra if at else None,
        "dec": at.dec if at else None,
        "radius_90": radii[1] if radii else None,
        "far": notice.far.hertz if notice.far else None,
        "energy": notice.energy,
        "topology": notice.topology,
        "pipelines": [one.get("pipeline") for one in entries],
        "instrument": notice.instrument,
        "n_events": notice.n_events,
        "events": event_ids(document),
        "remark": document.get("additional_info"),
    }


def alert_of(facts: Facts) -> str:
    """Return what is the same for all notices of an alert that is published here."""
    return ("test/" if facts["test"] else "") + str(facts["name"])


def of_row(row: Mapping[str, Any]) -> Facts:
    """Return the facts of a notice of others, from the values of :data:`COLUMNS`."""
    return {
        "ivorn": row["ivorn"],
        "stream": row["stream"],
        "name": row["event_name"] or row["alert_id"],
        "record": row["record_number"],
        "type": row["notice_type"],
        "test": bool(row["is_test"] or row["is_injection"]),
        "time": isoformat(row["event_mjd"]),
        "ra": row["ra"],
        "dec": row["dec"],
        "radius_90": row["pos_err_90"],
        "far": row["far"],
        "energy": row["energy"],
        "topology": row["topology"],
        "pipelines": [row["pipeline"]] if row["pipeline"] else [],
        "instrument": row["instrument"],
        "n_events": row["n_events"],
        "events": [],
        "remark": None,
    }


def isoformat(mjd: float | None) -> str | None:
    """Return a time in UTC to the millisecond, from an MJD."""
    if mjd is None:
        return None
    moment = mjd_to_datetime(mjd)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
