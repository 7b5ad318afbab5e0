"""Patches that let several processes of the server, the workers, run side by side.

``km3vo`` starts each of them with its number in the environment. This runs in the Python of DaCHS.
"""

import os
import sys

from gavo import base

from .settings import settings

_VARIABLE = "KM3VO_WORKER"
_THREADS = 10
"""Threads for pages, of all workers together."""


def number():
    """Return the number of this worker, from 1."""
    return int(os.environ.get(_VARIABLE, "1"))


def share(limit):
    """Return this worker's part of a limit that holds for all workers together, at least 1."""
    workers = settings("server")["workers"]
    return max(1, limit // workers + (number() <= limit % workers))


def run_beside_others():
    """Let each worker have a port and a log of its own.

    For DaCHS 2.7 and 2.11.

    Two processes would rotate the same ``web.log``. We suggest options of ``dachs serve start``
    for the port and the name of the log.
    """
    if sys.argv[1:2] != ["serve"]:
        return
    from gavo.user import serve
    from twisted.internet import reactor

    # twisted's threads, each of which may need a connection to the database
    reactor.suggestThreadPoolSize(max(2, share(_THREADS)))
    if number() == 1:
        return

    port = int(base.getConfig("web", "serverPort")) + number() - 1
    base.setConfig("web", "serverPort", str(port))
    get_log_file = serve.getLogFile

    def get_own_log_file(name):
        stem, dot, end = name.partition(".")
        return get_log_file(f"{stem}-{number()}{dot}{end}")

    serve.getLogFile = get_own_log_file
