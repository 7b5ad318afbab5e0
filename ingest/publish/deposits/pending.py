"""Requests that may have had an effect although their answer was lost.

Some repositories find what was just created only when their index has caught up. After a lost
answer, also that of a command that was killed, we therefore wait before we search and create again.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from ingest.core.errors import InputError

INDEX_DELAY: Final = 30.0
"""How long, in s, we allow an index to lag behind."""


class Pending:
    """A file that says when a request was sent whose answer has not arrived.

    It is locked, so that only one command at a time deposits a release.

    Parameters
    ----------
    path : pathlib.Path
        The file; its directory is created if necessary.
    delay : float
        How long an index may lag behind, in s.
    """

    def __init__(self, path: Path, delay: float = INDEX_DELAY) -> None:
        self._path, self._delay = path, delay

    def __enter__(self) -> Pending:
        self._path.parent.mkdir(exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise InputError(
                "another command deposits this release", remedy="wait until it has finished"
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def wait(self) -> None:
        """Wait until what a lost request may have created can be found."""
        text = os.pread(self._file, 100, 0)
        if text:
            try:
                left = float(text) + self._delay - time.time()
            except ValueError:
                left = self._delay
            time.sleep(min(max(left, 0.0), self._delay))

    def begin(self) -> None:
        """Note that a request is about to be sent, or may have had an effect until now."""
        self._write(f"{time.time():.3f}".encode())

    def confirm(self) -> None:
        """Note that its answer arrived."""
        self._write(b"")

    def _write(self, content: bytes) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, content, 0)
        os.fsync(self._file)
