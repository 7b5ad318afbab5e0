"""A watched directory as a source: each file that is renamed into it is a packet."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ingest.alerts.live.configuration import Directory
from ingest.alerts.live.source import BATCH_BYTES, BATCH_MESSAGES, Batch, Health, Message
from ingest.core.files import NotRegularError, open_regular, sync_directory
from ingest.core.moments import now

_DONE: Final = "done"
_File = tuple[str, int, int]
"""Name, number and time of modification: a file of the same name is another one."""
_LARGEST: Final = 64 << 20
"""Number of bytes of the largest file that is taken; it is left in its place otherwise."""

logger = logging.getLogger(__name__)


class DirectorySource:
    """The files of a directory, in order of their names.

    A file is a packet; it moves to ``done/`` when it is committed. Links, devices and names that
    start with a dot are left alone.

    Parameters
    ----------
    settings : Directory
        Its table in ``live.toml``.
    """

    def __init__(self, settings: Directory) -> None:
        self.name = settings.name
        self.health = Health()
        self._path = settings.path
        self._interval = settings.interval
        self._refused: set[_File] = set()

    def batches(self, stop: threading.Event) -> Iterator[Batch]:
        """Yield the files that are there, and then those that come."""
        while not stop.is_set():
            try:
                batch = self._look()
            except OSError as error:
                batch = None
                if self.health.fails(f"{error.strerror}: {error.filename or self._path}"):
                    logger.warning("%s: %s", self.name, self.health.problem)
            else:
                self.health.works()
            if batch is None:
                stop.wait(self._interval)
            else:
                yield batch

    def commit(self, batch: Batch) -> None:
        """Move the files of a batch to ``done/``, but not what has taken their places since."""
        done = self._path / _DONE
        try:
            done.mkdir(exist_ok=True)
            for file in batch.position:
                path = self._path / file[0]
                with contextlib.suppress(FileNotFoundError):
                    if _file(path.name, path.lstat()) == file:
                        path.rename(_unused(done / path.name))
            sync_directory(done)
        except OSError as error:  # they stay in their place, but are not taken again
            self._refused.update(batch.position)
            self.health.errors += 1
            logger.warning("%s: files cannot be moved to %s: %s", self.name, done, error.strerror)

    def close(self) -> None:
        """Do nothing: a directory need not be left."""

    def _look(self) -> Batch | None:
        files = sorted(self._files())
        self._refused &= set(files)
        messages: list[Message] = []
        taken: list[_File] = []
        size = 0
        for file in files:
            if file in self._refused:
                continue
            if len(taken) >= BATCH_MESSAGES or size >= BATCH_BYTES:
                break
            message = self._read(file)
            if message is not None:
                size += len(message.content)
                messages.append(message)
                taken.append(file)
        return Batch(messages, taken) if messages else None

    def _files(self) -> Iterator[_File]:
        """Yield the files that may be packets."""
        with os.scandir(self._path) as entries:
            for one in entries:
                with contextlib.suppress(FileNotFoundError):
                    if not one.name.startswith(".") and one.is_file(follow_symlinks=False):
                        yield _file(one.name, one.stat(follow_symlinks=False))

    def _read(self, file: _File) -> Message | None:
        """Return a file as a message; None if it cannot be a packet, or was replaced just now."""
        path = self._path / file[0]
        try:
            with open_regular(path) as stream:
                content = stream.read(_LARGEST + 1)
                status = os.fstat(stream.fileno())
            written = datetime.fromtimestamp(status.st_mtime, UTC)
        except FileNotFoundError:
            return None
        except (NotRegularError, PermissionError, ValueError, OverflowError) as error:
            self._refuse(file, str(error))
            return None
        if _file(path.name, status) != file:
            return None
        if not content or len(content) > _LARGEST:
            self._refuse(file, "empty" if not content else f"larger than {_LARGEST} bytes")
            return None
        # doubled: the name \N would be no name in the log of receptions
        topic = path.name.replace("\\", "\\\\")
        return Message(content, now(), "directory", topic, produced=written)

    def _refuse(self, file: _File, reason: str) -> None:
        self._refused.add(file)
        self.health.errors += 1
        logger.warning("%s: %r is left in its place: %s", self.name, file[0], reason)


def _file(name: str, status: os.stat_result) -> _File:
    return name, status.st_ino, status.st_mtime_ns


def _unused(path: Path) -> Path:
    """Return the path, with a time added if there is a file: a later packet of the same name."""
    return path.with_name(f"{path.name}.{now():%Y%m%dT%H%M%S.%f}") if path.exists() else path
