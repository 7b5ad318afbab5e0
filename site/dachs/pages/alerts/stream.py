"""New alerts as server-sent events, for open pages. This runs in the Python of DaCHS."""

import collections
import json

from patches import clients
from patches.settings import settings
from twisted.internet import reactor
from twisted.web import resource, server

from .arrivals import arrivals

_PER_CLIENT = 6
_PART = 4
"""The part of the connections that the server accepts which may be open for this: a quarter."""
_BEAT = 25.0
"""After how many seconds a comment is sent, so that proxies keep the connection open."""
_RETRY = 15_000
"""After how many ms browsers connect again."""
_open = collections.Counter()


class Stream(resource.Resource):
    """Sends an event for each new alert, and for each alert that has a new notice.

    A reader says with ``Last-Event-ID``, or with the parameter ``after``, which notice it has seen
    last. Nothing is sent while no listener adds notices.
    """

    isLeaf = True

    def __init__(self, path):
        super().__init__()
        self.path = path

    def render_GET(self, request):
        """Begin to send events."""
        client = clients.client_of(request)
        most = settings("limits")["connections"] // _PART
        if _open[client] >= _PER_CLIENT or _open.total() >= most:
            request.setResponseCode(503)
            request.setHeader("Retry-After", "60")
            request.setHeader("Content-Type", "text/plain; charset=utf-8")
            return b"Too many readers of live alerts. Please open the page again later.\n"
        _write_headers(request)
        request.write(f"retry: {_RETRY}\n\n".encode())
        Reader(request, client, _last_seen(request))
        return server.NOT_DONE_YET

    def render_HEAD(self, request):
        """Send the headers only."""
        _write_headers(request)
        return b""


class Reader:
    """A connection to which events are sent.

    Parameters
    ----------
    request : twisted.web.http.Request
        The request.
    client : str
        Who sent it.
    seen : int or None
        The last notice that it has seen; if None, it wants only those that come.
    """

    def __init__(self, request, client, seen):
        self.request, self.client, self.seen = request, client, seen
        _open[client] += 1
        request.is_endless = True  # a worker that is to end does not wait for it
        request.notifyFinish().addBoth(self._end)
        self.beat = reactor.callLater(_BEAT, self._beat)
        arrivals.follow(self.send)
        if arrivals.kept:
            self.send()

    def send(self):
        """Send the alerts that are newer than the last one sent."""
        if self.seen is None:
            self.seen = arrivals.kept[-1]["id"]
        new = [one for one in arrivals.kept if one["id"] > self.seen]
        if new:
            self.seen = new[-1]["id"]
            text = json.dumps(new, separators=(",", ":"))
            self.request.write(f"id: {self.seen}\nevent: alerts\ndata: {text}\n\n".encode())

    def _beat(self):
        self.request.write(b":\n\n")
        self.beat = reactor.callLater(_BEAT, self._beat)

    def _end(self, _):
        arrivals.leave(self.send)
        if self.beat.active():
            self.beat.cancel()
        _open[self.client] -= 1
        if _open[self.client] <= 0:
            del _open[self.client]


def _write_headers(request):
    request.setHeader("Content-Type", "text/event-stream; charset=utf-8")
    request.setHeader("Cache-Control", "no-store")
    request.setHeader("X-Accel-Buffering", "no")


def _last_seen(request):
    given = request.getHeader("Last-Event-ID") or (request.strargs.get("after") or [""])[0]
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None
