"""Pages as resources of the web server. This runs in the Python of DaCHS."""

import functools
import re
import urllib.parse

from gavo import base
from patches import metrics, protected, turns
from patches.database import is_away
from twisted.web import http, resource, server

from . import keeping, releases, routes
from .answers import BadRequest, NotFound
from .database import NotOnline, Unavailable
from .problems import problem_page
from .visits import Visit

_SLOW = "This page needs the database, which does not answer in time. Please try again in a minute."
_OURS = "This is a fault of ours. It was recorded, and the operators will see it."

_ALERTS_IN_PROXY = 1
"""For how many seconds a proxy keeps answers with alerts; it does not learn of new ones."""


def page_at(request):
    """Return the page at the address of a request; None if it is one of DaCHS' addresses."""
    path = urllib.parse.unquote(request.path.decode("ascii", "replace")).strip("/")
    route = routes.page_for(path, request)
    if route is None:
        return None
    metrics.note(request, "assets" if path.startswith("assets/") else "pages")
    if isinstance(route.function, type):  # a resource that writes its answer bit by bit
        return route.function(path)
    return Page(path, route.function, route.seconds, route.parameters)


class Page(resource.Resource):
    """A page that a function makes.

    Parameters
    ----------
    path : str
        The path of its address.
    function : callable
        Takes a ``Visit``, and returns an ``Answer``.
    seconds : float, optional
        For how long the answer is kept for others.
    parameters : collection of str, optional
        With which parameters it is.
    """

    isLeaf = True

    def __init__(self, path, function, seconds=0, parameters=()):
        super().__init__()
        self.path, self.function = path, function
        self.seconds, self.parameters = seconds, parameters

    def render(self, request):
        """Send the page that is kept, or make it in a thread."""
        if request.method not in (b"GET", b"HEAD"):
            request.setResponseCode(405)
            request.setHeader("Allow", "GET, HEAD")
            return b""
        visit = visit_of(self.path, request)
        if self.path.startswith("assets/"):
            _send(_answer(self.function, visit), request)
            return server.NOT_DONE_YET
        key = self._key(visit)
        found = keeping.kept.get(key) if key else None
        if key:
            metrics.note_kept(bool(found))
        if found:
            _send(self._let_proxy_keep(found, key, request), request)
            return server.NOT_DONE_YET
        done = turns.services().submit(request, functools.partial(_answer, self.function, visit))
        done.addErrback(_explain_failure, visit)
        done.addCallback(self._keep, key, keeping.kept.now() + self.seconds)
        done.addCallback(self._let_proxy_keep, key, request)
        done.addCallback(_send, request)
        return server.NOT_DONE_YET

    def _key(self, visit):
        """Return by what the page is kept, if it is: it changes with releases, and with alerts."""
        key = keeping.key_of(visit, self.parameters) if self.seconds else None
        if key is None:
            return None
        generation = keeping.kept.generation if self.seconds <= routes.SOON else 0
        return key, generation, releases.state()

    def _keep(self, answer, key, until):
        if key and answer.status == 200:
            keeping.kept.keep(key, answer, until)
        return answer

    def _let_proxy_keep(self, answer, key, request):
        """Let our proxy keep what is kept here; it learns when a release changes."""
        if key and answer.status == 200:
            seconds = self.seconds if self.seconds > routes.SOON else _ALERTS_IN_PROXY
            request.setHeader("X-Accel-Expires", str(seconds))
        return answer


def visit_of(path, request):
    """Return what a page may know about a request."""
    is_member = bool(request.getUser()) and protected.is_member(request)
    if is_member:
        request.setHeader("Cache-Control", "private")
    return Visit(path, request.strargs, is_member)


def _answer(function, visit):
    """Return the answer of a page, or a page that says why there is none."""
    try:
        made = function(visit)
        _ = made.tag, made.compressed  # here in the thread
        return made
    except NotFound as problem:
        return problem_page(visit, 404, str(problem))
    except BadRequest as problem:
        return problem_page(visit, 400, str(problem))
    except NotOnline as problem:
        return problem_page(visit, 503, str(problem))
    except Unavailable as problem:
        return problem_page(visit, 503, f"{problem} {_SLOW}", "Please try again")
    except Exception as problem:
        # what queries the database on its own, as names of places do
        if is_away(problem):
            return problem_page(visit, 503, _SLOW, "Please try again")
        raise


def _explain_failure(failure, visit):
    if failure.check(turns.Busy):
        return problem_page(visit, 503, failure.getErrorMessage(), "This server is busy")
    base.ui.notifyFailure(failure)
    return problem_page(visit, 500, _OURS)


def _send(answer, request):
    if request.finished or request._disconnected:
        return
    content = body(answer, request)
    if content:
        request.setHeader("Content-Length", str(len(content)))
    request.write(content)
    request.finish()


def body(answer, request):
    """Set the headers of an answer; return its body, which is empty if the reader has it."""
    request.setResponseCode(answer.status)
    request.setHeader("Content-Type", answer.media_type)
    request.setHeader("Content-Security-Policy", answer.policy)
    for name, value in answer.headers.items():
        request.setHeader(name, value)
    if answer.status == 503:
        request.setHeader("Retry-After", turns.RETRY_AFTER)
    if answer.status != 200:
        request.setHeader("Cache-Control", "no-store")
        return answer.content
    if not request.responseHeaders.hasHeader("cache-control"):
        immutable = ", immutable" if answer.max_age > 86_400 else ""
        kept = f"public, max-age={answer.max_age}{immutable}" if answer.max_age else "no-cache"
        request.setHeader("Cache-Control", kept)
    if request.setETag(f'W/"{answer.tag}"'.encode()) is http.CACHED:
        return b""
    # what DaCHS compresses is not compressed here
    if answer.compressed and request._encoder is None and _takes_gzip(request):
        request.setHeader("Content-Encoding", "gzip")
        return answer.compressed
    return answer.content


def _takes_gzip(request):
    """Return whether a client says that it can read what gzip compressed."""
    lines = request.requestHeaders.getRawHeaders("accept-encoding", [])
    names = [one.partition(";") for line in lines for one in line.lower().split(",")]
    return any(
        name.strip() == "gzip" and not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
        for name, _, weight in names
    )
