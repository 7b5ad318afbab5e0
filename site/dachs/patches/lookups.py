"""Patches of the services that DaCHS asks for names of objects and for vocabularies.

This runs in the Python of DaCHS.
"""

import os
import re
import threading
import time
import urllib.request

from gavo import base, utils
from gavo.protocols import simbadinterface, vocabularies

_LOOKUPS = 20
_PERIOD = 60.0  # s
_TIMEOUT = 5.0  # s
_MAX_BYTES = 20_000_000
_VOCABULARY = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")


def bound_lookups():
    """Let users' parameters cause only a few requests to other servers.

    For DaCHS 2.7 and 2.11.

    ``gavo_simbadpoint`` in ADQL and the positions of web forms ask Simbad, once for each call,
    and wait up to four seconds for each; ``gavo_vocmatch`` waits without bound for a vocabulary
    of any name. One query can have hundreds of calls. We suggest at most twenty requests a
    minute, a time-out, and names of vocabularies that are names.
    """
    simbadinterface.Sesame.query = _bounded(simbadinterface.Sesame.query)
    vocabularies.download_file = _download


class _Bound:
    """Counts the requests of the last minute."""

    def __init__(self):
        self._lock = threading.Lock()
        self._left, self._renewed = _LOOKUPS, time.monotonic()

    def take(self):
        """Raise an error if there were too many."""
        with self._lock:
            if time.monotonic() - self._renewed > _PERIOD:
                self._left, self._renewed = _LOOKUPS, time.monotonic()
            self._left -= 1
            if self._left < 0:
                raise base.ReportableError(
                    "This service looks up only a few names in a minute.",
                    hint="Look up the positions before, for example by Simbad's own TAP service.",
                )


_bound = _Bound()


def _bounded(ask):
    def look_up(self, ident):
        try:
            return self.cache.getItem(ident)
        except KeyError:
            _bound.take()
            return ask(self, ident)

    return look_up


def _download(url, cache, show_progress, http_headers):
    """Return the name of the file with a vocabulary, which is fetched if need be."""
    name = url.removeprefix(vocabularies.IVOA_VOCABULARY_ROOT)
    if not _VOCABULARY.fullmatch(name) or len(name) > 64:
        raise base.ReportableError("This is not the name of a vocabulary.")
    path = os.path.join(base.getConfig("cacheDir"), utils.defuseFileName(url))
    if not os.path.exists(path) or cache == "update":
        _bound.take()
        request = urllib.request.Request(url, headers=http_headers)
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as reply:
            content = reply.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise base.ReportableError("This vocabulary is too large.")
        # In one step: another process takes a file that is in the cache for complete.
        part = f"{path}.{os.getpid()}.{threading.get_ident()}"
        with open(part, "wb") as stream:
            stream.write(content)
        os.replace(part, path)
    return path
