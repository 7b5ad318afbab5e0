"""A process for heavy work beside a service: whatever happens to it, the service goes on."""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from ingest.alerts.pipeline import processes
from ingest.core import privileges
from ingest.instance import Account

_NICENESS: Final = 10
_FIRST_TO_BE_KILLED: Final = "500"
"""Of at most 1000: whom Linux kills when there is no memory left."""
_LARGEST_REPORT: Final = 1 << 16

Function = Callable[[Connection, Connection], None]


class BackgroundProcess:
    """A process of low priority, with the rights of this one and limited memory.

    Parameters
    ----------
    function : callable
        Called in the process with two connections: one from which it can read when it is woken,
        and one for its reports. It is to return when the first one ends, as it does when this
        process ends in any way.
    account : Account
        The servers' account.

    Raises
    ------
    OSError, EOFError
        If the process cannot be started.
    """

    def __init__(self, function: Function, account: Account) -> None:
        context = processes.context()
        wakes, self._waker = context.Pipe(duplex=False)
        self._reports, reports = context.Pipe(duplex=False)
        os.set_blocking(self._waker.fileno(), False)
        self._lock = threading.Lock()
        # The function is loaded after the rights of root are given up, and with low priority.
        self._process = processes.start(_run, account, pickle.dumps(function), wakes, reports)
        wakes.close()
        reports.close()

    def wake(self) -> None:
        """Wake the process; this never waits, and may be called from any thread."""
        with self._lock, contextlib.suppress(OSError):  # it has ended, or has not woken up yet
            os.write(self._waker.fileno(), b"!")

    def report(self, seconds: float) -> bytes | None:
        """Return its next report; None if there is none within this time.

        Raises
        ------
        OSError, EOFError
            If it has ended, or sends something else.
        """
        return self._reports.recv_bytes(_LARGEST_REPORT) if self._reports.poll(seconds) else None

    def end(self) -> str:
        """Let the process end, and kill it if this takes long; return how it ended."""
        with self._lock:
            self._waker.close()
        found = processes.end(self._process)
        self._reports.close()
        return found


def _run(account: Account, function: bytes, wakes: Connection, reports: Connection) -> None:
    os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_BE_KILLED)
    privileges.act_as(account.uid, account.gid, with_cache=False)  # it has that of its parent
    processes.limit_process(processes.MAX_MEMORY)
    pickle.loads(function)(wakes, reports)
