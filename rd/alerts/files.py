"""The pages that give packets, sky maps and pictures of the alert archive.

Packets are what strangers sent. A browser must neither guess another type nor run what is in
them, so the headers forbid scripts, style sheets, frames and further requests.

Runs inside DaCHS, under Debian's Python.
"""

import os
import re

from gavo import base, utils
from gavo.web import grend
from twisted.internet import threads
from twisted.web import server, static

kept, _ = utils.loadPythonModule(os.path.join(os.path.dirname(os.path.abspath(__file__)), "kept"))
_IDENTIFIERS = ("ivorn", "notice_id", "sha256")
_SUFFIXES = {
    "application/xml": "xml",
    "application/json": "json",
    "application/fits": "fits",
    "image/png": "png",
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
}


class BadRequest(Exception):
    """What was asked for cannot be understood."""


def understand(arguments):
    """Return which notice is meant, as keyword arguments for ``kept.find``.

    Parameters
    ----------
    arguments : dict
        Lists of values by the name of the parameter, in any case.

    Raises
    ------
    BadRequest
        If it cannot be told.
    """
    told = {}
    for name, values in arguments.items():
        if name.lower() in (*_IDENTIFIERS, "version") and values:
            if len(values) > 1 or name.lower() in told:
                raise BadRequest(f"{name} is given more than once")
            if not isinstance(values[0], str):  # DaCHS gives bytes that are not UTF-8 otherwise
                raise BadRequest(f"{name} is not a text in UTF-8")
            told[name.lower()] = values[0]
    if len(told.keys() & _IDENTIFIERS) != 1:
        raise BadRequest("give one of ivorn, notice_id and sha256")
    if "version" in told and "ivorn" not in told:
        raise BadRequest("version goes with ivorn")
    for name in told.keys() & {"version", "notice_id"}:
        if not re.fullmatch("[0-9]{1,18}", told[name]):
            raise BadRequest(f"{name} must be a number")
        told[name] = int(told[name])
    if "\0" in told.get("ivorn", ""):
        raise BadRequest("ivorn has a character that no identifier has")
    if not re.fullmatch("[0-9a-f]{64}", told.get("sha256", "0" * 64)):
        raise BadRequest("sha256 must be 64 hexadecimal digits in small letters")
    return told


def file_name(notice, media_type):
    """Return a name to save the file under, of letters, digits and ``_ . + -`` alone."""
    local = re.sub("[^A-Za-z0-9.+-]+", "_", notice["ivorn"].partition("://")[2]).strip("._")
    version = "" if notice["version"] == 1 else f"_v{notice['version']}"
    return f"{local[-120:] or 'packet'}{version}.{_SUFFIXES[media_type]}"


class MainPage(grend.ServiceBasedPage):
    """One file of the archive."""

    name = "custom"

    def __init__(self, request, service):
        grend.ServiceBasedPage.__init__(self, request, service)
        self.kind = service.getProperty("kept")

    @classmethod
    def isBrowseable(cls, service):
        return False

    def render(self, request):
        for name, value in _HEADERS.items():
            request.setHeader(name, value)
        try:
            wanted = understand(request.strargs)
        except BadRequest as error:
            return _say(request, 400, f"{error}\n")
        # The database is asked in a thread: it must not hold up other requests.
        found = threads.deferToThread(kept.find, **wanted)
        found.addCallback(self._answer, request)
        found.addErrback(_failed, request)
        return server.NOT_DONE_YET

    def getChild(self, name, request):
        # Identifiers in the path would not survive every proxy.
        request.popSegments(name)
        return _Nothing()

    def _answer(self, notice, request):
        place = notice and kept.path(self.kind, notice)
        if not place:
            what = "notice" if notice is None else self.kind
            content = _say(request, 404, f"There is no such {what} in the archive.\n")
        else:
            media_type = kept.media_type(self.kind, notice)
            name = file_name(notice, media_type)
            request.setHeader("Content-Disposition", f'inline; filename="{name}"')
            # A later packet under the same identifier may be asked for: ask again, cheaply.
            request.setHeader("Cache-Control", "public, no-cache")
            content = _send(request, place, media_type)
        if content is not server.NOT_DONE_YET:
            request.write(content)
            request.finish()


class _Nothing(static.Data):
    def __init__(self):
        static.Data.__init__(self, b"", "text/plain")
        self.isLeaf = True

    def render(self, request):
        return _say(request, 404, "Identifiers go into the parameter ivorn, percent-encoded.\n")


def _send(request, place, media_type):
    if request.setETag(os.path.basename(place).partition(".")[0].encode().join([b'"', b'"'])):
        return b""
    one = static.File(place, defaultType=media_type)
    one.type, one.encoding = media_type, None
    return one.render(request)


def _say(request, code, text):
    request.setResponseCode(code)
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    return b"" if request.method == b"HEAD" else text.encode()


def _failed(failure, request):
    base.ui.notifyFailure(failure)
    if not request.finished:
        request.write(_say(request, 500, "The archive cannot answer now.\n"))
        request.finish()
