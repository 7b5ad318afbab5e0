"""The files of a release in the checkout, and the names that releases may have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.core import privileges
from ingest.core.checkout import INPUTS, RD
from ingest.core.errors import ManifestError
from ingest.core.files import atomic_write
from ingest.events.delivery import (
    MANIFEST,
    RESPONSES_MANIFEST,
    TEXTS,
    release_names,
    responses_names,
)

NAME: Final = re.compile(r"[a-z]{2,10}\d\d_\d\d")


@dataclass(frozen=True)
class Places:
    """The files of a release in the checkout.

    Attributes
    ----------
    manifest, texts, descriptor : pathlib.Path
        Its manifest, texts and resource descriptor.
    """

    manifest: Path
    texts: Path
    descriptor: Path

    def __iter__(self) -> Iterator[Path]:
        return iter((self.manifest, self.texts, self.descriptor))


def places(name: str) -> Places:
    """Return the files of a release."""
    folder = INPUTS / name
    return Places(folder / MANIFEST, folder / TEXTS, RD / name / "nu.rd")


def check_name(name: str) -> None:
    """Check the name of a new release.

    Raises
    ------
    ingest.core.errors.ManifestError
        If it does not follow the pattern of releases, or is taken.
    """
    if not NAME.fullmatch(name):
        raise ManifestError(
            "this is not a valid name for a release",
            value=name,
            expected="kind, year and running number, such as evts24_01",
            remedy="choose another name",
        )
    for path in places(name):
        if path.exists():
            raise ManifestError(
                f"the release {name} exists already",
                file=path,
                remedy="use the next number; a published release does not change",
            )


def require_release(name: str) -> Places:
    """Return the files of a release of which at least one exists.

    Raises
    ------
    ingest.core.errors.ManifestError
        If none does.
    """
    if name in responses_names():
        raise ManifestError(
            f"{name} is a release of instrument responses, for which there is no such command",
            file=INPUTS / name / RESPONSES_MANIFEST,
            remedy=f"edit its files, then make import RELEASE={name}",
        )
    found = places(name) if NAME.fullmatch(name) else None
    with privileges.caller():
        exists = found is not None and any(path.is_file() for path in found)
    if found is None or not exists:
        raise ManifestError(
            f"there is no release {name}",
            expected="one of " + ", ".join(release_names()),
            remedy=f"correct the name, or begin it: km3vo release new {name} --from FILE",
        )
    return found


def write(path: Path, content: str | bytes) -> None:
    """Write a file of the checkout with the rights of the caller, completely or not at all."""
    data = content.encode() if isinstance(content, str) else content
    with privileges.caller(), privileges.caller_umask(), atomic_write(path.resolve()) as stream:
        stream.write(data)


def deliver(name: str, file: str, content: bytes) -> Path:
    """Write a delivered file into the folder of a release that is begun; return its path."""
    path = INPUTS / name / file
    write(path, content)
    return path
