"""A worker process that makes rows of packets, and the connection to it."""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import io
import multiprocessing
import os
import pickle
import resource
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import forkserver, util
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from ingest.alerts.archive import Archive, Entry
from ingest.alerts.notices import load_profiles
from ingest.alerts.pipeline.steps import ChunkResult, Parser, Refusal, make_rows
from ingest.alerts.tables import CircularRows, GroupingKeys, PacketRows
from ingest.core import privileges
from ingest.instance import Account

_SAFE_PATH: Final = "PYTHONSAFEPATH"
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
        context = multiprocessing.get_context("forkserver")
        self._current: Any = context.RawArray("d", 2)
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs, self._current, job), daemon=True)
        # Only the main process handles Ctrl-C; processes inherit the mask of blocked signals.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with privileges.caller():  # the socket of the server is the caller's
                self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
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
        self._process.join(0.5)
        code = self._process.exitcode
        if code is None:
            with contextlib.suppress(PermissionError):  # it has not given up its rights yet
                self._process.kill()
            self._process.join()
        return f"was killed by signal {-code}" if code is not None and code < 0 else "ended"


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


@functools.cache
def start_server() -> None:
    """Start the server process, from which workers are forked.

    They are not forked from this process, which may have threads and a connection to the
    database. If root called the command, the server has the rights of root, since this project's
    code may be in a private checkout, and its socket is in a directory that only root can enter.
    A worker gives up these rights before it reads the first packet.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "ingest.alerts.skymaps"])
    with privileges.caller_process(), _safe_path():
        folder = util.get_temp_dir()
        if os.stat(folder).st_uid != os.geteuid():
            raise PermissionError(f"{folder} belongs to another user")
        forkserver.ensure_running()
    atexit.register(_delete_as_caller, folder)


def _delete_as_caller(folder: str) -> None:
    """Delete the directory of the server's socket, which multiprocessing could not do."""
    with privileges.caller():
        shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder, 0o700)  # which multiprocessing then deletes


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """Let Python start without searching the current directory for modules.

    The server from which workers are forked would otherwise import a ``numpy.py`` there.
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


def _run(connection: Connection, current: Any, job: Job) -> None:
    """Process chunks of packets until the connection is closed."""
    if job.is_private:
        _load_everything()
    if job.account is not None:
        privileges.give_up(job.account.uid, job.account.gid)
    limit_process(job.max_memory)
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


def limit_process(max_memory: int) -> None:
    """Ignore Ctrl-C, limit the memory of this process, and adapt its garbage collection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):
        hard_limit = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (max_memory, hard_limit))
    # Packets become many small objects that live as long as their chunk; searching them for
    # cycles again and again takes a third of the time.
    gc.freeze()
    gc.set_threshold(200_000)
