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
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from ingest.core import privileges
from ingest.core.files import sync_directory
from ingest.core.progress import ProgressCallback
from ingest.publish.backup.snapshot import SUMS, BackupError, Snapshot, compare, read_sums
from ingest.publish.backup.transfer import store

SHARED: Final = ("packets", "maps")
_NAME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z")
_DRAFT: Final = ".new"


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
            If its parent is missing, it belongs to somebody else, contains something else, or is in
            use.
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
        if not self.path.parent.is_dir():
            raise BackupError(
                "the parent of the backup directory does not exist",
                file=self.path.parent,
                remedy="mount the disk of the backups, or create the directory",
            )
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
        """Return whether a packet or sky map was saved before.

        What is not listed was written by a backup that was interrupted: it may be incomplete.
        """
        if kind not in self._known:
            listed = {Path(name).name for name in self.sums()}
            self._known[kind] = {path.name for path in (self.path / kind).glob("??/*")} & listed
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
