"""Processes that read packets, one per core, of which any may die without losing a packet."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import resource
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection as connections
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ingest.alerts.archive import Archive, Entry
from ingest.alerts.pipeline.reading import Reading, Refusal, Steps, read
from ingest.core.errors import IngestError
from ingest.instance import Account

PATIENCE: Final = 60.0
"""s for one packet."""
MEMORY: Final = 4 << 30
"""bytes that a process may take; a packet that needs more is refused."""
_SAFE_PATH: Final = "PYTHONSAFEPATH"
_POLL: Final = 0.2
"""s between two looks at how long they take."""
_MOST_DEATHS: Final = 5
"""of processes over the same packets without a packet to blame."""


@dataclass
class _Task:
    """Some packets, until they are read."""

    place: int
    entries: list[Entry]
    singly: bool = False
    suspects: set[int] = field(default_factory=set)
    """Packets over which a process died once: it may have been killed for another reason."""
    refused: dict[int, Refusal] = field(default_factory=dict)
    deaths: int = 0

    def died(self, number: int, refusal: Refusal, at_once: bool) -> None:
        """Note that a process died over a packet, or over all if `number` is 0."""
        self.singly = True
        self.deaths += number == 0
        if self.deaths > _MOST_DEATHS:
            raise IngestError(
                "the processes that read packets do not live",
                value=refusal.problem,
                remedy="is there enough memory? run the command again; what was done stays",
            )
        if number and (at_once or number in self.suspects):
            self.refused[number] = refusal
        self.suspects.add(number)

    @property
    def left(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.number not in self.refused]


class Workers:
    """A number of worker processes, which start when they are first needed.

    Parameters
    ----------
    archive : Archive
        Where the packets are.
    steps : Steps
        What is done with each.
    count : int, optional
        How many processes; one per core that we may use, if None.
    patience : float, optional
        s after which a packet is given up.
    memory : int, optional
        bytes each process may take.
    """

    def __init__(
        self,
        archive: Archive,
        steps: Steps,
        count: int | None = None,
        patience: float = PATIENCE,
        memory: int = MEMORY,
    ) -> None:
        self._job = (archive.root, archive.account, steps, memory)
        self._count = count or len(os.sched_getaffinity(0))
        self._patience = patience
        self._workers: list[_Worker] = []
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def stop(self) -> None:
        """Let :meth:`read` end soon, from another thread."""
        self._stopped.set()

    @property
    def processes(self) -> list[int]:
        """The ids of the processes."""
        return [worker.pid for worker in self._workers]

    def read(self, chunks: Iterable[Sequence[Entry]]) -> Iterator[Reading]:
        """Yield what became of the packets of each chunk, in their order.

        At most two chunks per process are under way or wait to be taken.

        Raises
        ------
        IngestError
            If the processes die again and again.
        """
        plan = _Plan(chunks, 2 * self._count)
        while not (self._stopped.is_set() or plan.finished):
            while self._has_room and (task := plan.next()) is not None:
                if not self._idle().give(task):
                    plan.again(task)
            if (reading := plan.take()) is not None:
                yield reading
                continue
            for task, found in self._finished():
                if found is None:
                    plan.again(task)
                else:
                    plan.keep(task, found)

    @property
    def _has_room(self) -> bool:
        self._workers = [worker for worker in self._workers if worker.lives]
        return len(self._workers) < self._count or any(not one.task for one in self._workers)

    def _idle(self) -> _Worker:
        """Return a worker without a task; it may be a new one."""
        for worker in self._workers:
            if worker.task is None:
                return worker
        self._workers.append(_Worker(*self._job))
        return self._workers[-1]

    def _finished(self) -> list[tuple[_Task, Reading | None]]:
        """Wait a little; return the tasks that ended, without a reading if a process died."""
        busy = {worker.connection: worker for worker in self._workers if worker.task}
        ready = connections.wait(list(busy), _POLL)
        finished: list[tuple[_Task, Reading | None]] = []
        for line, worker in busy.items():
            task, reading = worker.task, None
            assert task is not None
            number, since = int(worker.now[0]), worker.now[1]
            if line in ready:
                reading = worker.receive()
                if reading is None:
                    told = f"the process that read it {worker.end()}"
                    task.died(number, Refusal(told, f"{told}, twice"), at_once=False)
            elif since and time.monotonic() - since > self._patience:
                worker.end()
                told = f"it takes longer than {self._patience:g} s to read"
                task.died(number, Refusal(told, told), at_once=True)
            else:
                continue
            worker.task = None
            finished.append((task, reading))
        return finished


class _Plan:
    """Which packets are to be read next, and what is read but not taken yet."""

    def __init__(self, chunks: Iterable[Sequence[Entry]], most: int) -> None:
        self._coming = iter(chunks)
        self._most = most
        self._again: deque[_Task] = deque()
        self._done: dict[int, Reading] = {}
        self._issued = self._taken = 0
        self._exhausted = False

    @property
    def finished(self) -> bool:
        return self._exhausted and self._taken == self._issued

    def next(self) -> _Task | None:
        if self._again:
            return self._again.popleft()
        if self._exhausted or self._issued - self._taken >= self._most:
            return None
        entries = next(self._coming, None)
        if entries is None:
            self._exhausted = True
            return None
        self._issued += 1
        return _Task(self._issued - 1, list(entries))

    def again(self, task: _Task) -> None:
        if task.left:
            self._again.append(task)
        else:
            self.keep(task, Reading([]))

    def keep(self, task: _Task, reading: Reading) -> None:
        refused = {**task.refused, **reading.refused}
        self._done[task.place] = Reading(task.entries, reading.rows, refused)

    def take(self) -> Reading | None:
        reading = self._done.pop(self._taken, None)
        self._taken += reading is not None
        return reading


class _Worker:
    """A process, and our end of the line to it."""

    def __init__(self, root: Path, account: Account | None, steps: Steps, memory: int) -> None:
        # Not by fork: we may have threads, and a connection to the database.
        context = multiprocessing.get_context("forkserver")
        modules = {step.__module__ for step in (steps.map_regions, steps.rows_of)}
        context.set_forkserver_preload([__name__, *sorted(modules)])
        self.task: _Task | None = None
        self.now: Any = context.RawArray("d", 2)
        """The number of the packet it works on, and since when."""
        self.connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self.now, root, account, steps, memory), daemon=True
        )
        # Control-C is for us alone; a blocked signal stays blocked in those that we start.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with _safe_path():
                self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    @property
    def lives(self) -> bool:
        return not self.connection.closed

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def give(self, task: _Task) -> bool:
        """Send a task; False if the process is gone."""
        self.now[0] = self.now[1] = 0.0
        try:
            self.connection.send((task.left, task.singly))
        except OSError:
            self.end()
            return False
        self.task = task
        return True

    def receive(self) -> Reading | None:
        try:
            reading: Reading = self.connection.recv()
        except (EOFError, OSError):
            return None
        return reading

    def end(self) -> str:
        """End the process; return how it ended."""
        self.connection.close()
        self._process.join(0.5)
        code = self._process.exitcode
        if code is None:
            self._process.kill()
            self._process.join()
        return f"was killed by signal {-code}" if code is not None and code < 0 else "ended"


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """Let Python start without looking for modules in the current directory.

    The server that processes are forked from would import a ``numpy.py`` that lies there.
    """
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


def _serve(
    line: Connection, now: Any, root: Path, account: Account | None, steps: Steps, memory: int
) -> None:
    """Read packets until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(
            resource.RLIMIT_DATA, (memory, resource.getrlimit(resource.RLIMIT_DATA)[1])
        )
    archive = Archive(root, account)
    # Packets become many small objects that live as long as their batch: looking through them
    # for cycles again and again takes a third of the time.
    gc.freeze()
    gc.set_threshold(200_000)

    def begin(number: int) -> None:
        now[0], now[1] = number, time.monotonic()

    with contextlib.suppress(EOFError, OSError):
        while True:
            entries, singly = line.recv()
            begin(0)
            line.send(read(archive, entries, steps, begin, singly))
