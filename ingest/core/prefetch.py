"""Two processors for a chain of generators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Item = TypeVar("Item")
_END: Final = object()


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield `items`, the next of which is made by a second thread while one is worked on.

    What is raised when an item is made comes where the item was to come. It pays where both
    sides spend their time in numpy, HDF5 or files, which let other threads run.
    """
    iterator = iter(items)
    with ThreadPoolExecutor(1, "ahead") as pool:
        coming = pool.submit(next, iterator, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, iterator, _END)
            yield item  # type: ignore[misc]  # it is not the end
