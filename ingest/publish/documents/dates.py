"""Dates in the form that repositories require."""

from __future__ import annotations

from ingest.core.timescales import mjd_to_datetime
from ingest.publish.documents.record import ReleaseRecord


def iso_date(mjd: float) -> str:
    """Return the day of a Modified Julian Date (UTC), such as ``2017-08-17``."""
    return mjd_to_datetime(mjd).date().isoformat()


def days(record: ReleaseRecord) -> tuple[str, str] | None:
    """Return the first and the last day of the data; None if the record does not have them.

    The coverage ends at an instant: if that is midnight, the last day is the day before.
    """
    if record.coverage.times is None:
        return None
    first, last = record.coverage.times
    return iso_date(first), iso_date(max(first, last - 1e-6))
