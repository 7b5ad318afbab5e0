"""What several tests need."""

from __future__ import annotations

import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.instances import ROOT, Instance, copy_checkout
from tests.templates import Templates, port

# A shell that runs us in the background lets us ignore Ctrl-C, and all that we start would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="Write the list of published tables anew, tests/contract/published.csv.",
    )


_INSTANCES = {"templates", "scratch_instance"}
"""Fixtures that all others which give an instance are made of."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs an instance, and begin with the files that take longest."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    for item in items:
        if not _INSTANCES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("system")
    # One that came last would be waited for by all others.
    items.sort(key=lambda item: -slow[item.path])


_TEMPLATES = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of the templates, one for all workers."""
    if not hasattr(config, "workerinput"):
        config.stash[_TEMPLATES] = Path(tempfile.mkdtemp(prefix="km3vo-tests-"))
        config.stash[_TEMPLATES].chmod(0o755)
    else:
        config.stash[_TEMPLATES] = Path(config.workerinput["templates"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    node.workerinput["templates"] = str(node.config.stash[_TEMPLATES])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Delete them, when all workers are done."""
    if not hasattr(config, "workerinput"):
        Templates(config.stash[_TEMPLATES]).remove()


@pytest.fixture(scope="session")
def templates(pytestconfig: pytest.Config) -> Templates:
    """Return what instances are copied from."""
    return Templates(pytestconfig.stash[_TEMPLATES])


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Instance]:
    """Serve all releases and real alerts. Tests leave it as they found it."""
    made = Instance(tmp_path_factory.mktemp("instance") / "var", port(0))
    try:
        templates.copy("served", made).up()
        yield made
    finally:
        made.reset()


@pytest.fixture
def scratch_instance(tmp_path: Path) -> Iterator[Instance]:
    """Give a test an instance of its own, not yet made, to do what it likes with."""
    made = Instance(tmp_path / "var", port(50))
    yield made
    made.reset()


@pytest.fixture
def empty_instance(scratch_instance: Instance, templates: Templates) -> Instance:
    """Give a test an instance of its own with an empty database; it is not started."""
    return templates.copy("empty", scratch_instance)


@pytest.fixture
def filled_instance(scratch_instance: Instance, templates: Templates) -> Instance:
    """Give a test an instance of its own that serves all delivered alerts."""
    templates.copy("packets", scratch_instance).up()
    return scratch_instance


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
