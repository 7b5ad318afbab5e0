"""Patches of DaCHS' reading of requests: methods, hosts, and what is not text."""

import functools
import re
import types
import urllib.parse

from gavo import base, svcs, utils
from gavo.web import common, ifpages, weberrors
from twisted.web import error, server

_METHODS = (b"GET", b"HEAD", b"POST", b"OPTIONS")
_JOB = re.compile(rb"/(async|dlasync|uws\.xml)/[^/]+/?$")
"""The path of a job, which a client may delete."""
_LONGEST_METHOD = 20
_FORMER_TAP = re.compile(rb"^(/__system__/tap/run)/tap(?=/)")
_OFFERED = {
    b"__nevow_form__": rb"genForm|adminOps|setDowntime",
    b"_DBOPTIONS_DIR": rb"ASC|DESC",
    b"MAXREC": rb"[0-9]{1,9}",
}
"""What the parameters of forms look like, of which DaCHS checks nothing."""


def refuse_unknown_methods():
    """Let DaCHS refuse methods that it does not know.

    For DaCHS 2.7 and 2.11.

    Most of DaCHS' renderers override ``render`` and never look at the method, so ``PUT``,
    ``DELETE`` or ``FOO`` are answered like ``GET``; other resources raise twisted's
    ``UnsupportedMethod``, which becomes an internal error. We suggest to check the method in
    ``gavo.web.common.Request.process``, to answer with 405 and an ``Allow`` header, and to answer
    ``OPTIONS`` there.
    """
    process = common.Request.process

    @functools.wraps(process)
    def process_if_known(self):
        allowed = (*_METHODS, b"DELETE") if _JOB.search(self.path) else _METHODS
        if self.method not in allowed:
            self.setHeader("Allow", b", ".join(allowed))
            method = self.method[:_LONGEST_METHOD].decode("ascii", "replace")
            return _plain_text(self, 405, f"This server does not know the method {method} here.")
        if self.method == b"OPTIONS":
            self.setHeader("Allow", b", ".join(allowed))
            # imported late, because it makes the server
            from gavo.web import root

            root._authorizeCORS(self)
            return _plain_text(self, 204, "")
        return process(self)

    common.Request.process = process_if_known
    _answer_unsupported_methods()


def _answer_unsupported_methods():
    """Answer what resources themselves refuse with 405, too."""

    class UnsupportedMethodPage(weberrors.BadMethodPage):
        handles = error.UnsupportedMethod

        def render(self, request, **how):
            methods = [name for name in self.flr.value.allowedMethods if name in _METHODS]
            request.setHeader("Allow", b", ".join(methods or [b"GET", b"HEAD"]))
            self.flr.value = svcs.BadMethod(request.method.decode("ascii", "replace"))
            return weberrors.BadMethodPage.render(self, request, **how)

    class BadMethodPage(weberrors.BadMethodPage):
        def render(self, request, **how):
            request.setHeader("Allow", "GET, HEAD")
            return weberrors.BadMethodPage.render(self, request, **how)

    weberrors.getErrorPage = _with_pages(
        {error.UnsupportedMethod: UnsupportedMethodPage, svcs.BadMethod: BadMethodPage}
    )


def _with_pages(pages):
    original = weberrors.getErrorPage

    def get_error_page(exception_class):
        return pages.get(exception_class) or original(exception_class)

    return get_error_page


def ignore_hosts_in_requests():
    """Let DaCHS make links from its own address only.

    For DaCHS 2.7 and 2.11.

    ``ArchiveService.getChild`` believes an ``X-Forwarded-Host`` from anybody, and redirects are
    made from the ``Host`` header: whoever sends a request determines where links and redirects
    lead, also in pages that DaCHS or a proxy keeps for other visitors. The server's address is
    configured as ``[web]serverURL``; we suggest to use nothing else.
    """
    process = common.Request.process

    @functools.wraps(process)
    def process_without_hosts(self):
        self.requestHeaders.removeHeader("x-forwarded-host")
        return process(self)

    common.Request.process = process_without_hosts
    common.Request._prePathURL = _url_of_path


