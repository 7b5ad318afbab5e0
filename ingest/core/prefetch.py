"""Prefetching in a chain of generators: the next item is produced while one is consumed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Item = TypeVar("Item")
_END: Final = object()
_one_of_several = False


def be_one_of_several() -> None:
    """Use one core from now on: this process is one of several, which share all cores."""
    global _one_of_several
    _one_of_several = True


def prefetch(items: Iterable[Item]) -> Iterator[Item]:
    """Yield `items` while a second thread produces the next one.

    This pays off where both sides spend their time in numpy, HDF5 or file access, which
    release the global interpreter lock. An exception raised by `items` is raised in place of
    the item. One of several processes does without the thread, see :func:`be_one_of_several`.
    """
    iterator = iter(items)
    if _one_of_several:
        yield from iterator
        return
    with ThreadPoolExecutor(1, "prefetch") as executor:
        pending = executor.submit(next, iterator, _END)
        while (item := pending.result()) is not _END:
            pending = executor.submit(next, iterator, _END)
            yield item  # type: ignore[misc]  # never _END
