"""Logs of lines that are only appended, and survive a power cut."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from ingest.alerts.archive.durability import sync
from ingest.core.files import open_regular
from ingest.instance import Account

_BLOCK: Final = 1 << 16


def append_lines(
    path: Path, lines: Sequence[bytes], account: Account | None, header: bytes = b""
) -> None:
    """Append lines durably; the rest of a line that a power cut or a full disk cut is removed.

    Parameters
    ----------
    path : pathlib.Path
        The log, which is created if it does not exist. It must have one writer at a time.
    lines : sequence of bytes
        The lines, each with its line break.
    account : Account or None
        Owner of the file; None for the current user.
    header : bytes, optional
        First line of a new log.

    Raises
    ------
    OSError
        If the disk is full or not writable. Some of the lines may be in the log then.
    """
    is_new = not path.exists()
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o640), "r+b") as stream:
        if is_new and account is not None:
            account.chown(path)
        end = _end_of_lines(stream)
        stream.seek(end)
        stream.truncate()
        stream.writelines(lines if end else [header, *lines])
        stream.flush()
        os.fsync(stream.fileno())
    if is_new:
        sync([path.parent])


def complete_lines(path: Path, start: int = 0) -> Iterator[bytes]:
    """Yield the lines of a log with their line breaks; a last one that is being written has none.

    Parameters
    ----------
    path : pathlib.Path
        The log; without a file there are no lines.
    start : int, optional
        Where to begin, in bytes; negative numbers count from the end of the file.
    """
    try:
        stream = open_regular(path)
    except FileNotFoundError:
        return
    with stream:
        if start:
            stream.seek(start if start > 0 else max(0, stream.seek(0, os.SEEK_END) + start))
        for line in stream:
            if not line.endswith(b"\n"):
                return  # it is being written, or its writer was killed
            yield line


def _end_of_lines(stream: BinaryIO) -> int:
    """Return where the last complete line ends."""
    begin = stream.seek(0, os.SEEK_END)
    while begin > 0:
        begin, end = max(0, begin - _BLOCK), begin
        stream.seek(begin)
        place = stream.read(end - begin).rfind(b"\n")
        if place >= 0:
            return begin + place + 1
    return 0
