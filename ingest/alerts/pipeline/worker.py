"""A worker process that makes rows of packets, and the connection to it."""

from __future__ import annotations

import contextlib
import io
import pickle
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from ingest.alerts.archive import Archive, Entry
from ingest.alerts.notices import load_profiles
from ingest.alerts.pipeline import processes
from ingest.alerts.pipeline.steps import ChunkResult, Parser, Refusal, make_rows
from ingest.alerts.tables import CircularRows, GroupingKeys, PacketRows
from ingest.core import privileges
from ingest.instance import Account

_RESULT_CLASSES: Final = (ChunkResult, Refusal, Entry, PacketRows, CircularRows, GroupingKeys)


@dataclass(frozen=True)
class Job:
    """What a worker does; see :class:`ingest.alerts.pipeline.worker_pool.WorkerPool`."""

    root: Path
    account: Account | None
    parse: Parser
    max_parsed_bytes: int
    max_memory: int
    is_private: bool
    """Whether the account cannot read the code of this project."""


class Worker:
    """A worker process, with a connection of its own: if it is killed, no other is affected."""

    def __init__(self, job: Job) -> None:
        context = processes.context()
        self._current: Any = context.RawArray("d", 2)
        self.connection, theirs = context.Pipe()
        self._process = processes.start(_run, theirs, self._current, job)
        theirs.close()

    @property
    def is_connected(self) -> bool:
        """Whether the process was not stopped."""
        return not self.connection.closed

    @property
    def process_id(self) -> int:
        """The id of the process."""
        return self._process.pid or 0

    @property
    def packet_number(self) -> int:
        """The number of the packet in progress; 0 if a whole chunk is processed at once."""
        return int(self._current[0])

    @property
    def seconds(self) -> float:
        """Time in s since the packet was begun; 0 if none is in progress."""
        since = self._current[1]
        return time.monotonic() - since if since else 0.0

    def send(self, entries: list[Entry], one_by_one: bool) -> bool:
        """Send packets to be processed; return False if the process has ended."""
        self._current[0] = self._current[1] = 0.0
        try:
            self.connection.send((entries, one_by_one))
        except OSError:
            self.stop()
            return False
        return True

    def receive(self) -> ChunkResult | None:
        """Return the result for the packets that were sent; None if the process has ended."""
        try:
            return result_from(self.connection.recv_bytes())
        except (EOFError, OSError, pickle.UnpicklingError):
            return None

    def stop(self) -> str:
        """Stop the process; return how it ended."""
        self.connection.close()
        return processes.end(self._process)


class _ResultUnpickler(pickle.Unpickler):
    """Unpickles what a worker sends; a worker that was taken over cannot make it run code."""

    def find_class(self, module: str, name: str) -> Any:
        for allowed in _RESULT_CLASSES:
            if (module, name) == (allowed.__module__, allowed.__qualname__):
                return allowed
        raise pickle.UnpicklingError(f"a worker sent {module}.{name}")


def result_from(content: bytes) -> ChunkResult:
    """Return the result that a worker sent.

    Raises
    ------
    pickle.UnpicklingError
        If it contains anything else than plain data.
    """
    result: ChunkResult = _ResultUnpickler(io.BytesIO(content)).load()
    return result


def _run(connection: Connection, current: Any, job: Job) -> None:
    """Process chunks of packets until the connection is closed."""
    if job.is_private:
        _load_everything()
    if job.account is not None:
        privileges.give_up(job.account.uid, job.account.gid)
    processes.limit_process(job.max_memory)
    archive = Archive(job.root, job.account)

    def announce(number: int) -> None:
        current[0], current[1] = number, time.monotonic()

    with contextlib.suppress(EOFError, OSError):
        while True:
            entries, one_by_one = connection.recv()
            announce(0)
            result = ChunkResult([])
            for group in [[entry] for entry in entries] if one_by_one else [entries]:
                result.extend(make_rows(archive, group, job.parse, job.max_parsed_bytes, announce))
            announce(0)
            connection.send(result)


def _load_everything() -> None:
    """Load what is otherwise loaded when it is needed."""
    from ingest.alerts.skymaps import preview  # noqa: F401
    from ingest.core.skyplot import load_fonts

    load_profiles()
    load_fonts()
