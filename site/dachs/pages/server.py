"""Pages as resources of the web server. This runs in the Python of DaCHS."""

import functools
import hashlib
import urllib.parse

from gavo import base
from gavo.web import common
from patches import protected, turns
from twisted.web import http, resource, server

from . import routes
from .answers import BadRequest, NotFound
from .database import Unavailable
from .templates import page
from .visits import Visit

_SLOW = "This page needs the database, which does not answer in time. Please try again in a minute."


def page_at(request):
    """Return the page at the address of a request; None if it is one of DaCHS' addresses."""
    path = urllib.parse.unquote(request.path.decode("ascii", "replace")).strip("/")
    function = routes.page_for(path, request)
    if function is None:
        return None
    if isinstance(function, type):  # a resource that writes its answer bit by bit
        return function(path)
    return common.compwrap(Page(path, function))


class Page(resource.Resource):
    """A page that a function makes.

    Parameters
    ----------
    path : str
        The path of its address.
    function : callable
        Takes a ``Visit``, and returns an ``Answer``.
    """

    isLeaf = True

    def __init__(self, path, function):
        super().__init__()
        self.path, self.function = path, function

    def render(self, request):
        """Make the page in a thread, and send it."""
        if request.method not in (b"GET", b"HEAD"):
            request.setResponseCode(405)
            request.setHeader("Allow", "GET, HEAD")
            return b""
        visit = visit_of(self.path, request)
        if self.path.startswith("assets/"):
            return _body(_answer(self.function, visit), request)
        done = turns.services().submit(request, functools.partial(_answer, self.function, visit))
        done.addErrback(_explain_failure, visit)
        done.addCallback(_send, request)
        return server.NOT_DONE_YET


def visit_of(path, request):
    """Return what a page may know about a request."""
    is_member = bool(request.getUser()) and protected.is_member(request)
    if is_member:
        request.setHeader("Cache-Control", "private")
    return Visit(path, request.strargs, is_member)


def _answer(function, visit):
    """Return the answer of a page, or a page that says why there is none."""
    try:
        return function(visit)
    except NotFound as problem:
        return _problem(visit, 404, "There is no such page", str(problem))
    except BadRequest as problem:
        return _problem(visit, 400, "This cannot be shown", str(problem))
    except Unavailable as problem:
        return _problem(visit, 503, "Please try again", f"{problem} {_SLOW}")


def _explain_failure(failure, visit):
    if failure.check(turns.Busy):
        return _problem(visit, 503, "This server is busy", failure.getErrorMessage())
    base.ui.notifyFailure(failure)
    return _problem(
        visit,
        500,
        "This page does not work",
        "This is a fault of ours. It was recorded, and the operators will see it.",
    )


def _problem(visit, status, title, text):
    return page("error.html", visit, status=status, title=title, text=text, code=status)


def _send(answer, request):
    if request.finished or request._disconnected:
        return
    content = _body(answer, request)
    request.write(content)
    request.finish()


def _body(answer, request):
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
    tag = hashlib.sha256(answer.content).hexdigest()[:24]
    if request.setETag(f'W/"{tag}"'.encode()) is http.CACHED:
        return b""
    return answer.content
