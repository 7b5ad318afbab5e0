"""Server processes that outlive the command that started them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ingest.core.files import atomic_write, open_regular

TIMEOUT = 10.0  # s for a process to end after a signal


@dataclass(frozen=True)
class ProcessFile:
    """A file with the id of a process.

    The start time is stored with it, because the id may belong to another program after a reboot.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    """

    path: Path

    def write(self, pid: int) -> None:
        """Store the id of the running process `pid`."""
        with atomic_write(self.path) as stream:
            stream.write(f"{pid} {_start_time(pid)}\n".encode())

    def pid(self) -> int | None:
        """Return the id if the process still runs, otherwise None.

        A process of another user than the file's is not the one that was meant.
        """
        try:
            with open_regular(self.path) as stream:
                owner = os.fstat(stream.fileno()).st_uid
                pid, started = stream.read(100).decode().split()
            if os.stat(f"/proc/{int(pid)}").st_uid == owner and _start_time(int(pid)) == started:
                return int(pid)
        except (OSError, ValueError):
            pass
        return None

    def stop(self) -> None:
        """Terminate the process and delete the file."""
        if pid := self.pid():
            terminate([pid])
        self.path.unlink(missing_ok=True)


def terminate(pids: Collection[int], timeout: float = TIMEOUT) -> None:
    """Terminate processes and return when they have ended.

    Parameters
    ----------
    pids : collection of int
        Their ids.
    timeout : float, optional
        Time in s to wait after each of the signals SIGINT, SIGTERM and SIGKILL.
    """
    living = {pid: _start_time(pid) for pid in pids}
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        for pid in list(living):
            try:
                os.kill(pid, signal_number)
            except (ProcessLookupError, PermissionError):  # it has ended, or is another user's
                del living[pid]
        deadline = time.monotonic() + timeout
        while living and time.monotonic() < deadline:
            living = {pid: since for pid, since in living.items() if _start_time(pid) == since}
            if living:
                time.sleep(0.05)


def processes_below(directory: Path) -> list[int]:
    """Return the ids of the processes whose home is `directory` or below it.

    :class:`ingest.instance.account.Account` sets the home of each program that it starts. This
    also finds processes without a :class:`ProcessFile`. PostgreSQL's processes, which write a
    title over their environment, are found by their working directory.
    """
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return sorted(pid for pid in pids if _has_home_below(pid, directory) and _start_time(pid))


def _has_home_below(pid: int, directory: Path) -> bool:
    process = Path(f"/proc/{pid}")
    try:
        environment = process.joinpath("environ").read_bytes().split(b"\0")
        if process.joinpath("cmdline").read_bytes().startswith(b"postgres: "):
            return process.joinpath("cwd").readlink().is_relative_to(directory)
    except OSError:  # it has ended, or belongs to another user
        return False
    return any(
        Path(os.fsdecode(entry[5:])).is_relative_to(directory)
        for entry in environment
        if entry.startswith(b"HOME=")
    )


def _start_time(pid: int) -> str | None:
    """Return the start time of a running process in clock ticks, or None."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The program's name is in parentheses and may contain any character, including spaces.
    after_name = stat.rpartition(")")[2].split()
    state, start_time = after_name[0], after_name[19]
    return None if state in "ZX" else start_time
