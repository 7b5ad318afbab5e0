"""The pages with the seals of the alert archive, and with the program that verifies proofs.

Runs inside DaCHS, under Debian's Python.
"""

import os
import re

from gavo import utils
from twisted.web import static

archive, _ = utils.loadPythonModule("archive", relativeTo=os.path.abspath(__file__))
files, _ = utils.loadPythonModule("files", relativeTo=os.path.abspath(__file__))
_VERIFIER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "verify_alert.py")


class MainPage(files.ArchivePage):
    """A seal with its leaves, or the verifier."""

    def __init__(self, request, service):
        files.ArchivePage.__init__(self, request, service)
        self.file = service.getProperty("file")

    def prepare(self, request):
        if self.file == "verifier":
            return _verifier, {}
        given = {name.lower(): values for name, values in request.strargs.items()}
        number, day = given.get("seal_id"), given.get("seal_day")
        if number and not day and re.fullmatch("[0-9]{1,9}", str(number[0])):
            return _find, {"seal_id": int(number[0])}
        if day and not number and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", str(day[0])):
            return _find, {"seal_day": day[0]}
        raise files.BadRequest("Give seal_id, a number, or seal_day, such as 2026-11-27.")

    def answer(self, found, request):
        path, name = found
        if path is None or not os.path.isfile(path):
            return files.plain_text(request, 404, "There is no such seal.\n")
        return _send(request, path, name)


def _verifier():
    return _VERIFIER, "verify_alert.py"


def _find(**asked):
    """Return the path of the file of a seal, if there is one, and its name."""
    number = archive.find_seal(**asked)
    return None if number is None else archive.seal_path(number), f"seal-{number}.txt"


def _send(request, path, name):
    request.setHeader("Content-Disposition", f'inline; filename="{name}"')
    request.setHeader("Cache-Control", "public, no-cache")
    one = static.File(path)
    one.type, one.encoding = "text/plain; charset=utf-8", None
    return one.render(request)
