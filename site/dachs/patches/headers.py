"""Patches of the headers of DaCHS' answers: what browsers may do with them.

There are two policies. DaCHS' own pages may use DaCHS' own scripts; no script in the page itself
runs unless its text is one of DaCHS'. Everything else is data, such as tables, packets, files and
images: a browser that shows it runs no script, loads nothing and treats it as a foreign site.
"""

import base64
import functools
import hashlib
import pathlib
import re
import urllib.parse

import gavo
from gavo import base
from gavo.protocols import uwsactions
from gavo.web import common, syncrender, vodal
from twisted.web import http

_HEADERS = {
    "Server": "DaCHS",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_DATA = "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_HOUR = 3600
_DAY = 86_400
_FILES = re.compile(rb"/(?:getproduct|[a-z][a-z0-9_]*/nu/files/static)/[\w./%+-]+$")
"""The addresses of files of releases, without parameters, so that there are only so many."""
_PAGE_TYPES = {
    "text/html",
    "text/xml",
    "application/xml",
    "application/x-votable+xml",
}
"""Media types of DaCHS' pages; XML becomes a page through one of DaCHS' style sheets."""
_HANDLERS = (
    "insertPreview(this, null)",
    "",  # by which insertPreview replaces itself, so that it runs once
    "this.href=makeResultLink(getEnclosingForm(this))",
    "this.href=makeBookmarkLink(getEnclosingForm(this))",
    "output_broadcast(this.value)",
    "openFlotPlot($('table.results'))",
    "Forms.Util.updateLabel(this)",
    "Forms.Util.labelClick(this)",
)
"""The event handlers that DaCHS' Python code and scripts write into pages."""
_SCRIPT = re.compile(
    r"<script(?![^>]*\ssrc=)(?![^>]*(?:text/html|json))[^>]*(?<!/)>(.*?)</script>", re.DOTALL
)
_HANDLER = re.compile(r"""\son[a-z]+=(["'])(.*?)\1""", re.DOTALL)
_SAMP = "http://localhost:21012 http://127.0.0.1:21012"
"""Where a SAMP hub on the visitor's computer listens, such as TOPCAT."""


def secure_all_answers():
    """Let DaCHS send headers that keep browsers from running what others wrote.

    For DaCHS 2.7 and 2.11.

    DaCHS sends no Content-Security-Policy, so any text that reaches a page unescaped runs as a
    script, and packets, tables and uploaded files can contain pages. We suggest to set headers
    such as these in ``gavo.web.common.Request`` when the first byte is written, which includes
    errors and redirects, and to move the scripts and event handlers in the templates to files.
    Until then the policy lists their hashes.

    There is no ``Cache-Control`` either, so that caches guess. Pages are asked for again here, and
    static files kept for an hour. The names of downloads by protocols have two dots
    (``result..dat`` for CSV, ``gavo.web.vodal``); we suggest ``"result%s"``, and to look for the
    extension of ``text/csv;header=present`` without the parameter.
    """
    _before_first_byte(common.Request)
    http.HTTPChannel._respondToBadRequestAndDisconnect = _refuse_bad_request
    http.HTTPChannel.lineLengthExceeded = _refuse_long_line
    for renderer in (syncrender.SyncRenderer, vodal.DALRenderer):
        renderer._formatOutput = _as_data(renderer._formatOutput)
    _mark_files_of_jobs()


def _before_first_byte(request_class):
    write = request_class.write

    @functools.wraps(write)
    def complete_and_write(self, payload):
        if not self.startedWriting:
            _complete(self)
        return write(self, payload)

    request_class.write = complete_and_write


def _complete(request):
    """Set the headers that all answers have in common."""
    headers = request.responseHeaders
    for name, value in _HEADERS.items():
        request.setHeader(name, value)
    content_type = (headers.getRawHeaders("content-type") or ["text/html"])[0]
    media_type = content_type.partition(";")[0].strip().lower()
    if not headers.hasHeader("content-security-policy"):
        policy = _page_policy() if media_type in _PAGE_TYPES else _DATA
        request.setHeader("Content-Security-Policy", policy)
    if content_type.lower() == "text/html":
        request.setHeader("Content-Type", "text/html;charset=utf-8")
    _name_download(headers, media_type)
    if not headers.hasHeader("cache-control") and request.code in (200, 304):
        if request.path.startswith(b"/static/"):
            request.setHeader("Cache-Control", f"public, max-age={_HOUR}")
        elif media_type in _PAGE_TYPES:
            request.setHeader("Cache-Control", "no-cache")
    if _is_finished_file(request):
        request.setHeader("X-Accel-Expires", str(_DAY))
    varies = {
        word.strip() for line in headers.getRawHeaders("vary", []) for word in line.split(",")
    }
    request.setHeader("Vary", ", ".join(sorted(varies | {"Accept-Encoding", "Origin"})))


def _name_download(headers, media_type):
    """Correct the names of downloads: DaCHS writes two dots, and ``.dat`` for CSV."""
    for name in headers.getRawHeaders("content-disposition", []):
        if "result." in name:
            name = name.replace("result..", "result.")
            if media_type == "text/csv":
                name = name.replace("result.dat", "result.csv")
            headers.setRawHeaders("content-disposition", [name])


def _is_finished_file(request):
    """Return whether an answer is a file of a public release, which changes only with the release.

    Our proxy may keep it until it learns that a release has changed, see ``generation.py``.
    Members get files that are not public, but never without a login.
    """
    return (
        request.code == http.OK
        and request.method in (b"GET", b"HEAD")
        and _FILES.match(request.uri) is not None
        and not request.requestHeaders.hasHeader("authorization")
        and not request.responseHeaders.hasHeader("cache-control")
        and not request.responseHeaders.hasHeader("set-cookie")
    )


@functools.cache
def _page_policy():
    """Return the policy of DaCHS' own pages."""
    ours = _server_origin()
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' 'unsafe-hashes' {' '.join(sorted(_hashes()))}",
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: {ours}",
            "font-src 'self'",
            f"connect-src 'self' {ours} {_SAMP}",
            f"form-action 'self' {ours}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ]
    )


