"""Replayed packets to a topic of a local broker."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ingest.alerts.archive import Replayed
from ingest.core.errors import IngestError, InputError

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_TIMEOUT: Final = 30.0
"""Time in s that the broker may take."""


def send_replay(packets: Iterable[Replayed], broker: str, topic: str) -> int:
    """Send packets to the first partition of a topic, in order, and return how many.

    Packets that are withheld are left out. Each message is a packet exactly as it was received;
    its headers ``number`` and ``received`` are those of the archive.

    Parameters
    ----------
    packets : iterable of Replayed
        The packets; each is sent when it is yielded.
    broker : str
        Host and port of the broker on this machine. Elsewhere old alerts could be taken for new.
    topic : str
        The topic.

    Raises
    ------
    InputError
        If the broker is not on this machine.
    IngestError
        If the broker does not take a packet.
    """
    if broker.rpartition(":")[0] not in _LOCAL:
        raise InputError(
            "packets are replayed to a broker on this machine only",
            value=broker,
            expected="localhost:PORT",
            remedy="elsewhere they could be taken for new alerts; write them to a file instead",
        )
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failures.append(error)

    producer = Producer(
        {
            "bootstrap.servers": broker,
            "enable.idempotence": True,  # in order, also when a message is sent again
            "linger.ms": 0,
            "message.max.bytes": 128 << 20,
            "delivery.timeout.ms": int(_TIMEOUT * 1000),
        }
    )
    count = 0
    try:
        for one in packets:
            if one.content is None:
                continue
            headers: dict[str, str | bytes | None] = {
                "number": str(one.entry.number),
                "received": one.entry.received,
            }
            producer.produce(
                topic, one.content, partition=0, headers=headers, on_delivery=delivered
            )
            waiting = producer.flush(_TIMEOUT)
            if failures or waiting:
                reason = failures[0].str() if failures else "no answer"
                raise _refused(broker, reason, one.entry.number)
            count += 1
    except (KafkaException, BufferError) as error:
        raise _refused(broker, str(error), count + 1) from None
    return count


def _refused(broker: str, reason: str, number: int) -> IngestError:
    return IngestError(
        "the broker does not take the packets",
        where=f"packet {number}",
        value=f"{broker}: {reason}",
        remedy="check that it runs, and that it has the topic",
    )
