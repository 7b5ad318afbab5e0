"""Patches of the threads in which DaCHS runs its services: everybody has a turn.

TAP queries have threads of their own, and so have all other services that query the database.
Pages, availability and capabilities stay in the threads that DaCHS shares. Who may wait for a
thread, how long and with how many requests is set in ``[limits]`` of the site's settings. What runs
is divided among the workers. What waits is limited in each of them, because one may have to take
the requests of all while another is restarted.

This runs in the Python of DaCHS.
"""

import collections
import functools
import threading

from gavo import base
from gavo.protocols import dali
from gavo.web import grend, vodal, weberrors
from twisted.internet import defer, reactor, threads
from twisted.python import threadpool

from . import clients, versions
from .settings import settings
from .worker import share

RETRY_AFTER = "10"
"""The time in s after which clients should try again."""
_QUERY_CORES = {"tapCore", "adqlCore"}
"""The cores whose queries users write themselves."""
_current = threading.local()


class Busy(base.Error):
    """The service has too much to do to accept this request."""

    def __init__(self, reason):
        super().__init__(
            f"{reason} Please try again in {RETRY_AFTER} seconds.",
            hint="Long queries should be sent as asynchronous jobs, which wait for their turn.",
        )


class Turn:
    """A request that waits for a thread or runs in one.

    Attributes
    ----------
    client : str
        Who sent it.
    stop : function or None
        While it runs: ends what it does, without waiting for it.
    is_abandoned : bool
        Whether nobody waits for the response any more.
    """

    def __init__(self, client, function):
        self.client, self.function = client, function
        self.result = defer.Deferred()
        self.stop = None
        self.is_abandoned = False

    def run(self):
        """Run the request in the current thread."""
        _current.turn = self
        try:
            return self.function()
        finally:
            _current.turn = None
            self.stop = None


def current_turn():
    """Return the request that runs in the current thread, or None."""
    return getattr(_current, "turn", None)


