"""Patches of what DaCHS answers while the database is away."""

import functools
import threading
import time

from gavo import base
from gavo.protocols import dali
from gavo.web import vodal, vosi, weberrors

from . import versions
from .database import DatabaseAway, is_away

RETRY_AFTER = "5"
"""The time in s after which clients should try again."""
_CHECK_INTERVAL = 1.0  # s between two queries for the availability
_CHECK_TIMEOUT = 2.0  # s


def answer_restarts_with_503():
    """Let DaCHS answer with the status 503 while the database is away.

    For DaCHS 2.7 and 2.11.

    Pages say "Uncaught Exception" with the status 500, and services of the VO return an error with
    the status 200 or 500. We suggest 503 with ``Retry-After`` and a message for users.
    """
    weberrors.getDCErrorPage = _with_page(weberrors.getDCErrorPage)
    dali.serveDALIError = _with_status(dali.serveDALIError)
    renderer = vodal.SCSRenderer
    renderer._writeErrorTable = _with_cone_status(renderer._writeErrorTable)


class DatabaseAwayPage(weberrors.ErrorPage):
    """Asks to try again."""

    handles = DatabaseAway
    status = 503
    titleMessage = "Service Unavailable"
    beforeMessage = "We are sorry, this service is interrupted for a moment:"
    afterMessage = ""

    def __init__(self, error):
        super().__init__(weberrors.failure.Failure(DatabaseAway()))
        self.original = error

    def render(self, request, **how):
        """Write the page, unless another one has been begun."""
        if getattr(request, "startedWriting", False):
            return weberrors.InternalServerErrorPage(self.original).renderInnerException(request)
        request.setHeader("retry-after", RETRY_AFTER)
        return super().render(request, **how)


def _with_page(get_page):
    @functools.wraps(get_page)
    def page_for(error):
        error = error or weberrors.failure.Failure()
        return DatabaseAwayPage(error) if is_away(error.value) else get_page(error)

    return page_for


def _with_status(serve):
    @functools.wraps(serve)
    def serve_error(request, error, *more, **named):
        named = versions.options_of_errors(more, named)
        if isinstance(error, Exception) and is_away(error):
            error, named["httpStatus"] = DatabaseAway(), 503
            request.setHeader("retry-after", RETRY_AFTER)
        return serve(request, error, **named)

    return serve_error


def _with_cone_status(write):
    @functools.wraps(write)
    def write_error(self, request, error, *arguments, **named):
        if isinstance(error, Exception) and is_away(error):
            error = DatabaseAway()
            request.setResponseCode(503)
            request.setHeader("retry-after", RETRY_AFTER)
        return write(self, request, error, *arguments, **named)

    return write_error


def ask_database_for_availability():
    """Let the availability of services depend on the database.

    For DaCHS 2.7 and 2.11.

    The VOSI availability is true as long as the web server answers, even if each query fails. We
    suggest a query with a short timeout, through the connections that TAP uses.
    """
    renderer = vosi.VOSIAvailabilityRenderer
    if not getattr(renderer._getTree, "asks", False):
        renderer._getTree = _asking(renderer._getTree)


def _asking(get_tree):
    lock, checked, answers = threading.Lock(), float("-inf"), True

    @functools.wraps(get_tree)
    def asking_tree(self, request):
        nonlocal checked, answers
        with lock:
            if time.monotonic() > checked + _CHECK_INTERVAL:
                answers = database_answers()
                checked = time.monotonic()
        if answers:
            return get_tree(self, request)
        return vosi.AVL.availability[
            vosi.AVL.available["false"],
            vosi.AVL.note["The database does not answer; please try again in a few seconds."],
        ]

    asking_tree.asks = True
    return asking_tree


def database_answers():
    """Return whether the database answers within seconds.

    Queries as TAP does: the table of jobs from the pool, the user's by a new connection.
    """
    try:
        with base.getTableConn() as pooled:
            list(pooled.query("SELECT 1", timeout=_CHECK_TIMEOUT))
        untrusted = base.getDBConnection("untrustedquery")
        try:
            list(untrusted.query("SELECT 1", timeout=_CHECK_TIMEOUT))
        finally:
            untrusted.close()
    except Exception as error:
        base.ui.notifyWarning(f"The database does not answer: {error}")
        return False
    return True
