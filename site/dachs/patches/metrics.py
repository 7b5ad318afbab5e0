"""Patches that count requests, for ``km3vo instance metrics`` and ``km3vo usage``.

Nothing that a client sends becomes the name of anything that is counted: names of services are
taken from the service that DaCHS found in its descriptors. If counting fails, no request notices.

This runs in the Python of DaCHS.
"""

import bisect
import functools
import hashlib
import itertools
import queue
import sys
import threading
import time
from pathlib import Path

from gavo import base
from gavo.protocols import taprunner
from gavo.rsc import qtable
from gavo.web import common, grend
from twisted.internet import task
from twisted.web import http

from . import clients, metering, turns

_INTERVAL = 5.0
"""How often counters are written, in s."""
_MOST_SERVICES = 300
_OTHER = "other"
_SYNC, _ASYNC = "tap/sync", "tap/async"
_FOLDERS = {
    b"assets": "assets",
    b"favicon.ico": "assets",
    b"getproduct": "products",
    b"static": "static",
}
"""First parts of paths at which DaCHS finds no service."""
_STATUSES = ("other", "1xx", "2xx", "3xx", "4xx", "5xx")
_CLASSES = ("2xx", "3xx", "4xx", "5xx", "aborted")
_REFUSALS = (413, 429, 503)
_HARVESTS = (b"ListRecords", b"ListIdentifiers")
_PROBE = "km3vo-probe"
_REGISTRY = "services/registry"


def count_requests():
    """Let DaCHS count its requests, with their durations, bytes and rows.

    For DaCHS 2.7 and 2.11.

    DaCHS has a log of requests, and no counters. We suggest metrics as Prometheus reads them.
    """
    _count_rows_of_queries()
    if sys.argv[1:2] != ["serve"]:
        return
    _note_services()
    received = common.Request.requestReceived

    @functools.wraps(received)
    def received_now(self, *arguments):
        self.began = time.monotonic()
        return received(self, *arguments)

    common.Request.requestReceived = received_now
    lost = common.Request.connectionLost

    @functools.wraps(lost)
    def connection_lost(self, reason):
        self.is_lost = True
        return lost(self, reason)

    common.Request.connectionLost = connection_lost
    # called once for each request, when it is answered or its connection is lost
    log = http.HTTPFactory.log

    @functools.wraps(log)
    def log_and_count(self, request):
        # one a second would fill the log
        if not _is_probe(request):
            log(self, request)
            meter().count(request)

    http.HTTPFactory.log = log_and_count
    from twisted.internet import reactor

    reactor.callWhenRunning(lambda: meter().start(reactor))


def note(request, service):
    """Take note of which service answers a request, one of a few names."""
    request.counted_service = service


def note_kept(is_kept):
    """Take note of whether the answer of a page was kept before."""
    meter().cache["hit" if is_kept else "miss"] += 1


def _note_services():
    initialise = grend.ServiceBasedPage.__init__
    run = grend.ServiceBasedPage.runSync

    @functools.wraps(initialise)
    def initialise_and_note(self, request, service):
        request.counted_service = _name(service, request.path)
        return initialise(self, request, service)

    @functools.wraps(run)
    def run_and_count_rows(self, *arguments):
        result = run(self, *arguments)
        try:
            rows = len(result.getPrimaryTable())
        except Exception:  # it has no table, or one whose rows are counted elsewhere
            return result
        self.request_for_turn.counted_rows = rows
        return result

    grend.ServiceBasedPage.__init__ = initialise_and_note
    grend.ServiceBasedPage.runSync = run_and_count_rows


def _name(service, path):
    """Return the name of a service that exists, such as ``evts23_01/nu/cone``."""
    name = f"{service.rd.sourceId}/{service.id}".removeprefix("__system__/")
    if name != "tap/run":
        return name
    if path.endswith(b"/sync"):
        return _SYNC
    return _ASYNC if b"/async" in path else "tap"


def _count_rows_of_queries():
    """Count the rows of TAP queries in the processes that write their results."""
    iterate = qtable.QueryTable.__iter__
    write = taprunner.writeResultTo

    @functools.wraps(iterate)
    def iterate_and_count(self):
        self.counted = itertools.count()
        # without Python code for each row
        return map(_first, zip(iterate(self), self.counted))  # noqa: B905

    @functools.wraps(write)
    def write_and_count(format, result, file):
        write(format, result, file)
        try:
            rows = next(result.getPrimaryTable().counted)
            _store().spool(_ASYNC if "taprun" in sys.argv else _SYNC, rows)
        except Exception as problem:
            base.ui.notifyWarning(f"The rows of a query were not counted: {problem!r}")

    qtable.QueryTable.__iter__ = iterate_and_count
    taprunner.writeResultTo = write_and_count


def _first(pair):
    return pair[0]


def _store():
    return metering.Store(Path(base.getConfig("rootDir")).resolve().parent / "metrics")


def _is_probe(request):
    """Return whether the supervisor of this instance asks whether the server works."""
    try:
        if request.getHeader("user-agent") != _PROBE or request.getHeader("x-forwarded-for"):
            return False
        peer = request.getClientAddress()
        return peer is not None and peer.host in ("127.0.0.1", "::1")
    except Exception:  # a request that was not read completely
        return False


class _Counts:
    """What is counted of one service."""

    __slots__ = ("bytes", "durations", "rows", "seconds", "status")

    def __init__(self):
        # from the beginning, because what has no value yet has no rate either
        self.status = dict.fromkeys(_CLASSES, 0)
        self.durations = [0] * (len(metering.EDGES) + 1)
        self.seconds = 0.0
        self.bytes = self.rows = 0

    def as_json(self):
        """Return what is written."""
        return {name: getattr(self, name) for name in self.__slots__}


