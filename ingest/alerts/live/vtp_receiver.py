"""A receiver for authors who submit VOEvents to us, by the VOEvent Transport Protocol.

An author connects, sends one VOEvent, and gets ``ack`` when it is archived and has its rows. One
that is not valid is accepted as well; refused is only what is no VOEvent at all.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import threading
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, Final

from ingest.alerts.live.configuration import VTP
from ingest.alerts.live.inbox import Delivery, Inbox, confirm
from ingest.alerts.live.source import Batch, Health, Message
from ingest.alerts.live.vtp_subscriber import TOPIC
from ingest.alerts.vtp import Connection, VTPError, event_identifier, transport
from ingest.core.errors import InputError
from ingest.core.few_clients import FewClients
from ingest.core.moments import isoformat, now

_CONNECTIONS: Final = 32
"""Number of authors at the same time; others are turned away."""
_LARGEST: Final = 1 << 20
"""Number of bytes of the largest VOEvent; its tree in memory is some thirty times larger."""
_SUBMISSION: Final = 20.0
"""Time in s for sending a VOEvent."""
_ANSWER: Final = 60.0
"""Time in s that an author waits at most; without an answer, they submit it again."""

logger = logging.getLogger(__name__)


class VTPReceiver:
    """The VOEvents that authors submit.

    Parameters
    ----------
    settings : VTP
        Its table in ``live.toml``, with ``port``.

    Raises
    ------
    InputError
        If the port cannot be used.
    """

    def __init__(self, settings: VTP) -> None:
        assert settings.port is not None
        self.name = settings.name
        self.health = Health()
        self._authors = settings.authors
        self._ivoid = settings.ivoid
        self._inbox = Inbox()
        self._stop = threading.Event()
        self._server = _server(settings, self)

    def batches(self, stop: threading.Event) -> Iterator[Batch]:
        """Yield what authors submit."""
        self._stop = stop
        threading.Thread(
            target=self._server.serve_forever, args=(0.1,), daemon=True, name=f"{self.name} door"
        ).start()
        self.health.works()
        return self._inbox.batches(stop)

    def commit(self, batch: Batch) -> None:
        """Let the authors of a batch have their answers."""
        confirm(batch)

    def close(self) -> None:
        """Accept no more submissions."""
        self._server.shutdown()
        self._server.server_close()
        self.health.state = "stopped"

    def author(self, address: str) -> str | None:
        """Return the name of the author at an address; None for anybody else."""
        peer = ip_address(address.partition("%")[0])
        peer = getattr(peer, "ipv4_mapped", None) or peer
        for name, networks in self._authors.items():
            if any(peer in network for network in networks):
                return name
        return None

    def serve(self, connection: Connection, author: str) -> None:
        """Take one VOEvent from an author."""
        try:
            content = connection.receive(_SUBMISSION)
            moment = now()
            try:
                identifier = event_identifier(content)
            except InputError as error:
                self._complain(f"{author}: {error.problem}")
                connection.send(transport("nak", "", self._ivoid, error.problem))
                return
            stored = threading.Event()
            message = Message(content, moment, author, TOPIC)
            if self._inbox.put(Delivery(message, stored.set), self._stop) and stored.wait(_ANSWER):
                self.health.last[TOPIC] = isoformat(moment)
                connection.send(transport("ack", identifier, self._ivoid))
            # else no answer: the author submits it again
        except VTPError as error:
            self._complain(f"{author}: {error}")
        except OSError as error:
            logger.info("%s: %s: %s", self.name, author, error)

    def turn_away(self, address: str, reason: str) -> None:
        """Record that somebody was not served."""
        self._complain(f"{address} was turned away: {reason}")

    def _complain(self, problem: str) -> None:
        """Count and log the mistake of a peer, which is no problem of the source."""
        self.health.errors += 1
        logger.warning("%s: %s", self.name, problem)


class _Server(FewClients, socketserver.TCPServer):
    """A thread for each author."""

    allow_reuse_address = True
    most = _CONNECTIONS
    request_queue_size = 2 * _CONNECTIONS

    def __init__(self, address: tuple[str, int], receiver: VTPReceiver) -> None:
        self._receiver = receiver
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, socketserver.BaseRequestHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve an author in a thread; turn others away."""
        if self._receiver.author(client_address[0]) is None:
            self._receiver.turn_away(client_address[0], "not an author")
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def turn_away(self, client_address: Any) -> None:
        """Record that an author came when there were too many."""
        author = self._receiver.author(client_address[0])
        self._receiver.turn_away(str(author), "too many connections")

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one author."""
        author = self._receiver.author(client_address[0])
        assert author is not None
        with contextlib.closing(Connection(request, _LARGEST)) as connection:
            self._receiver.serve(connection, author)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong, instead of printing it."""
        logger.exception("the submission of a VOEvent failed")


def _server(settings: VTP, receiver: VTPReceiver) -> _Server:
    try:
        return _Server((str(settings.address), settings.port or 0), receiver)
    except OSError as error:
        raise InputError(
            f"the receiver of VOEvents cannot be started ({error.strerror})",
            where=f"the source {settings.name}",
            value=f"{settings.address} port {settings.port}",
            expected="a free port of this machine",
            remedy="name another address or port in live.toml",
        ) from None
