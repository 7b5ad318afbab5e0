"""How the server tells the cache of a proxy that what it serves has changed.

This runs in the Python of DaCHS.
"""

import contextlib
import functools
import os
import shutil
import sys
import time
from pathlib import Path

from gavo import base

_KEPT = 10
"""How many former targets of the link stay for requests that are looking at them."""


def announce_changes():
    """Let DaCHS rename a link when it starts, and after it has read its descriptors again.

    For DaCHS 2.7 and 2.11.

    The proxy has the target of the link in the keys of its cache, so what it has kept until then
    is not found any more. The server itself renames it, when it has forgotten what was before: if
    a command did it, the proxy could ask just before that, and keep the former answer for long.
    """
    if sys.argv[1:2] != ["serve"]:
        return
    # imported late, because it makes the server
    from gavo.user import serve
    from twisted.internet import reactor

    read_again = serve._reloadConfig

    @functools.wraps(read_again)
    def read_again_and_announce():
        try:
            read_again()
        finally:
            renew(_folder())

    serve._reloadConfig = read_again_and_announce
    reactor.callWhenRunning(renew, _folder())


def _folder():
    """Return the directory of the link, which accounts such as that of the proxy may read."""
    return Path(base.getConfig("rootDir")).parent / "shown"


def renew(folder):
    """Let the link ``generation`` in a directory have a new target."""
    if not folder.is_dir():  # no command has made it yet, so there is no proxy that reads it
        return
    target, link = folder / f"{time.time_ns()}-{os.getpid()}", folder / f"link-{os.getpid()}"
    target.mkdir()
    with contextlib.suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(target.name)
    link.replace(folder / "generation")
    for former in sorted(folder.glob("[0-9]*-*"))[:-_KEPT]:
        shutil.rmtree(former, ignore_errors=True)
