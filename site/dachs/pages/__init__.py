"""The web pages of this data centre: what visitors with a browser see first.

``routes.py`` says which address leads to which page. A page is a function that takes a
:class:`~pages.visits.Visit` and returns an :class:`~pages.answers.Answer`; it runs in one of the
threads of DaCHS' services, and reads the database with the role of visitors. Its template is in
``web/templates``, its scripts and style sheets in ``web/static``. What a page says about data comes
from descriptors, from the facts that an import wrote, or from tables.

All other addresses, such as those of services, tables and files, are DaCHS' as before.

This runs in the Python of DaCHS.
"""

import functools

_WARM_UP = 10
"""Seconds after the start of the server: by then it answers, and whoever tests it has done so."""


def install():
    """Let the server show these pages."""
    from gavo.web import common
    from twisted.internet import reactor

    reactor.callWhenRunning(reactor.callLater, _WARM_UP, reactor.callInThread, _warm_up)
    process = common.Request.process

    @functools.wraps(process)
    def process_with_pages(self):
        _install_in_root()
        return process(self)

    common.Request.process = process_with_pages


@functools.cache
def _install_in_root():
    # imported late, because it makes the server
    from gavo.web import grend, root

    from . import problems, server

    get_child = root.ArchiveService.getChild

    @functools.wraps(get_child)
    def get_page_or_child(self, name, request):
        return server.page_at(request) or get_child(self, name, request)

    root.ArchiveService.getChild = get_page_or_child

    locate = root.ArchiveService._locateResourceBasedChild

    @functools.wraps(locate)
    def locate_or_explain(self, request, segments):
        try:
            return locate(self, request, segments)
        except grend.RDBlocked:
            return server.Page("/".join(segments), problems.blocked), ()

    root.ArchiveService._locateResourceBasedChild = locate_or_explain


def _warm_up():
    """Make the front page once, so that the first visitor need not wait for what it loads."""
    from gavo import base

    from .front import front_page
    from .visits import Visit

    try:
        front_page(Visit(""))
    except Exception as problem:  # an import that runs just now, say; the next visitor tries again
        base.ui.notifyWarning(f"The front page could not be prepared: {problem}")
