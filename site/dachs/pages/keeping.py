"""Answers that are kept for some seconds, for pages that many people look at together.

This needs only the standard library.
"""

import threading
import time
from collections import OrderedDict


class Keeper:
    """The answers of a page by what was asked for.

    Parameters
    ----------
    seconds : float
        For how long an answer is kept.
    most : int
        How many are kept.
    now : callable
        Returns the time in s.
    """

    def __init__(self, seconds, most, now=time.monotonic):
        self.seconds, self.most, self.now = seconds, most, now
        self._answers = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key, make):
        """Return the kept answer, or else what ``make()`` returns, which is kept.

        Parameters
        ----------
        key : hashable
            What was asked for.
        make : callable
            Makes the answer; what it raises is not kept.
        """
        with self._lock:
            found = self._answers.get(key)
        if found and self.now() - found[0] < self.seconds:
            return found[1]
        started = self.now()
        answer = make()
        with self._lock:
            self._answers[key] = started, answer
            self._answers.move_to_end(key)
            while len(self._answers) > self.most:
                self._answers.popitem(last=False)
        return answer


class Locks:
    """A lock for each of a few keys, such as the names of releases."""

    def __init__(self):
        self._lock = threading.Lock()
        self._locks = {}

    def of(self, key):
        """Return the lock of a key, for a ``with`` statement."""
        with self._lock:
            return self._locks.setdefault(key, threading.Lock())
