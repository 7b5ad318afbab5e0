"""Patches of DaCHS' error messages: what they reveal about the server."""

import functools
import re
import secrets
import traceback

from gavo import base, formal
from gavo.formal import nevowc
from gavo.protocols import dali, soda, uws
from gavo.svcs import streaming
from gavo.web import formrender, vodal, weberrors
from twisted.python import failure as failures
from twisted.web import template
from twisted.web.template import tags

_MEANT_FOR_USERS = (base.Error, base.ExecutiveAction)
"""Exceptions whose messages explain what was wrong with a request."""
_ABOUT_CODE = (base.BadCode,)
"""Exceptions of these kinds whose messages show code of the server."""
_FOLDERS = "bin|dev|etc|home|lib|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var"
_SECRETS = (
    # PostgreSQL shows a part of the SQL that DaCHS made, and below it a caret
    (re.compile(r"\n?LINE \d+:[^\n]*(\n *\^)?"), ""),
    (re.compile(r"\n?(CONTEXT|QUERY|STATEMENT): .*", re.DOTALL), ""),
    (re.compile(r"connection to server .*", re.DOTALL), "the database does not answer"),
    (re.compile(r"\n?Traceback \(most recent call last\).*", re.DOTALL), ""),
    (re.compile(r"<(?:class |function |module |bound |[\w.]+ object|[^<>]* at 0x)[^>]*>"), "…"),
    (re.compile(r"\b(?:gavo|twisted|psycopg2|site-packages)(?:\.\w+)+"), "…"),
)
_INTERNAL = (
    "The server failed to process this request. If the request is valid, please report this with"
    " the number {number}."
)


def keep_internals_out_of_messages():
    """Let DaCHS' messages explain an error without showing how the server works inside.

    For DaCHS 2.7 and 2.11.

    Messages contain absolute paths, such as the directory of a job in the message about a
    malformed upload, the SQL that DaCHS made from a query, names of Python's exceptions and, in
    streamed answers, tracebacks. We suggest a single function that all error renderers use, such
    as ``public_message``: messages of exceptions meant for users without those parts, and for all
    others a number under which the log has the details.
    """
    _patch_pages()
    _patch_dali()
    _patch_forms()
    _patch_jobs()
    _patch_streams()


def public_message(error):
    """Return what a client may read about an exception.

    Messages of exceptions that are not meant for users are replaced by a number, under which
    they are in the log, with the place where they were raised.
    """
    if _is_about_request(error):
        return clean(str(error))
    number = secrets.token_hex(4)
    base.ui.notifyError(f"Error {number}: {''.join(traceback.format_exception(error)).strip()}")
    return _INTERNAL.format(number=number)


def _is_about_request(error):
    """Return whether an exception says what is wrong with a request."""
    # PostgreSQL has codes for what is wrong with a query, but not for failed connections
    is_meant = isinstance(error, _MEANT_FOR_USERS) and not isinstance(error, _ABOUT_CODE)
    return is_meant or bool(getattr(error, "pgcode", None))


def _description(error):
    """Return what DaCHS keeps and sends about an exception."""
    hint = None if isinstance(error, _ABOUT_CODE) else getattr(error, "hint", None)
    return {
        "msg": public_message(error),
        "type": type(error).__name__,
        "hint": clean(str(hint)) if hint else None,
        # from 2.11 on, the status of the answer; DaCHS has 500 for all errors in queries
        "httpCode": getattr(error, "httpCode", 400 if _is_about_request(error) else 500),
    }


def clean(text):
    """Return a message without paths of the server, SQL made by DaCHS, and Python's objects."""
    for pattern, replacement in (*_paths(), *_SECRETS):
        text = pattern.sub(replacement, text)
    return text.strip()


@functools.cache
def _paths():
    """Return the patterns for paths: below DaCHS' directories, and in those of any system."""
    roots = {base.getConfig(name) for name in ("rootDir", "inputsDir", "tempDir", "stateDir")}
    ours = "|".join(re.escape(str(root).rstrip("/")) for root in roots if root)
    return (
        (re.compile(rf"(?:{ours})(?:/[^\s'\",;:()<>]*)?"), "(a file of the server)"),
        (
            re.compile(rf"(?<![\w:/.~-])/(?:{_FOLDERS})/[^\s'\",;:()<>]*"),
            "(a file of the server)",
        ),
    )


