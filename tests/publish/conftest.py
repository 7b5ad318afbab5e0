"""What the tests of publishing share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from instances import Instance

from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster


@pytest.fixture(scope="session")
def layout(instance: Instance) -> Layout:
    return Layout(instance.var, Account.current())


@pytest.fixture
def sql(layout: Layout):
    """Return a function that runs a statement in the instance's database."""

    def run(statement: str, *values: object) -> list[tuple]:
        with Cluster(layout).connect(InstanceState.read(layout).postgres_port) as connection:
            cursor = connection.cursor()
            cursor.execute(statement, values)
            found = cursor.fetchall() if cursor.description else []
            connection.commit()
            return found

    return run


@pytest.fixture
def deployed(layout: Layout, instance: Instance, sql) -> Iterator:
    """Return a function that deploys and publishes a descriptor, which is gone afterwards."""
    from ingest.instance.dachs.client import Dachs

    folder = layout.inputs / "scratch_stream"

    def deploy(text: str) -> None:
        folder.mkdir(exist_ok=True)
        path = folder / "nu.rd"
        path.write_text(text)
        for one in (folder, path):
            layout.account.chown(one)
        dachs = Dachs(layout)
        dachs.run_batch(["pub", "scratch_stream/nu"])
        dachs.reload()

    yield deploy
    if folder.exists():
        done = instance.km3vo("registry", "withdraw", folder.name, "--yes")
        assert done.returncode == 0, done.stderr
    # The session's instance is to be as it was; a real one keeps its deletion records.
    for table in ("resources", "sets"):
        sql(f"DELETE FROM dc.{table} WHERE sourcerd LIKE 'scratch_stream/%%'")
