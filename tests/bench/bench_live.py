"""How soon a notice is visible after it was produced, and how fast a burst is taken in."""

from __future__ import annotations

import re
import select
import statistics
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ingest.alerts.tables.store import TABLES
from ingest.core.checkout import INPUTS
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster, free_port
from tests.alert_archive import layout_of
from tests.alerts.broker import Broker, configuration, listening
from tests.alerts.sample_packets import voevent
from tests.bench.instance import PORT
from tests.bench.packets import packets
from tests.bench.report import Line
from tests.instances import Instance

RATE = 50.0
"""Notices per second."""
SECONDS = 60
BURST = 10_000
_PART, _AHEAD = 50, 400
_REAL = INPUTS / "alerts" / "voevent"


def lines(count: int) -> Iterator[Line]:
    """Yield latencies at a steady rate and the rate of a burst, in a small and a large table.

    Parameters
    ----------
    count : int
        Notices in the large table; at most those of a minute are sent one by one, and at most
        10,000 at once.
    """
    steady = min(count, int(RATE * SECONDS))
    burst = min(count, BURST)
    sent = [content for _, content in packets(_REAL, 2 * (steady + burst))]
    with tempfile.TemporaryDirectory(prefix="km3vo-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        instance = Instance(folder / "var", free_port(PORT))
        try:
            instance.up()
            done = instance.km3vo("alerts", "import", str(INPUTS / "alerts"))
            assert done.returncode == 0, done.stderr
            for more in (0, count):
                _fill(layout_of(instance), more)
                yield from _listen(instance, folder, sent[:steady], sent[steady : steady + burst])
                del sent[: steady + burst]
        finally:
            instance.reset()


def _fill(layout: Layout, count: int) -> None:
    """Add copies of the notices to the table, with identifiers and positions of their own."""
    if not count:
        return
    changed = {
        "notice_id": "-row_number() OVER ()",
        "ivorn": "ivorn || '/' || n",
        "alert_id": "alert_id || '/' || n",
        "event_name": "event_name || '/' || n",
        "sha256": "md5(sha256 || n) || md5(n || sha256)",
        "ra": "360 * random()",
        "dec": "180 * random() - 90",
        "event_mjd": "event_mjd + random()",
    }
    names = TABLES["notices"]
    values = ", ".join(changed.get(name, name) for name in names)
    state = InstanceState.read(layout)
    assert state is not None
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM alerts.notices")
        copies = count // cursor.fetchone()[0] + 1
        cursor.execute(
            f"INSERT INTO alerts.notices ({', '.join(names)}) SELECT {values}"
            " FROM alerts.notices, generate_series(1, %s) AS n",
            [copies],
        )
        connection.commit()
        connection.autocommit = True
        cursor.execute("VACUUM ANALYZE alerts.notices")


def _listen(
    instance: Instance, folder: Path, steady: list[bytes], burst: list[bytes]
) -> Iterator[Line]:
    broker, layout = Broker(), layout_of(instance)
    state = InstanceState.read(layout)
    assert state is not None
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM alerts.notices")
        (size,) = cursor.fetchone()
    topic = f"gcn.notices.bench{size}"
    with (
        Cluster(layout).connect(state.postgres_port) as connection,
        listening(instance, configuration(folder, broker.address, [topic])) as listener,
    ):
        # the topic exists, and the group has a member, when the first one has arrived
        content = voevent(ivorn=f"ivo://example.org/{topic}#1")
        _Watch(connection, 1).run(lambda watch: broker.send([content], topic))
        watch = _Watch(connection, len(steady))
        seen_by_tap = _Tap(state.server_url, topic, watch)
        seen_by_tap.start()
        watch.run(lambda watch: _send(broker, topic, steady, watch))
        seen_by_tap.done.set()
        seen_by_tap.join()
        yield Line(f"{RATE:g}/s for {len(steady) / RATE:.0f} s, {size:,} notices", "")
        yield Line("  produced → committed", *_spread(watch.latencies))
        tap = sorted(seen_by_tap.latencies)
        yield Line(f"  produced → seen by TAP, a sample of {len(tap)}", *_spread(tap))
        begin = time.monotonic()
        _Watch(connection, len(burst)).run(lambda watch: _send_at_once(broker, topic, burst, watch))
        seconds = time.monotonic() - begin
        yield Line(f"  burst of {len(burst):,}", f"{len(burst) / seconds:,.0f}/s")
        assert listener.process.poll() is None, listener.log


class _Watch:
    """Learns by the database's notifications when each notice was committed."""

    def __init__(self, connection: Any, wanted: int) -> None:
        connection.autocommit = True
        connection.cursor().execute("LISTEN alerts")
        self._connection = connection
        self._wanted = wanted
        self.produced: list[float] = []
        self.committed: list[float] = []

    @property
    def latencies(self) -> list[float]:
        """Times in s from producing to committing, sorted."""
        # committed in order: one listener, one partition
        pairs = zip(self.produced, self.committed, strict=True)
        return sorted(end - begin for begin, end in pairs)

    def run(self, send: Callable[[_Watch], None]) -> None:
        """Let a thread send notices; wait until all were announced."""
        sender = threading.Thread(target=send, args=(self,), daemon=True)
        sender.start()
        while len(self.committed) < self._wanted:
            if not select.select([self._connection], [], [], 60)[0]:
                raise TimeoutError(f"{len(self.committed)} of {self._wanted} notices came")
            self._connection.poll()
            moment = time.monotonic()
            for one in self._connection.notifies:
                self.committed += [moment] * len(one.payload.split())
            self._connection.notifies.clear()
        sender.join()


class _Tap(threading.Thread):
    """Asks by TAP for one notice after another, the newest each time."""

    def __init__(self, url: str, topic: str, watch: _Watch) -> None:
        super().__init__(daemon=True)
        self._url, self._topic, self._watch = url, topic, watch
        self.latencies: list[float] = []
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.is_set():
            number = len(self._watch.produced) - 1
            if number < 0:
                self.done.wait(0.01)
                continue
            while not self.done.is_set():
                if self._count() > number + 1:  # the very first one is not counted
                    self.latencies.append(time.monotonic() - self._watch.produced[number])
                    break
            self.done.wait(0.3)

    def _count(self) -> int:
        query = f"SELECT count(*) AS n FROM alerts.receptions WHERE topic='{self._topic}'"
        sent = urllib.parse.urlencode({"LANG": "ADQL", "FORMAT": "csv", "QUERY": query})
        with urllib.request.urlopen(f"{self._url}/__system__/tap/run/tap/sync?{sent}") as answer:
            found = re.findall(r"\d+", answer.read().decode())
        return int(found[-1]) if found else 0


def _send(broker: Broker, topic: str, contents: list[bytes], watch: _Watch) -> None:
    begin = time.monotonic()
    for number, content in enumerate(contents):
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
        watch.produced.append(time.monotonic())
        broker.send([content], topic)


def _send_at_once(broker: Broker, topic: str, contents: list[bytes], watch: _Watch) -> None:
    """Send as many as the broker keeps: librdkafka's drops what is older than the last 5 MiB."""
    for start in range(0, len(contents), _PART):
        while start - len(watch.committed) > _AHEAD:
            time.sleep(0.001)
        broker.send(contents[start : start + _PART], topic)


def _spread(latencies: list[float]) -> tuple[str, str, str, str]:
    median = 1000 * statistics.median(latencies)
    p99 = 1000 * latencies[min(len(latencies) - 1, int(0.99 * len(latencies)))]
    text = f"median {median:.0f} ms, p99 {p99:.0f} ms, most {1000 * latencies[-1]:.0f} ms"
    return text, "", "", "≤ 100 ms, ≤ 300 ms"
