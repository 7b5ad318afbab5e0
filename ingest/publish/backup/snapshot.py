"""A directory with backups.

Below it lie

- one directory per backup, named by its time (UTC): the database as ``database.dump``, what the
  servers' account had below ``files/``, the settings of the site, ``backup.json``, and the
  checksums of all these in ``SHA256SUMS``. Files that did not change since the backup before
  are hard links to it;
- ``packets/`` and ``maps/``: the packets and sky maps of the alert archive, named by their
  checksums and shared by all backups, since they never change. ``SHA256SUMS`` beside them lists
  them.

``sha256sum --check SHA256SUMS`` in either place needs nothing of this project. The directory
belongs to the caller and is private; nothing in it is ever opened by the servers' account.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from ingest.core import privileges
from ingest.core.errors import ExitCode, IngestError
from ingest.core.files import sha256
from ingest.core.progress import ProgressCallback
from ingest.publish.backup.transfer import store

FORMAT: Final = 1
"""The version of this layout; a higher one is refused."""
SUMS: Final = "SHA256SUMS"
DUMP: Final = "database.dump"
FILES: Final = "files"
SITE: Final = "site.toml"
SHARED: Final = ("packets", "maps")
_ABOUT: Final = "backup.json"
_NAME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z")
_DRAFT: Final = ".new"
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


@dataclass
class Repository:
    """The directory with all backups of an instance.

    Parameters
    ----------
    path : pathlib.Path
        The directory.
    """

    path: Path
    _known: dict[str, set[str]] = field(default_factory=dict)

    @privileges.caller()
    def snapshots(self) -> list[Snapshot]:
        """Return the complete backups, the oldest first."""
        if not self.path.is_dir():
            return []
        names = sorted(one for one in os.listdir(self.path) if _NAME.fullmatch(one))
        return [Snapshot(self.path / name) for name in names]

    @privileges.caller()
    def sums(self) -> dict[str, str]:
        """Return the checksums of all packets and sky maps, by path."""
        path = self.path / SUMS
        return read_sums(path) if path.exists() else {}

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Create the directory if necessary, and be its only writer.

        Raises
        ------
        BackupError
            If it belongs to somebody else, contains something else, or is in use.
        """
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise BackupError(
                "another backup into this directory is being made",
                file=self.path,
                remedy="wait until it has finished",
            ) from None
        finally:
            os.close(descriptor)

    @privileges.caller()
    def _open(self) -> int:
        """Create or check the directory, and open it."""
        if not self.path.exists():
            self.path.mkdir(mode=0o700)
        here = self.path.lstat()
        if (
            self.path.is_symlink()
            or not self.path.is_dir()
            or here.st_uid != privileges.caller_uid()
        ):
            raise BackupError(
                "backups are written only into a directory of the caller's own",
                file=self.path,
                value=f"owner {here.st_uid}",
                expected=f"a directory of user {privileges.caller_uid()}",
                remedy="name another directory, or one that does not exist",
            )
        self.path.chmod(0o700)
        allowed = {*SHARED, SUMS}
        others = [
            one
            for one in os.listdir(self.path)
            if one not in allowed and not _NAME.fullmatch(one.removesuffix(_DRAFT))
        ]
        if others:
            raise BackupError(
                "this directory contains something other than backups",
                file=self.path,
                value=", ".join(sorted(others)[:5]),
                remedy="name an empty directory, or one that does not exist",
            )
        for name in SHARED:
            (self.path / name).mkdir(mode=0o700, exist_ok=True)
        return os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)

    @contextmanager
    def draft(self) -> Iterator[Snapshot]:
        """Yield a new backup, which is complete at the end of the block.

        If the block raises an exception, or the machine stops, there is no such backup.
        """
        draft = self._begin()
        try:
            yield draft
            self._finish(draft)
        except BaseException:
            with privileges.caller():
                shutil.rmtree(draft.path, ignore_errors=True)
            raise

    @privileges.caller()
    def _begin(self) -> Snapshot:
        """Create the directory of a backup that begins now; there is one per second at most."""
        for left in self.path.glob(f"*{_DRAFT}"):
            shutil.rmtree(left)
        while (path := self.path / f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}").exists():
            time.sleep(0.1)
        draft = Snapshot(path.with_name(path.name + _DRAFT))
        draft.path.mkdir(mode=0o700)
        return draft

    @privileges.caller()
    def _finish(self, draft: Snapshot) -> None:
        """Give a backup that is on disk its name."""
        os.sync()
        draft.path.rename(draft.path.with_name(draft.name.removesuffix(_DRAFT)))
        sync_directory(self.path)

    @privileges.caller()
    def keep(self, count: int) -> list[str]:
        """Delete the oldest backups, so that `count` remain; return their names.

        Packets and sky maps are never deleted.
        """
        old = self.snapshots()[:-count]
        for snapshot in old:
            # so that an interrupted deletion leaves no backup that looks complete
            doomed = snapshot.path.with_name(snapshot.name + _DRAFT)
            snapshot.path.rename(doomed)
            shutil.rmtree(doomed)
        return [snapshot.name for snapshot in old]

    def shared_file(self, kind: str, digest: str) -> Path:
        """Return the place of a packet or sky map."""
        return self.path / kind / digest[:2] / digest

    @privileges.caller()
    def has(self, kind: str, digest: str) -> bool:
        """Return whether a packet or sky map was saved before."""
        if kind not in self._known:
            self._known[kind] = {path.name for path in (self.path / kind).glob("??/*")}
        return digest in self._known[kind]

    @privileges.caller()
    def add_shared(self, kind: str, digest: str, content: IO[bytes]) -> bool:
        """Write a packet or sky map; return False, and leave nothing, if it is damaged."""
        place = self.shared_file(kind, digest)
        part = place.with_name(f"{digest}.part")
        part.unlink(missing_ok=True)
        if store(content, part) == digest:
            part.rename(place)
            return True
        part.unlink()
        return False

    @privileges.caller()
    def list_shared(self, added: Iterable[tuple[str, str]]) -> None:
        """Add packets and sky maps, which are written already, to the list of checksums.

        Parameters
        ----------
        added : iterable of (str, str)
            Kind and checksum of each.
        """
        lines = "".join(f"{digest}  {kind}/{digest[:2]}/{digest}\n" for kind, digest in added)
        if lines:
            os.sync()
            path = self.path / SUMS
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            with os.fdopen(os.open(path, flags, 0o600), "ab") as stream:
                stream.write(lines.encode())
                stream.flush()
                os.fsync(stream.fileno())

    @privileges.caller()
    def verify_shared(
        self,
        files: Iterable[tuple[str, str]],
        on_progress: ProgressCallback | None = None,
    ) -> None:
        """Compare packets and sky maps with their checksums.

        Parameters
        ----------
        files : iterable of (str, str)
            Kind and checksum of each.
        on_progress : ProgressCallback, optional
            Called with the number of files done so far.

        Raises
        ------
        BackupError
            For the first one that is missing or damaged.
        """
        for number, (kind, digest) in enumerate(files, 1):
            compare(self.shared_file(kind, digest), digest)
            if on_progress is not None:
                on_progress(number)


@privileges.caller()
def find(path: Path) -> tuple[Repository, Snapshot]:
    """Return the backup that a path names: itself, or the newest in a directory of backups.

    Raises
    ------
    BackupError
        If there is none.
    """
    path = Path(os.path.abspath(path))
    if _NAME.fullmatch(path.name) and path.is_dir():
        return Repository(path.parent), Snapshot(path)
    if found := Repository(path).snapshots():
        return Repository(path), found[-1]
    raise BackupError(
        "there is no complete backup here",
        file=path,
        expected="a directory written by km3vo backup, or one of the backups in it",
        remedy="name another directory",
    )


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


def sync_directory(path: Path) -> None:
    """Make renamed entries of a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(path: Path, found: str, expected: str | Path | None = None) -> BackupError:
    return BackupError(
        "the backup is damaged",
        file=path,
        value=found,
        expected=None if expected is None else str(expected),
        remedy="use another backup, or another copy of this one; nothing was changed",
    )