def _patch_pages():
    class InternalServerErrorPage(weberrors.InternalServerErrorPage):
        """The page for errors that are not meant for users."""

        titleMessage = "Internal Error"
        beforeMessage = ""
        afterMessage = ""

        def __init__(self, error):
            super().__init__(error)
            if isinstance(error.value, base.ValidationError):
                self.status, self.titleMessage = 400, "Bad Request"

        @template.renderer
        def message(self, request, tag):
            return tag(class_="errmsg")[self._public()]

        def _public(self):
            if not hasattr(self, "_message"):
                self._message = public_message(self.flr.value)
            return self._message

        def renderInnerException(self, request):
            request.write(nevowc.flattenSync(tags.div(class_="errors")[tags.p[self._public()]]))
            request.finish()
            return weberrors.server.NOT_DONE_YET

    class FileGonePage(weberrors.NotFoundPage):
        """The page for a file that went offline after the request for it had been accepted."""

        @template.renderer
        def message(self, request, tag):
            return tag(class_="errmsg")["This file is no longer served."]

    @template.renderer
    def message(self, request, tag):
        written = getattr(self.flr.value, "htmlMessage", None)
        return tag(class_="errmsg")[
            clean(self.flr.getErrorMessage()) if written is None else written
        ]

    @template.renderer
    def hint(self, request, tag):
        text = getattr(self.flr.value, "hint", None)
        return tag[tags.strong["Hint: "], clean(str(text))] if text else ""

    weberrors.ErrorPage.message = message
    weberrors.ErrorPage.hint = hint
    original, default = weberrors.getErrorPage, weberrors.InternalServerErrorPage

    def get_error_page(exception_class):
        if issubclass(exception_class, FileNotFoundError):
            return FileGonePage
        page = original(exception_class)
        return InternalServerErrorPage if page is default else page

    weberrors.getErrorPage = get_error_page
    weberrors.InternalServerErrorPage = InternalServerErrorPage


def _patch_dali():
    make = dali.getDALIError

    @functools.wraps(make)
    def get_dali_error(problem, *more, **named):
        if isinstance(problem, Exception):
            problem = _description(problem)
        elif isinstance(problem, str):
            problem = {"msg": clean(problem), "type": "ReportableError", "hint": None}
            problem["httpCode"] = 400
        hint = problem.get("hint")
        problem = problem | {"msg": clean(problem["msg"]), "hint": hint and clean(str(hint))}
        return make(problem, *more, **named)

    dali.getDALIError = get_dali_error
    write = vodal.SCSRenderer._writeErrorTable

    @functools.wraps(write)
    def write_error_table(self, request, problem, *more, **named):
        text = public_message(problem) if isinstance(problem, Exception) else clean(str(problem))
        return write(self, request, text, *more, **named)

    vodal.SCSRenderer._writeErrorTable = write_error_table
    as_dict = soda.DatalinkFault.asDict

    @functools.wraps(as_dict)
    def fault_as_dict(self):
        return {
            key: clean(value) if key == "error_message" else value
            for key, value in as_dict(self).items()
        }

    soda.DatalinkFault.asDict = fault_as_dict


def _patch_forms():
    handle = formrender.FormMixin._handleInputErrors

    @functools.wraps(handle)
    def handle_input_errors(self, failure, request):
        if isinstance(failure.value, base.ValidationError):
            failure.value.msg = clean(failure.value.msg)
        return handle(self, failure, request)

    formrender.FormMixin._handleInputErrors = handle_input_errors
    formal.ResourceWithForm.crash = lambda self, failure, request: weberrors.renderDCErrorPage(
        failure, request
    )


def _patch_jobs():
    encode = uws.BaseUWSJob._encode_error

    @functools.wraps(encode)
    def encode_error(self, problem):
        if isinstance(problem, Exception):
            problem = _description(problem)
        return encode(self, problem)

    uws.BaseUWSJob._encode_error = encode_error


def _patch_streams():
    prepare = streaming.DataStreamer.__init__

    @functools.wraps(prepare)
    def prepare_guarded(self, write_stream, *more, **named):
        def guarded(stream):
            try:
                write_stream(stream)
            except OSError:  # the client has gone
                raise
            except Exception as error:
                base.ui.notifyFailure(failures.Failure())
                stream.write(f"\n\n\n{public_message(error)}\n".encode())

        prepare(self, guarded, *more, **named)

    streaming.DataStreamer.__init__ = prepare_guarded
