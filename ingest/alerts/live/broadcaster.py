"""Our broker of VOEvents: Comet, which sends what this machine submits to all subscribers.

It is a process of its own, so that subscribers stay connected when the listener is restarted.
Comet's own command listens on all addresses, refuses what it has recorded before, and evaluates
XPath expressions of subscribers; here its parts are put together without these.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Any, Final

from comet.handler import EventRelay
from comet.protocol import VOEventBroadcasterFactory, VOEventReceiverFactory
from comet.protocol.broadcaster import VOEventBroadcaster
from comet.protocol.receiver import VOEventReceiver
from comet.utility import WhitelistingFactory
from comet.validator import CheckIVOID
from twisted.internet import reactor as _reactor
from twisted.internet.error import CannotListenError
from twisted.python import log

from ingest.alerts.live.configuration import LOOPBACK, Broadcaster
from ingest.alerts.vtp import LARGEST
from ingest.core.errors import InputError

_CONNECTIONS: Final = 200
"""Number of subscribers at the same time; others are turned away."""
_LOOPBACK: Final = "127.0.0.1"
reactor: Any = _reactor


def broadcast(settings: Broadcaster) -> None:
    """Send VOEvents to subscribers until a signal arrives.

    Parameters
    ----------
    settings : Broadcaster
        The table ``[broadcaster]`` of ``live.toml``.

    Raises
    ------
    InputError
        If a port cannot be used.
    """
    log.startLogging(sys.stderr, setStdout=False)  # type: ignore[no-untyped-call]
    subscribers = VOEventBroadcasterFactory(settings.ivoid, test_interval=0)
    subscribers.protocol = _Subscriber
    # Not CheckPreviouslySeen: Comet records a VOEvent before it is sent, so that one submitted
    # again after a crash would be refused though nobody has received it. Not CheckSchema: what
    # is submitted here has been validated by its author, ourselves.
    authors = VOEventReceiverFactory(settings.ivoid, [CheckIVOID()], [EventRelay(subscribers)])
    authors.protocol = _Author
    doors = (
        (settings.port, str(settings.address), _Door(subscribers, settings.subscribers)),
        (settings.submission_port, _LOOPBACK, _PrivateDoor(authors, settings.submission_port)),
    )
    for port, address, door in doors:
        try:
            reactor.listenTCP(port, door, interface=address)
        except CannotListenError as error:
            raise InputError(
                f"VOEvents cannot be sent to subscribers ({error.socketError})",
                where="[broadcaster]",
                value=f"{address} port {port}",
                expected="a free port of this machine",
                remedy="name another address or port in live.toml",
            ) from None
    reactor.run()


class _Subscriber(VOEventBroadcaster):  # type: ignore[misc]
    MAX_LENGTH = 1 << 16

    def stringReceived(self, data: bytes) -> None:
        super().stringReceived(data)
        # XPath expressions of strangers: some take hours
        self.filters: list[Any] = []


class _Author(VOEventReceiver):  # type: ignore[misc]
    MAX_LENGTH = LARGEST


class _Door(WhitelistingFactory):  # type: ignore[misc]
    """Lets some networks in, and a limited number of connections."""

    noisy = False

    def buildProtocol(self, addr: Any) -> Any:
        if len(self.protocols) >= _CONNECTIONS:
            log.msg(f"{addr.host} was turned away: too many connections")
            return None
        return super().buildProtocol(addr)


class _PrivateDoor(_Door):
    """Lets processes of this account and of root in: who submits here speaks in our name."""

    def __init__(self, factory: Any, port: int) -> None:
        super().__init__(factory, LOOPBACK)
        self._port = port

    def buildProtocol(self, addr: Any) -> Any:
        owner = _owner((addr.host, addr.port), (_LOOPBACK, self._port))
        if owner not in (0, os.geteuid()):
            log.msg(f"user {owner} of this machine was turned away: not an author")
            return None
        return super().buildProtocol(addr)


def _owner(local: tuple[str, int], remote: tuple[str, int]) -> int | None:
    """Return the user to whom one end of a connection on this machine belongs, see proc(5)."""
    ends = [_as_in_proc(*local), _as_in_proc(*remote)]
    with open("/proc/net/tcp") as table:
        for line in table:
            fields = line.split()
            if fields[1:3] == ends:
                return int(fields[7])
    return None


def _as_in_proc(host: str, port: int) -> str:
    return f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}"
