"""Patches of uploads: which places the server fetches tables from.

This runs in the Python of DaCHS.
"""

import io

from gavo import base
from gavo.protocols import dali, tap, taprunner

from . import fetching
from .settings import settings

_TIMEOUT = 60.0  # s
_BY_URL = ("http://", "https://")


def restrict_uploads_by_url():
    """Let the server fetch uploads from nowhere, or only from public servers.

    For DaCHS 2.7 and 2.11.

    ``UPLOAD=t,http://…`` makes the server open any address that it can reach, also its own and
    those of its network, in a thread on which other requests wait; the error tells whether
    something listens there. We suggest a setting that switches uploads by URL off, which should
    be the default. Where it is on, only the processes of asynchronous jobs fetch files, from
    public addresses and within bounds, and all failures have the same message.
    """
    tap.parseUploadString = _checked(tap.parseUploadString)
    tap.mangleUploads = _with_fields(tap.mangleUploads)
    dali.URLUpload.__init__ = _refuse
    taprunner._ingestUploads = _with_fetched_files(taprunner._ingestUploads)
    offered = ("upload-inline", "upload-http", "upload-https") if _is_on() else ("upload-inline",)
    for method in set(tap.UPLOAD_METHODS) - set(offered):
        del tap.UPLOAD_METHODS[method]


def _is_on():
    return settings("jobs")["url_uploads"]


def _error(message):
    return base.ValidationError(
        message, "UPLOAD", hint="Send the table with your request, as UPLOAD=name,param:file."
    )


def _checked(parse):
    def parse_and_check(text):
        uploads = parse(text)
        for _, place in uploads:
            if not place.startswith(("param:", *_BY_URL)):
                raise _error("An upload must be part of the request.")
            if not place.startswith("param:") and not _is_on():
                raise _error("This service does not fetch uploads from URLs.")
        return uploads

    return parse_and_check


def _with_fields(mangle):
    def mangle_uploads(request):
        # A request without files has none called so, which is an error like any other. DaCHS 2.11
        # has another attribute, which is never None.
        if getattr(request, "fields", {}) is None:
            request.fields = {}
        mangle(request)

    return mangle_uploads


def _refuse(self, uploadURL, uploadName):
    raise _error("This service does not fetch uploads from URLs.")


def _with_fetched_files(ingest):
    def fetch_and_ingest(job, uploads, connection):
        return ingest(job, [_local(job, *upload) for upload in uploads or []], connection)

    return fetch_and_ingest


def _local(job, name, place):
    """Return the name and the place of an upload, which is then a file of the job."""
    if not place.startswith(_BY_URL):
        return name, place
    if job.pid is None or job.pid < 2:
        raise _error("This service fetches uploads from URLs only in asynchronous jobs.")
    try:
        content = fetching.fetch(place, base.getConfig("web", "maxuploadsize"), _TIMEOUT)
    except fetching.FetchError as problem:
        base.ui.notifyWarning(f"Upload of job {job.jobId}: {problem}")
        raise _error(f"The upload {name} cannot be fetched from its URL.") from None
    return name, str(job._saveUpload(name, io.BytesIO(content)))
