"""From packet sources to the alert archive."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

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
