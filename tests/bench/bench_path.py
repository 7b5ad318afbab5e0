"""The whole path, from a delivery in HDF5 until its events are online."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from ingest.events import import_release
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from tests.bench.instance import private_instance, release_of
from tests.bench.report import Line
from tests.bench.samples import write_km3pipe, write_simple

FORMS = (("km3pipe-hdf5", write_km3pipe), ("simple-hdf5", write_simple))
_LOOK_EVERY = 0.05  # s


def object_id(cursor: Any, table: str) -> int | None:
    """Return PostgreSQL's id of a table that others can see; None if there is none."""
    cursor.execute("SELECT to_regclass(%s)::oid::bigint", [table])
    found: int | None = cursor.fetchone()[0]
    return found


class Watcher(threading.Thread):
    """Sees, from outside, when a new table is in the place of `table`."""

    def __init__(self, layout: Layout, state: InstanceState, table: str) -> None:
        super().__init__(daemon=True)
        self.layout, self.state, self.table = layout, state, table
        self.ready = threading.Event()
        self.seen = float("nan")

    def run(self) -> None:
        """Look every 50 ms."""
        with Cluster(self.layout).connect(self.state.postgres_port) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            before = object_id(cursor, self.table)
            self.ready.set()
            while object_id(cursor, self.table) in (before, None):
                time.sleep(_LOOK_EVERY)
            self.seen = time.perf_counter()


def timed(function: Callable[..., Any], into: list[float]) -> Callable[..., Any]:
    """Return the function, which puts the seconds it took into a list."""

    def run(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            into.append(time.perf_counter() - start)

    return run


def lines(events: int) -> Iterator[Line]:
    """Yield the rates of the path and of its parts, by delivered format."""
    with tempfile.TemporaryDirectory() as name, private_instance() as (layout, state):
        for form, write in FORMS:
            path = write(Path(name) / f"{form}.h5", events)
            manifest = release_of(path, events, form)
            watcher = Watcher(layout, state, manifest.release.table)
            watcher.start()
            watcher.ready.wait()
            seconds: list[float] = []
            convert = timed(import_release.convert_release, seconds)
            with mock.patch.object(import_release, "convert_release", convert):
                start = time.perf_counter()
                import_release.import_release(manifest, layout, state, Path(name))
                total = time.perf_counter() - start
            watcher.join(10)
            path.unlink()
            online = watcher.seen - start
            yield Line(f"{form}: read, check, locate, write, draw", f"{events / seconds[0]:,.0f}/s")
            yield Line(f"{form}: until online", f"{events / online:,.0f}/s", goal="≥ 100,000/s")
            yield Line(f"{form}: with view, circles' index, statistics", f"{events / total:,.0f}/s")
