"""Patches of DaCHS' documents in XML: browsers get them as pages.

This runs in the Python of DaCHS.
"""

import functools
import re

from gavo import base
from gavo.web import common, vodal
from twisted.internet import threads

_XML = ("text/xml", "application/xml", "application/x-votable+xml")
_STYLE_SHEET = re.compile(rb"<\?xml-stylesheet href='/static/xsl/([\w-]+\.xsl)' type='text/xsl'\?>")
_PROLOG = 300
"""Within how many bytes a document names its style sheet."""
_LARGEST = 1_000_000
"""The largest document that becomes a page, in bytes; larger ones remain XML."""


def transform_for_browsers():
    """Let DaCHS apply its style sheets to documents itself if a browser asks for them.

    For DaCHS 2.7 and 2.11.

    Browsers will not do this much longer: Chromium warns of its end above each such page. DaCHS
    transforms only the answers of DataLink, if ``User-Agent`` has the word Mozilla. We suggest
    to do so with all, to decide by ``Accept``, in which only browsers ask for XHTML (Java asks
    for HTML as well), and to say so in ``Vary``. All others get the document as it is.
    """
    vodal.DatalinkGetMetaRenderer._formatData = _write_links
    request_class = common.Request
    write, finish = request_class.write, request_class.finish

    @functools.wraps(write)
    def hold_or_write(self, payload):
        held = getattr(self, "_held", None)
        if held is None:
            held = self._held = [] if _may_become_page(self) else False
        if held is False:
            return write(self, payload)
        held.append(payload.encode() if isinstance(payload, str) else payload)
        start = b"".join(held)
        is_page = _STYLE_SHEET.search(start[:_PROLOG]) or len(start) < _PROLOG
        if not _is_xml(self):  # an error was noticed in between
            start, is_page = held[-1], False
        if not is_page or len(start) > _LARGEST:
            self._held = False
            return write(self, start)
        self._held = [start]
        return None

    @functools.wraps(finish)
    def transform_and_finish(self):
        held, self._held = getattr(self, "_held", None), False
        if not held:
            return finish(self)
        document = b"".join(held)
        found = _STYLE_SHEET.search(document[:_PROLOG])
        if found is None:
            write(self, document)
            return finish(self)

        def end(content):
            if not (self.finished or self._disconnected):
                write(self, content)
                finish(self)

        done = threads.deferToThread(_transform, found[1].decode(), document)
        done.addCallback(functools.partial(_as_page, self))
        done.addErrback(_as_it_is, document)
        done.addCallback(end)
        done.addErrback(base.ui.notifyFailure)
        return None

    request_class.write, request_class.finish = hold_or_write, transform_and_finish


def _may_become_page(request):
    """Return whether an answer is to be held back; say that this depends on who asks."""
    headers = request.responseHeaders
    if request.method not in (b"GET", b"HEAD") or not _is_xml(request):
        return False
    # data, such as the tables that visitors made, are no pages
    if "sandbox" in str(headers.getRawHeaders("content-security-policy")):
        return False
    headers.addRawHeader("vary", "Accept")
    accept = request.getHeader("accept") or ""
    return request.method == b"GET" and "application/xhtml+xml" in accept


def _is_xml(request):
    content_type = (request.responseHeaders.getRawHeaders("content-type") or [""])[0]
    return content_type.partition(";")[0].strip().lower() in _XML


def _transform(name, document):
    # Not at the top: these patches are in all processes of DaCHS, and only the server makes pages.
    from pages import stylesheets

    return stylesheets.transform(name, document)


def _as_page(request, page):
    request.responseHeaders.removeHeader("content-length")
    request.setHeader("Content-Type", "text/html; charset=utf-8")
    return page


def _as_it_is(failure, document):
    base.ui.notifyFailure(failure)
    return document


def _write_links(self, result, request):
    """Write the answer of DataLink as it is; browsers get a page as of all documents."""
    media_type, content = result
    request.setHeader("content-type", media_type)
    request.write(content)
    request.finish()
