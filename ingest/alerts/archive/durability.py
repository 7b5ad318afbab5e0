"""New files that a power cut leaves whole, many at a time."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from ingest.instance import Account

FEW: Final = 16
"""Up to so many files are synchronised one by one, more with their whole file system."""


def write_new(path: Path | str, blocks: Iterable[bytes], account: Account | None = None) -> None:
    """Write a file that must not exist yet; it is not durable before :func:`sync`.

    Parameters
    ----------
    path : pathlib.Path
        The file. A symbolic link in its place is not followed.
    blocks : iterable of bytes
        Its content, piece by piece.
    account : Account, optional
        Whom it shall belong to.

    Raises
    ------
    OSError
        If there is such a file, or the disk is full.
    """
    # no file object: it would look at the file, which takes as long as to write a packet
    descriptor = _create(path)
    try:
        for block in blocks:
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        if account is not None and account.is_other:
            os.fchown(descriptor, account.uid, account.gid)
    finally:
        os.close(descriptor)


def sync(paths: Collection[Path | str]) -> None:
    """Return when files and directories of one file system, with their content, are on the disk.

    Parameters
    ----------
    paths : collection of pathlib.Path or str
        Files that were written, and directories in which something came, went or was renamed.

    Raises
    ------
    OSError
        If the disk reports a failure.
    """
    if len(paths) > FEW and _sync_file_system(next(iter(paths))):
        return
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def replace_durably(path: Path, content: bytes, draft: Path, account: Account | None) -> None:
    """Give `path` a new content; a power cut leaves the old or the new one.

    `draft` is where it is written first, in the same file system; it must not exist.
    """
    write_new(draft, [content], account)
    sync([draft])
    draft.replace(path)
    sync([path.parent])


def _create(path: Path | str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o640)


def _sync_file_system(member: Path | str) -> bool:
    """Synchronise the file system that holds `member`; False where that cannot be asked for."""
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except AttributeError:  # not Linux
        return False
    descriptor = os.open(member, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(member))
    finally:
        os.close(descriptor)
    return True
