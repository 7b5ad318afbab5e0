"""Alert packets from a tar archive to rows, and all rows made again, by number of packets.

There are a hundredth as many as events. Each size has an archive of its own.
"""

from __future__ import annotations

import math
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest.alerts import pipeline
from ingest.core.checkout import INPUTS
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from tests.bench.bench_packets import import_unlocked, rebuild_unlocked
from tests.bench.curve_events import fetch
from tests.bench.figures import Point
from tests.bench.instance import private_instance
from tests.bench.packets import write_tar
from tests.bench.report import timed
from tests.bench.steps import ANSWERS

EVENTS_PER_PACKET = 100
FEWEST = 1000
REQUESTS = 30


def points(sizes: Sequence[int]) -> Iterator[Point]:
    """Yield the points for all numbers of packets."""
    for n in sorted({max(FEWEST, size // EVENTS_PER_PACKET) for size in sizes}):
        with tempfile.TemporaryDirectory() as name, private_instance(serve=True) as (layout, state):
            tar = write_tar(INPUTS / "alerts" / "voevent", n, Path(name) / "packets.tar")
            archive = pipeline.open_archive(layout)
            start = time.perf_counter()
            import_unlocked(layout, archive, tar)
            seconds = time.perf_counter() - start
            yield Point("alerts", n, seconds, disk=_size(layout, state))
            yield _cone(state, n)
            start = time.perf_counter()
            rebuild_unlocked(layout, archive)
            yield Point("rebuild", n, time.perf_counter() - start)


def _size(layout: Layout, state: InstanceState) -> int:
    """Return the bytes of the archive, in blocks as the file system has them, and the tables."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class"
            " WHERE relnamespace = 'alerts'::regnamespace AND relkind = 'r'"
        )
        (tables,) = cursor.fetchone()
    return int(tables) + sum(512 * one.stat().st_blocks for one in layout.archive.rglob("*"))


def _cone(state: InstanceState, n: int) -> Point:
    """Ask for the same number of alerts; three notices are of the same alert."""
    radius = math.degrees(math.acos(1 - 2 * min(1, 3 * ANSWERS / n)))
    dice = random.Random(1)
    times = []
    for number in range(REQUESTS + 3):
        ra, dec = dice.uniform(0, 360), math.degrees(math.asin(dice.uniform(-0.9, 0.9)))
        address = f"{state.server_url}/alerts/nu/cone/scs.xml?RA={ra}&DEC={dec}&SR={radius}"
        spent = timed(fetch, address)
        if number >= 3:
            times.append(spent)
    return Point("alert cone", n, statistics.median(times))
