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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest.alerts import pipeline
from ingest.core.checkout import INPUTS
from ingest.instance import lifecycle
from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster, free_port
from tests.alerts.broker import Broker, configuration, listening
from tests.bench.instance import PORT
from tests.bench.packets import packets
from tests.bench.report import Line
from tests.instances import Instance

RATE = 50.0
"""Notices per second."""
SECONDS = 60
BURST = 10_000
_TOPIC = "gcn.notices.bench"
_REAL = INPUTS / "alerts" / "voevent"


def lines(count: int) -> Iterator[Line]:
    """Yield latencies at a steady rate, and the rate of a burst.

    Parameters
    ----------
    count : int
        Packets; at most those of a minute are sent one by one, and at most 10,000 at once.
    """
    steady = min(count, int(RATE * SECONDS))
    burst = min(count, BURST)
    sent = [content for _, content in packets(_REAL, steady + burst)]
    with tempfile.TemporaryDirectory(prefix="km3vo-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        layout = Layout(folder / "var", Account.current())
        try:
            lifecycle.up(layout, free_port(PORT))
            archive = pipeline.open_archive(layout)
            pipeline.archive_packets(archive, [INPUTS / "alerts"])
            pipeline.update_tables(layout, archive)
            yield from _listen(layout, folder, sent[:steady], sent[steady:])
        finally:
            lifecycle.reset(layout, with_archive=True)


def _listen(
    layout: Layout, folder: Path, steady: list[bytes], burst: list[bytes]
) -> Iterator[Line]:
    broker = Broker()
    state = InstanceState.read(layout)
    assert state is not None
    instance = Instance(layout.var, state.web_port)
    with (
        Cluster(layout).connect(state.postgres_port) as connection,
        listening(instance, configuration(folder, broker.address, [_TOPIC])) as listener,
    ):
        watch = _Watch(connection, len(steady))
        sender = threading.Thread(target=_send, args=(broker, steady, watch.produced))
        seen_by_tap = _Tap(state.server_url, watch)
        sender.start()
        seen_by_tap.start()
        watch.run()
        sender.join()
        seen_by_tap.done.set()
        seen_by_tap.join()
        yield _latencies(f"{RATE:g}/s for {len(steady) / RATE:.0f} s: produced → committed", watch)
        tap = sorted(seen_by_tap.latencies)
        yield Line(f"  by TAP, a sample of {len(tap)}", *_spread(tap))
        begin = time.monotonic()
        more = _Watch(connection, len(burst))
        broker.send(burst, _TOPIC)
        more.run()
        seconds = time.monotonic() - begin
        yield Line(f"burst of {len(burst):,}", f"{len(burst) / seconds:,.0f}/s")
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

    def run(self) -> None:
        """Wait until all notices were announced."""
        while len(self.committed) < self._wanted:
            if not select.select([self._connection], [], [], 60)[0]:
                raise TimeoutError(f"{len(self.committed)} of {self._wanted} notices came")
            self._connection.poll()
            moment = time.monotonic()
            for one in self._connection.notifies:
                self.committed += [moment] * len(one.payload.split())
            self._connection.notifies.clear()


class _Tap(threading.Thread):
    """Asks by TAP for one notice after another, the newest each time."""

    def __init__(self, url: str, watch: _Watch) -> None:
        super().__init__(daemon=True)
        self._url, self._watch = url, watch
        self.latencies: list[float] = []
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.is_set():
            number = len(self._watch.produced) - 1
            if number < 0:
                self.done.wait(0.01)
                continue
            while not self.done.is_set():
                if self._count() > number:
                    self.latencies.append(time.monotonic() - self._watch.produced[number])
                    break
            self.done.wait(0.3)

    def _count(self) -> int:
        query = f"SELECT max(topic_offset) + 1 AS n FROM alerts.receptions WHERE topic='{_TOPIC}'"
        sent = urllib.parse.urlencode({"LANG": "ADQL", "FORMAT": "csv", "QUERY": query})
        with urllib.request.urlopen(f"{self._url}/__system__/tap/run/tap/sync?{sent}") as answer:
            found = re.findall(r"\d+", answer.read().decode())
        return int(found[-1]) if found else 0


def _send(broker: Broker, contents: list[bytes], produced: list[float]) -> None:
    begin = time.monotonic()
    for number, content in enumerate(contents):
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
        produced.append(time.monotonic())
        broker.send([content], _TOPIC)


def _latencies(what: str, watch: _Watch) -> Line:
    # committed in order: one listener, one partition
    pairs = zip(watch.produced, watch.committed, strict=True)
    return Line(what, *_spread(sorted(end - begin for begin, end in pairs)))


def _spread(latencies: list[float]) -> tuple[str, str, str, str]:
    median = 1000 * statistics.median(latencies)
    p99 = 1000 * latencies[min(len(latencies) - 1, int(0.99 * len(latencies)))]
    text = f"median {median:.0f} ms, p99 {p99:.0f} ms, most {1000 * latencies[-1]:.0f} ms"
    return text, "", "", "≤ 100 ms, ≤ 300 ms"
