"""The one path of all live messages: archive, log of receptions, rows, notification.

Each step is durable before the next one begins, and a batch that was interrupted anywhere can be
given again: the archive knows its packets, the table its receptions. So a source may confirm a
batch as soon as :meth:`Intake.take` returns, and must not before.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import psycopg2

from ingest.alerts import pipeline
from ingest.alerts.archive import (
    Archive,
    ArchiveError,
    Packet,
    Reception,
    Receptions,
    Silences,
    printable,
)
from ingest.alerts.conversion import verdict
from ingest.alerts.live.follower import connect
from ingest.alerts.live.source import Batch, Health, Message, Pause
from ingest.alerts.tables import Store
from ingest.core.errors import IngestError, in_one_line
from ingest.core.moments import isoformat
from ingest.instance import Layout

TIMEOUT = 10.0
"""Time limit per packet in s: other packets are waiting behind it."""

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class Stopped(Exception):
    """The listener is stopped; the batch was not confirmed."""


class Intake:
    """Takes batches of messages from any number of threads, one batch at a time.

    Parameters
    ----------
    layout, archive : Layout, Archive
        The instance and its archive.
    processed : int
        All packets up to this number have been processed.
    stop : threading.Event
        Ends waiting for the disk or the database.
    """

    def __init__(
        self, layout: Layout, archive: Archive, processed: int, stop: threading.Event
    ) -> None:
        self._layout = layout
        self._archive = archive
        self._stop = stop
        self._log = Receptions(archive)
        self._silences = Silences(archive)
        self._pool = self._new_pool()
        self._lock = threading.Lock()
        self._connections = contextlib.ExitStack()
        self._store: Store | None = None
        self._processed = processed

    def __enter__(self) -> Intake:
        self._pool.__enter__()
        self._warm_up()
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.__exit__(None, None, None)
        self._connections.close()

    def interrupt(self) -> None:
        """Make :meth:`take` return soon; called from another thread."""
        self._stop.set()
        self._pool.stop()

    def take(self, batch: Batch, health: Health, name: str) -> None:
        """Archive messages and make rows of them; try again until both have succeeded.

        Parameters
        ----------
        batch : Batch
            The messages.
        health : Health
            Of the source; shows what the batch waits for.
        name : str
            Name of the source.

        Raises
        ------
        Stopped
            If the listener is stopped meanwhile.
        ArchiveError
            If the archive is damaged.
        """
        with self._lock:
            received = [_reception(message, name) for message in batch.messages]
            new = self._insist(lambda: self._keep(batch, received), health, name)
            report = self._insist(lambda: self._make_rows(batch, received), health, name)
            self._processed = report.last
        health.messages += len(batch.messages)
        health.bytes += sum(len(message.content) for message in batch.messages)
        health.new += new
        health.quarantined += report.quarantined

    def _warm_up(self) -> None:
        """Parse the newest packet, so that its successor need not wait for code to be loaded."""
        newest = self._archive.entry(len(self._archive))
        if newest is not None and not self._archive.is_quarantined(newest):
            _verdict(self._archive.read(newest))
            for _ in self._pool.make_rows([[newest]]):
                pass

    def _keep(self, batch: Batch, receptions: Sequence[Reception]) -> int:
        """Archive the bytes and where they came from; return how many are new."""
        packets = [
            Packet(message.content, _label(one), message.received)
            for message, one in zip(batch.messages, receptions, strict=True)
        ]
        added = self._archive.add(packets)
        self._log.append(receptions)
        if batch.silences:
            self._silences.append(batch.silences)
        return sum(entry is not None for entry in added)

    def _make_rows(self, batch: Batch, received: Sequence[Reception]) -> pipeline.ProcessingReport:
        try:
            store = self._open_store()
            report = pipeline.process_received(
                self._archive, store, self._pool, received, self._processed
            )
            if batch.silences:
                pipeline.publish_silences(self._archive, store)
            return report
        except BlockingIOError:
            raise
        except Exception:
            # The connection may be broken, and a worker may still be at the rest of the batch.
            self._store = None
            self._connections.close()
            self._pool.__exit__(None, None, None)
            self._pool = self._new_pool()
            raise

    def _insist(self, step: Callable[[], Result], health: Health, name: str) -> Result:
        """Return the result of a step, which is repeated while what prevents it may pass."""
        pause, is_late = Pause(self._stop), False
        while not self._stop.is_set():
            try:
                result = step()
            except ArchiveError:
                raise
            except (OSError, psycopg2.Error, IngestError) as error:
                health.state, is_late = "waiting", True
                if health.fails(_waits_for(error)):
                    logger.warning("%s: %s", name, health.problem)
                pause.wait()
            else:
                if is_late:
                    logger.info("%s: works again", name)
                    health.works()
                return result
        raise Stopped

    def _open_store(self) -> Store:
        """Return the tables, by a new connection if there is none."""
        if self._store is None:
            self._store = connect(self._layout, self._connections)
        return self._store

    def _new_pool(self) -> pipeline.WorkerPool:
        return pipeline.WorkerPool(self._archive, count=1, timeout=TIMEOUT)


def _reception(message: Message, name: str) -> Reception:
    return Reception(
        sha256=hashlib.sha256(message.content).hexdigest(),
        received=isoformat(message.received),
        source=name,
        broker=printable(message.broker),
        topic=printable(message.topic),
        partition=message.partition,
        offset=message.offset,
        produced=None if message.produced is None else isoformat(message.produced),
        schema=printable(_verdict(message.content)),
    )


def _verdict(content: bytes) -> str:
    """Return what the schema says; whatever happens here is no reason to drop a packet."""
    try:
        return verdict(content)
    except Exception as error:
        return f"none: the validation failed ({type(error).__name__})"


def _label(reception: Reception) -> str:
    """Return what the index of the archive says about the origin of a packet."""
    if reception.partition is None:
        return f"{reception.source}:{reception.topic}"
    return f"{reception.source}:{reception.topic}/{reception.partition}/{reception.offset}"


def _waits_for(error: Exception) -> str:
    if isinstance(error, BlockingIOError):
        return "another command is filling the tables; waiting for it to finish"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; offsets are not committed until there is space"
    return in_one_line(error)
