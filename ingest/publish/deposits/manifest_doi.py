"""The DOI of a release's data in its manifest, the one place where it is recorded."""

from __future__ import annotations

import re
import tomllib
from typing import Final

from ingest.core import privileges
from ingest.core.checkout import INPUTS
from ingest.core.errors import InputError
from ingest.core.files import atomic_write, read_regular
from ingest.events.delivery import MANIFEST, Manifest

_OTHER: Final = re.compile(r"(?m)^(no_doi|doi|created)[ \t]*=.*$")


def own_doi(manifest: Manifest, prefixes: tuple[str, ...]) -> str | None:
    """Return the DOI of the data that the manifest has.

    Parameters
    ----------
    manifest : Manifest
        The release.
    prefixes : tuple of str
        The prefixes of the data centre's DOIs; a `doi` with another one is that of a paper.
    """
    release = manifest.release
    if release.data_doi is None and release.doi is not None:
        return release.doi if release.doi.partition("/")[0] in prefixes else None
    return release.data_doi


def record_doi(name: str, doi: str) -> None:
    """Write the DOI of the data into a manifest, and remove the reason for having none.

    Raises
    ------
    ingest.core.errors.InputError
        If the manifest cannot be written; the message has the line to be added.
    """
    path = (INPUTS / name / MANIFEST).resolve()
    line = f'data_doi = "{doi}"'
    try:
        with privileges.caller(), privileges.caller_umask():
            text = _with_doi(read_regular(path).decode(), line)
            if Manifest.model_validate(tomllib.loads(text)).release.data_doi != doi:
                raise ValueError
            with atomic_write(path) as stream:
                stream.write(text.encode())
    except (OSError, ValueError, KeyError):
        raise InputError(
            f"the DOI {doi} is reserved, but could not be written into the manifest",
            file=path,
            remedy=f"add {line} to [release], and remove no_doi if it is there",
        ) from None


def _with_doi(text: str, line: str) -> str:
    """Return a manifest with the line, in place of no_doi or after the last line of its kind."""
    places = {found[1]: found for found in _OTHER.finditer(text)}
    if found := places.get("no_doi"):
        return text[: found.start()] + line + text[found.end() :]
    found = places.get("doi") or places["created"]
    return f"{text[: found.end()]}\n{line}{text[found.end() :]}"
