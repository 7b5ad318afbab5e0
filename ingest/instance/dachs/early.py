"""Processes of DaCHS that are started early, and wait for a command.

To load DaCHS takes a second. An import knows that it will need DaCHS while the events are still
being converted, and starts processes then: a command that reads the staged descriptors is given to
one of them, if one is left, instead of a new process.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ingest.instance.dachs.program import command, environment, staged_inputs
from ingest.instance.layout import Layout

_WAIT = "--wait"
"""As in ``site/dachs/launch.py``."""
_waiting: dict[Path, list[subprocess.Popen[str]]] = {}
"""By the directories of instances."""


@contextmanager
def started_early(layout: Layout, count: int) -> Iterator[None]:
    """Let processes wait for commands in this block; those that got none are ended with it.

    They end with the thread that calls this, too.

    Parameters
    ----------
    layout : Layout
        The instance; its database must be running, and DaCHS is not to be configured meanwhile.
    count : int
        The number of processes.
    """
    _waiting[layout.var] = _start(layout, count)
    try:
        yield
    finally:
        for process in _waiting.pop(layout.var):
            process.kill()
            process.communicate()


def run_early(
    layout: Layout, words: Sequence[str], timeout: float
) -> subprocess.CompletedProcess[str] | None:
    """Run a command in a process that waits; return None if there is none.

    Parameters
    ----------
    layout : Layout
        The instance.
    words : sequence of str
        The arguments of the launcher.
    timeout : float
        Time in s after which :class:`subprocess.TimeoutExpired` is raised.
    """
    left = _waiting.get(layout.var, [])
    process = left.pop() if left else None
    if process is None or process.poll() is not None:
        return None
    with process:
        try:
            output, complaints = process.communicate(json.dumps(words) + "\n", timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(words, process.returncode, output, complaints)


def _start(layout: Layout, count: int) -> list[subprocess.Popen[str]]:
    env = environment(layout) | staged_inputs(layout)
    return [
        layout.account.start([*command(layout), _WAIT], home=layout.dachs, env=env)
        for _ in range(count)
    ]
