"""Server processes that outlive the command that started them, and how they are found again."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 10.0  # s for a process to end by itself


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
            return int(pid) if _start_time(int(pid)) == started else None
        except (FileNotFoundError, ValueError):
            return None

    def stop(self) -> None:
        """End the process, politely first, and forget it."""
        if pid := self.pid():
            end([pid])
        self.path.unlink(missing_ok=True)


def end(pids: Collection[int], patience: float = PATIENCE) -> None:
    """End processes, politely first, and return when they are gone."""
    living = {pid: _start_time(pid) for pid in pids}
    for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        for pid in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, wanted)
        deadline = time.monotonic() + patience
        while living and time.monotonic() < deadline:
            living = {pid: since for pid, since in living.items() if _start_time(pid) == since}
            if living:
                time.sleep(0.05)


def working_below(directory: Path) -> list[int]:
    """Return the processes whose home is `directory` or below it.

    :class:`ingest.instance.account.Account` gives each program it starts such a home. So those
    are found, too, whose id was never written down or was deleted by hand.
    """
    numbers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return sorted(pid for pid in numbers if _works_below(pid, directory) and _start_time(pid))


def _works_below(pid: int, directory: Path) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # gone meanwhile, or another user's
        return False
    return any(
        Path(os.fsdecode(entry[5:])).is_relative_to(directory)
        for entry in environment
        if entry.startswith(b"HOME=")
    )


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