def _server_origin():
    """Return the public origin, which DaCHS writes into links."""
    parts = urllib.parse.urlsplit(base.getConfig("web", "serverurl"))
    return f"{parts.scheme}://{parts.netloc}"


def _hashes():
    """Return the hashes of the scripts and event handlers that DaCHS itself writes into pages."""
    texts = set(_HANDLERS)
    folders = [
        pathlib.Path(gavo.__file__).parent / "resources",
        pathlib.Path(base.getConfig("webDir")) / "templates",
    ]
    for path in (file for folder in folders for file in folder.rglob("*.*html")):
        content = path.read_text("utf-8")
        texts |= set(_SCRIPT.findall(content))
        texts |= {code for _, code in _HANDLER.findall(content)}
    return {
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in texts
    }


def _as_data(format_output):
    """Wrap a method that answers with a table, which is data in all formats, also in HTML."""

    @functools.wraps(format_output)
    def wrapped(self, data, request, *more, **named):
        if not isinstance(data, tuple) or self.name == "sync":
            request.setHeader("Content-Security-Policy", _DATA)
        return format_output(self, data, request, *more, **named)

    return wrapped


def _mark_files_of_jobs():
    """Let results and uploads of jobs be data."""
    deliver = uwsactions.ResultsAction.getResource

    @functools.wraps(deliver)
    def get_resource(self, job, request, segments):
        if segments:
            request.setHeader("Content-Security-Policy", _DATA)
        return deliver(self, job, request, segments)

    uwsactions.ResultsAction.getResource = get_resource


def _refuse_bad_request(channel):
    _write_and_disconnect(channel, "400 Bad Request", "This is not a valid HTTP request.")


def _refuse_long_line(channel, line):
    _write_and_disconnect(
        channel, "414 URI Too Long", "The address or a header is too long; send queries by POST."
    )


def _write_and_disconnect(channel, status, text):
    """Answer a request that is not even passed to DaCHS."""
    lines = [f"{name}: {value}" for name, value in _HEADERS.items()]
    lines += [f"Content-Security-Policy: {_DATA}", "Content-Type: text/plain; charset=utf-8"]
    lines += [f"Content-Length: {len(text) + 1}", "Connection: close"]
    channel.transport.write("\r\n".join([f"HTTP/1.1 {status}", *lines, "", text + "\n"]).encode())
    channel.loseConnection()
