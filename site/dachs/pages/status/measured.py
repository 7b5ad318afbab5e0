"""Values that are measured in the background, so that no page waits for what does not answer.

This needs only the standard library.
"""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

_RETRY = 5.0
"""After how many seconds what failed is measured again."""


@dataclass(frozen=True)
class Reading:
    """The last value that was measured.

    Attributes
    ----------
    value : object
        The value; None if there is none yet.
    time : str
        When it was measured, such as ``2026-11-28T03:00:00Z``; empty if it never was.
    problem : str
        Why there is no newer value; empty if there is no problem.
    """

    value: object = None
    time: str = ""
    problem: str = ""


class Measured:
    """A value that is measured when somebody asks for it and the last one is too old.

    Parameters
    ----------
    measure : callable
        Returns the value.
    seconds : float
        How long a value is kept.
    oldest : float
        How old a value may be that is shown while a new one is measured, in s.
    follow : float
        For how long after the last visitor the value is measured again and again, in s, so that
        the next one need not wait.
    explain : callable, optional
        Returns the problem in words from an exception.
    """

    def __init__(self, measure, seconds, oldest=float("inf"), follow=0, explain=str):
        self._measure, self._explain = measure, explain
        self._seconds, self._oldest, self._follow = seconds, oldest, follow
        self._lock = threading.Lock()
        self._last = Reading()
        self._measured = float("-inf")
        self._valid_until = self._asked = float("-inf")
        self._running = None

    @property
    def last(self):
        """The last reading, without waiting or measuring."""
        with self._lock:
            return self._last

    def begin(self):
        """Begin to measure if the value is too old, and nobody measures already."""
        with self._lock:
            if self._running or time.monotonic() < self._valid_until:
                return
            self._running = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def reading(self, patience):
        """Return the last reading.

        Parameters
        ----------
        patience : float
            How long to wait if there is no value, or only one that is too old, in s.
        """
        with self._lock:
            self._asked = time.monotonic()
        self.begin()
        with self._lock:
            running, last = self._running, self._last
        if not running or not self._is_too_old():
            return last
        if running.wait(patience):
            return self.last
        return Reading(last.value, last.time, "There is no answer yet; please load the page again.")

    def _is_too_old(self):
        return time.monotonic() > self._measured + self._oldest or not self._last.time

    def _run(self):
        value, problem = None, ""
        try:
            value = self._measure()
        except Exception as error:
            problem = self._explain(error)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self._lock:
            if problem:
                self._last = Reading(self._last.value, self._last.time, problem)
            else:
                self._last = Reading(value, now)
                self._measured = time.monotonic()
            self._valid_until = time.monotonic() + (_RETRY if problem else self._seconds)
            self._running.set()
            self._running = None
            goes_on = time.monotonic() < self._asked + self._follow
        if goes_on:
            again = threading.Timer(max(self._seconds, _RETRY), self.begin)
            again.daemon = True
            again.start()
