"""The pages with the seals of the alert archive, and with the program that verifies proofs.

Runs inside DaCHS, under Debian's Python.
"""

import os
import re

from gavo import utils
from gavo.web import grend
from twisted.internet import threads
from twisted.web import server, static

archive, _ = utils.loadPythonModule("archive", relativeTo=os.path.abspath(__file__))
files, _ = utils.loadPythonModule("files", relativeTo=os.path.abspath(__file__))
_VERIFIER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "verify_alert.py")


class MainPage(grend.ServiceBasedPage):
    """A seal with its leaves, or the verifier."""

    name = "custom"

    def __init__(self, request, service):
        grend.ServiceBasedPage.__init__(self, request, service)
        self.file = service.getProperty("file")

    @classmethod
    def isBrowseable(cls, service):
        return False

    def render(self, request):
        for name, value in files.HEADERS.items():
            request.setHeader(name, value)
        if self.file == "verifier":
            return _send(request, _VERIFIER, "verify_alert.py")
        given = {name.lower(): values for name, values in request.strargs.items()}
        number, day = given.get("seal_id"), given.get("seal_day")
        if number and not day and re.fullmatch("[0-9]{1,9}", str(number[0])):
            found = threads.deferToThread(archive.find_seal, seal_id=int(number[0]))
        elif day and not number and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", str(day[0])):
            found = threads.deferToThread(archive.find_seal, seal_day=day[0])
        else:
            return files.plain_text(
                request, 400, "Give seal_id, a number, or seal_day, such as 2026-11-27.\n"
            )
        found.addCallback(self._answer, request)
        found.addErrback(files.failed, request)
        return server.NOT_DONE_YET

    def _answer(self, number, request):
        path = None if number is None else archive.seal_path(number)
        if path is None or not os.path.isfile(path):
            content = files.plain_text(request, 404, "There is no such seal.\n")
        else:
            content = _send(request, path, f"seal-{number}.txt")
        if content is not server.NOT_DONE_YET:
            request.write(content)
            request.finish()


def _send(request, path, name):
    request.setHeader("Content-Disposition", f'inline; filename="{name}"')
    request.setHeader("Cache-Control", "public, no-cache")
    one = static.File(path)
    one.type, one.encoding = "text/plain; charset=utf-8", None
    return one.render(request)
