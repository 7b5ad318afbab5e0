"""From the alert archive to the tables: every packet gets rows, or is quarantined with a reason.

Processing can be interrupted at any time, and continues where it stopped. The tables themselves
record the progress: rows are added in order of the packets' numbers, one chunk per transaction,
and packets of the chunk that are refused are put into quarantine before.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Final

from ingest.alerts.archive import Archive, Entry, Reception, withheld_packets
from ingest.alerts.pipeline.steps import ChunkResult, Refusal
from ingest.alerts.pipeline.worker_pool import WorkerPool
from ingest.alerts.tables import HIDDEN_VERDICT, Store
from ingest.core.errors import IngestError
from ingest.core.prefetch import prefetch
from ingest.core.progress import ProgressCallback

CHUNK: Final = 500
"""Maximum number of packets in one transaction."""
_CHUNK_BYTES: Final = 16 << 20
"""Maximum size of these packets; a larger packet is a chunk of its own."""
_MAX_PROBLEMS: Final = 100
_PART: Final = 5000
"""Number of packets that are looked up together."""
_RECEPTIONS: Final = 5000
"""Number of receptions in one transaction."""


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
    last : int
        Number of the last packet, if it is known.
    """

    processed: int = 0
    with_rows: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    seconds: float = field(default=0.0, compare=False)
    last: int = field(default=0, compare=False)

    @property
    def quarantined(self) -> int:
        """Number of packets that were put into quarantine."""
        return self.problems.total()

    def count_problem(self, problem: str) -> None:
        """Count a packet that was put into quarantine."""
        known = problem in self.problems or len(self.problems) < _MAX_PROBLEMS
        self.problems[problem if known else "other problems"] += 1


def process_new(
    archive: Archive,
    store: Store,
    pool: WorkerPool,
    on_progress: ProgressCallback | None = None,
    arriving: Iterable[None] = (),
) -> ProcessingReport:
    """Make rows of all packets that have none, are not in quarantine and not withheld.

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
    arriving : iterable of None, optional
        Yields when more packets have been archived, to be processed, too.

    Raises
    ------
    IngestError
        If the database or the worker processes fail. Rows that were added remain, and the next
        call continues from there.
    """
    with exclusive(archive):
        waiting = _waiting(archive, store, arriving)
        return _process(waiting, archive, store, pool, on_progress)


def process_quarantined(
    archive: Archive, store: Store, pool: WorkerPool, on_progress: ProgressCallback | None = None
) -> ProcessingReport:
    """Process the packets in quarantine again; those that get rows now are released.

    New packets are processed, too: :func:`process_new` assumes that all packets before one with
    rows are done, while the tables may be empty after an upgrade. Parameters and errors are
    those of :func:`process_new`.
    """
    with exclusive(archive):
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
    """Process all packets, including those in quarantine but no withheld ones, for an empty store.

    The caller excludes other processes, see :func:`exclusive`, until the rows are committed.
    Parameters and errors are those of :func:`process_new`.
    """
    return _process(archive.entries(), archive, store, pool, on_progress, release=True)


def process_received(
    archive: Archive,
    store: Store,
    pool: WorkerPool,
    received: Sequence[Reception],
    after: int = 0,
) -> ProcessingReport:
    """Make rows of new packets and add receptions, in one transaction if the packets are few.

    Parameters
    ----------
    archive, store, pool : Archive, Store, WorkerPool
        As in :func:`process_new`.
    received : sequence of Reception
        Messages whose packets are archived.
    after : int, optional
        All packets up to this number have been processed.

    Returns
    -------
    ProcessingReport
        With the number of the last packet that was processed or had been.

    Raises
    ------
    BlockingIOError
        If another process is filling the tables.
    IngestError
        As in :func:`process_new`.
    """
    with archive.locked("process", wait=False):
        report = ProcessingReport(last=after)
        # more than one part only if another command has archived packets without processing them
        while len(part := list(islice(archive.entries(report.last), _PART))) == _PART:
            _process_part(part, archive, store, pool, report)
        _process_part(part, archive, store, pool, report, received)
        return report


