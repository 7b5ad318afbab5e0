"""What pages that show the sky may load. This runs in the Python of DaCHS."""

import base64
import functools
import hashlib
import re
import urllib.parse

from patches.settings import settings

from .. import assets
from ..answers import page_policy

_LIBRARY = "aladin.js"
_STYLE_USE = re.compile(r'classList\.add\("aladin-css"\),\w+\.innerHTML=(\w+)')

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u\{?([0-9a-fA-F]+)\}?|(.))", re.DOTALL)
_ATTRIBUTE = "font-weight:bold"
"""The style attribute of the labels in its display of frame rates, which stays hidden."""
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}


def survey():
    """Return the address of the survey in the background, without a slash at its end; or ""."""
    return settings("web")["survey"].rstrip("/")


def sky_policy():
    """Return the Content-Security-Policy of a page that shows the sky.

    Aladin Lite is WebAssembly, which it carries as a ``data:`` address; it has a worker of its own,
    and makes pictures for its symbols. It inserts one style sheet, and elements with one style
    attribute; the hashes of both are allowed, and no other.
    """
    origin = ""
    if address := survey():
        parts = urllib.parse.urlsplit(address)
        origin = f"{parts.scheme}://{parts.netloc}"
    return page_policy(
        scripts="'wasm-unsafe-eval'",
        styles=" ".join(style_hashes()),
        images=f"blob: {origin}",
        connections=f"data: {origin}",
        workers="blob:",
    )


@functools.cache
def style_hashes():
    """Return the source expressions of the styles that Aladin Lite inserts; none if it changes."""
    if not assets.exists(_LIBRARY):
        return ()
    text = assets.text(_LIBRARY)
    used = _STYLE_USE.search(text)
    if used is None:
        return ()
    start = text.index(f"{used[1]}='") + len(used[1]) + 2
    return _hash(_unquoted(text, start)), "'unsafe-hashes'", _hash(_ATTRIBUTE)


def _hash(style):
    digest = hashlib.sha256(style.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _unquoted(text, start):
    """Return the value of a string of JavaScript in single quotes, from behind the first."""
    source = re.compile(r"(?:[^'\\]|\\.)*", re.DOTALL).match(text, start)[0]
    return _ESCAPE.sub(_meant, source)


def _meant(escape):
    code, character = escape[1] or escape[2], escape[3]
    return chr(int(code, 16)) if code else _LETTERS.get(character, character)
