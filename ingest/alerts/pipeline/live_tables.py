"""What the tables of an instance say of its live streams: what came, what is missing, how soon."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ingest.alerts.pipeline.instance_tables import existing_store
from ingest.alerts.tables import Stream
from ingest.instance import Layout

_MOST: Final = 20
"""Number of gaps that are listed."""


class Gap(NamedTuple):
    """Something that was not received; the attributes are columns of ``alerts.gaps``."""

    gap_type: str
    source: str | None
    topic: str | None
    topic_partition: int | None
    alert_id: str | None
    first_missing: int | None
    last_missing: int | None
    gap_start: float | None
    gap_end: float


class Latency(NamedTuple):
    """Percentiles of a step for a stream, in s; columns of ``alerts.latency_percentiles``."""

    stream: str
    step_no: int
    step: str
    n_notices: int
    p50: float
    p90: float
    p99: float
    p100: float


def received_streams(layout: Layout) -> list[Stream] | None:
    """Return the live streams of an instance; None if its database does not run."""
    with existing_store(layout) as store:
        return None if store is None else store.streams()


def count_gaps(layout: Layout) -> dict[str, int]:
    """Return the number of gaps by type; of none if the database does not run."""
    return dict(_rows(layout, "gaps", "gap_type, count(*)", "GROUP BY gap_type"))


def newest_gaps(layout: Layout) -> list[Gap]:
    """Return the newest gaps; none if the database does not run."""
    order = f"ORDER BY gap_end DESC LIMIT {_MOST}"
    return [Gap(*row) for row in _rows(layout, "gaps", ", ".join(Gap._fields), order)]


def latency_percentiles(layout: Layout) -> list[Latency]:
    """Return how long each step took for each stream; none if the database does not run."""
    columns, order = ", ".join(Latency._fields), "ORDER BY stream, step_no"
    return [Latency(*row) for row in _rows(layout, "latency_percentiles", columns, order)]


def _rows(layout: Layout, view: str, columns: str, rest: str) -> list[tuple[Any, ...]]:
    with existing_store(layout) as store:
        # an earlier version of the software did not have the view
        if store is None or not store.exist([view]):
            return []
        return store.fetch(f"SELECT {columns} FROM alerts.{view} {rest}")
