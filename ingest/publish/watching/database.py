"""Metrics of the database: whether it answers, its connections, jobs, and sizes of releases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import psycopg2
from prometheus_client.core import GaugeMetricFamily, Metric

from ingest.core.errors import InstanceError
from ingest.instance import Cluster, InstanceState, Layout
from ingest.instance.dachs import online_releases, schema_of

_PHASES: Final = ("PENDING", "QUEUED", "EXECUTING", "COMPLETED", "ERROR", "ABORTED")
_TIMEOUT: Final = "5s"


def metrics(layout: Layout) -> Iterable[Metric]:
    """Return the metrics as they are now; only one if the database does not answer."""
    found: list[Metric] = []
    state = InstanceState.read(layout)
    try:
        if state is not None:
            with Cluster(layout).connect(state.postgres_port) as connection:
                cursor = connection.cursor()
                cursor.execute("SELECT set_config('statement_timeout', %s, false)", [_TIMEOUT])
                found = [
                    *_connections(cursor),
                    *_replicas(cursor),
                    _jobs(cursor),
                    _sizes(cursor, layout),
                ]
    except (InstanceError, psycopg2.Error, OSError):
        found = []
    up = GaugeMetricFamily("km3vo_database_up", "1 if the database answers", float(bool(found)))
    return [up, *found]


def _connections(cursor: psycopg2.extensions.cursor) -> Iterable[Metric]:
    cursor.execute(
        "SELECT rolname, count(pid) FROM pg_roles LEFT JOIN pg_stat_activity ON usename = rolname"
        " WHERE rolcanlogin GROUP BY rolname"
    )
    family = GaugeMetricFamily(
        "km3vo_database_connections", "Connections to the database", labels=["role"]
    )
    for role, count in cursor.fetchall():
        family.add_metric([role], count)
    yield family
    cursor.execute(
        "SELECT current_setting('max_connections')::int, pg_database_size(current_database())"
    )
    most, size = cursor.fetchone() or (0, 0)
    yield GaugeMetricFamily("km3vo_database_connections_limit", "Most connections", most)
    yield GaugeMetricFamily("km3vo_database_size_bytes", "Size of the database", size)


def _replicas(cursor: psycopg2.extensions.cursor) -> Iterable[Metric]:
    # the lag is null if nothing was written for some time
    cursor.execute(
        "SELECT count(*), max(coalesce(extract(epoch FROM replay_lag), 0))::float"
        " FROM pg_stat_replication"
    )
    count, lag = cursor.fetchone() or (0, None)
    yield GaugeMetricFamily("km3vo_database_replicas", "Replicas that are connected", count)
    if lag is not None:
        yield GaugeMetricFamily(
            "km3vo_database_replica_lag_seconds", "How far the last replica is behind", lag
        )


def _jobs(cursor: psycopg2.extensions.cursor) -> Metric:
    cursor.execute("SELECT phase, count(*) FROM tap_schema.tapjobs GROUP BY phase")
    counts = dict(cursor.fetchall())
    family = GaugeMetricFamily("km3vo_jobs", "TAP jobs that are kept, by phase", labels=["phase"])
    for phase in _PHASES:
        family.add_metric([phase], counts.get(phase, 0))
    return family


def _sizes(cursor: psycopg2.extensions.cursor, layout: Layout) -> Metric:
    family = GaugeMetricFamily(
        "km3vo_release_tables_bytes", "Size of the tables of a release", labels=["release"]
    )
    releases = online_releases(layout)
    names = [*releases, "alerts", "irf"]
    cursor.execute(
        "SELECT release, sum(pg_total_relation_size(c.oid)) FROM pg_class AS c"
        " JOIN unnest(%s, %s) AS s (release, schema) ON relnamespace = to_regnamespace(schema)"
        " WHERE relkind = 'r' GROUP BY release",
        [
            [*names, *releases],
            [*names, *(schema_of(one) for one in releases)],
        ],
    )
    for schema, size in cursor.fetchall():
        family.add_metric([schema], size)
    return family
