"""Patches of DaCHS' log of requests: how long it is kept.

This runs in the Python of DaCHS.
"""

import re
import sys
import time
import types

from twisted.python import logfile

_MOST_FILES = 30
_MOST_BYTES = 5_000_000


def forget_requests():
    """Let DaCHS keep its log of requests for 30 days at most.

    For DaCHS 2.7 and 2.11.

    ``web.log`` has the paths and parameters of all requests, and the addresses from which those
    with parameters came. ``serve._configureTwistedLog`` begins another file after a megabyte and
    deletes none; it asks each day whether one is due, and does nothing about it. We suggest
    settings for size, age and number.
    """
    if sys.argv[1:2] == ["serve"]:
        from gavo.user import serve

        serve.logfile = types.SimpleNamespace(LogFile=DailyLog)


class DailyLog(logfile.LogFile):
    """A log that begins a new file each day, and deletes the oldest ones."""

    def __init__(self, name, directory):
        self._day = None
        super().__init__(name, directory, rotateLength=_MOST_BYTES, maxRotatedFiles=_MOST_FILES)

    def _openFile(self):
        super()._openFile()
        self._day = _first_day(self.path) or _today()

    def shouldRotate(self):
        """Return whether the file is of another day, or too large."""
        return super().shouldRotate() or self._day != _today()


def _first_day(path):
    """Return the day with which the first line begins, or None."""
    with open(path, "rb") as stream:
        found = re.match(rb"\d{4}-\d\d-\d\d", stream.read(10))
    return found and found[0].decode()


def _today():
    # in local time, as in the lines
    return time.strftime("%Y-%m-%d")
