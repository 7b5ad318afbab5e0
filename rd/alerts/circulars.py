"""The page with the text of a GCN circular.

Circulars come from third parties: they are sent as plain text only, and a browser must not guess
another media type. The packet itself is not published, because it contains e-mail addresses.

Runs inside DaCHS, under Debian's Python.
"""

import os
import re

from gavo import base, stc, utils

archive, _ = utils.loadPythonModule("archive", relativeTo=os.path.abspath(__file__))
files, _ = utils.loadPythonModule("files", relativeTo=os.path.abspath(__file__))
_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
_USAGE = "Give id, the number of a circular such as 33633, perhaps with version, or notice_id."
_QUERY = """
    SELECT circular_id, version, created, edited, subject, submitter, body
    FROM alerts.circulars WHERE {} ORDER BY is_latest DESC, notice_id DESC LIMIT 1"""


class MainPage(files.ArchivePage):
    """A circular as plain text."""

    def prepare(self, request):
        asked = _conditions(request.strargs)
        if asked is None:
            raise files.BadRequest(_USAGE)
        return _find, {"asked": asked}

    def answer(self, found, request):
        request.setHeader("Cache-Control", "public, no-cache")
        return files.plain_text(request, *found)


def _conditions(arguments):
    """Return the values of columns that identify a circular; None if the parameters do not."""
    given = {name.lower(): values[0] for name, values in arguments.items() if len(values) == 1}
    if not all(isinstance(value, str) for value in given.values()):
        return None
    if "notice_id" in given and re.fullmatch("[0-9]{1,18}", given["notice_id"]):
        return {"notice_id": int(given["notice_id"])}
    if not _NUMBER.fullmatch(given.get("id", "")):
        return None
    if "version" not in given:
        return {"circular_id": given["id"]}
    if not re.fullmatch("[0-9]{1,9}", given["version"]):
        return None
    return {"circular_id": given["id"], "version": int(given["version"])}


def _find(asked):
    """Return a circular as text with the status 200, or another status and the reason."""
    conditions = " AND ".join(f"{name} = %({name})s" for name in asked)
    with base.getTableConn() as connection:
        found = list(connection.queryToDicts(_QUERY.format(conditions), asked))
    if found:
        return 200, text_of(found[0])
    hidden = "notice_id" in asked and archive.withheld(**asked)
    if hidden:
        return 403, f"This packet is withheld: {hidden['reason']}\n"
    return 404, "There is no such circular in the archive.\n"


def text_of(circular):
    """Return a circular with the header lines that GCN writes."""
    lines = [
        ("TITLE", "GCN CIRCULAR"),
        ("NUMBER", circular["circular_id"]),
        ("SUBJECT", circular["subject"]),
        ("DATE", _date(circular["created"])),
        ("FROM", circular["submitter"]),
    ]
    if circular["edited"] is not None:
        lines.append(("EDITED", f"{_date(circular['edited'])}, version {circular['version']}"))
    head = "".join(f"{name + ':':9}{' '.join(str(text).split())}\n" for name, text in lines)
    return f"{head}\n{circular['body'].strip()}\n"


def _date(mjd):
    if mjd is None:
        return "unknown"
    return f"{stc.mjdToDateTime(mjd + 0.5 / 86400):%y/%m/%d %H:%M:%S} GMT"  # rounded
