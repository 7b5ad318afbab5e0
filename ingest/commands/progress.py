"""The progress of long steps: on a terminal, and now and then in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.status import Status

from ingest.core.progress import ProgressCallback

PATIENCE = 2.0
"""Time in s before a bar appears."""
LOG_EVERY = 60.0
"""Time in s between two lines in the log."""

logger = logging.getLogger(__name__)


class Telling:
    """Shows lines about what is going on: each on the terminal, a few of them in the log.

    Parameters
    ----------
    status : rich.status.Status
        The line on the terminal.
    what : str
        What is going on.
    """

    def __init__(self, status: Status, what: str) -> None:
        self._status, self._what = status, what
        self._logged = time.monotonic()

    def __call__(self, text: str) -> None:
        """Show a line."""
        self._status.update(f"{self._what}: {text} …")
        if time.monotonic() - self._logged >= LOG_EVERY:
            self._logged = time.monotonic()
            logger.info("%s: %s", self._what, text)


@contextmanager
def progress(console: Console, what: str, total: int | None) -> Iterator[ProgressCallback]:
    """Yield a function to call with the amount done so far, out of `total`.

    On a terminal a bar appears after :data:`PATIENCE` and disappears at the end.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    task = bar.add_task(what, total=total)
    begin = time.monotonic()

    def on_progress(done: int) -> None:
        bar.update(task, completed=done)
        if console.is_terminal and time.monotonic() - begin >= PATIENCE:
            bar.start()

    try:
        yield on_progress
    finally:
        if bar.live.is_started:
            bar.stop()
