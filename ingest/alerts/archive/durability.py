"""New files that survive a power cut, written many at a time."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from ingest.instance import Account

FEW: Final = 16
"""Up to this number, files are synchronised each; above it, the whole file system is."""


def write_new(path: Path | str, blocks: Iterable[bytes], account: Account | None = None) -> None:
    """Write a file that does not exist yet. It becomes durable with :func:`sync`.

    Parameters
    ----------
    path : pathlib.Path or str
        The file. A symbolic link in its place is not followed.
    blocks : iterable of bytes
        Its content, block by block.
    account : Account, optional
        Owner of the file. Default: the current user.

    Raises
    ------
    OSError
        If the file exists, or the disk is full.
    """
    # os.open instead of open(), which calls fstat and so takes as long as writing a packet
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
    """Wait until files and directories of one file system are on disk with their content.

    They become durable in no particular order.

    Parameters
    ----------
    paths : collection of pathlib.Path or str
        Files that were written, and directories in which files were created, removed or renamed.

    Raises
    ------
    OSError
        If the disk reports a failure.
    """
    if len(paths) > FEW and _sync_file_system(next(iter(paths))):
        return
    # at the same time: the file system then writes its journal once for several of them
    descriptors: list[int] = []
    try:
        for path in paths:
            descriptors.append(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC))
        list(_threads().map(os.fsync, descriptors))
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def replace_durably(path: Path, content: bytes, draft: Path, account: Account | None) -> None:
    """Replace the content of a file; after a power cut it has the old or the new content.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    content : bytes
        Its new content.
    draft : pathlib.Path
        Temporary file in the same file system; it must not exist.
    account : Account or None
        Owner of the file; None for the current user.
    """
    write_new(draft, [content], account)
    sync([draft])
    draft.replace(path)
    sync([path.parent])


@functools.cache
def _threads() -> ThreadPoolExecutor:
    """Return threads that synchronise; starting new ones each time would take longer."""
    return ThreadPoolExecutor(4)


os.register_at_fork(after_in_child=_threads.cache_clear)


def _create(path: Path | str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o640)


def _sync_file_system(member: Path | str) -> bool:
    """Synchronise the file system of `member`; return False where this is not supported."""
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