def _url_of_path(self, segments):
    path = "/".join(urllib.parse.quote(one, safe="") for one in segments)
    return f"{base.getConfig('web', 'serverurl').rstrip('/')}/{path}".encode()


def stay_on_this_site_after_login():
    """Let DaCHS' login page lead to pages of the same site only.

    For DaCHS 2.7 and 2.11.

    ``/login`` redirects to whatever its parameter ``nextURL`` says, so a link to this server can
    lead to a forged page. We suggest to accept paths only.
    """
    render = ifpages.LoginPage.render

    @functools.wraps(render)
    def render_for_this_site(self, request):
        following = request.args.get(b"nextURL", [b"/"])[0]
        if not re.match(rb"/(?![/\\])[\x21-\x5b\x5d-\x7e]*$", following):
            request.args[b"nextURL"] = [b"/"]
        if request.args.get(b"relog", [b"True"])[0].lower() not in (b"true", b"false"):
            request.args[b"relog"] = [b"True"]
        # RedirectBase would append these to the target again
        request.uri = request.path
        return render(self, request)

    ifpages.LoginPage.render = render_for_this_site


def name_missing_parameters():
    """Let DaCHS name the parameter that a page of the start page's lists lacks.

    For DaCHS 2.7 and 2.11.

    ``JSONQuery`` fails with a ``KeyError`` if a parameter of its query is missing. We suggest to
    answer with 400 and the name of the parameter.
    """
    render = common.JSONQuery.render

    @functools.wraps(render)
    def render_if_complete(self, request):
        for name in re.findall(r"%\((\w+)\)s", self.query):
            if name not in request.strargs:
                _plain_text(request, 400, f"The parameter {name} is missing.")
                return server.NOT_DONE_YET
        return render(self, request)

    common.JSONQuery.render = render_if_complete


def read_addresses_of_uploads():
    """Let DaCHS read the parameters in the address of a request with a multipart body, too.

    For DaCHS 2.7; 2.11 reads both.

    ``Request._makeStrargs`` reads the body only, so that ``?INDEX=2.5`` is ignored without a word
    if a file is sent in the body. We suggest to read both; a parameter in the body takes
    precedence.
    """
    make = common.Request._makeStrargs

    @functools.wraps(make)
    def make_from_both(self):
        found = make(self)
        if self.fields is not None:
            for name, values in self.args.items():
                name = name if isinstance(name, str) else name.decode("iso-8859-1")
                if name not in found and all(
                    isinstance(one, bytes) and _is_text(one) for one in values
                ):
                    found[name] = [value.decode("utf-8") for value in values]
        return found

    common.Request._makeStrargs = make_from_both


def read_forms_as_sent():
    """Let DaCHS read the values in a form as they were sent.

    For DaCHS 2.11.

    ``MPRequest.requestReceived`` decodes percent signs in all bodies, also in multipart ones, where
    they are characters like any others: ``LIKE '%41%'`` becomes ``LIKE 'A%'``. Bytes that are not
    UTF-8 become others without an error. We suggest ``unquote_to_bytes``, for the type
    ``application/x-www-form-urlencoded`` only.
    """
    from gavo.formal import twistedpatch

    twistedpatch.urlparse = types.SimpleNamespace(unquote=_AsSent, unquote_plus=_Decoded)


def accept_the_former_path_of_tap():
    """Let DaCHS accept the path of TAP with ``tap`` at its end, as DaCHS 2.7 does.

    For DaCHS 2.11.

    Registry records and clients of years have ``/__system__/tap/run/tap``, which 2.11 no longer
    answers.
    """
    receive = common.Request.requestReceived

    @functools.wraps(receive)
    def receive_with_present_path(self, command, path, version):
        return receive(self, command, _FORMER_TAP.sub(rb"\1", path, count=1), version)

    common.Request.requestReceived = receive_with_present_path


