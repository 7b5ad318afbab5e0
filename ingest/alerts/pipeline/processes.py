"""Processes of this project beside the one of the command, forked from a server without threads.

They are not forked from the process of the command, which may have threads and a connection to
the database. If root called the command, the server has the rights of root, since this project's
code may be in a private checkout, and its socket is in a directory that only root can enter. Each
process gives up these rights before it begins.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import multiprocessing
import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from multiprocessing import forkserver, util
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any, Final

from ingest.core import privileges

MAX_MEMORY: Final = 4 << 30
"""Number of bytes that a process may allocate."""
_PATIENCE: Final = 0.5
"""Time in s that a process has to end on its own."""
_SAFE_PATH: Final = "PYTHONSAFEPATH"
_PRELOADED: Final = ("ingest.alerts.pipeline.worker", "ingest.alerts.skymaps")


def context() -> ForkServerContext:
    """Return what makes pipes and shared memory for these processes."""
    return multiprocessing.get_context("forkserver")


@functools.cache
def start_server() -> None:
    """Start the server; no other thread may access files meanwhile."""
    context().set_forkserver_preload([*_PRELOADED])
    with privileges.caller_process(), _safe_path():
        folder = util.get_temp_dir()
        if os.stat(folder).st_uid != os.geteuid():
            raise PermissionError(f"{folder} belongs to another user")
        forkserver.ensure_running()
    atexit.register(_delete_as_caller, folder)


def start(target: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """Start a process that calls a function of a module, which gives up the rights of root."""
    process = context().Process(target=target, args=arguments, daemon=True)
    # Only the main process handles Ctrl-C; processes inherit the mask of blocked signals.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with privileges.caller():  # the socket of the server is the caller's
            process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process


def end(process: ForkServerProcess) -> str:
    """Await the end of a process, and kill it if this takes long; return how it ended."""
    process.join(_PATIENCE)
    code = process.exitcode
    if code is None:
        with contextlib.suppress(PermissionError):  # it has not given up its rights yet
            process.kill()
        process.join()
    return f"was killed by signal {-code}" if code is not None and code < 0 else "ended"


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


def _delete_as_caller(folder: str) -> None:
    """Delete the directory of the server's socket, which multiprocessing could not do."""
    with privileges.caller():
        shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder, 0o700)  # which multiprocessing then deletes


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """Let Python start without searching the current directory for modules.

    The server from which processes are forked would otherwise import a ``numpy.py`` there.
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