def _process_part(
    entries: Sequence[Entry],
    archive: Archive,
    store: Store,
    pool: WorkerPool,
    report: ProcessingReport,
    received: Sequence[Reception] = (),
) -> None:
    """Make rows of those of some consecutive packets that have none, and add receptions."""
    missing = set(store.missing([entry.number for entry in entries])) if entries else set()
    if missing:
        missing -= {one.entry.number for one in withheld_packets(archive)}
    waiting = [
        entry for entry in entries if entry.number in missing and not archive.is_quarantined(entry)
    ]
    numbered = list(numbered_receptions(archive, store, received, entries))
    parts = list(chunks(waiting))
    done = 0
    for done, result in enumerate(pool.make_rows(parts), 1):
        store_rows(result, archive, store, report, numbered if done == len(parts) else ())
    if done < len(parts):
        raise IngestError("the processing of packets was stopped", remedy="start it again")
    if not parts:
        store.add([], numbered)
    if entries:
        report.last = entries[-1].number


def restore_receptions(
    archive: Archive, store: Store, log: Iterable[Reception], is_recent: bool = False
) -> None:
    """Add receptions from the log of the archive to the table, unless they are there.

    Those that are recent are stored for the first time; for others this time is not known.

    The caller excludes other processes, see :func:`exclusive`.
    """
    receptions = iter(log)
    while some := list(islice(receptions, _RECEPTIONS)):
        store.restore_receptions(list(numbered_receptions(archive, store, some)), is_recent)


def numbered_receptions(
    archive: Archive, store: Store, received: Sequence[Reception], entries: Iterable[Entry] = ()
) -> Iterator[tuple[int, Reception]]:
    """Yield receptions with the numbers of their packets, if these are in tables or quarantine.

    Those of packets that are withheld are yielded, too: they show that nothing was skipped. The
    verdict of the schema, which may quote the packet, is left out.

    Parameters
    ----------
    archive, store : Archive, Store
        Where packets are looked up.
    received : sequence of Reception
        The receptions.
    entries : iterable of Entry, optional
        Entries that are known already.
    """
    numbers = {entry.sha256: entry.number for entry in entries}
    unknown = {one.sha256 for one in received} - numbers.keys()
    withheld: dict[str, int] = {}
    if unknown:
        numbers |= store.numbers(sorted(unknown))
        withheld = {one.entry.sha256: one.entry.number for one in withheld_packets(archive)}
    for one in received:
        if one.sha256 in withheld:
            yield withheld[one.sha256], replace(one, schema=HIDDEN_VERDICT)
            continue
        number = numbers.get(one.sha256) or archive.quarantined_number(one.sha256)
        if number is not None:
            yield number, one


@contextmanager
def exclusive(archive: Archive) -> Iterator[None]:
    """Exclude other processes that fill tables; an archive that does not exist is not created."""
    archive.recover()
    with archive.locked("process") if len(archive) else nullcontext():
        yield


def _waiting(archive: Archive, store: Store, arriving: Iterable[None] = ()) -> Iterator[Entry]:
    """Return the packets without rows that are not in quarantine, and those that arrive."""
    last = store.processed()
    # The database may have refused rows of the last transaction just before a power cut, so that
    # their packets are not in quarantine yet.
    recent = range(max(1, last - CHUNK + 1), last + 1)
    missing = set(store.missing(recent))
    return (
        entry
        for entry in _entries(archive, recent.start - 1, arriving)
        if (entry.number > last or entry.number in missing) and not archive.is_quarantined(entry)
    )


def _entries(archive: Archive, after: int, arriving: Iterable[None]) -> Iterator[Entry]:
    """Yield entries with numbers above `after`, and further ones whenever `arriving` yields."""
    for _ in chain((None,), arriving):
        for entry in archive.entries(after):
            yield entry
            after = entry.number


def chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
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
    withheld = {one.entry.number for one in withheld_packets(archive)}
    shown = (entry for entry in entries if entry.number not in withheld)
    results = prefetch(pool.make_rows(chunks(shown)))
    try:
        for result in results:
            done = store_rows(result, archive, store, report)
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


def store_rows(
    result: ChunkResult,
    archive: Archive,
    store: Store,
    report: ProcessingReport,
    received: Sequence[tuple[int, Reception]] = (),
) -> list[Entry]:
    """Quarantine the refused packets, add the rows of the others, and return the latter."""
    entries = {entry.number: entry for entry in result.entries}
    _quarantine(result.refused, entries, archive, report)
    by_database = {
        number: Refusal("the database refuses its rows", reason)
        for number, reason in store.add(result.rows, received)
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
