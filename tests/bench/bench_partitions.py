"""Whether partitions of the table of notices pay: the same rows as one table and in parts.

``python -m tests.bench partitions`` gives the figures of docs/decisions/052-alerts-at-scale.md.
The parts are ranges of packet numbers, which the primary key allows; an archive that grows has
about one per year.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

from ingest.alerts.tables import open_store
from ingest.instance.postgres import Cluster
from tests.bench.bench_alert_index import fill_notices
from tests.bench.instance import private_instance
from tests.bench.report import Line

PARTS = 20
REPEAT = 15
ADDED = 5000
_REGION = "region_90 @> smoc(29, spoint(radians(%(ra)s), radians(%(dec)s)))"
_NEWEST = "least(coalesce(event_mjd, notice_mjd), received)"
_SHOWN = "is_latest = 1 AND is_test = 0 AND role != 'utility'"
QUERIES = {
    "cone of 1°": "q3c_radial_query(ra, dec, %(ra)s, %(dec)s, 1)",
    "region that contains a point": _REGION,
    "identifier": "ivorn = 'ivo://bench/%(n)s-1'",
    "alert": "alert_id = 'swift/%(n)s'",
    "number": "notice_id = 1000000 + %(n)s",
    "checksum": "sha256 = md5('%(n)s.1') || md5('1.%(n)s')",
    "a month": "event_mjd BETWEEN 53000 + %(ra)s * 20 AND 53030 + %(ra)s * 20",
    "newest 50": f"{_SHOWN} ORDER BY {_NEWEST} DESC, notice_id DESC LIMIT 50",
}
"""As the services and pages ask, and the grouping of new notices."""
_MAKE = f"""
    CREATE TABLE alerts.parted (LIKE alerts.notices INCLUDING DEFAULTS INCLUDING STORAGE)
        PARTITION BY RANGE (notice_id);
    DO $$ DECLARE low bigint; high bigint; begin_ bigint; end_ bigint; BEGIN
        SELECT min(notice_id), max(notice_id) INTO low, high FROM alerts.notices;
        FOR part IN 0 .. {PARTS - 1} LOOP
            begin_ := low + part * (high - low + 1) / {PARTS};
            end_ := CASE part WHEN {PARTS - 1} THEN 9000000000
                ELSE low + (part + 1) * (high - low + 1) / {PARTS} END;
            EXECUTE format('CREATE TABLE alerts.parted_%s PARTITION OF alerts.parted'
                ' FOR VALUES FROM (%s) TO (%s)', part, begin_, end_);
        END LOOP;
    END $$;
    INSERT INTO alerts.parted SELECT * FROM alerts.notices"""


def lines(count: int) -> Iterator[Line]:
    """Yield the times of queries and of adding rows, parts next to one table."""
    with private_instance() as (layout, state):
        with open_store(layout, state):
            pass
        fill_notices(layout, count)
        with Cluster(layout).connect(state.postgres_port) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(
                "SELECT indexdef FROM pg_indexes"
                " WHERE schemaname = 'alerts' AND tablename = 'notices'"
            )
            indices = [one for (one,) in cursor.fetchall()]
            cursor.execute(_MAKE)
            for definition in indices:
                name = definition.split(" INDEX ")[1].split(" ON ")[0]
                cursor.execute(
                    definition.replace(f" {name} ON ", f" parted_{name} ON ").replace(
                        "alerts.notices", "alerts.parted"
                    )
                )
            cursor.execute("VACUUM ANALYZE alerts.notices, alerts.parted")
            for what, where in QUERIES.items():
                whole, parts = (
                    _query_time(cursor, f"SELECT * FROM alerts.{table} WHERE {where}", count)
                    for table in ("notices", "parted")
                )
                yield _line(f"{what}, {count:,} notices", parts, whole)
            whole, parts = (_insert_time(cursor, table) for table in ("notices", "parted"))
            yield _line(f"{ADDED:,} notices added to {count:,}", parts, whole)


def _line(what: str, parts: float, whole: float) -> Line:
    ours, peer = f"{PARTS} parts {1000 * parts:.2f} ms", f"one table {1000 * whole:.2f} ms"
    return Line(what, ours, peer, f"{parts / whole:.2f}")


def _query_time(cursor: Any, query: str, count: int) -> float:
    times = []
    for number in range(REPEAT + 1):
        place = {"ra": 24 * number % 360, "dec": 5 * number - 40, "n": number * count // 60 + 7}
        start = time.perf_counter()
        cursor.execute(query, place)
        cursor.fetchall()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def _insert_time(cursor: Any, table: str) -> float:
    cursor.execute(
        "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attnum > 0"
        " AND attname != 'notice_id' AND NOT attisdropped"
        " AND attrelid = 'alerts.notices'::regclass"
    )
    ((columns,),) = cursor.fetchall()
    times = []
    for number in range(3):
        start = time.perf_counter()
        cursor.execute(
            f"INSERT INTO alerts.{table} (notice_id, {columns})"
            f" SELECT notice_id + {10_000_000 * (number + 1)}, {columns} FROM alerts.notices"
            f" ORDER BY notice_id LIMIT {ADDED}"
        )
        times.append(time.perf_counter() - start)
    return statistics.median(times)
