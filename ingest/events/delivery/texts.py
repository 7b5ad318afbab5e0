"""The texts of a release, written by people for people, in a file beside its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.core import privileges
from ingest.core.configuration import refuse_blanks
from ingest.core.errors import ManifestError
from ingest.core.files import open_regular
from ingest.events.delivery.manifest import TEXTS, Manifest
from ingest.events.delivery.responses import ResponsesManifest

_LARGEST: Final = 1 << 20  # bytes


@dataclass(frozen=True)
class Texts:
    """The texts of a release.

    Attributes
    ----------
    description : str
        What the sample is, in one line without markup; the first paragraph of the file.
    documentation : str
        All that follows, as reStructuredText.
    """

    description: str
    documentation: str


def read_texts(manifest: Manifest | ResponsesManifest) -> Texts:
    """Return the texts of a release.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the file is missing, empty or not plain text, or has blanks.
    """
    path = manifest.folder / TEXTS
    try:
        with privileges.caller(), open_regular(path.resolve()) as stream:
            content = stream.read(_LARGEST)
    except OSError as error:
        raise _unreadable(path, str(error)) from None
    refuse_blanks(path)
    return parse_texts(content, path)


def parse_texts(content: bytes, path: Path) -> Texts:
    """Return the texts in the content of a file.

    Raises
    ------
    ingest.core.errors.ManifestError
        If it is empty or not plain text.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise _unreadable(path, str(error)) from None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.expandtabs().isprintable():
            raise ManifestError(
                "the line has characters that cannot be printed",
                file=path,
                where=f"line {number}",
                value=line,
                expected="plain text",
                remedy="remove them",
            )
    description, _, documentation = text.strip().partition("\n\n")
    if not description:
        raise ManifestError(
            "the release has no description",
            file=path,
            expected="a paragraph that describes the sample",
            remedy="write it",
        )
    return Texts(" ".join(description.split()), documentation.strip())


def _unreadable(path: Path, reason: str) -> ManifestError:
    return ManifestError(
        "the texts of the release cannot be read",
        file=path,
        value=reason,
        expected="plain text in UTF-8: a paragraph that describes the sample, then the rest",
        remedy="write the file",
    )
