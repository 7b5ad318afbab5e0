"""How fast alert packets become rows, and how fast alerts are found among many."""

from __future__ import annotations

import math
import os
import random
import resource
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlencode

from lxml import etree

from ingest.alerts import pipeline
from ingest.alerts.archive import MAX_PARSED_BYTES, Archive
from ingest.alerts.conversion.validation import voevent_schema
from ingest.core.checkout import INPUTS
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from tests.bench.instance import private_instance
from tests.bench.packets import packets, write_tar
from tests.bench.report import Line, core_seconds, timed

REQUESTS = 60
_REAL = INPUTS / "alerts" / "voevent"


def lines(count: int) -> Iterator[Line]:
    """Yield rates from a tar archive to committed rows, memory, and answering times.

    Parameters
    ----------
    count : int
        Packets.
    """
    with tempfile.TemporaryDirectory() as name, private_instance(serve=True) as (layout, state):
        tar = write_tar(_REAL, count, Path(name) / "packets.tar")
        yield from _import(layout, tar, count)
        for query in (_cone, _region):
            yield query(layout, state, count)
        yield _crowded_cone(layout, state, count)
        yield _obscore(layout, state, count)


def _import(layout: Layout, tar: Path, count: int) -> Iterator[Line]:
    """Import all packets; the peer is lxml alone, which parses them and looks at the schema."""
    peers = min(count, 20_000)
    schema, parser = voevent_schema("2.0"), etree.XMLParser(resolve_entities=False)
    begin = time.process_time()
    for _, content in packets(_REAL, peers):
        schema.validate(etree.fromstring(content, parser))
    alone = peers / (time.process_time() - begin)

    archive = pipeline.open_archive(layout)
    before, begin = _work(layout), time.perf_counter()
    archived, report = import_unlocked(layout, archive, tar)
    end, work = time.perf_counter(), _work(layout) - before
    assert archived.new == report.with_rows == count, (archived, report)
    cores = len(os.sched_getaffinity(0))
    yield Line(
        f"{count:,} packets from tar to rows, {cores} cores",
        f"{count / (end - begin):,.0f}/s",
        f"lxml parse and schema, one core {alone:,.0f}/s",
        f"{count / (end - begin) / alone:.2f}",
        "≥ 3,500/s on two cores",
    )
    yield Line(
        "  per core-second of all processes, database included",
        f"{count / work:,.0f}/s",
        goal="≥ 1,500/s",
    )
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    yield Line("  largest process", f"{peak / 1024:,.0f} MiB", "", "", "the same for any number")


def import_unlocked(
    layout: Layout, archive: Archive, tar: Path
) -> tuple[pipeline.ArchivingReport, pipeline.ProcessingReport]:
    """Do what an import does, in an instance that this process has locked already."""
    from ingest.alerts.pipeline.archiving import BackgroundArchiving
    from ingest.alerts.pipeline.processing import process_new
    from ingest.alerts.tables import open_store

    state = InstanceState.read(layout)
    assert state is not None
    archive.create()
    with (
        open_store(layout, state) as store,
        BackgroundArchiving(archive, [tar], MAX_PARSED_BYTES) as archiving,
        pipeline.WorkerPool(archive) as pool,
    ):
        archiving.start()
        report = process_new(archive, store, pool, arriving=archiving.batches())
        return archiving.report(), report


def rebuild_unlocked(layout: Layout, archive: Archive) -> None:
    """Make all rows again, in an instance that this process has locked already."""
    from ingest.alerts.pipeline.processing import exclusive, process_all
    from ingest.alerts.tables import open_store

    state = InstanceState.read(layout)
    assert state is not None
    with open_store(layout, state) as store, pipeline.WorkerPool(archive) as pool:
        with exclusive(archive), store.replacement():
            process_all(archive, store, pool)
        store.vacuum()


def _work(layout: Layout) -> float:
    """Return the processor time in s of this process, the database, and all below them so far."""
    postmaster = int((layout.postgres / "postmaster.pid").read_text().split()[0])
    return core_seconds(os.getpid(), postmaster)


