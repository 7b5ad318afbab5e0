"""Work of one command in several processes, one for each core."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from typing import Any, Final, TypeVar

from ingest.core.errors import IngestError
from ingest.core.prefetch import be_one_of_several

Item = TypeVar("Item")
Result = TypeVar("Result")
_PR_SET_PDEATHSIG: Final = 1  # in sys/prctl.h


def in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], count: int | None = None
) -> Generator[Result, None, None]:
    """Yield what a function returns for each item, in their order.

    Several items are worked on in several processes; a single one in this process. None of them
    is left behind: they end at the first error, when the caller stops, and with this process.

    Parameters
    ----------
    function : callable
        The processes inherit it, with all it refers to.
    items : sequence
        What it is called with. They, the results and the errors are pickled.
    count : int, optional
        The number of processes. Default: one for each core.

    Raises
    ------
    ingest.core.errors.IngestError
        If a process is killed, or what `function` raises.
    """
    count = min(count or cores(), len(items))
    if count < 2:
        yield from map(function, items)
        return
    others = set(active_children())
    # not by a server, the default since Python 3.14: what is loaded here takes a second there
    pool = ProcessPoolExecutor(count, get_context("fork"), _begin, (os.getpid(), function))
    try:
        yield from pool.map(_call, items)
    except BrokenProcessPool:
        raise IngestError(
            "a process of this command was killed",
            expected=f"memory for {count} processes",
            remedy="see the kernel's messages (dmesg), and run the command again; nothing was"
            " changed",
        ) from None
    finally:
        for process in set(active_children()) - others:
            process.kill()
        pool.shutdown(cancel_futures=True)


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


_function: Callable[[Any], Any]
"""What this process was made for."""


def _call(item: Any) -> Any:
    return _function(item)


def _begin(parent: int, function: Callable[[Any], Any]) -> None:
    """Let this process end with its parent, which alone hears of Ctrl-C."""
    global _function
    _function = function
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.getppid() != parent:
        os._exit(1)
    be_one_of_several()
