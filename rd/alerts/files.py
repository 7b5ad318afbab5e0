"""The pages that deliver packets, sky maps and sky plots of the alert archive.

Packets come from third parties. A browser must neither guess another media type nor execute
their content, so the headers forbid scripts, style sheets, frames and further requests.

Runs inside DaCHS, under Debian's Python.
"""

import os
import re

from gavo import base, utils
from gavo.web import grend
from twisted.internet import threads
from twisted.web import server, static

archive, _ = utils.loadPythonModule("archive", relativeTo=os.path.abspath(__file__))
_IDENTIFIERS = ("ivorn", "notice_id", "sha256")
_SUFFIXES = {
    "application/xml": "xml",
    "application/json": "json",
    "application/fits": "fits",
    "image/png": "png",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
}


class BadRequest(Exception):
    """The parameters of a request are invalid."""


def parse_parameters(arguments):
    """Return the keyword arguments for ``archive.find``.

    Parameters
    ----------
    arguments : dict
        Lists of values by the name of the parameter; case is ignored.

    Raises
    ------
    BadRequest
        If the parameters do not identify a notice.
    """
    found = {}
    for name, values in arguments.items():
        if name.lower() in (*_IDENTIFIERS, "version") and values:
            if len(values) > 1 or name.lower() in found:
                raise BadRequest(f"{name} is given more than once")
            if not isinstance(values[0], str):  # DaCHS leaves invalid UTF-8 as bytes
                raise BadRequest(f"{name} is not valid UTF-8")
            found[name.lower()] = values[0]
    if len(found.keys() & _IDENTIFIERS) != 1:
        raise BadRequest("give exactly one of ivorn, notice_id and sha256")
    if "version" in found and "ivorn" not in found:
        raise BadRequest("version can only be given with ivorn")
    for name in found.keys() & {"version", "notice_id"}:
        if not re.fullmatch("[0-9]{1,18}", found[name]):
            raise BadRequest(f"{name} must be a number")
        found[name] = int(found[name])
    if "\0" in found.get("ivorn", ""):
        raise BadRequest("ivorn contains a null character")
    if not re.fullmatch("[0-9a-f]{64}", found.get("sha256", "0" * 64)):
        raise BadRequest("sha256 must be 64 lower-case hexadecimal digits")
    return found


def file_name(notice, media_type):
    """Return a name for saving the file, made of letters, digits and ``_ . + -`` only."""
    local = re.sub("[^A-Za-z0-9.+-]+", "_", notice["ivorn"].partition("://")[2]).strip("._")
    version = "" if notice["version"] == 1 else f"_v{notice['version']}"
    return f"{local[-120:] or 'packet'}{version}.{_SUFFIXES[media_type]}"


class ArchivePage(grend.ServiceBasedPage):
    """A page of the archive, which is sent with :data:`HEADERS`.

    Its ``prepare(request)`` returns a function and its arguments, or raises ``BadRequest``. What
    the function returns goes to ``answer(found, request)``, which returns the content, or writes
    it later.
    """

    name = "custom"

    @classmethod
    def isBrowseable(cls, service):
        return False

    def render(self, request):
        for name, value in HEADERS.items():
            request.setHeader(name, value)
        try:
            function, arguments = self.prepare(request)
        except BadRequest as error:
            return plain_text(request, 400, f"{error}\n")
        # In a thread, because the query must not block other requests.
        found = threads.deferToThread(function, **arguments)
        found.addCallback(self._finish, request)
        found.addErrback(_failed, request)
        return server.NOT_DONE_YET

    def _finish(self, found, request):
        content = self.answer(found, request)
        if content is not server.NOT_DONE_YET:
            request.write(content)
            request.finish()


class MainPage(ArchivePage):
    """One file of the archive."""

    def __init__(self, request, service):
        ArchivePage.__init__(self, request, service)
        self.kind = service.getProperty("kind")

    def prepare(self, request):
        return archive.find_or_reason, parse_parameters(request.strargs)

    def getChild(self, name, request):
        # Not every proxy passes on an identifier in the path unchanged.
        request.popSegments(name)
        return _NotFound()

    def answer(self, notice, request):
        reason = notice and notice.get("reason")
        path = None if reason or not notice else archive.path(self.kind, notice)
        if reason:
            return plain_text(request, 403, f"This packet is withheld: {reason}\n")
        if not path:
            what = "notice" if notice is None else self.kind
            return plain_text(request, 404, f"There is no such {what} in the archive.\n")
        media_type = archive.media_type(self.kind, notice)
        name = file_name(notice, media_type)
        request.setHeader("Content-Disposition", f'inline; filename="{name}"')
        # A later packet may have the same identifier, so caches have to revalidate.
        request.setHeader("Cache-Control", "public, no-cache")
        return _send(request, path, media_type)


class _NotFound(static.Data):
    def __init__(self):
        static.Data.__init__(self, b"", "text/plain")
        self.isLeaf = True

    def render(self, request):
        return plain_text(
            request, 404, "Give the identifier in the parameter ivorn, percent-encoded.\n"
        )


def _send(request, path, media_type):
    if request.setETag(os.path.basename(path).partition(".")[0].encode().join([b'"', b'"'])):
        return b""
    one = static.File(path, defaultType=media_type)
    one.type, one.encoding = media_type, None
    return one.render(request)


def plain_text(request, code, text):
    """Return a plain text as the answer to a request."""
    request.setResponseCode(code)
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    return b"" if request.method == b"HEAD" else text.encode()


def _failed(failure, request):
    """Answer a request that failed."""
    base.ui.notifyFailure(failure)
    if not request.finished:
        request.write(plain_text(request, 500, "The archive is not available at the moment.\n"))
        request.finish()
