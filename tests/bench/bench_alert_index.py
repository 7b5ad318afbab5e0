"""The index of alerts: its first page, and each kind of search, next to DaCHS' own info page."""

from __future__ import annotations

import statistics
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from ingest.core.checkout import INPUTS
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster, free_port
from tests.alert_archive import layout_of
from tests.bench.instance import PORT
from tests.bench.report import Line, timed
from tests.instances import Instance

REPEAT = 9
GOAL = "≤ 150 ms"
_REVISIONS = 3
_STREAMS = ("swift/bat", "fermi/gbm", "fermi/lat", "ligo-virgo-kagra", "icecube/gold", "maxi")
SEARCHES = {
    "first page": {},
    "name": {"name": "event-1234"},
    "identifier": {"name": "icecube/1234"},
    "all of one mission": {"stream": "fermi"},
    "a rare stream": {"stream": "km3net"},
    "time": {"since": "2009-01-01", "until": "2009-02-01"},
    "rate": {"far": "1e-7"},
    "retracted": {"state": "retracted"},
    "within 0.5°": {"near": "83.63 +22.01", "radius": "0.5"},
    "within 3°": {"near": "83.63 +22.01"},
    "within 5°": {"near": "83.63 +22.01", "radius": "5"},
    "within 20°": {"near": "83.63 +22.01", "radius": "20"},
    "within 60°": {"near": "83.63 +22.01", "radius": "60"},
    "including tests": {"tests": "yes"},
    "place, rate and stream": {"near": "83.63 +22.01", "far": "1", "stream": "icecube"},
    "page in the past": {"after": "53500.25_100"},
}
# three revisions of each alert; every fifth alert is a test, every hundredth is retracted
_FILL = f"""
    INSERT INTO alerts.notices (notice_id, ivorn, version, stream, event_name, alert_id, revision,
        role, notice_type, is_test, is_injection, is_latest, retracted, event_mjd, notice_mjd,
        received, ra, dec, pos_err, pos_err_cl, far, signalness, energy, region_90, region_origin,
        media_format, sha256, packet_size, origin)
    SELECT 1000000 + {_REVISIONS} * n + r, 'ivo://bench/' || n || '-' || r, 1, stream,
        CASE WHEN n %% 3 = 0 THEN 'Event-' || n END,
        CASE WHEN is_test = 1 THEN 'test/' ELSE '' END || split_part(stream, '/', 1) || '/' || n,
        r, CASE WHEN is_test = 1 THEN 'test' ELSE 'observation' END,
        CASE WHEN r = 0 THEN 'initial' WHEN r = 2 AND n %% 100 = 0 THEN 'retraction'
            ELSE 'update' END,
        is_test, 0, CASE WHEN r = 2 THEN 1 ELSE 0 END, CASE WHEN n %% 100 = 0 THEN 1 ELSE 0 END,
        mjd, mjd + 0.01 * (r + 1), mjd + 0.01 * (r + 2), ra, dec, radius, 0.9,
        CASE WHEN n %% 2 = 0 THEN 3e-7 * chance ^ 4 END, chance, 1e5 * chance,
        smoc(least(29, greatest(3, 4 - floor(ln(radians(radius)) / ln(2.0))::int)),
            scircle(spoint(radians(ra), radians(dec)), radians(radius))),
        'circle', 'bench', md5(n || '.' || r) || md5(r || '.' || n), 4000, 'bench'
    FROM (
        SELECT n, 53000 + 8300.0 * n / %(alerts)s AS mjd, 360 * random() AS ra,
            degrees(asin(2 * random() - 1)) AS dec, 0.1 + 10 * random() ^ 3 AS radius,
            CASE WHEN n %% 2000 = 7 THEN 'km3net'
                ELSE (%(streams)s::text[])[1 + n %% {len(_STREAMS)}] END AS stream,
            CASE WHEN n %% 5 = 1 THEN 1 ELSE 0 END AS is_test, random() AS chance
        FROM generate_series(1, %(alerts)s) AS n OFFSET 0
    ) AS alert, generate_series(0, {_REVISIONS - 1}) AS r"""
_NAMES = """
    INSERT INTO alerts.event_names
    SELECT notice_id, 1, upper(replace(event_name, '-', '')) FROM alerts.notices
    WHERE notice_id > 1000000 AND event_name IS NOT NULL AND is_test = 0
    UNION ALL SELECT notice_id, 2, alert_id FROM alerts.notices
    WHERE notice_id > 1000000 AND is_test = 0"""


def lines(count: int) -> Iterator[Line]:
    """Yield the median times of the first page and of searches among `count` notices."""
    with tempfile.TemporaryDirectory(prefix="km3vo-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        instance = Instance(folder / "var", free_port(PORT))
        try:
            instance.up()
            done = instance.km3vo("alerts", "import", str(INPUTS / "alerts"))
            assert done.returncode == 0, done.stderr
            fill_notices(layout_of(instance), count)
            info = _median(instance, "alerts/nu/cone/info")
            for what, parameters in SEARCHES.items():
                ours = _median(instance, "alerts?" + urllib.parse.urlencode(parameters))
                yield Line(
                    f"alerts: {what}, {count:,} notices",
                    f"{ours * 1000:.0f} ms",
                    f"info page {info * 1000:.0f} ms",
                    f"{ours / info:.2f}",
                    GOAL,
                )
            feed = _median(instance, "alerts/feed.atom")
            yield Line("alerts: feed", f"{feed * 1000:.0f} ms", goal=GOAL)
        finally:
            instance.reset()


def fill_notices(layout: Layout, count: int) -> None:
    """Add notices and the names of their events to the tables of an instance, without packets."""
    state = InstanceState.read(layout)
    assert state is not None
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(_FILL, {"alerts": count // _REVISIONS, "streams": list(_STREAMS)})
        cursor.execute(_NAMES)
        connection.commit()
        connection.autocommit = True
        cursor.execute("VACUUM ANALYZE alerts.notices, alerts.event_names")


def _median(instance: Instance, path: str) -> float:
    """Return the median time in s of requests for a page, after a first one."""
    return statistics.median(timed(_fetch, f"{instance.url}/{path}") for _ in range(REPEAT + 1))


def _fetch(address: str) -> None:
    with urllib.request.urlopen(address, timeout=60) as answer:
        assert answer.status == 200
        answer.read()
