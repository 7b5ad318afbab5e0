"""Patches of DaCHS' pages about errors: they say what to do, in the look of all pages.

This runs in the Python of DaCHS.
"""

import re
import urllib.parse

from gavo import base
from gavo.formal import nevowc
from gavo.web import weberrors
from twisted.web import server
from twisted.web.template import tags

from . import protected

_NOTHING = "There is nothing at this address."
_WORDS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"No matching (RD|file)[^<]*|renderer .* could not be located[^<]*", _NOTHING),
        (r"could not be located in DaCHS&#39; table listing", "does not exist"),
        (r"could not be located in DaCHS' table listing", "does not exist"),
        (r"This is a request to authenticate against", "This page needs a login at"),
        (r"This is supposed to redirect to [^<]*", "It has another address now."),
    )
)
"""What is written for visitors instead of words about how DaCHS works."""


def explain_errors_in_our_frame():
    """Let DaCHS' pages about errors look as all pages, and lead on.

    For DaCHS 2.7 and 2.11.

    Each error has its own text in ``weberrors``, in a frame of its own, and the operator cannot
    change either. Some are hardly helpful for visitors ("complain fiercely"). We suggest a
    template for all errors, such as the one here, which gets the status and the message. Errors
    of protocols, which are VOTables, stay as they are.
    """
    weberrors.ErrorPage.render = _render
    weberrors.RedirectBase.render = _render_redirect


def _render(self, request, *, finish=True):
    request.setResponseCode(self.status)
    try:
        content = _content(self, request)
    except Exception as problem:
        base.ui.notifyError(f"Error while writing a page about an error: {problem}")
        content = b"An error occurred, and the page about it does not work."
        request.setHeader("Content-Type", "text/plain; charset=utf-8")
    request.write(content)
    if finish:  # since DaCHS 2.13 some callers do it
        request.finish()
    return server.NOT_DONE_YET


def _content(page, request):
    # Not at the top: these patches are in all processes of DaCHS, and only the server makes pages.
    from jinja2.utils import markupsafe
    from pages.problems import problem_page
    from pages.server import body

    markup = nevowc.flattenSync(page.message(request, tags.div()), request).decode()
    for pattern, replacement in _WORDS:
        markup = pattern.sub(replacement, markup)
    moved_to = getattr(page, "destURL", None)
    answer = problem_page(
        _visit(request),
        page.status,
        markupsafe.Markup(markup),
        moved_to=moved_to.decode("utf-8", "replace") if moved_to else None,
    )
    return body(answer, request)


def _visit(request):
    from pages.visits import Visit

    path = urllib.parse.unquote(request.path.decode("ascii", "replace")).strip("/")
    is_member = bool(request.getUser()) and protected.is_member(request)
    return Visit(path, {}, is_member)


def _render_redirect(self, request, **how):
    self.destURL = self.flr.value.dest
    if isinstance(self.destURL, str):
        self.destURL = self.destURL.encode()
    arguments = urllib.parse.urlparse(request.uri).query
    if b"?" not in self.destURL and arguments:
        self.destURL += b"?" + arguments
    request.setHeader("location", self.destURL)
    return weberrors.ErrorPage.render(self, request, **how)
