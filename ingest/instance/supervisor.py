"""The supervisor of an instance: it starts the database or the server again if one has died.

It consists of two processes. The *watcher* watches the servers; the *guardian* waits for the
watcher and replaces it. If the guardian is killed, the watcher takes its place and starts another
watcher; so either can be killed, and servers go on meanwhile. What they do is in
``logs/supervisor.log``. Ended by a signal, as by ``km3vo instance down``, the guardian stops the
servers; after SIGTERM, as from service managers, requests have a few seconds to be finished.

Other commands may hold the servers (:meth:`Layout.holding_servers`); the watcher then leaves them
alone. It also adopts servers that a command has started or replaced: it finds them by their
process files, and learns from the kernel at once that they have died.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NoReturn

from ingest.core import privileges
from ingest.core.errors import InstanceError
from ingest.instance.account import ACCOUNT_VARIABLE, Account
from ingest.instance.dachs import Dachs
from ingest.instance.layout import (
    ARCHIVE_VARIABLE,
    VAR_VARIABLE,
    Layout,
)
from ingest.instance.private import PrivateCluster
from ingest.instance.process import ProcessFile
from ingest.instance.site import SITE_VARIABLE, Site, load_site
from ingest.instance.watch import FIRST_PAUSE, LONGEST_PAUSE, START_TIME, Watch, logger

_PR_SET_DUMPABLE = 4
DRAIN_TIME = 5.0  # s for requests to be finished when a service manager ends the supervisor
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_KEPT = ("PYTHONPATH", SITE_VARIABLE)
# -s: without modules from below HOME, which belongs to the account; -P: nor from this directory
_COMMAND = [sys.executable, "-sP", "-m", "ingest.instance.supervisor"]


def process_file(layout: Layout) -> ProcessFile:
    """Return the file with the id of the guardian."""
    return ProcessFile(layout.var / "supervisor.pid")


def start(layout: Layout) -> None:
    """Start a supervisor in the background unless there is one; the instance must be locked."""
    if process_file(layout).pid() is not None:
        return
    with _needed_rights():
        started = subprocess.Popen(
            _COMMAND,
            cwd="/",
            env=_environment(layout),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_TIME
    if privileges.code_is_readable():
        process_file(layout).write(started.pid)
    while process_file(layout).pid() != started.pid:  # it has not given up its rights yet
        if started.poll() is not None or time.monotonic() > deadline:
            raise InstanceError(
                "the supervisor does not start",
                remedy="run km3vo instance run, which shows its messages",
            )
        time.sleep(0.05)


def become(layout: Layout) -> NoReturn:
    """Replace this process by a supervisor in the foreground.

    Raises
    ------
    InstanceError
        If the instance has a supervisor.
    """
    if pid := process_file(layout).pid():
        raise InstanceError(
            "the instance is supervised already",
            value=f"process {pid}",
            remedy="stop it first: km3vo instance down",
        )
    os.chdir("/")
    # A signal that arrives before the supervisor can react waits until then.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    with _needed_rights():
        os.execve(_COMMAND[0], _COMMAND, _environment(layout))


@contextmanager
def stopping_at_signals(layout: Layout) -> Iterator[None]:
    """Stop the servers and exit if a signal asks to end before :func:`become` is called.

    The kernel ignores signals to the first process of a container for which it has no handler.

    Parameters
    ----------
    layout : Layout
        The instance.
    """
    _handle_signals()
    try:
        yield
    except _Ended as end:
        _stop_servers(layout, end)
        sys.exit(0)


def _needed_rights() -> AbstractContextManager[None]:
    """Return the rights to load this software, which the account may be unable to read.

    The supervisor gives them up as soon as it is loaded.
    """
    return nullcontext() if privileges.code_is_readable() else privileges.caller_process()


def _environment(layout: Layout) -> dict[str, str]:
    settings = {
        VAR_VARIABLE: str(layout.var),
        ARCHIVE_VARIABLE: str(layout.archive),
        ACCOUNT_VARIABLE: layout.account.name,
    }
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return layout.account.environment(layout.var / "supervisor", settings | kept)


def supervise(layout: Layout, site: Site) -> None:
    """Supervise an instance until a signal arrives, then stop its servers.

    Parameters
    ----------
    layout : Layout
        The instance.
    site : Site
        The settings of the site, which the account may be unable to read.
    """
    os.umask(privileges.PRIVATE_UMASK)
    _open_log(layout)
    process_file(layout).write(os.getpid())
    logger.info("the supervisor runs as process %d", os.getpid())
    try:
        _guard(layout, site)
    except _Ended as end:
        logger.info("the supervisor ends, and stops the servers")
        _stop_servers(layout, end)
    process_file(layout).path.unlink(missing_ok=True)


class _Ended(BaseException):
    """A signal asks the supervisor to end.

    Parameters
    ----------
    number : int
        The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = number


def _stop_servers(layout: Layout, end: _Ended) -> None:
    dachs = Dachs(layout)
    if end.signal == signal.SIGTERM:
        dachs.drain(DRAIN_TIME)
    dachs.stop()
    PrivateCluster(layout).stop()


def _guard(layout: Layout, site: Site) -> None:
    """Replace watchers that have ended, until the instance is deleted."""
    pause = FIRST_PAUSE
    while True:
        guardian, began = os.getpid(), time.monotonic()
        watcher = os.fork()
        if watcher == 0:
            _watch(layout, site, guardian)
            # The guardian was killed: this process goes on in its place.
            process_file(layout).write(os.getpid())
            logger.info("process %d was killed; %d takes its place", guardian, os.getpid())
            continue
        _handle_signals()
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            while (ended := os.waitpid(-1, 0))[0] != watcher:
                pass  # as the first process of a container it inherits others
        except _Ended:
            with suppress(ProcessLookupError):  # it has just ended, too
                os.kill(watcher, signal.SIGKILL)
            raise
        if ended[1] == 0:
            return
        pause = FIRST_PAUSE if time.monotonic() > began + LONGEST_PAUSE else pause
        logger.info("the watcher %d has ended; another one starts in %.0f s", watcher, pause)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _handle_signals() -> None:
    """Raise :class:`_Ended` at the first signal to end; ignore those that follow."""
    handling = os.getpid()

    def end(number: int, frame: object) -> NoReturn:
        if os.getpid() != handling:  # a copy of this process
            os._exit(128 + number)
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        raise _Ended(number)

    for number in _SIGNALS:
        signal.signal(number, end)


def _watch(layout: Layout, site: Site, guardian: int) -> None:
    """Watch the servers as long as `guardian` lives; never return if the instance is deleted."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    try:
        watch = Watch(layout, site)
        while os.getppid() == guardian:
            if not layout.var.exists():
                os._exit(0)
            watch.look()
            watch.sleep()
    except Exception:
        logger.exception("the supervisor failed; please report this")
        os._exit(1)


def _open_log(layout: Layout) -> None:
    formatter = logging.Formatter("%(asctime)sZ %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    for handler in (logging.FileHandler(layout.logs / "supervisor.log"), logging.StreamHandler()):
        handler.setFormatter(formatter)
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _main() -> None:
    """Supervise the instance that the environment names, as its account."""
    account = Account.current()
    site = load_site()
    privileges.give_up(account.uid, account.gid)
    # A process that was root's hides its environment, by which commands find it.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    supervise(Layout(Path(os.environ[VAR_VARIABLE]), account), site)


if __name__ == "__main__":
    _main()
