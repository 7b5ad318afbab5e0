"""Patches of DaCHS' connections: how long a client may take, and how much it may send.

This runs in the Python of DaCHS.
"""

import collections
import functools
import io
import re
import sys

from gavo import svcs
from gavo.protocols import dali
from gavo.web import common
from twisted.web import http

from . import clients, turns
from .settings import settings
from .worker import share

_LARGE = 100_000
"""Bodies with more bytes are not read at all if there is no room for another query."""
_MOST_PARTS = 2000
_CHUNK = 2**20
_TAKES_MAPS = re.compile(rb"/nu/region/(api|form)$")
"""The paths of services that take sky maps; see ``rd/km3net/limits.rd``."""
_MAPS, _MAPS_PER_CLIENT = 8, 2
"""How many sky maps are being received or used: by all workers, and of one client by each."""
_PATIENCE = 10
"""How many times the limit is read and discarded, so that the client reads the error."""


# -- bodies -------------------------------------------------------------------------------------


def limit_bodies():
    """Let DaCHS limit the body of each request, by what the resource needs.

    For DaCHS 2.7 and 2.11.

    ``[web]maxUploadSize`` holds for all paths but ``/sync``, so that each page takes and parses 20
    MB; what is beyond a limit is read to its end, however long that takes; and a body that is too
    large is parsed in part before it is refused. We suggest to allow uploads only for the
    renderers that take them, to close the connection after a multiple of the limit, and to serve
    the error before parsing.
    """
    common.Request.gotLength = _got_length
    common.Request.requestReceived = _refusing(common.Request.requestReceived)


def _got_length(self, length):
    """Provide a buffer for the body, of which the length is known or None."""
    path = self.channel._path.split(b"?")[0]
    kind = (self.requestHeaders.getRawHeaders(b"content-type") or [b""])[0].lower()
    bounds = settings("limits")
    limit = bounds["body"]
    if kind.startswith(b"multipart/"):
        if path.endswith(b"/sync"):
            limit = bounds["sync_upload"]
        elif b"/async" in path:
            limit = bounds["async_upload"]
        elif _TAKES_MAPS.search(path):
            limit = bounds["map_upload"]
    # Chunks are collected as if they were many: in a file.
    http.Request.gotLength(self, length)
    self.refusal = None
    if length and length > limit:
        self.refusal = svcs.RequestEntityTooLarge(_too_large(limit))
    elif path.endswith(b"/sync") and (length is None or length > _LARGE):
        reason = turns.queries().reason_to_refuse(clients.client_of(self))
        self.refusal = turns.Busy(reason) if reason else None
    elif limit == bounds["map_upload"] and (length is None or length > bounds["body"]):
        reason = _maps.take(self)
        self.refusal = turns.Busy(reason) if reason else None
    self.maxUploadSize = sys.maxsize  # DaCHS 2.11 counts bytes again while it parses a body
    if self.content:
        self.content = _Body(self, limit)


class _Maps:
    """Counts the requests with sky maps, each of which needs memory from its first byte on."""

    def __init__(self):
        self.clients = collections.Counter()

    def take(self, request):
        """Count a request until it ends, or return why it is refused."""
        client = clients.client_of(request)
        if self.clients[client] >= _MAPS_PER_CLIENT or self.clients.total() >= share(_MAPS):
            return (
                f"This service is working on {self.clients.total()} sky maps,"
                f" {self.clients[client]} of them yours; its limits are {share(_MAPS)} and"
                f" {_MAPS_PER_CLIENT}."
            )
        self.clients[client] += 1
        request.notifyFinish().addBoth(lambda _: self._release(client))
        return None

    def _release(self, client):
        self.clients[client] -= 1
        self.clients += collections.Counter()  # drops clients that have none


_maps = _Maps()


def _too_large(limit):
    return f"This server accepts at most {limit} bytes here."


class _Body:
    """Writes a body to its buffer, up to a limit."""

    def __init__(self, request, limit):
        self.request, self.buffer, self.limit, self.length = request, request.content, limit, 0

    def __getattr__(self, name):
        return getattr(self.buffer, name)

    def write(self, data):
        """Write data that have arrived."""
        self.length += len(data)
        if self.length > self.limit and self.request.refusal is None:
            self.request.refusal = svcs.RequestEntityTooLarge(_too_large(self.limit))
        if self.request.refusal is None:
            self.buffer.write(data)
        elif self.length > _PATIENCE * self.limit:
            self.request.channel.transport.abortConnection()


def _refusing(receive):
    @functools.wraps(receive)
    def request_received(self, command, path, version):
        if isinstance(self.content, _Body):
            self.content = self.content.buffer
        refusal = getattr(self, "refusal", None) or _reason_not_to_parse(self)
        if refusal is None:
            return receive(self, command, path, version)
        self.method, self.uri, self.clientproto = command, path, version
        self.path, self.args = path.split(b"?")[0], {}
        self.content = io.BytesIO()
        self.setHeader(b"connection", b"close")
        self.channel.persistent = False
        return dali.serveDALIError(self, refusal, httpStatus=413)

    return request_received


