"""Answers that are kept for some seconds, for pages that many people look at together.

This needs only the standard library.
"""

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

    def get(self, key, make):
        """Return the kept answer, or else what ``make()`` returns, which is kept.

        Parameters
        ----------
        key : hashable
            What was asked for.
        make : callable
            Makes the answer; what it raises is not kept.
        """
        found = self._answers.get(key)
        if found and self.now() - found[0] < self.seconds:
            return found[1]
        started = self.now()
        answer = make()
        self._answers[key] = started, answer
        self._answers.move_to_end(key)
        while len(self._answers) > self.most:
            self._answers.popitem(last=False)
        return answer
