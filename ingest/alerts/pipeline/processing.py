"""From the alert archive to the tables: every packet gets rows, or is quarantined with a reason.

Processing can be interrupted at any time, and continues where it stopped. The tables themselves
record the progress: rows are added in order of the packets' numbers, one chunk per transaction,
and packets of the chunk that are refused are put into quarantine before.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Final

from ingest.alerts.archive import Archive, Entry
from ingest.alerts.pipeline.steps import ChunkResult, Refusal
from ingest.alerts.pipeline.worker_pool import WorkerPool
from ingest.alerts.tables import Store
from ingest.core.prefetch import prefetch
from ingest.core.progress import ProgressCallback

CHUNK: Final = 500
"""Maximum number of packets in one transaction."""
_CHUNK_BYTES: Final = 16 << 20
"""Maximum size of these packets; a larger packet is a chunk of its own."""
_MAX_PROBLEMS: Final = 100


@dataclass
class ProcessingReport:
    """What became of packets.

    Attributes
    ----------
    processed : int
        Number of packets that were processed.
    with_rows : int
        Number of those that have rows now.
    problems : collections.Counter
        Numbers of the others, by what is wrong with them.
    seconds : float
        Duration in s.
    """

    processed: int = 0
    with_rows: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    seconds: float = field(default=0.0, compare=False)

    @property
    def quarantined(self) -> int:
        """Number of packets that were put into quarantine."""
        return self.problems.total()

    def count_problem(self, problem: str) -> None:
        """Count a packet that was put into quarantine."""
        known = problem in self.problems or len(self.problems) < _MAX_PROBLEMS
        self.problems[problem if known else "other problems"] += 1


def process_new(
    archive: Archive, store: Store, pool: WorkerPool, on_progress: ProgressCallback | None = None
) -> ProcessingReport:
    """Make rows of all packets that have none and are not in quarantine.

    Parameters
    ----------
    archive : Archive
        The packets.
    store : Store
        The tables.
    pool : WorkerPool
        Worker processes for this archive.
    on_progress : ProgressCallback, optional
        Called with the number of packets processed so far.

    Raises
    ------
    IngestError
        If the database or the worker processes fail. Rows that were added remain, and the next
        call continues from there.
    """
    with _exclusive(archive):
        return _process(_waiting(archive, store), archive, store, pool, on_progress)


def process_quarantined(
    archive: Archive, store: Store, pool: WorkerPool, on_progress: ProgressCallback | None = None
) -> ProcessingReport:
    """Process the packets in quarantine again; those that get rows now are released.

    New packets are processed, too: :func:`process_new` assumes that all packets before one with
    rows are done, while the tables may be empty after an upgrade. Parameters and errors are
    those of :func:`process_new`.
    """
    with _exclusive(archive):
        entries = [packet.entry for packet in archive.quarantined()]
        missing = set(store.missing([entry.number for entry in entries]))
        for entry in entries:
            if entry.number not in missing:  # interrupted between adding its rows and its release
                archive.release(entry)
        refused = (entry for entry in entries if entry.number in missing)
        both = heapq.merge(refused, _waiting(archive, store), key=lambda entry: entry.number)
        return _process(both, archive, store, pool, on_progress, release=True)


def process_all(
    archive: Archive, store: Store, pool: WorkerPool, on_progress: ProgressCallback | None = None
) -> ProcessingReport:
    """Process all packets, including those in quarantine, for a store that is empty.

    Parameters and errors are those of :func:`process_new`.
    """
    with _exclusive(archive):
        return _process(archive.entries(), archive, store, pool, on_progress, release=True)


@contextmanager
def _exclusive(archive: Archive) -> Iterator[None]:
    """Exclude other processes that fill tables; an archive that does not exist is not created."""
    archive.recover()
    with archive.locked("process") if len(archive) else nullcontext():
        yield


def _waiting(archive: Archive, store: Store) -> Iterator[Entry]:
    """Return the packets without rows that are not in quarantine."""
    last = store.processed()
    # The database may have refused rows of the last transaction just before a power cut, so that
    # their packets are not in quarantine yet.
    recent = range(max(1, last - CHUNK + 1), last + 1)
    missing = set(store.missing(recent))
    return (
        entry
        for entry in archive.entries(after=recent.start - 1)
        if (entry.number > last or entry.number in missing) and not archive.is_quarantined(entry)
    )


def _chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield lists of entries whose numbers differ by less than :data:`CHUNK`."""
    chunk: list[Entry] = []
    size = 0
    for entry in entries:
        if chunk and (entry.number - chunk[0].number >= CHUNK or size + entry.size > _CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(entry)
        size += entry.size
    if chunk:
        yield chunk


def _process(
    entries: Iterable[Entry],
    archive: Archive,
    store: Store,
    pool: WorkerPool,
    on_progress: ProgressCallback | None,
    release: bool = False,
) -> ProcessingReport:
    """Make rows of packets; with `release`, remove those that get rows from quarantine."""
    begin = time.monotonic()
    report = ProcessingReport()
    results = prefetch(pool.make_rows(_chunks(entries)))
    try:
        for result in results:
            done = _store_rows(result, archive, store, report)
            if release:
                for entry in done:
                    archive.release(entry)
            if on_progress is not None:
                on_progress(report.processed)
    except BaseException:
        pool.stop()  # otherwise the other thread would wait for the workers
        raise
    report.seconds = time.monotonic() - begin
    return report


def _store_rows(
    result: ChunkResult, archive: Archive, store: Store, report: ProcessingReport
) -> list[Entry]:
    """Quarantine the refused packets, add the rows of the others, and return the latter."""
    entries = {entry.number: entry for entry in result.entries}
    _quarantine(result.refused, entries, archive, report)
    by_database = {
        number: Refusal("the database refuses its rows", reason)
        for number, reason in (store.add(result.rows) if result.rows else [])
    }
    _quarantine(by_database, entries, archive, report)
    report.processed += len(entries)
    report.with_rows += len(result.rows) - len(by_database)
    return [entries[n] for n in entries.keys() - result.refused.keys() - by_database.keys()]


def _quarantine(
    refused: dict[int, Refusal],
    entries: dict[int, Entry],
    archive: Archive,
    report: ProcessingReport,
) -> None:
    archive.quarantine([(entries[number], one.reason) for number, one in refused.items()])
    for one in refused.values():
        report.count_problem(one.problem)
