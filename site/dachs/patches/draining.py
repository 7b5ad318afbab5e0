"""Patches by which a worker ends without breaking off a request.

After SIGTERM it resigns as the leader, takes the connections that wait to be accepted, and accepts
no more. It answers the requests that have arrived or arrive on open connections, and closes each
connection with an answer, or when it has been idle for a moment. This runs in the Python of DaCHS.
"""

import ctypes
import signal
import socket
import struct
import sys
import time

from gavo import base
from gavo.protocols import uwsactions
from twisted.internet import reactor, tcp
from twisted.web import http

from . import leader
from .settings import settings

_IDLE = 2.0
"""How long a connection may stay open without a request, in s. A proxy that is just sending one
would find it closed, and could not know whether the request was executed."""
_LAST_ARRIVALS = 0.1  # s until connections that are being made are accepted
_INTERVAL = 0.05  # s
_SO_ATTACH_FILTER = 26
_SYN = ((0x30, 0, 0, 13), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, -1))
"""A filter of packets: of the flags of TCP, byte 13 of its header, SYN without ACK is dropped."""


def drain_at_sigterm():
    """Let DaCHS finish requests before it ends.

    For DaCHS 2.7 and 2.11.

    A signal ends the server at once, with all that it is doing, so that a restart breaks off
    queries. We suggest to stop listening, and to end after the last answer.
    """
    if sys.argv[1:2] != ["serve"]:
        return
    _drain.install()
    # after twisted has installed its own handlers
    reactor.callWhenRunning(reactor.callLater, 0, signal.signal, signal.SIGTERM, _on_signal)
    uwsactions.RootAction._recheck = _recheck


def _on_signal(number, frame):
    reactor.callFromThread(_drain.begin)


_recheck_job = uwsactions.RootAction._recheck


def _recheck(self, request, system, job_id, seconds, phase):
    """Answer a client that waits for a change of a job, at once if the worker is to end."""
    return _recheck_job(self, request, system, job_id, 0 if _drain.began else seconds, phase)


class _Drain:
    """The end of a worker.

    Attributes
    ----------
    began : float or None
        When it began, by the monotonic clock.
    """

    def __init__(self):
        self.began = None
        self.idle_since = {}
        self.ports = []

    def install(self):
        """Keep track of connections, and close them after their answer once this has begun."""
        made, lost = http.HTTPChannel.connectionMade, http.HTTPChannel.connectionLost
        persists = http.HTTPChannel.checkPersistence

        def connection_made(channel):
            self.idle_since[channel] = time.monotonic()
            return made(channel)

        def connection_lost(channel, reason):
            self.idle_since.pop(channel, None)
            return lost(channel, reason)

        def check_persistence(channel, request, version):
            if self.began is None:
                return persists(channel, request, version)
            request.responseHeaders.setRawHeaders(b"connection", [b"close"])
            return False

        http.HTTPChannel.connectionMade = connection_made
        http.HTTPChannel.connectionLost = connection_lost
        http.HTTPChannel.checkPersistence = check_persistence

    def begin(self):
        """Begin to end; runs in the main thread."""
        if self.began is not None:
            return
        self.began = time.monotonic()
        base.ui.notifyInfo("This worker finishes its requests, and ends.")
        leader.resign()
        for channel in list(self.idle_since):
            self.idle_since[channel] = self.began
            for request in channel.requests:
                channel.persistent = False
                if getattr(request, "is_endless", False):
                    request.finish()
                elif not request.startedWriting:
                    request.responseHeaders.setRawHeaders(b"connection", [b"close"])
        self.ports = [one for one in reactor.getReaders() if isinstance(one, tcp.Port)]
        for port in self.ports:
            _refuse_connections(port.socket)
        reactor.callLater(_LAST_ARRIVALS, self._stop_listening)

    def _stop_listening(self):
        for port in self.ports:
            port.numberAccepts = 10_000
            port.doRead()  # what has been accepted by the kernel only
            port.stopListening()
        self._look()

    def _look(self):
        now = time.monotonic()
        for channel, since in list(self.idle_since.items()):
            if channel.requests:
                self.idle_since[channel] = now
            elif now - since > _IDLE:
                channel.loseConnection()
        if not self.idle_since:
            reactor.stop()
        elif now - self.began > settings("server")["drain_time"]:
            base.ui.notifyWarning(f"{len(self.idle_since)} connections are broken off.")
            reactor.stop()
        else:
            reactor.callLater(_INTERVAL, self._look)


_drain = _Drain()


def _refuse_connections(listening):
    """Let the kernel drop attempts to connect, which clients repeat after a second.

    Otherwise a connection could be made between the last one that is accepted and the end of
    listening: it would be reset, perhaps with a request that the client must not repeat.
    """
    code = b"".join(struct.pack("HBBI", *step[:3], step[3] & 0xFFFFFFFF) for step in _SYN)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HL", len(_SYN), ctypes.addressof(buffer))
    try:
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    except OSError as problem:  # without it the moment is short, but there is one
        base.ui.notifyWarning(f"The kernel goes on accepting connections: {problem}")