class Turns:
    """Threads for one kind of service, which clients share.

    A thread that becomes free takes the request of the client that has the fewest running; of
    those, the one that has waited longest. No client has all threads. All methods are called in
    the main thread of the server.

    Parameters
    ----------
    threads : int
        The number of requests that run at the same time.
    queue : int
        The number of requests that wait for a thread.
    per_client : int
        The number of requests of one client that run or wait.
    wait : float
        How long a request waits, in s.
    """

    def __init__(self, threads, queue, per_client, wait):
        self.size, self.queue, self.per_client, self.wait = threads, queue, per_client, wait
        self.share = max(1, threads * 3 // 4)
        self.running = collections.Counter()
        self.waiting = []
        self.threads = threadpool.ThreadPool(0, threads)
        # so that a query which does not end does not keep the server from stopping
        self.threads.threadFactory = functools.partial(threading.Thread, daemon=True)
        self.threads.start()

    def reason_to_refuse(self, client):
        """Return why no request of `client` can be accepted, or None."""
        own = self.running[client] + sum(turn.client == client for turn in self.waiting)
        if own >= self.per_client:
            return (
                f"Your computer or network already has {own} requests here that are being"
                " answered or wait, which is the limit for one client."
            )
        if len(self.waiting) >= self.queue:
            return (
                f"This service answers {self.running.total()} requests, and"
                f" {len(self.waiting)} are waiting, which is its limit."
            )
        return None

    def submit(self, request, function):
        """Return a deferred with the result of `function`, which runs when its turn has come."""
        client = clients.client_of(request)
        reason = self.reason_to_refuse(client)
        if reason:
            return defer.fail(Busy(reason))
        turn = Turn(client, function)
        request.notifyFinish().addErrback(lambda _: self._abandon(turn))
        self.waiting.append(turn)
        self._start_next()
        if turn in self.waiting:
            expiry = reactor.callLater(self.wait, self._expire, turn)
            turn.result.addBoth(_cancel, expiry)
        return turn.result

    def _start_next(self):
        while self.running.total() < self.size:
            able = [turn for turn in self.waiting if self.running[turn.client] < self.share]
            if not able:
                return
            turn = min(able, key=lambda turn: self.running[turn.client])
            self.waiting.remove(turn)
            self.running[turn.client] += 1
            done = threads.deferToThreadPool(reactor, self.threads, turn.run)
            done.addBoth(self._finish, turn)

    def _finish(self, result, turn):
        self.running[turn.client] -= 1
        self.running += collections.Counter()  # drops clients that have none
        self._start_next()
        turn.result.callback(result)

    def _abandon(self, turn):
        turn.is_abandoned = True
        if turn in self.waiting:
            self.waiting.remove(turn)
            turn.result.errback(Busy("The client did not wait for the response."))
        elif stop := turn.stop:  # read once, because its thread may be ending
            stop()

    def _expire(self, turn):
        if turn in self.waiting:
            place = self.waiting.index(turn) + 1
            self.waiting.remove(turn)
            reason = f"Your request waited for {self.wait} s and is number {place} in the queue."
            turn.result.errback(Busy(reason))


def _cancel(result, call):
    if call.active():
        call.cancel()
    return result


@functools.lru_cache(None)
def queries():
    """Return the threads for queries that users write themselves."""
    bounds = settings("limits")
    return Turns(
        share(bounds["sync_running"]),
        bounds["sync_queue"],
        bounds["sync_per_client"],
        bounds["sync_wait"],
    )


@functools.lru_cache(None)
def services():
    """Return the threads for all other services."""
    bounds = settings("limits")
    return Turns(
        share(bounds["service_threads"]),
        bounds["service_queue"],
        bounds["service_per_client"],
        bounds["sync_wait"],
    )


# -- patches -----------------------------------------------------------------------------------


def give_each_client_a_turn():
    """Let DaCHS run TAP queries and other services in different threads, in a fair order.

    For DaCHS 2.7 and 2.11.

    All services, and pages such as the availability, share twisted's pool of ten threads and its
    unbounded queue: ten slow TAP queries stop everything else for a minute. We suggest a pool of
    its own for TAP, a bound for each client, and the status 503 with ``Retry-After`` if too many
    requests are waiting.
    """
    initialise = grend.ResourceBasedPage.__init__

    @functools.wraps(initialise)
    def initialise_with_request(self, request, rd):
        initialise(self, request, rd)
        self.request_for_turn = request

    def run_in_turn(self, data):
        turns = queries() if self.service.core.name_ in _QUERY_CORES else services()
        return turns.submit(self.request_for_turn, functools.partial(self.runSync, data))

    grend.ResourceBasedPage.__init__ = initialise_with_request
    grend.ServiceBasedPage.runAsync = run_in_turn
    _answer_with_503()


def _answer_with_503():
    """Let DaCHS answer with the status 503 if it is busy, in the format of the service."""
    dali.serveDALIError = _with_status(dali.serveDALIError)
    write_error_table = vodal.SCSRenderer._writeErrorTable

    @functools.wraps(write_error_table)
    def error_table_with_status(self, request, msg, *more, **named):
        if request.client and isinstance(msg, Busy):
            _ask_to_retry(request)
        return write_error_table(self, request, msg, *more, **named)

    vodal.SCSRenderer._writeErrorTable = error_table_with_status
    get_page = weberrors.getDCErrorPage

    @functools.wraps(get_page)
    def page_for(failure):
        if failure is not None and isinstance(failure.value, Busy):
            return BusyPage(failure)
        return get_page(failure)

    weberrors.getDCErrorPage = page_for


def _with_status(serve):
    @functools.wraps(serve)
    def serve_error(request, errInfo, *more, **named):
        named = versions.options_of_errors(more, named)
        if isinstance(errInfo, Busy):
            named["httpStatus"] = _ask_to_retry(request)
        return serve(request, errInfo, **named)

    return serve_error


def _ask_to_retry(request):
    request.setHeader("retry-after", RETRY_AFTER)
    request.setResponseCode(BusyPage.status)
    return BusyPage.status


class BusyPage(weberrors.ErrorPage):
    """Asks to try again."""

    handles = Busy
    status = 503
    titleMessage = "Service Unavailable"
    beforeMessage = "We are sorry, this service is busy:"
    afterMessage = ""

    def render(self, request, **how):
        """Write the page."""
        _ask_to_retry(request)
        return super().render(request, **how)
