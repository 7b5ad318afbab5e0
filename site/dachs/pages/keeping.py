"""Finished answers that are kept for some time, so that many can look at a page together.

``routes.py`` says which pages are kept, for how long, and with which parameters; the server sends
what is kept at once, without a thread and compressed as it is. What was made for members is never
kept. This needs only the standard library.
"""

import threading
import time
from collections import OrderedDict

_LONGEST = 300
"""Characters of the path and of all parameters of an address whose answer is kept."""


class Keeper:
    """Finished answers, by what was asked for; all its methods are called in one thread.

    Parameters
    ----------
    most : int
        How many are kept.
    most_bytes : int
        How large all of them are together; one of more than a tenth of that is not kept.
    now : callable
        Returns the time in s.

    Attributes
    ----------
    generation : int
        A part of the keys of answers with alerts, which grows when there are new ones. So answers
        that are being made just then are not kept either.
    bytes : int
        How large all answers are.
    """

    def __init__(self, most, most_bytes, now=time.monotonic):
        self.most, self.most_bytes, self.now = most, most_bytes, now
        self.bytes = 0
        self.generation = 0
        self._kept = OrderedDict()

    def get(self, key):
        """Return the answer that is kept, or None."""
        until, answer = self._kept.get(key, (0, None))
        if answer is None or self.now() >= until:
            return None
        self._kept.move_to_end(key)
        return answer

    def keep(self, key, answer, until):
        """Keep an answer, which has a ``size``, until a time; those not used for longest go."""
        self._drop(key)
        if answer.size > self.most_bytes / 10:
            return
        self._kept[key] = until, answer
        self.bytes += answer.size
        while len(self._kept) > self.most or self.bytes > self.most_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key):
        _, dropped = self._kept.pop(key, (0, None))
        self.bytes -= dropped.size if dropped else 0


class Locks:
    """A lock for each of a few keys, such as the names of releases."""

    def __init__(self):
        self._lock = threading.Lock()
        self._locks = {}

    def of(self, key):
        """Return the lock of a key, for a ``with`` statement."""
        with self._lock:
            return self._locks.setdefault(key, threading.Lock())


def key_of(visit, parameters):
    """Return what a visit asks for; None if the answer is not for others, or for few.

    Parameters
    ----------
    visit : Visit
        The request.
    parameters : collection of str
        The parameters that the page has. With any other, no answer is kept, so that nobody can
        crowd out what others look at by invented parameters.
    """
    if visit.is_member or not visit.parameters.keys() <= set(parameters):
        return None
    asked = tuple((name, *values) for name, values in sorted(visit.parameters.items()))
    if not all(isinstance(one, str) for pair in asked for one in pair):
        return None
    return (
        (visit.path, asked) if len(visit.path) + sum(map(len, sum(asked, ()))) <= _LONGEST else None
    )


kept = Keeper(most=1000, most_bytes=50_000_000)
"""The answers of this server."""
