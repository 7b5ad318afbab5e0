"""A remote broker of VOEvents as a source, by the VOEvent Transport Protocol.

The protocol has no memory: what a broker sends while nobody is connected is lost. Therefore a
thread of its own reads and answers, also while the disk is full or the database away.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from ingest.alerts.archive import Silence
from ingest.alerts.live.configuration import VTP
from ingest.alerts.live.inbox import Delivery, Inbox, confirm
from ingest.alerts.live.source import Batch, Health, Message, Pause
from ingest.alerts.vtp import (
    Connection,
    connect,
    event_identifier,
    read_transport,
    transport,
)
from ingest.core.errors import InputError
from ingest.core.moments import isoformat, now

TOPIC: Final = "vtp"
"""The topic of all messages: the protocol has no names of streams."""
_CONNECT: Final = 10.0
"""Time in s that a broker has to accept a connection."""
_LASTING: Final = 20.0
"""Time in s after which a connection was a success; the next attempt need not wait."""

logger = logging.getLogger(__name__)


class VTPSubscriber:
    """The VOEvents that a broker sends to its subscribers.

    Parameters
    ----------
    settings : VTP
        Its table in ``live.toml``, with ``broker``.
    """

    def __init__(self, settings: VTP) -> None:
        assert settings.broker is not None
        self.name = settings.name
        self.health = Health()
        self._broker = settings.broker
        host, _, port = settings.broker.rpartition(":")
        self._address = host.strip("[]"), int(port)
        self._ivoid = settings.ivoid
        self._silence = settings.silence
        self._inbox = Inbox()
        self._connection: Connection | None = None
        self._heard: datetime | None = None
        self._lost: datetime | None = None

    def batches(self, stop: threading.Event) -> Iterator[Batch]:
        """Yield what the broker sends; a lost connection is made again, with back-off."""
        reader = threading.Thread(
            target=self._read, args=(stop,), daemon=True, name=f"{self.name} reader"
        )
        reader.start()
        return self._inbox.batches(stop)

    def commit(self, batch: Batch) -> None:
        """Acknowledge the VOEvents of a batch."""
        confirm(batch)

    def close(self) -> None:
        """Leave the broker."""
        if (connection := self._connection) is not None:
            connection.close()
        self.health.state = "stopped"

    def _read(self, stop: threading.Event) -> None:
        try:
            self._stay_connected(stop)
        except Exception as error:
            self._inbox.fail(error)

    def _stay_connected(self, stop: threading.Event) -> None:
        pause = Pause(stop)
        while not stop.is_set():
            begin = time.monotonic()
            try:
                self._connection = connect(*self._address, _CONNECT)
                self._converse(self._connection, stop)
            except OSError as error:
                if not stop.is_set():
                    # a silent connection may have been dead since its last message
                    since = self._heard if isinstance(error, TimeoutError) else None
                    self._complain(_text(error), since or now())
            finally:
                if self._connection is not None:
                    self._connection.close()
            if time.monotonic() - begin > _LASTING:
                pause.reset()
            pause.wait()

    def _converse(self, connection: Connection, stop: threading.Event) -> None:
        """Answer the broker until the connection breaks or it is silent for too long."""
        while not stop.is_set():
            content = connection.receive(self._silence)
            moment = now()
            self._is_here(moment)
            said = read_transport(content)
            if said is None:
                if content:
                    self._take(content, moment, connection, stop)
            elif said.role in ("iamalive", "authenticate"):
                connection.send(transport(said.role, said.origin, self._ivoid))
                self.health.heartbeat = isoformat(moment)

    def _take(
        self, content: bytes, moment: datetime, connection: Connection, stop: threading.Event
    ) -> None:
        """Hand over whatever is no transport message, to be acknowledged when it is stored."""
        try:
            identifier = event_identifier(content)
        except InputError:
            identifier = ""  # archived, and put into quarantine there

        def acknowledge() -> None:
            try:
                connection.send(transport("ack", identifier, self._ivoid))
            except (OSError, ValueError) as error:  # it is stored, whatever the broker believes
                logger.info("%s: not acknowledged: %s", self.name, _text(error))

        self.health.last[TOPIC] = isoformat(moment)
        message = Message(content, moment, self._broker, TOPIC)
        self._inbox.put(Delivery(message, acknowledge), stop)

    def _is_here(self, moment: datetime) -> None:
        self.health.works()
        self._heard = moment
        if self._lost is not None:
            since, until = isoformat(self._lost), isoformat(moment)
            logger.warning(
                "%s: not connected from %s to %s; what was sent then is lost",
                self.name,
                since,
                until,
            )
            self.health.silences += 1
            self._inbox.note(Silence(self.name, TOPIC, since, until))
            self._lost = None

    def _complain(self, problem: str, since: datetime) -> None:
        self._lost = self._lost or since
        self.health.state = "waiting"
        if self.health.fails(problem):
            logger.warning("%s: %s", self.name, problem)


def _text(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
