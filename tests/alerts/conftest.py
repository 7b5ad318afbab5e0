"""The store of the session's instance, for tests that take back what they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from ingest.alerts import tables
from ingest.alerts.store import Store
from ingest.instance.account import Account
from ingest.instance.layout import Layout, Memory


class _Enough(Exception):
    """Ends a transaction that must leave nothing."""


@dataclass
class EmptyStore:
    """A store that can be filled and forgets it again."""

    store: Store

    @contextmanager
    def forgotten(self) -> Iterator[None]:
        """Begin with empty tables, and take everything back at the end of the block."""
        try:
            with self.store.anew():
                yield
                raise _Enough
        except _Enough:
            pass


@pytest.fixture(scope="session")
def empty_store(instance) -> Iterator[EmptyStore]:
    layout = Layout(instance.var, Account.current())
    memory = Memory.read(layout)
    with layout.locked(), tables.opened(layout, memory) as store:
        yield EmptyStore(store)
