"""The streams of SCiMMA as a source: Kafka, with what hop-client adds to messages.

hop-client sends the bytes of a VOEvent, a circular or a JSON document as the value of a message,
and what they are in its headers. So they are archived as they come, and no code of hop-client is
needed to receive them.
"""

from __future__ import annotations

import logging

from confluent_kafka import Message as KafkaMessage

from ingest.alerts.live.configuration import Hop
from ingest.alerts.live.kafka import KafkaSource
from ingest.alerts.live.source import Message

logger = logging.getLogger(__name__)


class HopSource(KafkaSource):
    """Topics of SCiMMA's broker.

    Parameters
    ----------
    settings : Hop
        Its table in ``live.toml``.

    Raises
    ------
    InputError
        If credentials are missing, or the client refuses an option.
    """

    def __init__(self, settings: Hop) -> None:
        super().__init__(settings)
        self._with_tests = settings.tests

    def _take(self, received: KafkaMessage, position: dict[tuple[str, int], int]) -> Message | None:
        """Return a message to be archived; None also for one that is marked as a test."""
        message = super()._take(received, position)
        if message is None:
            return None
        headers = dict(received.headers() or ())
        if "_test" in headers and not self._with_tests:
            return None
        if headers.get("_format") == b"external":
            logger.warning(
                "%s: %s, offset %s only names the place of a large message, which is not fetched",
                *(self.name, message.topic, message.offset),
            )
        return message
