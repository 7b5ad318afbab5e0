"""Patches of the files of jobs: uploads and results.

This runs in the Python of DaCHS.
"""

import io
import json
import os
import re

from gavo import base, svcs
from gavo.protocols import uws, uwsactions

from . import columns
from .settings import settings

_UPLOAD = "upload-"
"""Files with this prefix come from clients."""
_RESULTS = "results.json"


def name_uploads_apart():
    """Keep uploads under names of their own, and the list of results as JSON.

    For DaCHS 2.7 and 2.11.

    An uploaded file has the name of its table, in the directory in which the job keeps its result
    and the list of its results. An upload called ``result`` or like that list takes its place. We
    suggest a prefix for uploads, and for the list a format that is only data. Files are served
    only if they are results or uploads. The uploads of a job may have as many bytes as one
    request.
    """
    uws.UWSJobWithWD._saveUpload = _save_upload
    uws.UWSJobWithWD._loadResults = _load_results
    uws.UWSJobWithWD._saveResults = _save_results
    uwsactions.ResultsAction.getResource = _served_file


def _save_upload(self, localName, uploadFile):
    directory = self.getWD()
    kept = sum(
        entry.stat().st_size for entry in os.scandir(directory) if entry.name.startswith(_UPLOAD)
    )
    room = base.getConfig("web", "maxuploadsize") - kept
    content = uploadFile.read(max(0, room) + 1)
    if len(content) > room:
        raise base.ValidationError("The uploads of this job are too large.", "UPLOAD")
    name = _UPLOAD + re.sub(r"\W", "_", localName, flags=re.ASCII)[:64]
    with open(os.path.join(directory, name), "wb") as stream:
        stream.write(content)
    return uws.LocalFile(self, directory, name)


def _load_results(self):
    try:
        with open(os.path.join(self.getWD(), _RESULTS), encoding="utf-8") as stream:
            return json.load(stream)
    except FileNotFoundError:
        return []


def _save_results(self, results):
    # A reader finds the former list or the new one.
    path = os.path.join(self.getWD(), _RESULTS)
    with open(path + ".new", "w", encoding="utf-8") as stream:
        json.dump(results, stream)
    os.replace(path + ".new", path)


_serve_file = uwsactions.ResultsAction.getResource


def _served_file(self, job, request, segments):
    if segments:
        (name, *more) = segments
        named = name.startswith(_UPLOAD) or any(
            result["resultName"] == name for result in job.getResults()
        )
        path = os.path.join(job.getWD(), name)
        if more or not named or "/" in name or os.path.islink(path) or not os.path.isfile(path):
            raise svcs.UnknownURI("This job has no such result.")
        if request.method not in (b"GET", b"HEAD"):
            raise svcs.BadMethod(request.method.decode("ascii", "replace"))
    return _serve_file(self, job, request, segments)


def bound_results():
    """End a job whose result becomes too large.

    For DaCHS 2.7 and 2.11.

    The number of rows is bounded, ``[async]hardMAXREC``, but not their length, so that a result
    fills the disk. We suggest a setting for the largest result in bytes.
    """
    uws.UWSJobWithWD.openResult = _open_result


def _open_result(self, mimeType, name):
    self._addResultInJobDir(mimeType, name)
    return _ResultFile(io.FileIO(os.path.join(self.getWD(), name), "w"))


class _ResultFile(io.BufferedWriter):
    """A file that refuses to grow beyond the bound of the site."""

    def __init__(self, raw):
        super().__init__(raw, 1 << 16)
        self._bound = settings("jobs")["max_result"]
        self._room = self._bound << 20

    def write(self, data):
        self._room -= len(data)
        if self._room < 0:
            raise base.ReportableError(
                f"The result of this query has more than {self._bound} MiB.",
                hint=f"Select fewer columns or rows. {columns.files_with_all_rows()}".strip(),
            )
        return super().write(data)
