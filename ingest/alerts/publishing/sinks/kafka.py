"""A topic of a Kafka broker as a sink."""

from __future__ import annotations

import logging
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ingest.alerts.conversion import load_json, to_voevent
from ingest.alerts.publishing.configuration import KafkaSink
from ingest.alerts.publishing.sinks.sink import Outgoing, Receipt, SinkError
from ingest.core.kafka import Redaction, client_credentials, error_text, refused_option

_TIMEOUT: Final = 30.0
"""Time in s that the broker may take."""
_DEFAULTS: Final[dict[str, Any]] = {
    "message.max.bytes": 8 << 20,
    "linger.ms": 0,
    "allow.auto.create.topics": False,
    # a topic that is not known after this time does not exist
    "topic.metadata.propagation.max.ms": 10_000,
    "reconnect.backoff.ms": 200,
    "reconnect.backoff.max.ms": 5_000,
    "delivery.timeout.ms": int(_TIMEOUT * 1000),
    # what matters comes by the delivery report
    "log_level": 2,
}
_ALWAYS: Final[dict[str, Any]] = {
    # in order and not twice, also when librdkafka sends a message again; all replicas confirm
    "enable.idempotence": True,
    "acks": "all",
}
_ABOUT_NOTICE: Final = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG)

logger = logging.getLogger(__name__)


class KafkaClient:
    """Sends to a topic, each message with the name of the alert as its key.

    Parameters
    ----------
    settings : KafkaSink
        Its table in ``live.toml``.

    Raises
    ------
    InputError
        If credentials are missing.
    """

    def __init__(self, settings: KafkaSink) -> None:
        self._settings = settings
        self._credentials = client_credentials(
            settings.name, settings.credentials, settings.servers
        )
        self._redaction = Redaction(self._credentials.values())
        logger.addFilter(self._redaction)
        self._producer: Producer | None = None
        self._problem = ""

    def send(self, notice: Outgoing) -> Receipt:
        """Send a notice, and return its offset when the broker has reported it."""
        content = notice.content
        if self._settings.format == "voevent":
            content = to_voevent(load_json(content))
        reports: list[tuple[KafkaError | None, Message]] = []
        self._problem = ""
        try:
            producer = self._producer = self._producer or self._connect()
            producer.produce(
                self._settings.topic,
                content,
                key=str(notice.facts["name"]).encode(),
                on_delivery=lambda error, message: reports.append((error, message)),
            )
            producer.flush(_TIMEOUT + 5)
        except (KafkaException, BufferError) as error:
            cause = error.args[0] if error.args else None
            about = isinstance(cause, KafkaError) and cause.code() in _ABOUT_NOTICE
            text = error_text(error) if isinstance(error, KafkaException) else str(error)
            raise self._refused(text, about) from None
        if not reports:
            raise self._refused(self._problem or "no answer")
        failure, message = reports[0]
        if failure is not None:
            text = str(failure.str())
            if self._problem and failure.code() == KafkaError._MSG_TIMED_OUT:
                text = f"{text} ({self._problem})"
            raise self._refused(text, failure.code() in _ABOUT_NOTICE)
        return Receipt(message.partition(), message.offset())

    def close(self) -> None:
        """Drop what the broker has not taken: it is sent again, and must not come twice later."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.flush(1)

    def _connect(self) -> Producer:
        options = _DEFAULTS | self._settings.options | self._credentials | _ALWAYS
        options |= {
            "bootstrap.servers": ",".join(self._settings.servers),
            "error_cb": self._on_error,
        }
        try:
            return Producer(options, logger=logger)
        except KafkaException as error:
            problem, owner = self._redaction.redacted(error_text(error)), self._settings.name
            raise refused_option(f"the sink {owner}", "[sink.options]", problem) from None

    def _on_error(self, error: KafkaError) -> None:
        self._problem = str(error.str())

    def _refused(self, problem: str, about_notice: bool = False) -> SinkError:
        self.close()
        return SinkError(self._redaction.redacted(problem), about_notice)
