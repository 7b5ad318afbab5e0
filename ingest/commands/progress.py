"""Progress bars for long steps, on a terminal only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.core.progress import ProgressCallback

PATIENCE = 2.0
"""Time in s before a bar appears."""


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
