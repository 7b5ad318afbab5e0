"""The directory of the alert archive: the places of its files, its creation and its locks."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ingest.alerts.archive.durability import replace_durably, sync, write_new
from ingest.alerts.archive.index import CHECKSUM, HEADER, ArchiveError
from ingest.instance import Account

_PREFIXES: Final = tuple(f"{number:02x}" for number in range(256))
_SUBDIRECTORIES: Final = ("packets", "incoming", "quarantine", "maps")


class ArchiveDirectory:
    """The directory of an archive; it is created when it is first locked.

    Parameters
    ----------
    root : pathlib.Path
        The directory.
    account : Account, optional
        Owner of the files. Default: the current user.
    """

    def __init__(self, root: Path, account: Account | None = None) -> None:
        self.root = root
        self.account = account
        self.index = root / "index.tsv"
        self.journal = root / "pending.tsv"
        self.staging = root / "incoming"
        self.quarantine = root / "quarantine"
        self._packets = root / "packets"
        self._maps = root / "maps"

    def packet(self, sha256: str) -> str:
        """Return the path of a packet's file."""
        # called thousands of times per second: joining strings is faster than joining paths
        return f"{self._packets}/{sha256[:2]}/{sha256}"

    def sky_map(self, sha256: str) -> Path:
        """Return the path of a sky map's file."""
        return self._maps / sha256[:2] / f"{sha256}.fits"

    def preview(self, sha256: str) -> Path:
        """Return the path of the preview of the sky map of a packet with this checksum."""
        return self.root / "previews" / sha256[:2] / f"{sha256}.png"

    def packet_checksums(self) -> Iterator[str]:
        """Yield the checksums of all packets in their final places, in no particular order."""
        for directory in self._packets.glob("[0-9a-f][0-9a-f]"):
            yield from (name for name in os.listdir(directory) if CHECKSUM.fullmatch(name))

    def clear_staging(self) -> None:
        """Remove packets that were never reported as archived."""
        for path in self.staging.iterdir():
            path.unlink()

    @contextmanager
    def exclusive(self, repair: bool = False) -> Iterator[None]:
        """Lock the archive, which is created if it does not exist.

        Parameters
        ----------
        repair : bool, optional
            Create an empty index for packets that have lost theirs.

        Raises
        ------
        ArchiveError
            If the directory contains other files, or packets without an index.
        """
        self._make(self.root)
        with _lock(self.root):
            if not self.index.exists():
                self._check_contents(repair)
                self._create()
            yield

    @contextmanager
    def locked(self, purpose: str, wait: bool = True) -> Iterator[None]:
        """Exclude other processes with the same purpose.

        Parameters
        ----------
        purpose : str
            Name of the lock.
        wait : bool, optional
            Whether to wait until other processes are done.

        Raises
        ------
        BlockingIOError
            If another process has the lock, and `wait` is false.
        """
        with self.exclusive():
            path = self.root / f"{purpose}.lock"
            if not path.exists():
                write_new(path, [], self.account)
        with _lock(path, wait):
            yield

    def _check_contents(self, repair: bool) -> None:
        """Refuse to create an archive among other files, or over one that lost its index."""
        if any(self.packet_checksums()):
            if repair:
                return
            problem = "the index of the alert archive is missing"
            remedy = "restore index.tsv from a backup; without one: km3vo alerts verify --repair"
        elif set(os.listdir(self.root)) - set(_SUBDIRECTORIES):
            problem = "this directory contains something other than an alert archive"
            remedy = "name another directory"
        else:
            return
        raise ArchiveError(
            problem,
            file=self.root,
            value=", ".join(sorted(os.listdir(self.root))[:5]),
            expected="index.tsv, or an empty directory",
            remedy=remedy,
        )

    def _create(self) -> None:
        """Create the subdirectories and an empty index; the root exists and is locked."""
        created = [self.root / name for name in _SUBDIRECTORIES]
        created += [parent / ab for parent in (self._packets, self._maps) for ab in _PREFIXES]
        for directory in created:
            self._make(directory)
        sync([*created, self.root, self.root.parent])
        self.clear_staging()
        replace_durably(self.index, HEADER, self.staging / "index", self.account)

    def _make(self, directory: Path) -> None:
        if directory.exists():
            return
        directory.parent.mkdir(parents=True, exist_ok=True)
        if self.account is None:
            directory.mkdir(mode=0o750, exist_ok=True)
        else:
            self.account.create_directory(directory, 0o750)


@contextmanager
def _lock(path: Path, wait: bool = True) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
