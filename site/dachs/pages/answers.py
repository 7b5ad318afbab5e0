"""What a page returns. This runs in the Python of DaCHS."""

import functools
import gzip
import hashlib
import json
import re
from dataclasses import dataclass, field

HTML = "text/html; charset=utf-8"
_COMPRESSIBLE = re.compile(r"text/|image/svg|application/(?:[\w.-]+\+)?(?:json|xml|wasm)")
_LEAST = 500
"""Bytes from which compression is worth it."""
_SAMP = "http://localhost:21012 http://127.0.0.1:21012"
"""Where a SAMP hub on the visitor's computer listens, such as TOPCAT."""


DATA_POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"
)
"""The Content-Security-Policy of what is no page: browsers run and load nothing for it."""


def page_policy(images="", connections="", scripts="", workers="", styles=""):
    """Return the Content-Security-Policy of a page: nothing but what this server delivers.

    Parameters
    ----------
    images, connections, scripts, workers, styles : str
        Further sources, such as the origin of a sky survey.
    """
    allowed = {
        "default-src": "'none'",
        "script-src": f"'self' {scripts}",
        "style-src": f"'self' {styles}",
        "img-src": f"'self' data: {images}",
        "font-src": "'self'",
        "connect-src": f"'self' {_SAMP} {connections}",
        "worker-src": f"'self' {workers}",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    return "; ".join(f"{name} {sources.strip()}" for name, sources in allowed.items())


@dataclass(frozen=True)
class Answer:
    """The answer to a request.

    Attributes
    ----------
    content : bytes
        The body.
    media_type : str
        The media type.
    status : int
        The HTTP status.
    policy : str
        The Content-Security-Policy.
    max_age : int
        For how many seconds browsers and proxies may keep the answer without asking. Whatever this
        is, they can ask whether it has changed.
    headers : dict of str to str
        Further headers.
    """

    content: bytes
    media_type: str = HTML
    status: int = 200
    policy: str = field(default_factory=page_policy)
    max_age: int = 0
    headers: dict = field(default_factory=dict)

    @functools.cached_property
    def tag(self):
        """What changes with the content, for the header ``ETag``."""
        return hashlib.sha256(self.content).hexdigest()[:24]

    @functools.cached_property
    def compressed(self):
        """The content compressed by gzip; None if that is no shorter."""
        if len(self.content) < _LEAST or not _COMPRESSIBLE.match(self.media_type):
            return None
        made = gzip.compress(self.content, 6, mtime=0)
        return made if len(made) < len(self.content) else None

    @property
    def size(self):
        """The bytes that it needs in memory, without and with compression."""
        return len(self.content) + len(self.compressed or b"")


def json_answer(value, max_age=0, status=200):
    """Return an answer with a value as JSON, which has no NaN."""
    content = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    return Answer(content, "application/json", status, DATA_POLICY, max_age)


def redirect(address, status=301):
    """Return an answer that leads to another page of this server, for good or, with 302, now."""
    return Answer(b"", status=status, headers={"Location": address})


class NotFound(Exception):
    """There is no such page; the message says what was looked for, and where to look instead."""


class BadRequest(Exception):
    """A parameter makes no sense; the message says which, and what is expected."""
