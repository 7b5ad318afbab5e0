"""One backup: its files, their checksums, and what it says about itself."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ingest.core import privileges
from ingest.core.errors import ExitCode, IngestError
from ingest.core.files import sha256

FORMAT: Final = 1
"""The version of this layout; a higher one is refused."""
SUMS: Final = "SHA256SUMS"
DUMP: Final = "database.dump"
FILES: Final = "files"
SITE: Final = "site.toml"
_ABOUT: Final = "backup.json"
_LINE: Final = re.compile(r"([0-9a-f]{64})  (.+)")


class BackupError(IngestError):
    """A backup cannot be made, or cannot be used."""

    exit_code = ExitCode.FAILURE


@dataclass(frozen=True)
class About:
    """What a backup says about itself.

    Attributes
    ----------
    format : int
        The version of the layout.
    km3vo, dachs, postgres : str
        The versions of the programs.
    web_port : int
        The port of the server.
    has_archive : bool
        Whether there was an archive of alerts.
    damaged : tuple of str
        Checksums of packets and sky maps that could not be saved because they were damaged.
    left_out : tuple of str
        Paths of links and the like, which are not saved.
    """

    km3vo: str
    dachs: str
    postgres: str
    web_port: int
    has_archive: bool = False
    damaged: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    format: int = FORMAT


@dataclass(frozen=True)
class Snapshot:
    """One backup, complete unless its name ends with ``.new``."""

    path: Path

    @property
    def name(self) -> str:
        """Its time."""
        return self.path.name

    @property
    def site(self) -> Path:
        """The settings of the site that ``KM3VO_SITE`` named."""
        return self.path / SITE

    @property
    def index(self) -> Path:
        """The index of the alert archive."""
        return self.path / FILES / "archive" / "index.tsv"

    @privileges.caller()
    def about(self) -> About:
        """Return what it says about itself.

        Raises
        ------
        BackupError
            If that cannot be read, or was written by a later version.
        """
        path = self.path / _ABOUT
        try:
            content = json.loads(path.read_bytes())
            if content["format"] > FORMAT:
                raise BackupError(
                    "this backup was made by a newer version of km3vo",
                    file=path,
                    value=f"format {content['format']}, km3vo {content['km3vo']}",
                    expected=f"format {FORMAT} or lower",
                    remedy="update this checkout, then restore",
                )
            lists = {name: tuple(content[name]) for name in ("damaged", "left_out")}
            return About(**content | lists)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(path, f"{type(error).__name__}: {error}") from None

    @privileges.caller()
    def describe(self, about: About) -> None:
        """Store what it says about itself."""
        write_private(self.path / _ABOUT, json.dumps(asdict(about), indent=1).encode() + b"\n")

    @privileges.caller()
    def sums(self) -> dict[str, str]:
        """Return the checksums of its files, by their paths."""
        return read_sums(self.path / SUMS)

    @privileges.caller()
    def seal(self, sums: dict[str, str]) -> None:
        """Store the checksums: of `sums`, by path, and of what the backup says about itself."""
        sums = sums | {_ABOUT: sha256(self.path / _ABOUT)}
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
        write_private(self.path / SUMS, lines.encode())

    @privileges.caller()
    def verify(self) -> dict[str, str]:
        """Compare all its files with their checksums; return these.

        Raises
        ------
        BackupError
            For the first file that is missing, changed or not listed.
        """
        sums = self.sums()
        present = {
            str(path.relative_to(self.path)) for path in self.path.rglob("*") if not path.is_dir()
        }
        if unknown := present - sums.keys() - {SUMS}:
            raise _damaged(self.path / min(unknown), "a file that is not listed", self.path / SUMS)
        for name, digest in sums.items():
            compare(self.path / name, digest)
        return sums


def compare(path: Path, digest: str) -> None:
    """Raise an error unless a file has a checksum."""
    try:
        found = sha256(path)
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from None
    if found != digest:
        raise _damaged(path, f"SHA-256 {found}", f"SHA-256 {digest}")


def read_sums(path: Path) -> dict[str, str]:
    """Return the checksums in a file as ``sha256sum`` writes it, by path.

    Raises
    ------
    BackupError
        If it cannot be read, or a path leads out of the directory.
    """
    sums = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error)) from None
    for line in lines:
        found = _LINE.fullmatch(line)
        if not found or found[2].startswith("/") or ".." in found[2].split("/"):
            raise _damaged(path, line, "a checksum, two blanks and a path")
        sums[found[2]] = found[1]
    return sums


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only the caller can read."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as stream:
        stream.write(content)


def _damaged(path: Path, found: str, expected: str | Path | None = None) -> BackupError:
    return BackupError(
        "the backup is damaged",
        file=path,
        value=found,
        expected=None if expected is None else str(expected),
        remedy="use another backup, or another copy of this one; nothing was changed",
    )
