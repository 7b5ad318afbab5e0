"""A server process that outlives the command that started it, found again by its id file."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcessFile:
    """The id of a process, with its start time: after a reboot an id may be another program's."""

    path: Path

    def write(self, pid: int) -> None:
        """Remember the process `pid`."""
        self.path.write_text(f"{pid} {_start_time(pid)}\n")

    def pid(self) -> int | None:
        """Return the id if that very process still runs, otherwise None."""
        try:
            pid, started = self.path.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if _start_time(int(pid)) == started else None

    def stop(self, patience: float = 10.0) -> None:
        """End the process, politely first, and forget it."""
        for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            pid = self.pid()
            if pid is None:
                break
            os.kill(pid, wanted)
            deadline = time.monotonic() + patience
            while self.pid() is not None and time.monotonic() < deadline:
                time.sleep(0.05)
        self.path.unlink(missing_ok=True)


def _start_time(pid: int) -> str | None:
    """Return the start time of a living process in kernel ticks, or None."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The program's name stands in parentheses and may hold anything, blanks too.
    after_name = stat.rpartition(")")[2].split()
    state, start_time = after_name[0], after_name[19]
    return None if state in "ZX" else start_time
