"""Matches: the overlap of two large sky maps, and one notice among 100,000 alerts."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from astropy_healpix import level_ipix_to_uniq

from ingest.alerts.archive import Archive, Entry
from ingest.alerts.matching import (
    Matcher,
    enqueue_all,
    load_matches,
    match_waiting,
    matchers,
)
from ingest.alerts.notices.containment import Regions
from ingest.alerts.notices.model import Notice, Position, Rate
from ingest.alerts.skymaps import Cells, SkyMap, cell_centres
from ingest.alerts.skymaps.multiorder import cell_areas, subdivide
from ingest.alerts.tables import Store, open_store, table_rows
from tests.bench.instance import private_instance
from tests.bench.report import Line

CELLS = 100_000
ALERTS = 100_000
NOTICES = 200
_STREAMS = ("km3net", "icecube/gold", "ligo-virgo-kagra", "fermi/gbm", "swift/bat")
_FILL = """
    INSERT INTO alerts.notices (notice_id, ivorn, version, stream, event_name, alert_id, role,
        notice_type, is_test, is_injection, is_latest, retracted, received, event_mjd, ra, dec,
        pos_err, pos_err_cl, far, media_format, sha256, packet_size, origin)
    SELECT n, 'ivo://bench/' || n, 1, (%s::text[])[1 + n %% 5], 'event ' || n, 'bench/' || n,
        'observation', 'initial', 0, 0, 1, 0, 61000 + n * 1e-5, 57000 + random() * 3650,
        360 * random(), degrees(asin(2 * random() - 1)), 0.1 + 10 * random() * random(), 0.9,
        CASE WHEN random() < 0.5 THEN random() * 3e-7 END, 'bench', md5(n::text), 1, 'bench'
    FROM generate_series(1, %s) AS n"""


def lines(count: int) -> Iterator[Line]:
    """Yield the time of an overlap, of the matches of one notice, and the rate of many."""
    yield _overlap()
    with (
        private_instance() as (layout, state),
        tempfile.TemporaryDirectory() as folder,
        open_store(layout, state) as store,
    ):
        with store.together() as cursor:
            cursor.execute(_FILL, [list(_STREAMS), ALERTS])
        store.vacuum()
        archive = Archive(Path(folder) / "archive")
        finders = matchers(load_matches(), archive, layout.inputs)
        yield _notices(store, finders)
        enqueue_all(store)
        begin = time.perf_counter()
        done = match_waiting(store, finders)
        seconds = time.perf_counter() - begin
        ((pairs,),) = store.fetch("SELECT count(*) FROM alerts.matches")
        yield Line(f"all {done:,} notices, {pairs:,} matches", f"{done / seconds:,.0f}/s")


def _overlap() -> Line:
    """Measure two maps as they were read, and as they are kept for the next overlap."""
    one, other = (_map(seed) for seed in (1, 2))
    prepared = Cells(one), Cells(other)
    fresh = _median(lambda: Cells(one).overlap(Cells(other)))
    ready = _median(lambda: prepared[0].overlap(prepared[1]))
    centres = cell_centres(one.order, one.uniq - 4 ** (one.order + 1))
    areas = cell_areas(one.order)
    nearest = _median(lambda: one.density * areas @ other.probability_density_at(*centres))
    return Line(
        f"overlap of two maps of {len(one.uniq):,} and {len(other.uniq):,} cells",
        f"{1000 * fresh:.1f} ms, prepared {1000 * ready:.1f} ms",
        f"nearest pixel {1000 * nearest:.1f} ms",
        f"{nearest / fresh:.2f}",
        "≤ 20 ms",
    )


def _map(seed: int) -> SkyMap:
    """Return a map of cells of many orders."""
    dice = np.random.default_rng(seed)
    cell, parts, order = np.arange(12), [], 0
    while len(cell):
        missing = CELLS - sum(map(len, parts)) - len(cell)
        split = dice.random(len(cell)) < min(0.75, missing / 3 / len(cell))
        parts.append(level_ipix_to_uniq(order, cell[~split]))
        cell, order = subdivide(cell[split]), order + 1
    uniq = np.concatenate(parts)
    return SkyMap.from_cells(uniq, dice.exponential(size=len(uniq)))


def _notices(store: Store, finders: list[Matcher]) -> Line:
    """Measure notices one by one, each at the time of an alert that it matches."""
    match_waiting(store, finders)
    dice = np.random.default_rng(5)
    partners = store.fetch(
        "SELECT event_mjd, ra, dec FROM alerts.notices WHERE stream = 'ligo-virgo-kagra' LIMIT %s",
        [NOTICES],
    )
    times = []
    for number, (mjd, ra, dec) in enumerate(partners, ALERTS + 1):
        notice = Notice(
            ivorn=f"ivo://bench/{number}",
            stream="km3net",
            event_key=f"key {number}",
            media_format="bench",
            event_mjd=mjd + float(dice.uniform(-4e-3, 4e-3)),
            position=Position(ra=ra, dec=dec, radius=1.0, containment=0.9),
            far=Rate(hertz=1e-7, value=1e-7),
        )
        received = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        entry = Entry(number, f"{number:064x}", received, "bench", "application/xml", 1)
        store.add([table_rows(entry, notice, Regions(), None)])
        begin = time.perf_counter()
        match_waiting(store, finders)
        times.append(1000 * (time.perf_counter() - begin))
    times.sort()
    p99 = times[int(0.99 * len(times))]
    return Line(
        f"matches of a notice among {ALERTS:,} alerts",
        f"median {statistics.median(times):.1f} ms, p99 {p99:.1f} ms, most {times[-1]:.1f} ms",
        goal="median ≤ 50 ms",
    )


def _median(function) -> float:  # type: ignore[no-untyped-def]
    """Return how long calls take in s of a core."""
    times = []
    for _ in range(20):
        begin = time.thread_time()
        function()
        times.append(time.thread_time() - begin)
    return statistics.median(times)
