"""The record of an import, which is kept in the instance while the release is online."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.core.errors import ImportFailedError, InputError
from ingest.core.files import atomic_write, read_regular


@dataclass(frozen=True)
class ImportResult:
    """The result of an import, as recorded below ``var``.

    Attributes
    ----------
    release, source : str
        The release, and the sources of its files.
    read, accepted, rejected, imported : int
        Numbers of rows: read from the files, accepted and rejected by the checks, and now in
        the table.
    seconds : float
        Duration of the import.
    unchanged : bool
        Whether everything was already online and nothing had to be done.
    revised : bool
        Whether only descriptions changed, and no rows.
    simulated : bool
        Whether a simulated stand-in was imported.
    unavailable : tuple of str
        Sources that were tried before and did not have a file, with the reasons.
    report : str
        The page about the last import that changed rows.
    """

    release: str
    source: str
    read: int
    accepted: int
    rejected: int
    imported: int
    seconds: float
    unchanged: bool
    revised: bool
    simulated: bool
    unavailable: tuple[str, ...]
    report: str


def read_record(path: Path) -> dict[str, Any]:
    """Return the record of the last import; empty if it is missing or damaged."""
    try:
        content: dict[str, Any] = json.loads(read_regular(path))
        return content
    except (FileNotFoundError, ValueError):
        return {}


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write the record of an import; a power cut leaves either the old or the new one."""
    with atomic_write(path) as stream:
        stream.write(json.dumps(content, indent=1, default=str).encode())


@contextmanager
def withheld(path: Path) -> Iterator[None]:
    """Take the record away while a release is replaced.

    Whoever is killed meanwhile leaves no record of something that is not online. After a refusal
    the previous release still is, and its record returns.
    """
    content = read_record(path)
    path.unlink(missing_ok=True)
    try:
        yield
    except (InputError, ImportFailedError):
        if content:
            write_record(path, content)
        raise
