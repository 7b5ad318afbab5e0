"""A watched directory as a source: each file that is renamed into it is a packet."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ingest.alerts.live.configuration import Directory
from ingest.alerts.live.source import BATCH_BYTES, BATCH_MESSAGES, Batch, Health, Message, now
from ingest.core.files import NotRegularError, open_regular, sync_directory

_DONE: Final = "done"
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
        self._refused: set[str] = set()

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
        """Move the files of a batch to ``done/``."""
        done = self._path / _DONE
        try:
            done.mkdir(exist_ok=True)
            for name in batch.position:
                (self._path / name).rename(_unused(done / name))
            sync_directory(done)
        except OSError as error:  # they stay in their place, but are not taken again
            self._refused.update(batch.position)
            self.health.errors += 1
            logger.warning("%s: files cannot be moved to %s: %s", self.name, done, error.strerror)

    def close(self) -> None:
        """Do nothing: a directory needs no farewell."""

    def _look(self) -> Batch | None:
        names = sorted(
            one.name
            for one in os.scandir(self._path)
            if not one.name.startswith(".") and one.is_file(follow_symlinks=False)
        )
        self._refused &= set(names)
        messages: list[Message] = []
        taken: list[str] = []
        size = 0
        for name in names:
            if name in self._refused:
                continue
            if len(taken) >= BATCH_MESSAGES or size >= BATCH_BYTES:
                break
            message = self._read(self._path / name)
            if message is not None:
                size += len(message.content)
                messages.append(message)
                taken.append(name)
        return Batch(messages, taken) if messages else None

    def _read(self, path: Path) -> Message | None:
        """Return a file as a message; None if it cannot be a packet."""
        try:
            with open_regular(path) as stream:
                content = stream.read(_LARGEST + 1)
                written = datetime.fromtimestamp(os.fstat(stream.fileno()).st_mtime, UTC)
        except FileNotFoundError:
            return None
        except (NotRegularError, PermissionError, ValueError, OverflowError) as error:
            self._refuse(path, str(error))
            return None
        if not content or len(content) > _LARGEST:
            self._refuse(path, "empty" if not content else f"larger than {_LARGEST} bytes")
            return None
        return Message(content, now(), "directory", path.name, produced=written)

    def _refuse(self, path: Path, reason: str) -> None:
        self._refused.add(path.name)
        self.health.errors += 1
        logger.warning("%s: %r is left in its place: %s", self.name, path.name, reason)


def _unused(path: Path) -> Path:
    """Return the path, with a time added if there is a file: a later packet of the same name."""
    return path.with_name(f"{path.name}.{now():%Y%m%dT%H%M%S.%f}") if path.exists() else path
