"""How long the matches of one notice with a large sample and a catalogue take."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ingest.alerts import pipeline
from ingest.alerts.archive.archive import Archive
from ingest.alerts.matching import SampleMatcher, SourceMatcher, load_matches
from ingest.alerts.matching.localization import Localizations
from ingest.alerts.matching.model import Matcher, NoticeFacts, read_notices
from ingest.alerts.pipeline.processing import process_all
from ingest.alerts.tables import Store, open_store
from ingest.core.checkout import INPUTS
from ingest.core.timescales import UNIX_EPOCH_MJD
from ingest.events.import_release import import_release
from tests.bench.instance import private_instance, release_of
from tests.bench.report import Line
from tests.bench.samples import BEGIN, write_km3pipe

NOTICES = 200
INTERVAL = 8.0
"""Time in s between two events of the sample."""
GOAL = "≤ 50 ms"


def lines(events: int) -> Iterator[Line]:
    """Yield the times of matches, by the size of the region."""
    with tempfile.TemporaryDirectory() as name, private_instance() as (layout, state):
        path = write_km3pipe(Path(name) / "delivery.h5", events)
        manifest = release_of(path, events, "km3pipe-hdf5")
        facts = {"kind": "sample", "livetime_days": events * INTERVAL / 86400}
        manifest = manifest.model_copy(
            update={"release": manifest.release.model_copy(update=facts)}
        )
        import_release(manifest, layout, state, Path(name))
        archive = Archive(layout.archive, layout.account)
        packets = [INPUTS / "alerts/voevent" / file for file in FILES]
        pipeline.archive_packets(archive, packets)
        with open_store(layout, state) as store, pipeline.WorkerPool(archive) as pool:
            process_all(archive, store, pool)
            config = load_matches()
            maps = Localizations(archive)
            samples = SampleMatcher(config, maps, layout.inputs)
            start = time.perf_counter()
            notices = read_notices(store, "notice_id", [1, 2, 3])
            middle = UNIX_EPOCH_MJD + (BEGIN + events * INTERVAL / 2) / 86400
            list(samples.find([replace(notices[0], event_mjd=middle)], store))
            took = time.perf_counter() - start
            yield Line(f"first match, which reads {events:,} events", f"{took * 1e3:,.0f} ms")
            for one in notices:
                what = f"events, {one.stream}, radius {one.pos_err:.2g}°, ±1 d"
                yield _timed(what, samples, one, events, store)
            yield _timed("catalogue", SourceMatcher(config, maps), notices[0], events, store)


FILES = ("KM3-230213A.xml", "icecube_gold.xml", "icecube_cascade.xml")


def _timed(what: str, matcher: Matcher, notice: NoticeFacts, events: int, store: Store) -> Line:
    """Match a notice at random times of the sample; return the median and the 99th percentile."""
    random = np.random.default_rng(1)
    first = UNIX_EPOCH_MJD + BEGIN / 86400
    times = []
    for moment in random.uniform(0, events * INTERVAL / 86400, NOTICES):
        there = replace(notice, event_mjd=first + float(moment))
        start = time.perf_counter()
        list(matcher.find([there], store))
        times.append((time.perf_counter() - start) * 1e3)
    median, most = np.quantile(times, [0.5, 0.99])
    return Line(f"{what}: median, p99", f"{median:.1f}, {most:.1f} ms", goal=GOAL)
