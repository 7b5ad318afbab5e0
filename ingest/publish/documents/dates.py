"""Dates as the documents for repositories want them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ingest.publish.documents.record import Record

_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)


def iso_date(mjd: float) -> str:
    """Return the day of a Modified Julian Date (UTC), such as ``2017-08-17``."""
    return (_MJD_ZERO + timedelta(days=mjd)).date().isoformat()


def days(record: Record) -> tuple[str, str] | None:
    """Return the first and the last day of the data; None where the record does not say.

    The end of the coverage is a moment: midnight belongs to the day before.
    """
    if record.coverage.times is None:
        return None
    first, last = record.coverage.times
    return iso_date(first), iso_date(max(first, last - 1e-6))
