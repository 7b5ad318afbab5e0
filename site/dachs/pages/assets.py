"""Scripts, style sheets and pictures of the pages. This runs in the Python of DaCHS."""

import functools
import hashlib
import mimetypes
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
        content, version = _load(name)
    except FileNotFoundError:
        raise NotFound(f"There is no file {name}.") from None
    suffix = Path(name).suffix
    media_type = _MEDIA_TYPES.get(suffix) or mimetypes.guess_type(name)[0]
    max_age = _YEAR if visit.get("v") == version else 300
    return Answer(
        content, media_type or "application/octet-stream", policy=_POLICY, max_age=max_age
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


@functools.lru_cache(200)
def _load(name):
    if name not in _names():
        raise FileNotFoundError(name)
    content = _names()[name].read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:12]


def text(name):
    """Return the text of a file."""
    return _load(name)[0].decode()


def exists(name):
    """Return whether there is a file, such as one of a library that npm installs."""
    return name in _names()