def _cone(layout: Layout, state: InstanceState, count: int) -> Line:
    def ask(ra: float, dec: float) -> tuple[str, str]:
        where = f"q3c_radial_query(ra, dec, {ra}, {dec}, 1)"
        return f"alerts/nu/cone/scs.xml?RA={ra}&DEC={dec}&SR=1", where

    return _compare(f"cone of 1° in {count:,} notices", ask, layout, state)


def _region(layout: Layout, state: InstanceState, count: int) -> Line:
    def ask(ra: float, dec: float) -> tuple[str, str]:
        where = f"region_90 @> smoc(29, spoint(radians({ra}), radians({dec})))"
        return f"alerts/nu/region/api?RA={ra}&DEC={dec}", where

    return _compare(f"region that contains a point in {count:,} notices", ask, layout, state)


def _crowded_cone(layout: Layout, state: InstanceState, count: int) -> Line:
    """Ask for the nearest 100 notices of thousands."""
    radius = min(180.0, 2 * math.degrees(math.asin(math.sqrt(min(1.0, 4000 * 3 / count)))))
    with Cluster(layout).connect(state.postgres_port) as connection:
        connection.cursor().execute("ANALYZE alerts.notices")
        connection.commit()
    times = [
        timed(_fetch, f"{state.server_url}/alerts/nu/cone/scs.xml?RA={ra}&DEC={dec}&SR={radius}"
              "&MAXREC=100")
        for ra, dec in _positions()
    ]  # fmt: skip
    return _answers(f"cone of {radius:.1f}° with about 4,000 hits, MAXREC=100", times, 50)


def _obscore(layout: Layout, state: InstanceState, count: int) -> Line:
    """Ask which entries of ObsCore contain a position, for all that do."""
    times = []
    for ra, dec in _positions():
        query = (
            "SELECT obs_publisher_did FROM ivoa.obscore"
            f" WHERE 1 = CONTAINS(POINT({ra}, {dec}), s_region)"
        )
        asked = {"LANG": "ADQL", "FORMAT": "csv", "MAXREC": 1_000_000, "QUERY": query}
        times.append(timed(_fetch, f"{state.server_url}/tap/sync?{urlencode(asked)}"))
    return _answers(f"s_region of ivoa.obscore contains a point, {count:,} notices", times, 500)


def _answers(what: str, times: Sequence[float], goal: int) -> Line:
    middle, most = (1000 * number for number in (statistics.median(times), max(times)))
    return Line(what, f"{middle:.1f} ms, at most {most:.1f} ms", goal=f"≤ {goal} ms")


def _positions() -> Iterator[tuple[float, float]]:
    dice = random.Random(2)
    for _ in range(REQUESTS):
        yield round(dice.uniform(0, 360), 4), round(dice.uniform(-80, 80), 4)


def _compare(
    what: str,
    ask: Callable[[float, float], tuple[str, str]],
    layout: Layout,
    state: InstanceState,
) -> Line:
    """Compare a service with PostgreSQL itself, and an empty answer: DaCHS' own overhead."""
    dice = random.Random(1)
    served, asked, empty = [], [], []
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        for number in range(REQUESTS + 5):
            ra, dec = round(dice.uniform(0, 360), 4), round(dice.uniform(-80, 80), 4)
            address, where = ask(ra, dec)
            start = time.perf_counter()
            _fetch(f"{state.server_url}/{address}")
            middle = time.perf_counter()
            cursor.execute(f"SELECT * FROM alerts.latest WHERE {where}")
            cursor.fetchall()
            end = time.perf_counter()
            _fetch(f"{state.server_url}/{address}&stream=none")
            if number >= 5:
                served.append(middle - start)
                asked.append(end - middle)
                empty.append(time.perf_counter() - end)
    ours, sql, nothing = (1000 * statistics.median(times) for times in (served, asked, empty))
    return Line(
        what,
        f"{ours:.1f} ms",
        f"PostgreSQL {sql:.1f} ms, DaCHS' empty answer {nothing:.1f} ms",
        f"{ours / (2 * sql + nothing):.2f}",
        "≤ 1 (twice PostgreSQL and DaCHS)",
    )


def _fetch(address: str) -> None:
    with urllib.request.urlopen(address, timeout=60) as answer:
        answer.read()
