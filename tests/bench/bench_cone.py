"""How fast a cone search is answered, next to a bare table of DaCHS; and over all samples."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from ingest.events.import_release import import_release
from ingest.instance.dachs.client import Dachs
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from tests.bench.instance import (
    private_instance,
    release_of,
    write_descriptor,
)
from tests.bench.report import Line
from tests.bench.samples import write_km3pipe

REQUESTS = 100
RELOADING = 2.0
"""Seconds until the server has surely noticed."""
DESCRIPTOR = """<resource schema="bench" resdir=".">
<meta name="title">Bench</meta><meta name="description">Bench</meta>
<meta name="subject">neutrino-astronomy</meta><meta name="creationDate">2026-01-01</meta>
<table id="main" onDisk="True" adql="True" primary="event_id" mixin="//scs#q3cindex">
<FEED source="km3net/common#event-columns"/></table>
<coverage><updater sourceTable="main" mocOrder="6"/><spatial/></coverage>
<data id="import"><sources pattern="data.fits"/>
<customGrammar module="../km3net/bulkload"/><make table="main"/></data>
<service id="cone" allowed="scs.xml"><meta name="shortName">bench</meta>
<meta name="testQuery"><meta name="ra">1</meta><meta name="dec">1</meta>
<meta name="sr">1</meta></meta>
<scsCore queriedTable="main"><FEED source="//scs#coreDescs"/></scsCore>
<outputTable verbLevel="15"/></service></resource>"""


def lines(events: int) -> Iterator[Line]:
    """Yield the medians of the answering times, and the plan for the view of all samples."""
    with tempfile.TemporaryDirectory() as name, private_instance(serve=True) as (layout, state):
        path = write_km3pipe(Path(name) / "delivery.h5", events)
        import_release(release_of(path, events, "km3pipe-hdf5"), layout, state, Path(name))
        (product,) = (layout.inputs / "evts21_01" / "data").glob("*.fits")
        write_descriptor(layout, DESCRIPTOR, {"data.fits": product})
        dachs = Dachs(layout)
        bases = [f"{state.server_url}/{rd}/cone/scs.xml" for rd in ("evts21_01/nu", "bench/q")]
        what = f"cone of 1° in {events:,} events, one client"
        # DaCHS writes the limits of each column into its answers, once it knows them.
        for peer, step in (("bare table", "imp"), ("with its limits", "limits")):
            dachs.run_checked(step, "bench/q")
            dachs.reload()
            time.sleep(RELOADING)
            ours, bare = _answer_times(bases)
            figures = f"{ours:.1f} ms", f"{peer} {bare:.1f} ms", f"{ours / bare:.2f}"
            yield Line(what, *figures, "≤ 1.2")
        yield _plan(layout, state)


def _answer_times(bases: list[str]) -> list[float]:
    """Return the median time in ms of each service; they are asked in turns."""
    dice = random.Random(1)
    times: list[list[float]] = [[] for _ in bases]
    for number in range(REQUESTS + 5):
        query = f"?RA={dice.uniform(0, 360):.4f}&DEC={dice.uniform(-80, 80):.4f}&SR=1"
        for base, spent in zip(bases, times, strict=True):
            start = time.perf_counter()
            with urllib.request.urlopen(base + query, timeout=60) as answer:
                answer.read()
            if number >= 5:  # the first ones load the descriptors
                spent.append((time.perf_counter() - start) * 1000)
    return [statistics.median(one) for one in times]


def _plan(layout: Layout, state: InstanceState) -> Line:
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM km3net.events"
            " WHERE q3c_radial_query(ra, dec, 120, 30, 1)"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    used = "uses q3c" if "q3c_position" in plan and "Seq Scan" not in plan else "reads all rows"
    return Line(
        "cone of 1° in the view km3net.events", used, "", plan.rsplit(":", 1)[1], "uses q3c"
    )
