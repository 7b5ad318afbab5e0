"""Scripts, style sheets and pictures of the pages. This runs in the Python of DaCHS."""

import functools
import hashlib
import mimetypes
import re
from pathlib import Path

from .answers import DATA_POLICY, Answer, NotFound

FOLDERS = tuple(
    Path(__file__).resolve().parent.parent / "web" / name for name in ("static", "libraries")
)
"""Ours, and those of others, which npm installed."""
_YEAR = 31_536_000
_MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".wasm": "application/wasm",
}
_IMPORT = re.compile(rb'"(?:\./|/assets/)([\w.-]+\.js)"')
"""What a script imports; scripts do not import each other in a circle."""
_POLICY = f"{DATA_POLICY}; style-src 'unsafe-inline'"
"""For a picture that is opened alone; it does not apply to what a page loads."""


def address_of(name):
    """Return the address of a file, which changes with its content."""
    return f"/assets/{name}?v={_load(name)[1]}"


def asset(visit):
    """Return a file; for good, if its address says which version of it is meant."""
    # /favicon.ico has no folder
    name = visit.path.removeprefix("assets/")
    try:
        return _answer(name, visit.get("v") == _load(name)[1])
    except FileNotFoundError:
        raise NotFound(f"There is no file {name}.") from None


@functools.lru_cache(400)
def _answer(name, is_for_good):
    """Return a file as an answer, which is compressed once."""
    suffix = Path(name).suffix
    media_type = _MEDIA_TYPES.get(suffix) or mimetypes.guess_type(name)[0]
    return Answer(
        _load(name)[0],
        media_type or "application/octet-stream",
        policy=_POLICY,
        max_age=_YEAR if is_for_good else 300,
    )


def icon(visit):
    """Return the icon where browsers look for it on pages that state none."""
    return Answer(_load("icon.svg")[0], _MEDIA_TYPES[".svg"], policy=_POLICY, max_age=86_400)


@functools.cache
def _names():
    """Return the files by their names, once, so that a request opens no other."""
    return {
        path.relative_to(folder).as_posix(): path
        for folder in FOLDERS
        for path in folder.rglob("*")
        if path.is_file()
    }


def _with_version(found):
    """Return the address of what a script imports with its version, so that it is kept for good."""
    name = found[1].decode()
    return f'"{address_of(name)}"'.encode() if name in _names() else found[0]


@functools.lru_cache(200)
def _load(name):
    if name not in _names():
        raise FileNotFoundError(name)
    content = _names()[name].read_bytes()
    if name.endswith(".js"):
        content = _IMPORT.sub(_with_version, content)
    return content, hashlib.sha256(content).hexdigest()[:12]


def text(name):
    """Return the text of a file."""
    return _load(name)[0].decode()


def exists(name):
    """Return whether there is a file, such as one of a library that npm installs."""
    return name in _names()
