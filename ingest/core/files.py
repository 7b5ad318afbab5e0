"""Regular files, checksums, and files that are written either completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BLOCK = 1 << 20


class NotRegularError(OSError):
    """There is a link, a pipe, a device or a directory in place of a regular file."""

    strerror: str


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises
    ------
    NotRegularError
        If it is something else: reading from a pipe or a device could wait for ever, and a link
        may lead to a file that its owner was not meant to read.
    OSError
        If it cannot be opened.
    """
    return os.fdopen(_open_regular(path)[0], "rb")


def _open_regular(path: Path) -> tuple[int, int]:
    """Return the descriptor of a regular file, and its size in bytes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO) and not stat.S_ISREG(path.lstat().st_mode):
            raise _not_regular(path, path.lstat().st_mode) from None
        raise
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode):
        return descriptor, found.st_size
    os.close(descriptor)
    raise _not_regular(path, found.st_mode)


def read_regular(path: Path) -> bytes:
    """Return the content of a regular file; see :func:`open_regular`."""
    # without a file object, which takes as long as reading a small file
    descriptor, size = _open_regular(path)
    try:
        blocks = [os.read(descriptor, size + 1)]
        while blocks[-1]:
            blocks.append(os.read(descriptor, _BLOCK))
    finally:
        os.close(descriptor)
    return b"".join(blocks)


def open_to_append(path: Path) -> BinaryIO:
    """Open a regular file, which is created if necessary, for writing at its end.

    Raises
    ------
    OSError
        If it is a link or a pipe, or cannot be written.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "ab")


def sha256(path: Path) -> str:
    """Return the SHA-256 checksum of a regular file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that replaces `path` at the end of the block.

    The content goes to a temporary file in the same directory, which is created if necessary. At
    the end the file and then its directory are synchronised, so that a power cut leaves either
    the old or the new file. If the block raises, the old file stays.

    Parameters
    ----------
    path : pathlib.Path
        The file to write.

    Yields
    ------
    typing.BinaryIO
        Open for writing, reading and seeking.

    Raises
    ------
    OSError
        If the directory cannot be written, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w+b") as stream:
            yield stream
            stream.flush()
            # mkstemp creates it with mode 0600
            os.fchmod(stream.fileno(), 0o666 & ~_umask())
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def _not_regular(path: Path, mode: int) -> NotRegularError:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }
    kind = kinds.get(stat.S_IFMT(mode), "a device")
    return NotRegularError(errno.EINVAL, f"this is not a file but {kind}", str(path))


def _umask() -> int:
    """Return the umask of the process, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def sync_directory(directory: Path) -> None:
    """Make renamed entries of a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
