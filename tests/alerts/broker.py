"""A Kafka broker on loopback (librdkafka's own), and a listener that reads from it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Producer

from ingest.alerts.live.report import StatusFile
from tests.alert_archive import layout_of
from tests.instances import KM3VO, Instance

TOPIC = "gcn.notices.km3net.alert"


class Broker:
    """A broker in this process, which speaks the real protocol; it ends with the process."""

    def __init__(self) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": "",
                "test.mock.num.brokers": 1,
                "message.max.bytes": 256 << 20,
                "receive.message.max.bytes": 300 << 20,
                "linger.ms": 0,
            }
        )
        (found,) = self._producer.list_topics(timeout=10).brokers.values()
        self.address = f"{found.host}:{found.port}"

    def send(
        self,
        contents: Sequence[bytes],
        topic: str = TOPIC,
        partition: int = 0,
        timestamp: int = 0,
    ) -> None:
        """Produce messages, and wait until the broker has them; 0 is the present time."""
        failed: list[object] = []
        for content in contents:
            self._producer.produce(
                topic,
                content,
                partition=partition,
                timestamp=timestamp,
                on_delivery=lambda error, _: failed.append(error) if error else None,
            )
            self._producer.poll(0)
        assert self._producer.flush(30) == 0
        assert not failed, failed


def configuration(
    folder: Path,
    address: str,
    topics: Sequence[str] = (TOPIC,),
    extra: str = "",
    options: Mapping[str, object] = {},
    metrics: int = 0,
) -> Path:
    """Write a ``live.toml`` with one broker."""
    # the broker answers only at the end of this time, unlike a real one
    fast = {
        "fetch.wait.max.ms": 10,
        "fetch.queue.backoff.ms": 10,
        "topic.metadata.refresh.interval.ms": 300,
        # so long it waits for one that was killed
        "session.timeout.ms": 4000,
        "heartbeat.interval.ms": 500,
    } | options
    lines = [
        "[[source]]",
        'kind = "kafka"',
        'name = "test"',
        f'servers = ["{address}"]',
        f"topics = {list(topics)!r}",
        'group = "km3vo"',
        extra,
        "[source.options]",
        *(f'"{name}" = {value!r}' for name, value in fast.items()),
        "[metrics]",
        f"port = {metrics}",
    ]
    path = folder / "live.toml"
    path.write_text("\n".join(lines))
    return path


class Listener:
    """The process of ``km3vo alerts listen``."""

    def __init__(self, instance: Instance, config: Path, **extra: str) -> None:
        self._layout = layout_of(instance)
        self._log = config.with_suffix(".log")
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [KM3VO, "alerts", "listen", "--config", config],
                env=instance.environment | extra,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        """What it has printed."""
        return self._log.read_text()

    @property
    def health(self) -> dict[str, object]:
        """What it says of its source ``test``; empty until it has begun."""
        return self.source("test")

    def source(self, name: str) -> dict[str, object]:
        """Return what it says of a source; empty until it has begun."""
        found = StatusFile(self._layout).read()
        if found is None or found["pid"] != self.process.pid:
            return {}
        return dict(found["sources"][name])

    def wait(self) -> None:
        """Wait until it listens."""
        until(lambda: self.health, self)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> float:
        """End it as systemd does; return how long it takes in s."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.log
        return time.monotonic() - begin


@contextmanager
def listening(instance: Instance, config: Path, **extra: str) -> Iterator[Listener]:
    """Run a listener for the block."""
    listener = Listener(instance, config, **extra)
    try:
        listener.wait()
        yield listener
    finally:
        listener.kill()


def until(condition: Callable[[], object], listener: Listener, seconds: float = 60) -> None:
    """Wait for a condition while the listener runs."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert listener.process.poll() is None, listener.log
        assert time.monotonic() < deadline, f"{listener.health}\n{listener.log}"
        time.sleep(0.01)