def _reason_not_to_parse(request):
    """Return the error for a body of too many parts, each of which costs time, or None."""
    kind = (request.requestHeaders.getRawHeaders(b"content-type") or [b""])[0].lower()
    mark = b"\n--" if kind.startswith(b"multipart/") else b"&"
    request.content.seek(0)
    parts = request.content.read().count(mark)
    request.content.seek(0)
    if parts <= _MOST_PARTS:
        return None
    return svcs.RequestEntityTooLarge(f"This server accepts at most {_MOST_PARTS} parameters.")


def find_boundaries_at_once():
    """Let DaCHS look for the boundary of an uploaded file, and not at each of its lines.

    For DaCHS 2.7; 2.11 reads forms with python-multipart, which does so.

    The module ``cgi`` reads a file in a form line by line, in the main thread of the server: a
    table of 10⁵ rows delays all other requests by a third of a second. We suggest to search the
    bytes for the boundary.
    """
    common.cgi.FieldStorage.read_lines_to_outerboundary = _read_to_boundary


def _read_to_boundary(self):
    """Read one part of a form and the line with the boundary at its end."""
    following = b"--" + self.outerboundary
    begin, place, searched = self.fp.tell(), -1, 0
    data = bytearray(b"\n")  # so that a boundary is found in the first line, too
    while True:
        place = data.find(b"\n" + following, searched)
        if place < 0:
            searched = max(0, len(data) - len(following))
            chunk = self.fp.read(_CHUNK)
            data += chunk
            if chunk:
                continue
            self.done, place = -1, len(data)
            break
        self.fp.seek(begin + place)
        line = self.fp.readline().rstrip()
        if line in (following, following + b"--"):
            self.done = 1 if line != following else 0
            if data[place - 1 : place] == b"\r":
                place -= 1
            break
        searched = place + 1
        self.fp.seek(begin + len(data) - 1)
    self.bytes_read += self.fp.tell() - begin
    self._FieldStorage__write(bytes(data[1:place]))


# -- time ---------------------------------------------------------------------------------------


def limit_time_of_connections():
    """Let DaCHS close the connections of clients that send or read too slowly.

    For DaCHS 2.7 and 2.11.

    The timeout of 300 s begins again with each byte, and does not hold while a response is sent:
    a client that sends or reads a byte a minute occupies a connection, and a thread, for ever. We
    suggest a total time for the headers, one for the body, and one in which the client has to
    read what waits to be sent.
    """
    bounds = settings("limits")
    channel = http.HTTPChannel
    _before(channel, "connectionMade", lambda self: _set_deadline(self, bounds["header_time"]))
    _before(channel, "allHeadersReceived", lambda self: _set_deadline(self, bounds["body_time"]))
    _before(channel, "allContentReceived", lambda self: _set_deadline(self, None))
    _before(
        channel,
        "requestDone",
        lambda self, *_: _set_deadline(self, bounds["idle_time"] + bounds["header_time"]),
    )
    _before(channel, "connectionLost", lambda self, *_: _set_deadline(self, None))
    _before(channel, "pauseProducing", lambda self: _watch_reader(self, bounds["read_time"]))
    _before(channel, "resumeProducing", lambda self: _watch_reader(self, None))
    _before(channel, "connectionLost", lambda self, *_: _watch_reader(self, None))


def _before(cls, name, function):
    """Let a method call `function` first."""
    method = getattr(cls, name)

    @functools.wraps(method)
    def called_before(self, *arguments):
        function(self, *arguments)
        return method(self, *arguments)

    setattr(cls, name, called_before)


def _set_deadline(channel, seconds):
    """Close a connection if what is expected next does not happen within some time."""
    _set_timer(channel, "km3vo_deadline", seconds)


def _watch_reader(channel, seconds):
    """Close a connection whose client does not read what has been sent within some time."""
    _set_timer(channel, "km3vo_reader", seconds)


def _set_timer(channel, name, seconds):
    timer = getattr(channel, name, None)
    if timer is not None and timer.active():
        timer.cancel()
    setattr(channel, name, None)
    if seconds is not None:
        setattr(channel, name, channel.callLater(seconds, _abort, channel))


def _abort(channel):
    channel.transport.abortConnection()


# -- number -------------------------------------------------------------------------------------


def limit_number_of_connections():
    """Let DaCHS refuse connections beyond a number, in all and for each public address.

    For DaCHS 2.7 and 2.11.

    A client that opens connections without end uses up the server's file descriptors. Connections
    from addresses that are not public are limited only in all, because they may come from a proxy.
    """
    if sys.argv[1:2] != ["serve"]:
        return
    # imported late, because it makes the server
    from gavo.web import root

    bounds = settings("limits")
    open_connections = collections.Counter()
    build = root.site.buildProtocol
    root.site.timeOut = bounds["idle_time"]

    def build_if_allowed(address):
        client = clients.public_client(getattr(address, "host", None))
        of_client = open_connections[client] if client else 0
        if (
            open_connections.total() >= bounds["connections"]
            or of_client >= bounds["connections_per_client"]
        ):
            return None
        protocol = build(address)
        lost = protocol.connectionLost

        def connection_lost(reason):
            open_connections[client] -= 1
            if open_connections[client] <= 0:
                del open_connections[client]
            return lost(reason)

        open_connections[client] += 1
        protocol.connectionLost = connection_lost
        return protocol

    root.site.buildProtocol = build_if_allowed
