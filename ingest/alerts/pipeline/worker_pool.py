"""Worker processes that make rows of packets, one per core.

A worker may crash, hang or run out of memory at any packet. Such a packet is refused, and no other
packet is lost. docs/decisions/012-worker-pool.md compares this pool with a library.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection
from os import sched_getaffinity
from types import TracebackType
from typing import Final, Self

from ingest.alerts.archive import MAX_PARSED_BYTES, Archive, Entry
from ingest.alerts.notices import parse_packet
from ingest.alerts.pipeline.processes import MAX_MEMORY, start_server
from ingest.alerts.pipeline.steps import ChunkResult, Parser, Refusal
from ingest.alerts.pipeline.worker import Job, Worker
from ingest.core import privileges
from ingest.core.errors import IngestError

TIMEOUT: Final = 60.0
"""Time limit per packet, in s."""
_POLL: Final = 0.2
"""Time between two checks of the limit, in s."""
_MAX_CRASHES: Final = 5
"""Maximum number of crashes during one chunk before any of its packets is begun."""


@dataclass
class _Task:
    """A chunk of packets until it has a result."""

    position: int
    """Position of the chunk in the sequence of chunks."""
    entries: list[Entry]
    one_by_one: bool = False
    suspects: set[int] = field(default_factory=set)
    """Packets during which a worker crashed once; it may have been killed for another reason."""
    refused: dict[int, Refusal] = field(default_factory=dict)
    crashes: int = 0

    def blame(self, number: int, refusal: Refusal, certain: bool) -> None:
        """Record that a worker died during a packet, or during the whole chunk if `number` is 0.

        A packet is refused at once if it is `certain` to be the cause, and otherwise when this
        happens for the second time.
        """
        self.one_by_one = True
        self.crashes += number == 0
        if self.crashes > _MAX_CRASHES:
            raise IngestError(
                "the worker processes crash before they parse a packet",
                value=refusal.problem,
                remedy="check that there is enough memory and run the command again; rows that"
                " were added remain",
            )
        if number and (certain or number in self.suspects):
            self.refused[number] = refusal
        self.suspects.add(number)

    @property
    def remaining(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.number not in self.refused]


class WorkerPool:
    """A number of worker processes, which are started when they are first needed.

    Parameters
    ----------
    archive : Archive
        Contains the packets.
    max_parsed_bytes : int, optional
        Larger packets are refused.
    parse : Parser, optional
        Parses the bytes of a packet; a function of a module, as workers import it.
    count : int, optional
        Number of processes. Default: one per available core.
    timeout : float, optional
        Time in s after which a packet is refused.
    max_memory : int, optional
        Number of bytes that each process may allocate; packets that need more are refused.
    """

    def __init__(
        self,
        archive: Archive,
        max_parsed_bytes: int = MAX_PARSED_BYTES,
        parse: Parser = parse_packet,
        count: int | None = None,
        timeout: float = TIMEOUT,
        max_memory: int = MAX_MEMORY,
    ) -> None:
        is_private = not privileges.code_is_readable()
        self._job = Job(
            archive.root, archive.account, parse, max_parsed_bytes, max_memory, is_private
        )
        self._count = count or len(sched_getaffinity(0))
        self._timeout = timeout
        self._workers: list[Worker] = []
        self._tasks: dict[Worker, _Task] = {}
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        start_server()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    def stop(self) -> None:
        """Make :meth:`make_rows` return soon; it may be called from another thread."""
        self._stopped.set()

    @property
    def process_ids(self) -> list[int]:
        """The ids of the worker processes."""
        return [worker.process_id for worker in self._workers]

    def make_rows(self, chunks: Iterable[Sequence[Entry]]) -> Iterator[ChunkResult]:
        """Yield the results for chunks of packets, in the order of the chunks.

        At most two chunks per worker are in progress, or completed but not consumed yet.

        Raises
        ------
        IngestError
            If workers crash repeatedly before they parse a packet.
        """
        schedule = _Schedule(chunks, 2 * self._count)
        while not (self._stopped.is_set() or schedule.finished):
            while self._has_capacity and (task := schedule.next_task()) is not None:
                worker = self._idle_worker()
                if worker.send(task.remaining, task.one_by_one):
                    self._tasks[worker] = task
                else:
                    schedule.repeat(task)
            if (result := schedule.next_result()) is not None:
                yield result
                continue
            for task, found in self._ended_tasks():
                if found is None:
                    schedule.repeat(task)
                else:
                    schedule.complete(task, found)

    @property
    def _has_capacity(self) -> bool:
        """Whether a worker is idle or can be started."""
        self._workers = [worker for worker in self._workers if worker.is_connected]
        return len(self._tasks) < self._count

    def _idle_worker(self) -> Worker:
        """Return a worker without a task, which may be a new one."""
        for worker in self._workers:
            if worker not in self._tasks:
                return worker
        self._workers.append(Worker(self._job))
        return self._workers[-1]

    def _ended_tasks(self) -> list[tuple[_Task, ChunkResult | None]]:
        """Wait briefly; return the tasks that ended, with None if their worker did not survive."""
        ready = connection.wait([worker.connection for worker in self._tasks], _POLL)
        ended: list[tuple[_Task, ChunkResult | None]] = []
        for worker, task in list(self._tasks.items()):
            result = None
            if worker.connection in ready:
                result = worker.receive()
                if result is None:
                    problem = f"its worker process {worker.stop()}"
                    refusal = Refusal(problem, f"{problem}, twice")
                    task.blame(worker.packet_number, refusal, certain=False)
            elif worker.seconds > self._timeout:
                worker.stop()
                problem = f"it takes longer than {self._timeout:g} s"
                task.blame(worker.packet_number, Refusal(problem, problem), certain=True)
            else:
                continue
            del self._tasks[worker]
            ended.append((task, result))
        return ended


class _Schedule:
    """Which chunks are assigned next, and the results that were not consumed yet."""

    def __init__(self, chunks: Iterable[Sequence[Entry]], max_pending: int) -> None:
        self._chunks = iter(chunks)
        self._max_pending = max_pending
        self._repeated: deque[_Task] = deque()
        self._results: dict[int, ChunkResult] = {}
        self._assigned = self._consumed = 0
        self._exhausted = False

    @property
    def finished(self) -> bool:
        """Whether the results of all chunks were consumed."""
        return self._exhausted and self._consumed == self._assigned

    def next_task(self) -> _Task | None:
        """Return the next chunk to be assigned; None if none is left or too many are pending."""
        if self._repeated:
            return self._repeated.popleft()
        if self._exhausted or self._assigned - self._consumed >= self._max_pending:
            return None
        entries = next(self._chunks, None)
        if entries is None:
            self._exhausted = True
            return None
        self._assigned += 1
        return _Task(self._assigned - 1, list(entries))

    def repeat(self, task: _Task) -> None:
        """Assign the remaining packets of a chunk again."""
        if task.remaining:
            self._repeated.append(task)
        else:
            self.complete(task, ChunkResult([]))

    def complete(self, task: _Task, result: ChunkResult) -> None:
        """Record the result for the remaining packets of a chunk."""
        refused = {**task.refused, **result.refused}
        self._results[task.position] = ChunkResult(task.entries, result.rows, refused)

    def next_result(self) -> ChunkResult | None:
        """Return the next result in the order of the chunks; None if it is not there yet."""
        result = self._results.pop(self._consumed, None)
        self._consumed += result is not None
        return result
