"""Moments by the clock of this machine, and their text in archives and logs."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time in UTC by the clock of this machine."""
    return datetime.now(UTC)


def isoformat(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC, with microseconds and Z."""
    # not strftime, which writes years before 1000 with three digits; brokers may claim any
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