class _Usage:
    """What is counted of one service on one day."""

    __slots__ = ("bytes", "clients", "requests", "rows")

    def __init__(self):
        self.requests = self.bytes = self.rows = 0
        self.clients = metering.new_sketch()

    def as_json(self):
        """Return what is written."""
        counted = {name: getattr(self, name) for name in ("requests", "bytes", "rows")}
        return counted | {"clients": metering.written(self.clients)}


class Meter:
    """The counters of this process; all methods are called in its main thread."""

    def __init__(self):
        self.services, self.usage = {}, {}
        self.refused = dict.fromkeys(map(str, _REFUSALS), 0)
        self.cache = {"hit": 0, "miss": 0}
        self.latest, self.day = {}, ""
        self.problem = ""
        self._salt = b""
        self._store = _store()
        self._texts = queue.Queue(1)

    def count(self, request):
        """Count a request that has ended."""
        try:
            self._count(request)
        except Exception as problem:
            self._complain(problem)

    def _count(self, request):
        service = getattr(request, "counted_service", None) or self._place(request)
        counts = self.services.get(service)
        if counts is None:
            if len(self.services) >= _MOST_SERVICES:
                service = _OTHER
            counts = self.services.setdefault(service, _Counts())
        if getattr(request, "is_lost", False):
            status = "aborted"
        else:
            code = request.code
            status = _STATUSES[code // 100] if 100 <= code < 600 else _OTHER
            if code in _REFUSALS:
                self.refused[str(code)] += 1
        counts.status[status] = counts.status.get(status, 0) + 1
        began = getattr(request, "began", None)
        if began is not None:
            seconds = time.monotonic() - began
            counts.durations[bisect.bisect_left(metering.EDGES, seconds)] += 1
            counts.seconds += seconds
        rows = getattr(request, "counted_rows", 0)
        counts.bytes += request.sentLength
        counts.rows += rows
        client = self._client(request)
        for one in (service, metering.ALL):
            usage = self.usage.get(one) or self.usage.setdefault(one, _Usage())
            usage.requests += 1
            usage.bytes += request.sentLength
            usage.rows += rows
            if client:
                metering.add_client(usage.clients, client)
        if service == _REGISTRY and request.code == 200:
            self._note_harvest(request)

    @staticmethod
    def _place(request):
        path = getattr(request, "path", b"/")
        return _FOLDERS.get(path.split(b"/", 2)[1] if b"/" in path else b"", _OTHER)

    def _client(self, request):
        address = request.getClientAddress()
        if not self._salt or address is None:
            return None
        forwarded = request.requestHeaders.getRawHeaders("x-forwarded-for")
        return _hash(self._salt, address.host, forwarded[-1] if forwarded else "")

    def _note_harvest(self, request):
        """Note when a registry elsewhere read our records."""
        if request.args.get(b"verb", [b""])[0] not in _HARVESTS:
            return
        if clients.is_public(request):
            self.latest["harvest"] = time.time()

    def add_rows(self, service, rows):
        """Count rows that another process wrote."""
        if service not in (_SYNC, _ASYNC):
            return
        self.services.setdefault(service, _Counts()).rows += rows
        for one in (service, metering.ALL):
            self.usage.setdefault(one, _Usage()).rows += rows

    # -- files ---------------------------------------------------------------------------------

    def start(self, reactor):
        """Begin to write; without a directory, this server only counts for itself."""
        try:
            self._store.begin()
            self._store.fold()
        except Exception as problem:
            return self._complain(problem)
        threading.Thread(target=self._write_texts, daemon=True, name="metrics").start()
        self._loop = task.LoopingCall(self._write)
        self._loop.start(_INTERVAL)
        reactor.addSystemEventTrigger("before", "shutdown", self._write_last)

    def _write(self):
        try:
            day = metering.today()
            if day != self.day:
                self._begin_day(day)
            if not self._texts.full():
                for service, rows in self._store.unspool():
                    self.add_rows(service, rows)
                self._texts.put_nowait(self._content())
        except Exception as problem:
            self._complain(problem)

    def _begin_day(self, day):
        done = {self.day: {name: one.as_json() for name, one in self.usage.items()}}
        if self.day:
            self._store.fold(done)
            self.usage = {}
        self.day = day
        self._salt = self._store.salt(day)
        _hash.cache_clear()

    def _content(self):
        return {
            "written": time.time(),
            "counters": {
                "services": {name: one.as_json() for name, one in self.services.items()},
                "refused": dict(self.refused),
                "cache": dict(self.cache),
            },
            "days": {self.day: {name: one.as_json() for name, one in self.usage.items()}},
            "latest": dict(self.latest),
            "now": {
                name: {"running": one.running.total(), "waiting": len(one.waiting)}
                for name, one in (("queries", turns.queries()), ("services", turns.services()))
            },
        }

    def _write_texts(self):
        """Write files in a thread: a disk that does not answer must not stop the server."""
        while True:
            content = self._texts.get()
            try:
                self._store.write(content)
                self.problem = ""
            except Exception as problem:
                self._complain(problem)

    def _write_last(self):
        try:
            self._store.write(self._content())
        except Exception as problem:
            self._complain(problem)

    def _complain(self, problem):
        """Log a problem once."""
        if repr(problem) != self.problem:
            self.problem = repr(problem)
            base.ui.notifyWarning(f"Requests are not counted: {problem!r}")


@functools.lru_cache(4096)
def _hash(salt, host, forwarded):
    """Return a hash of a client, of which nobody learns it without the salt of the day."""
    name = clients.client_at(host, forwarded)
    return hashlib.blake2b(name.encode(), key=salt, digest_size=8).digest()


@functools.lru_cache(None)
def meter():
    """Return the counters of this process."""
    return Meter()
