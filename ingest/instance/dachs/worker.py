"""The workers: the processes of DaCHS' server, each with a port of its own.

All of them run on this machine and share the files of the instance and its database. What they
share beyond that is in ``site/dachs/patches``: one of them, the leader, starts the jobs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from ingest.core.errors import InstanceError, NoAnswerError
from ingest.core.files import open_to_append
from ingest.core.http import get
from ingest.instance import postgres
from ingest.instance import process as processes
from ingest.instance.dachs.program import command, environment
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.process import ProcessFile

WORKER_VARIABLE = "KM3VO_WORKER"
"""The environment variable with the number of a worker."""
_AVAILABILITY = "/__system__/tap/run/availability"
_PORT_TIME = 2.0  # s
_SERVE = ("serve", "start", "--foreground")
_QUERY_PROCESSES = "fork-query-processes"
"""The command of a process that a worker may start, see ``query_processes.py``."""


class Worker:
    """One process of DaCHS' server.

    Parameters
    ----------
    layout : Layout
        The instance.
    number : int
        Its number, from 1; its port is that of the first one plus this number minus 1.
    """

    def __init__(self, layout: Layout, number: int) -> None:
        self.layout, self.number = layout, number
        suffix = f"-{number}" if number > 1 else ""
        self.process = ProcessFile(layout.var / f"server{suffix}.pid")
        self.log = layout.logs / f"server{suffix}.log"

    @property
    def is_running(self) -> bool:
        """Whether its process is running."""
        return self.process.pid() is not None

    def answers(self, state: InstanceState, timeout: float = 5.0) -> bool:
        """Return whether its TAP service says that it is available."""
        url = f"{state.of_worker(self.number).local_url}{_AVAILABILITY}"
        try:
            found = get(url, timeout=timeout, proxies=False)
        except NoAnswerError:
            return False
        return b"available>true<" in found

    def check_port(self, state: InstanceState) -> None:
        """Check that its port can be used, unless it uses it already.

        Raises
        ------
        InstanceError
            If another program uses it.
        """
        port = state.of_worker(self.number).web_port
        # A process that has just ended may keep its port for a moment, until its threads have.
        deadline = time.monotonic() + _PORT_TIME
        while not (is_usable := self.is_running or postgres.port_is_free(port, state.host)):
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        if is_usable:
            return
        if state.workers > 1:
            last = state.of_worker(state.workers).web_port
            remedy = f"choose others: make up PORT=…; the workers use {state.web_port} to {last}"
        else:
            remedy = f"choose another one: make up PORT={postgres.free_port(port + 1)}"
        raise InstanceError(f"the port {port} is in use by another program", remedy=remedy)

    def spawn(self, state: InstanceState) -> subprocess.Popen[bytes]:
        """Start it, and return without waiting until it answers.

        Raises
        ------
        InstanceError
            If the port is taken.
        """
        self.check_port(state)
        account = self.layout.account
        with open_to_append(self.log) as log:
            account.chown(self.log)
            server = account.spawn(
                [*command(self.layout), *_SERVE],
                home=self.layout.dachs,
                env=environment(self.layout) | {WORKER_VARIABLE: str(self.number)},
                log=log,
            )
        self.process.write(server.pid)
        return server

    def reload(self) -> None:
        """Make it reload its descriptors and tables, if it is running."""
        self._signal(signal.SIGHUP)

    def drain(self, timeout: float) -> None:
        """Let it finish what it is doing and end; what takes longer than `timeout` is ended.

        Parameters
        ----------
        timeout : float
            The time in s.
        """
        self.ask_to_end()
        deadline = time.monotonic() + timeout
        while self.is_running and time.monotonic() < deadline:
            time.sleep(0.05)
        self.stop()

    def ask_to_end(self) -> None:
        """Tell it to finish what it is doing, to accept no more requests, and to end."""
        self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """End it at once if it is running; the jobs that it started go on."""
        self.process.stop()
        processes.terminate([pid for pid in self._processes() if self._is_own(pid)])

    def _signal(self, number: int) -> None:
        pid = self.process.pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def _processes(self) -> list[int]:
        return processes.processes_below(self.layout.dachs)

    def _is_own(self, pid: int) -> bool:
        """Whether a process is this worker, or one that it forked for queries."""
        try:
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has ended
            return False
        is_marked = f"{WORKER_VARIABLE}={self.number}".encode() in variables
        return is_marked and (_QUERY_PROCESSES in words or _SERVE[0] in words)
