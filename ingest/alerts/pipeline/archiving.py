"""From packet sources to the alert archive."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ingest.alerts.archive import (
    MAX_PARSED_BYTES,
    Archive,
    Packet,
    SourceError,
    SourceReport,
    packets_in,
)
from ingest.core.progress import ProgressCallback

BATCH: Final = 2000
"""Maximum number of packets that become durable together; more do not make it faster."""
_BATCH_BYTES: Final = 32 << 20
"""Maximum size of these packets."""


@dataclass
class ArchivingReport:
    """What packet sources added to the archive.

    Attributes
    ----------
    sources : SourceReport
        What was found in the sources.
    new : int
        Number of packets that were not in the archive before.
    seconds : float
        Duration in s.
    """

    sources: SourceReport = field(default_factory=SourceReport)
    new: int = 0
    seconds: float = 0.0


def archive_packets(
    archive: Archive,
    paths: Sequence[Path],
    on_progress: ProgressCallback | None = None,
    max_parsed_bytes: int = MAX_PARSED_BYTES,
) -> ArchivingReport:
    """Archive the packets in files and directories.

    Parameters
    ----------
    archive : Archive
        The archive.
    paths : sequence of pathlib.Path
        As in :func:`ingest.alerts.archive.packets_in`.
    on_progress : ProgressCallback, optional
        Called with the number of packets found so far.
    max_parsed_bytes : int, optional
        Larger packets are not read into memory as a whole.
    """
    begin = time.monotonic()
    report = ArchivingReport()
    for batch in _batches(packets_in(paths, report.sources, max_parsed_bytes)):
        try:
            report.new += sum(entry is not None for entry in archive.add(batch))
        except SourceError:  # already among the problems of the sources
            report.sources.packets -= 1
        if on_progress is not None:
            on_progress(report.sources.packets)
    report.seconds = time.monotonic() - begin
    return report


class BackgroundArchiving:
    """Archives packets in a thread of its own, while those archived before are read.

    If the block fails, for instance because of the database, the packets are archived
    nevertheless; if it is interrupted, archiving ends with the present batch.

    Parameters
    ----------
    archive, paths, max_parsed_bytes
        As for :func:`archive_packets`.
    """

    def __init__(self, archive: Archive, paths: Sequence[Path], max_parsed_bytes: int) -> None:
        self._work = (archive, paths, self._on_batch, max_parsed_bytes)
        self._thread = threading.Thread(target=self._run, name="archiving")
        self._report: ArchivingReport | None = None
        self._error: Exception | None = None
        self._change = threading.Condition()
        self._batches = 0
        self._is_running = True
        self._is_stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        is_started = self._thread.ident is not None
        if kind is not None and not issubclass(kind, Exception):
            self._is_stopped = True
        elif not is_started:
            self.start()
            is_started = True
        if is_started:
            self._thread.join()

    def start(self) -> None:
        """Begin to archive."""
        self._thread.start()

    def batches(self) -> Iterator[None]:
        """Yield whenever more packets are in the archive, and at last when all are."""
        seen, is_running = 0, True
        while is_running:
            with self._change:
                while self._batches == seen and self._is_running:
                    self._change.wait()
                seen, is_running = self._batches, self._is_running
            yield

    def report(self) -> ArchivingReport:
        """Wait until all packets are archived, and return what was added.

        Raises
        ------
        ArchiveError, OSError
            As :meth:`.Archive.add` raises them.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._report is not None
        return self._report

    def _run(self) -> None:
        try:
            self._report = archive_packets(*self._work)
        except Exception as error:  # raised again in the thread that wants the report
            self._error = error
        finally:
            with self._change:
                self._is_running = False
                self._change.notify_all()

    def _on_batch(self, _found: int) -> None:
        if self._is_stopped:
            raise InterruptedError
        with self._change:
            self._batches += 1
            self._change.notify_all()


def _batches(packets: Iterator[Packet]) -> Iterator[list[Packet]]:
    """Yield packets in batches.

    A packet in blocks is a batch of its own, as it must be consumed before the next one is
    requested.
    """
    batch: list[Packet] = []
    size = 0
    for packet in packets:
        if not isinstance(packet.content, bytes):
            if batch:
                yield batch
            yield [packet]
            batch, size = [], 0
            continue
        batch.append(packet)
        size += len(packet.content)
        if len(batch) >= BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
