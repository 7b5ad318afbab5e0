"""Pages as resources of the web server. This runs in the Python of DaCHS."""

import functools
import hashlib
import urllib.parse

from gavo import base
from gavo.web import common
from patches import protected, turns
from patches.database import is_away
from twisted.web import http, resource, server

from . import routes
from .answers import BadRequest, NotFound
from .database import NotOnline, Unavailable
from .problems import problem_page
from .visits import Visit

_SLOW = "This page needs the database, which does not answer in time. Please try again in a minute."
_OURS = "This is a fault of ours. It was recorded, and the operators will see it."


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
            return body(_answer(self.function, visit), request)
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
        return problem_page(visit, 404, str(problem))
    except BadRequest as problem:
        return problem_page(visit, 400, str(problem))
    except NotOnline as problem:
        return problem_page(visit, 503, str(problem))
    except Unavailable as problem:
        return problem_page(visit, 503, f"{problem} {_SLOW}", "Please try again")
    except Exception as problem:
        # what asks the database by itself, as the names of places do
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
    tag = hashlib.sha256(answer.content).hexdigest()[:24]
    if request.setETag(f'W/"{tag}"'.encode()) is http.CACHED:
        return b""
    return answer.content
