"""A follower whose work is heavy, in a process of its own.

It takes neither time nor memory from the listener, and may crash.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Final

from pydantic import TypeAdapter

from ingest.alerts import pipeline
from ingest.alerts.archive import printable
from ingest.alerts.live.follower import Follower, FollowerThread
from ingest.alerts.live.source import Health, Pause
from ingest.instance import Account

_REPORT: Final = 0.5
"""Time in s between two reports of the process."""
_POLL: Final = 0.2
_GRACE: Final = 0.3
"""Time in s that the follower has to end, before the process does."""
_HEALTH: Final = TypeAdapter(Health)

logger = logging.getLogger(__name__)


class FollowerProcess(threading.Thread):
    """Runs a follower in a process until the listener stops, and starts it again if it dies.

    Parameters
    ----------
    name : str
        Name of the follower.
    make : callable
        Returns the follower; it is called in the process.
    account : Account
        The servers' account.
    stop : threading.Event
        Ends the thread, and the process.

    Attributes
    ----------
    health : Health
        The health of the follower, or why its process has ended.
    """

    def __init__(
        self, name: str, make: Callable[[], Follower], account: Account, stop: threading.Event
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.health = Health()
        self._make = make
        self._account = account
        self._stop_event = stop
        self._process: pipeline.BackgroundProcess | None = None

    def wake(self) -> None:
        """Say that there is something new."""
        if (process := self._process) is not None:
            process.wake()

    def run(self) -> None:
        """Start the process whenever it has ended; wait longer after each failure."""
        pause = Pause(self._stop_event)
        while not self._stop_event.is_set():
            ended = self._run_process(pause)
            if not self._stop_event.is_set():
                self.health.state = "waiting"
                self._say(f"its process {ended}; it is started again")
                self.health.errors += 1
                pause.wait()

    def _run_process(self, pause: Pause) -> str:
        """Follow a process until it ends or the listener stops; return how it ended."""
        try:
            self._process = process = pipeline.BackgroundProcess(
                partial(_follow, self._make), self._account
            )
        except (OSError, EOFError) as error:
            return f"could not be started ({error})"
        before = self.health.messages, self.health.errors
        try:
            while not self._stop_event.is_set():
                if (content := process.report(_POLL)) is not None:
                    self._adopt(_HEALTH.validate_json(content), before, pause)
        except (OSError, EOFError, ValueError):
            pass
        return process.end()

    def _adopt(self, told: Health, before: tuple[int, int], pause: Pause) -> None:
        health = self.health
        health.messages, health.errors = before[0] + told.messages, before[1] + told.errors
        health.lag, health.last = told.lag, told.last
        if told.state == "starting":
            return  # what has ended the process before it may happen again
        if told.state == "connected":
            pause.reset()
        health.state = printable(told.state)
        self._say(printable(told.problem))

    def _say(self, problem: str) -> None:
        if problem != self.health.problem:
            if problem:
                logger.warning("%s: %s", self.name, problem)
            else:
                logger.info("%s: works again", self.name)
            self.health.problem = problem


def _follow(make: Callable[[], Follower], wakes: Connection, reports: Connection) -> None:
    """Run a follower until the listener has ended; tell it from time to time how it is."""
    logging.disable(logging.WARNING)  # the listener says these
    stop = threading.Event()
    follower = make()
    thread = FollowerThread(follower, stop)
    thread.start()
    due = 0.0
    try:
        while thread.is_alive():
            if wakes.poll(_REPORT):
                if not os.read(wakes.fileno(), 4096):
                    break
                thread.wake()
            if time.monotonic() >= due:
                reports.send_bytes(_HEALTH.dump_json(follower.health))
                due = time.monotonic() + _REPORT
    except OSError:  # the listener was killed
        pass
    stop.set()
    thread.wake()
    thread.join(_GRACE)
