"""From the raw archive to the tables: every packet ends as rows, or in quarantine with a reason.

It can be interrupted at any time, and goes on where it stopped. The tables say themselves how
far they are: rows are added in the order of the packets' numbers, a batch in one transaction,
and what is refused is in quarantine before.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from ingest.alerts.archive import Archive, Entry
from ingest.alerts.pipeline.reading import Reading, Refusal
from ingest.alerts.pipeline.worker_pool import Workers
from ingest.core.prefetch import ahead

CHUNK: Final = 500
"""packets in one transaction, at most."""
_CHUNK_SIZE: Final = 16 << 20
"""bytes of them, unless it is one packet."""
_MOST_PROBLEMS: Final = 100

Watch = Callable[[int], None]


class Store(Protocol):
    """The tables, as far as they matter here."""

    def processed(self) -> int:
        """Return the highest number of a packet that has rows, 0 if there is none."""

    def missing(self, numbers: Sequence[int]) -> list[int]:
        """Return those of `numbers` that have no rows."""

    def add(self, batch: Sequence[Any]) -> list[tuple[int, str]]:
        """Add the rows of packets in one transaction; return whom the database refuses, and why."""


@dataclass
class Outcome:
    """What became of packets.

    Attributes
    ----------
    done : int
        How many were read.
    with_rows : int
        How many have rows now.
    problems : collections.Counter
        The others, by what is wrong with them.
    seconds : float
        How long it took.
    """

    done: int = 0
    with_rows: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    seconds: float = field(default=0.0, compare=False)

    @property
    def quarantined(self) -> int:
        """How many went to quarantine."""
        return self.problems.total()

    def refuse(self, problem: str) -> None:
        """Count a packet that went to quarantine."""
        known = problem in self.problems or len(self.problems) < _MOST_PROBLEMS
        self.problems[problem if known else "other problems"] += 1


def process(
    archive: Archive,
    store: Store,
    workers: Workers,
    watch: Watch | None = None,
    everything: bool = False,
) -> Outcome:
    """Make rows of all packets that have none and are not in quarantine.

    Parameters
    ----------
    archive : Archive
        The packets.
    store : Store
        The tables.
    workers : Workers
        Processes that read packets of this archive.
    watch : callable, optional
        Is told how many packets are done.
    everything : bool, optional
        Read all packets, for an empty store, also those in quarantine.

    Raises
    ------
    IngestError
        If the database or the processes fail. What was done stays; the same again goes on.
    """
    archive.settle()
    if not len(archive):
        return Outcome()
    with archive.locked("process"):
        entries = archive.entries() if everything else _waiting(archive, store)
        return _run(entries, archive, store, workers, watch, everything)


def retry(archive: Archive, store: Store, workers: Workers, watch: Watch | None = None) -> Outcome:
    """Read the packets in quarantine again; those that are understood now leave it.

    Those that wait are read, too: :func:`process` takes what lies before a packet with rows for
    done, and the tables may be empty after an upgrade. Parameters and errors are those of
    :func:`process`.
    """
    archive.settle()
    if not len(archive):
        return Outcome()
    with archive.locked("process"):
        entries = [one.entry for one in archive.quarantined()]
        missing = set(store.missing([entry.number for entry in entries]))
        for entry in entries:
            if entry.number not in missing:  # a power cut came between its rows and its release
                archive.release(entry)
        again = (entry for entry in entries if entry.number in missing)
        both = heapq.merge(again, _waiting(archive, store), key=lambda entry: entry.number)
        return _run(both, archive, store, workers, watch, True)


def _waiting(archive: Archive, store: Store) -> Iterator[Entry]:
    """Return the packets without rows that are not in quarantine."""
    last = store.processed()
    # Of the last transaction some may have been refused by the database just before a power cut.
    recent = range(max(1, last - CHUNK + 1), last + 1)
    missing = set(store.missing(recent))
    return (
        entry
        for entry in archive.entries(after=recent.start - 1)
        if (entry.number > last or entry.number in missing) and not archive.is_quarantined(entry)
    )


def _chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield lists of entries whose numbers lie less than :data:`CHUNK` apart."""
    chunk: list[Entry] = []
    size = 0
    for entry in entries:
        if chunk and (entry.number - chunk[0].number >= CHUNK or size + entry.size > _CHUNK_SIZE):
            yield chunk
            chunk, size = [], 0
        chunk.append(entry)
        size += entry.size
    if chunk:
        yield chunk


def _run(
    entries: Iterable[Entry],
    archive: Archive,
    store: Store,
    workers: Workers,
    watch: Watch | None,
    release: bool,
) -> Outcome:
    begin = time.monotonic()
    outcome = Outcome()
    readings = ahead(workers.read(_chunks(entries)))
    try:
        for reading in readings:
            _keep(reading, archive, store, outcome, release)
            if watch is not None:
                watch(outcome.done)
    except BaseException:
        workers.stop()  # the other thread would wait for packets
        raise
    outcome.seconds = time.monotonic() - begin
    return outcome


def _keep(
    reading: Reading, archive: Archive, store: Store, outcome: Outcome, release: bool
) -> None:
    """Bring what became of some packets to the disk."""
    by_number = {entry.number: entry for entry in reading.entries}
    _refuse(reading.refused, by_number, archive, outcome)
    told = store.add(reading.rows) if reading.rows else []
    by_database = {
        number: Refusal("the database refuses its rows", reason) for number, reason in told
    }
    _refuse(by_database, by_number, archive, outcome)
    if release:
        for number in by_number.keys() - reading.refused.keys() - by_database.keys():
            archive.release(by_number[number])
    outcome.done += len(reading.entries)
    outcome.with_rows += len(reading.rows) - len(told)


def _refuse(
    refused: dict[int, Refusal], entries: dict[int, Entry], archive: Archive, outcome: Outcome
) -> None:
    archive.quarantine_all([(entries[number], one.reason) for number, one in refused.items()])
    for one in refused.values():
        outcome.refuse(one.problem)
