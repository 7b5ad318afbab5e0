"""How long operations report their progress."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

ProgressCallback: TypeAlias = Callable[[int], None]
"""Called repeatedly with the number of items (events, files, packets) done so far."""


class Pace:
    """How far something has come, how fast, and how long it will take.

    Parameters
    ----------
    total : int, optional
        The number of rows, if it is known.
    clock : callable, optional
        Returns the time in s.
    """

    def __init__(
        self, total: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total, self._clock, self._begin = total, clock, clock()

    def text(self, done: int) -> str:
        """Return the state after `done` rows: rows, rows per second, and the time left."""
        seconds = self._clock() - self._begin
        parts = [f"{done:,} of {self._total:,} rows" if self._total else f"{done:,} rows"]
        if done > 0 and seconds > 0:
            rate = done / seconds
            parts.append(f"{rate:,.0f}/s")
            if self._total and done <= self._total:
                parts.append(f"{_duration((self._total - done) / rate)} left")
        return ", ".join(parts)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def telling(
    state: Callable[[], str | None], tell: Callable[[str], None], interval: float = 1.0
) -> Iterator[None]:
    """Tell at regular intervals how far what runs in the block has come.

    Parameters
    ----------
    state : callable
        Returns what to say, or None; it is called in another thread.
    tell : callable
        Called with it.
    interval : float
        The time between two calls, in s.
    """
    over = threading.Event()

    def run() -> None:
        while not over.wait(interval):
            text = state()
            if text and not over.is_set():
                tell(text)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
