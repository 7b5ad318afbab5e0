"""What the tests of the alert archive need: real packets, and a store that forgets again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.alerts.tables import open_store
from ingest.alerts.tables.store import Store
from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from tests.instances import Instance
from tests.templates import Templates, port


@pytest.fixture(scope="session")
def packet_files(delivered: Path) -> list[Path]:
    """Return the files of all real packets."""
    files = sorted((delivered / "alerts").glob("*/*.*"))
    assert len(files) > 20
    return files


@pytest.fixture(scope="session")
def contents(packet_files: list[Path]) -> list[bytes]:
    """Return the bytes of all real packets."""
    return [file.read_bytes() for file in packet_files]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Instance]:
    """Give the tests of a module an instance with a database but no server."""
    made = Instance(tmp_path_factory.mktemp("alerts") / "var", port(40))
    try:
        yield templates.copy("empty", made)
    finally:
        made.reset()


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
            with self.store.replacement():
                yield
                raise _Enough
        except _Enough:
            pass


@pytest.fixture(scope="session")
def empty_store(instance) -> Iterator[EmptyStore]:
    layout = Layout(instance.var, Account.current())
    state = InstanceState.read(layout)
    # Not locked: commands that tests run on the same instance must get in.
    with open_store(layout, state) as store:
        yield EmptyStore(store)