def read_files_under_their_names():
    """Let DaCHS pass the files in a form to services under the names of their fields.

    For DaCHS 2.11; 2.7 does.

    Since DaCHS reads forms with python-multipart, ``curl -F SOURCES=@file`` reaches forms for
    browsers only; in other services it is ignored without a word, unless the request names the
    file in ``UPLOAD`` as well. We suggest to pass on all files as ``dali.mangleUploads`` does.
    """
    make = common.Request._makeStrargs

    @functools.wraps(make)
    def make_with_files(self):
        found = make(self)
        if "UPLOAD" not in found:
            for name, (first, *_) in self.files.items():
                found.setdefault(name, (utils.defuseFileName(first.file_name), first.file_object))
        return found

    common.Request._makeStrargs = make_with_files


class _AsSent:
    """The value of a field in a multipart body, as DaCHS uses it: only to encode it again."""

    def __init__(self, text):
        self._bytes = text.encode()

    def encode(self, encoding):
        return self._bytes


class _Decoded(_AsSent):
    """The value of a field in any other form."""

    def __init__(self, text):
        self._bytes = urllib.parse.unquote_to_bytes(text.replace("+", " "))


def refuse_what_is_not_text():
    """Let DaCHS refuse null characters, invalid UTF-8, paths with ``..``, and impossible forms.

    For DaCHS 2.7 and 2.11.

    Null characters reach the database, which cannot have them, and bytes that are not UTF-8 reach
    code that expects text; both end as internal errors, as do some paths with ``..``, which
    clients resolve and no page has, and some values in forms. A part of a path that contains an
    encoded slash at its beginning is no name of a file or page. We suggest to refuse them when
    the request is read.
    """
    process = common.Request.process

    @functools.wraps(process)
    def process_text(self):
        problem = _problem(self)
        if problem:
            return _plain_text(self, 400, problem)
        path = urllib.parse.unquote_to_bytes(self.path)
        if not _is_text(path) or _leads_elsewhere(self.path):
            return _plain_text(self, 404, "There is nothing at this address.")
        return process(self)

    common.Request.process = process_text


def _leads_elsewhere(path):
    """Return whether a part of a path means another place: the parent or the root."""
    for part in map(urllib.parse.unquote_to_bytes, path.split(b"/")):
        if part[:1] in (b"/", b"\\") or b".." in re.split(rb"[/\\]", part):
            return True
    return False


def _problem(request):
    """Return what is wrong with the parameters, or None."""
    if getattr(request, "fields", None) is not None or _is_multipart(request):
        return None  # files may contain anything
    for name, values in request.args.items():
        if not _is_text(name):
            return "The name of a parameter contains a null character or is not valid UTF-8."
        for value in values:
            if not _is_text(value):
                shown = name.decode("utf-8", "replace")[:80]
                return f"The parameter {shown!r} contains a null character or is not valid UTF-8."
    return _not_offered(request) if request.path.endswith(b"/form") else None


def _not_offered(request):
    """Return which parameter has a value that no form offers, or None."""
    for name, pattern in _OFFERED.items():
        if any(value and not re.fullmatch(pattern, value) for value in request.args.get(name, [])):
            return f"The parameter {name.decode()} has a value that the form does not offer."
    return None


def _is_multipart(request):
    return any(isinstance(name, str) for name in request.args) or (
        request.getHeader("content-type") or ""
    ).lower().startswith("multipart/")


def _is_text(value):
    try:
        return b"\0" not in value and value.decode("utf-8") is not None
    except UnicodeDecodeError:
        return False


def _plain_text(request, code, text):
    """Answer a request that is not passed on."""
    request.setResponseCode(code)
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    body = f"{text}\n".encode() if text else b""
    if text:
        request.setHeader("Content-Length", str(len(body)))
    request.write(body)
    request.finish()
