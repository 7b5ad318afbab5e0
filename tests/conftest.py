"""What several tests need."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.instance.postgres import free_port
from tests import alert_archive
from tests.instances import FIRST_PORT, Instance, copy_checkout

# A shell that runs us in the background lets us ignore Ctrl-C, and all that we start would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="Write the list of published tables anew, tests/contract/published.csv.",
    )


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Instance]:
    """Serve all releases and real alerts. Tests leave it as they found it."""
    made = Instance(tmp_path_factory.mktemp("instance") / "var", free_port(FIRST_PORT), shared_data)
    try:
        made.up()
        done = made.km3vo("import")
        assert done.returncode == 0, done.stdout + done.stderr
        alert_archive.fill(made, shared_data / "alerts")
        yield made
    finally:
        made.km3vo("instance", "reset", "--yes", "--with-archive")


@pytest.fixture
def scratch_instance(tmp_path: Path, shared_data: Path) -> Iterator[Instance]:
    """Give a test an instance of its own, not yet made, to do what it likes with."""
    made = Instance(tmp_path / "var", free_port(FIRST_PORT + 50), shared_data)
    yield made
    made.km3vo("instance", "reset", "--yes", "--with-archive")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the working tree, to be changed and used as ``PYTHONPATH``."""
    return copy_checkout(tmp_path / "checkout")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder with the delivered files: ``KM3VO_INPUTS``, or ``shared/data`` nearby.

    A checkout may be a worktree one folder deeper, so the folder above is looked at too.
    """
    if told := os.environ.get("KM3VO_INPUTS"):
        return Path(told)
    root = Path(__file__).resolve().parent.parent
    for parent in (root.parent, root.parent.parent):
        if (parent / "shared" / "data").is_dir():
            return parent / "shared" / "data"
    pytest.skip("no delivered files: set KM3VO_INPUTS to their folder")


@pytest.fixture(scope="session")
def antares_list(shared_data: Path) -> Path:
    path = shared_data / "ant20_01" / "PublicData_0717.dat"
    if not path.exists():
        pytest.skip(f"{path.name} is not among the delivered files")
    return path
