"""Kafka as a source, the main road of alerts: topics of a broker, read as one consumer group.

librdkafka reconnects, renews tokens and follows changes of partitions by itself; this module
shows what it reports, and starts again where it gives up. Offsets are committed by :meth:`commit`
only, so that whatever was not archived and stored is delivered again.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka import Message as KafkaMessage

from ingest.alerts.archive import Silence
from ingest.alerts.live.configuration import Hop, Kafka
from ingest.alerts.live.source import (
    BATCH_BYTES,
    BATCH_MESSAGES,
    BATCH_SECONDS,
    Batch,
    Health,
    Message,
    Pause,
)
from ingest.core.kafka import Redaction, client_credentials, error_text, refused_option
from ingest.core.moments import isoformat, now

_POLL: Final = 0.2
"""Time in s after which an idle source looks whether it is stopped."""
_CLOSE: Final = 1.0
"""Time in s for saying goodbye to the broker."""
_DEFAULTS: Final[dict[str, Any]] = {
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "message.max.bytes": 16 << 20,
    "fetch.message.max.bytes": 16 << 20,
    # A single message may be larger than that: it is archived, and not read. A broker that sends
    # even more is shown as a problem, and its stream does not go on.
    "receive.message.max.bytes": 256 << 20,
    "allow.auto.create.topics": False,
    # topics that do not exist yet, and new partitions
    "topic.metadata.refresh.interval.ms": 30_000,
    # so long the broker waits for a listener that was killed, before its successor gets messages
    "session.timeout.ms": 6_000,
    "heartbeat.interval.ms": 1_500,
    "reconnect.backoff.ms": 200,
    "reconnect.backoff.max.ms": 10_000,
    # what matters comes by callbacks as well, and once instead of at each attempt
    "log_level": 2,
    # shows whether the broker is there, also while no messages come
    "statistics.interval.ms": 1_000,
    # a database that is away for a day is no reason to leave the group
    "max.poll.interval.ms": 86_400_000,
}
_PASSING: Final = (KafkaError._PARTITION_EOF, KafkaError.OFFSET_OUT_OF_RANGE)

logger = logging.getLogger(__name__)


class KafkaSource:
    """The topics of a broker.

    Parameters
    ----------
    settings : Kafka or Hop
        Its table in ``live.toml``.

    Raises
    ------
    InputError
        If credentials are missing, or the client refuses an option.
    """

    def __init__(self, settings: Kafka | Hop) -> None:
        self.name = settings.name
        self.health = Health()
        self._settings = settings
        self._broker = ", ".join(settings.servers)
        self._credentials = client_credentials(
            settings.name, settings.credentials, settings.servers
        )
        self._redaction = Redaction(self._credentials.values())
        logger.addFilter(self._redaction)
        self._consumer: Consumer | None = None
        self._beat = time.monotonic()
        self._silences: list[Silence] = []
        self._is_lost = True
        self._check_options()

    def batches(self, stop: threading.Event) -> Iterator[Batch]:
        """Yield batches; a new consumer is made, with back-off, where librdkafka gives up."""
        pause = Pause(stop)
        while not stop.is_set():
            try:
                self._consumer = self._connect()
                for batch in self._read(self._consumer, stop):
                    pause.reset()
                    yield batch
            except KafkaException as error:
                self.close()
                self._complain(error_text(error))
                if not pause.wait():
                    return

    def commit(self, batch: Batch) -> None:
        """Commit the offsets behind a batch; the broker's answer is awaited by no one."""
        if self._consumer is None:
            return
        offsets = [
            TopicPartition(topic, partition, end)
            for (topic, partition), end in batch.position.items()
        ]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:  # delivered again, and recognised
            self._complain(f"offsets were not committed: {error_text(error)}")

    def close(self) -> None:
        """Leave the group, unless the broker takes too long."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            closing = threading.Thread(target=consumer.close, daemon=True)
            closing.start()
            closing.join(_CLOSE)
        self.health.state = "stopped"

    def _connect(self) -> Consumer:
        topics = [*self._settings.topics]
        if self._settings.heartbeat is not None:
            topics.append(self._settings.heartbeat)
        self.health.state = "starting"
        consumer = Consumer(self._options(), logger=logger)
        consumer.subscribe(list(dict.fromkeys(topics)))
        return consumer

    def _options(self) -> dict[str, Any]:
        return (
            _DEFAULTS
            | self._settings.options
            | self._credentials
            | {
                "bootstrap.servers": ",".join(self._settings.servers),
                "group.id": self._settings.group,
                "error_cb": self._on_error,
                "stats_cb": self._on_statistics,
                "on_commit": self._on_commit,
            }
        )

    def _check_options(self) -> None:
        """Let librdkafka look at the options, before anything else begins."""
        try:
            Consumer(self._options(), logger=logger).close()
        except KafkaException as error:
            problem = self._redaction.redacted(error_text(error))
            raise refused_option(f"the source {self.name}", "[source.options]", problem) from None

    def _read(self, consumer: Consumer, stop: threading.Event) -> Iterator[Batch]:
        while not stop.is_set():
            first = consumer.poll(_POLL)
            messages: list[Message] = []
            position: dict[tuple[str, int], int] = {}
            size, deadline = 0, time.monotonic() + BATCH_SECONDS
            while first is not None:
                message = self._take(first, position)
                if message is not None:
                    messages.append(message)
                    size += len(message.content)
                left = deadline - time.monotonic()
                if left <= 0 or size >= BATCH_BYTES or len(messages) >= BATCH_MESSAGES:
                    break
                first = consumer.poll(left)
            self._listen_for_heart()
            if position:
                self._measure_lag(consumer, position)
            silences, self._silences = self._silences, []
            if messages or silences:
                begin = time.monotonic()
                yield Batch(messages, position, silences)
                # nobody listened to the heartbeat while the batch was stored
                self._beat += time.monotonic() - begin
            elif position:
                self.commit(Batch([], position))

    def _take(self, received: KafkaMessage, position: dict[tuple[str, int], int]) -> Message | None:
        """Return a message to be archived; None for an error, a heartbeat or nothing."""
        if (error := received.error()) is not None:
            if error.fatal():
                raise KafkaException(error)
            if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                self._miss(received.topic() or "")
            elif error.code() not in _PASSING:
                self._complain(str(error.str()))
            return None
        moment = now()
        topic, partition, offset = received.topic(), received.partition(), received.offset()
        assert topic is not None and partition is not None and offset is not None
        position[topic, partition] = offset + 1
        self._is_lost = False
        self.health.works()
        self.health.last[topic] = isoformat(moment)
        self.health.missing_topics.discard(topic)
        if topic == self._settings.heartbeat:
            self._feel_heart(moment, topic)
            return None
        content = received.value()
        if not content:  # a tombstone: there are no bytes to archive
            return None
        return Message(
            bytes(content), moment, self._broker, topic, partition, offset, _produced(received)
        )

    def _feel_heart(self, moment: datetime, topic: str) -> None:
        """Record a heartbeat, and the silence before it, if it was too long."""
        silent = time.monotonic() - self._beat
        self._beat += silent
        self.health.heartbeat = isoformat(moment)
        if silent > self._settings.heartbeat_timeout:
            self.health.silences += 1
            since = isoformat(moment - timedelta(seconds=silent))
            self._silences.append(Silence(self.name, topic, since, isoformat(moment)))

    def _listen_for_heart(self) -> None:
        limit = self._settings.heartbeat_timeout
        if self._settings.heartbeat is not None and time.monotonic() - self._beat > limit:
            problem = f"no heartbeat for more than {limit:g} s"
            if self.health.problem != problem:
                self._complain(problem)

    def _measure_lag(self, consumer: Consumer, position: dict[tuple[str, int], int]) -> None:
        with contextlib.suppress(KafkaException):
            for (topic, partition), offset in position.items():
                _, end = consumer.get_watermark_offsets(
                    TopicPartition(topic, partition), cached=True
                )
                self.health.lag[f"{topic}/{partition}"] = max(0, end - offset)

    def _miss(self, topic: str) -> None:
        self.health.errors += 1
        if topic not in self.health.missing_topics:
            logger.warning("%s: the broker has no topic %s", self.name, topic)
            self.health.missing_topics.add(topic)

    def _on_error(self, error: KafkaError) -> None:
        self._is_lost = True
        # follows the errors of the single brokers, which name the address and the reason
        if error.code() != KafkaError._ALL_BROKERS_DOWN or not self.health.problem:
            self._complain(str(error.str()))

    def _on_statistics(self, text: str) -> None:
        """Notice that a broker is there again; only messages show it otherwise."""
        brokers = json.loads(text)["brokers"].values()
        if self._is_lost and any(one["state"] == "UP" and one["nodeid"] >= 0 for one in brokers):
            self._is_lost = False
            self.health.works()

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        if error is not None:
            self._complain(f"offsets were not committed: {error.str()}")

    def _complain(self, problem: str) -> None:
        problem = self._redaction.redacted(problem)
        self.health.state = "waiting"
        if self.health.fails(problem):
            logger.warning("%s: %s", self.name, problem)


def _produced(received: KafkaMessage) -> datetime | None:
    kind, milliseconds = received.timestamp()
    if kind == TIMESTAMP_NOT_AVAILABLE:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):  # the broker lies
        return None
