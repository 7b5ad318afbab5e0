"""What several tests need."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.instance.postgres import free_port
from tests import alert_archive
from tests.instances import FIRST_PORT, ROOT, Instance, copy_checkout

# A shell that runs us in the background lets us ignore Ctrl-C, and all that we start would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="Write the list of published tables anew, tests/contract/published.csv.",
    )


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory, delivered: Path) -> Iterator[Instance]:
    """Serve all releases and real alerts. Tests leave it as they found it."""
    made = Instance(tmp_path_factory.mktemp("instance") / "var", free_port(FIRST_PORT))
    try:
        made.up()
        done = made.km3vo("import")
        assert done.returncode == 0, done.stdout + done.stderr
        alert_archive.fill(made, delivered / "alerts")
        yield made
    finally:
        made.km3vo("instance", "reset", "--yes", "--with-archive")


@pytest.fixture
def scratch_instance(tmp_path: Path) -> Iterator[Instance]:
    """Give a test an instance of its own, not yet made, to do what it likes with."""
    made = Instance(tmp_path / "var", free_port(FIRST_PORT + 50))
    yield made
    made.km3vo("instance", "reset", "--yes", "--with-archive")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the working tree, to be changed and used as ``PYTHONPATH``."""
    return copy_checkout(tmp_path / "checkout")


@pytest.fixture(scope="session")
def delivered() -> Path:
    """Return the folder with the public files that are part of the repository."""
    return ROOT / "inputs"


@pytest.fixture(scope="session")
def antares_list(delivered: Path) -> Path:
    return delivered / "ant20_01" / "PublicData_0717.dat"
