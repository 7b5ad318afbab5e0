"""An instance that tests may kill, stop and damage, as long as it is whole again afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingest.instance.postgres import free_port
from tests.instances import FIRST_PORT, Instance


@pytest.fixture(scope="package")
def worn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """Serve the real data; every test here starts from and ends with a running instance."""
    made = Instance(tmp_path_factory.mktemp("worn") / "var", free_port(FIRST_PORT + 20))
    try:
        made.up()
        done = made.km3vo("import", "--release", "ant20_01")
        assert done.returncode == 0, done.stderr
        yield made
    finally:
        made.km3vo("instance", "reset", "--yes")
