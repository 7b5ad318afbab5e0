"""Kill the listener at random moments while packets stream in, then count.

No packet may be lost or stored twice: what was sent, the archive, its log of receptions and the
tables have to agree. ``python -m tests.attack.listener 10000`` kills that often.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from ingest.alerts.archive import Archive, Receptions
from ingest.instance.layout import InstanceState
from ingest.instance.postgres import Cluster
from tests.alert_archive import layout_of
from tests.alerts.broker import Broker, Listener, configuration, listening, until
from tests.alerts.sample_packets import voevent
from tests.instances import Instance
from tests.templates import Templates, port

RATE = 20.0
"""Packets per second, on average."""
PARTITIONS = 2
_AGAIN = 0.1
"""The fraction of packets whose bytes are sent twice, at different offsets."""
_SAY_EVERY = 10


@dataclass
class Stream:
    """Sends packets to a topic until the end of the block.

    Attributes
    ----------
    sent : list of (int, int, str)
        Partition, offset and identifier of each message.
    """

    broker: Broker
    topic: str
    dice: random.Random
    sent: list[tuple[int, int, str]] = field(default_factory=list)

    def __enter__(self) -> Stream:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._end.set()
        self._thread.join()

    def _send(self) -> None:
        offsets = [0] * PARTITIONS
        number = 0
        while not self._end.wait(self.dice.expovariate(RATE)):
            number += self.dice.random() > _AGAIN
            ivorn = f"ivo://example.org/{self.topic}#{number}"
            partition = self.dice.randrange(PARTITIONS)
            self.broker.send([voevent(ivorn=ivorn)], self.topic, partition)
            self.sent.append((partition, offsets[partition], ivorn))
            offsets[partition] += 1


def kill(
    node: Instance,
    broker: Broker,
    config: Path,
    topic: str,
    kills: int,
    seed: int = 0,
    seconds: float = math.inf,
) -> list[tuple[int, int, str]]:
    """Kill the listener at random moments while packets are sent; return what was sent.

    Parameters
    ----------
    node : Instance
        A running instance.
    broker : Broker
        Where packets are sent to.
    config : pathlib.Path
        The configuration of a listener that receives `topic` from the broker.
    topic : str
        The topic, which nobody else uses.
    kills : int
        How often.
    seed : int, optional
        Decides about the moments.
    seconds : float, optional
        Time after which no more are killed.
    """
    end = time.monotonic() + seconds
    dice = random.Random(seed)
    with Stream(broker, topic, random.Random(seed)) as stream:
        begin = time.monotonic()
        with listening(node, config):
            start = time.monotonic() - begin
        for number in range(kills):
            listener = Listener(node, config)
            # as often while it starts as afterwards
            time.sleep(dice.uniform(0, 2 * start))
            assert listener.process.poll() is None, listener.log
            listener.kill()
            if number % _SAY_EVERY == _SAY_EVERY - 1:
                print(f"{number + 1} kills, {len(stream.sent)} messages", flush=True)
            if time.monotonic() > end:
                print(f"time is over after {number + 1} kills")
                break
    with listening(node, config) as listener:
        until(lambda: len(received(node, topic)) >= len(stream.sent), listener)
        listener.stop()
    return stream.sent


def received(node: Instance, topic: str) -> list[tuple[int, int, str]]:
    """Return partition, offset and identifier of the messages in the tables."""
    layout = layout_of(node)
    state = InstanceState.read(layout)
    assert state is not None
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT topic_partition, topic_offset, ivorn FROM alerts.receptions"
            " LEFT JOIN alerts.notices USING (notice_id) WHERE topic = %s",
            [topic],
        )
        return [(int(row[0]), int(row[1]), str(row[2])) for row in cursor.fetchall()]


def account(node: Instance, topic: str, sent: list[tuple[int, int, str]]) -> None:
    """Compare what was sent with the tables, the log of receptions and the archive.

    Raises
    ------
    AssertionError
        If anything is lost or there twice.
    """
    assert sorted(received(node, topic)) == sorted(sent)
    layout = layout_of(node)
    archive = Archive(layout.archive, layout.account)
    ours = [one for one in Receptions(archive) if one.topic == topic]
    logged = {one.place: one for one in ours}.values()  # delivered again after a kill
    assert sorted((one.partition, one.offset) for one in logged) == sorted(
        (partition, offset) for partition, offset, _ in sent
    )
    checksums = [entry.sha256 for entry in archive.entries()]
    assert len(set(checksums)) == len(checksums)
    archived = {one.sha256 for one in ours} & set(checksums)
    assert len(archived) == len({ivorn for _, _, ivorn in sent})
    done = node.km3vo("alerts", "verify")
    assert done.returncode == 0, done.stdout


def main() -> None:
    """Attack an instance of its own, and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, help="the number of kills")
    parser.add_argument("--seed", type=int, default=0, help="decides about the moments")
    parser.add_argument("--seconds", type=float, default=math.inf, help="end earlier, after")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="km3vo-listener-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        templates = Templates(folder)
        instance = Instance(folder / "var", port(80))
        try:
            templates.copy("empty", instance, durable=True).up()
            broker, topic = Broker(), "gcn.attack"
            config = configuration(folder, broker.address, [topic])
            limits = (options.count, options.seed, options.seconds)
            sent = kill(instance, broker, config, topic, *limits)
            account(instance, topic, sent)
            print(f"{len(sent)} messages: none lost, none twice")
        finally:
            instance.reset()
            templates.remove()


if __name__ == "__main__":
    main()
