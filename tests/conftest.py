"""Fixtures, and the order and markers of the tests."""

from __future__ import annotations

import os
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from ingest.core import privileges
from tests.instances import ROOT, Instance, copy_checkout
from tests.templates import Templates, port

# A shell that starts pytest in the background makes it ignore Ctrl-C, and so would its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in each run, so that whoever broke a test finds out, not whoever comes next.
# "make explore" looks for new ones.
hypothesis.settings.register_profile("gate", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", database=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

_PROCESS = os.getpid()
_act_as = privileges.act_as


def _act_as_in_forks(uid: int, gid: int) -> None:
    """Act as an account in processes forked from this one, which itself keeps its rights."""
    if os.getpid() == _PROCESS:
        before = os.umask(0o077)
        _act_as(os.geteuid(), os.getegid())
        os.umask(before)
        return
    if privileges._acting is not None and not privileges._acting.is_other:
        privileges._acting = None  # inherited
    _act_as(uid, gid)


privileges.act_as = _act_as_in_forks


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="Rewrite the list of published tables, tests/contract/published.csv.",
    )


_INSTANCES = {"templates", "scratch_instance"}
"""The fixtures on which all others that provide an instance are based."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need an instance, and run the slowest files first."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    for item in items:
        if not _INSTANCES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("system")
    # If a slow file came last, the other workers would be idle meanwhile.
    items.sort(key=lambda item: -slow[item.path])


_TEMPLATES = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Create the folder of the templates, which all workers share."""
    if not hasattr(config, "workerinput"):
        config.stash[_TEMPLATES] = Path(tempfile.mkdtemp(prefix="km3vo-tests-"))
        config.stash[_TEMPLATES].chmod(0o755)
    else:
        config.stash[_TEMPLATES] = Path(config.workerinput["templates"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    node.workerinput["templates"] = str(node.config.stash[_TEMPLATES])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Delete the templates when all workers have finished."""
    if not hasattr(config, "workerinput"):
        Templates(config.stash[_TEMPLATES]).remove()


@pytest.fixture(scope="session")
def templates(pytestconfig: pytest.Config) -> Templates:
    """Return the templates from which instances are copied."""
    return Templates(pytestconfig.stash[_TEMPLATES])


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Instance]:
    """Provide a server with all releases and real alerts, which tests must leave unchanged."""
    with templates.running("served", tmp_path_factory.mktemp("instance"), 0) as made:
        yield made


@pytest.fixture
def scratch_instance(tmp_path: Path) -> Iterator[Instance]:
    """Provide an instance for one test only, not created yet; the test may do anything to it."""
    made = Instance(tmp_path / "var", port(50))
    yield made
    made.reset()


@pytest.fixture
def empty_instance(scratch_instance: Instance, templates: Templates) -> Instance:
    """Provide an instance for one test only, with an empty database; it is not started."""
    return templates.copy("empty", scratch_instance)


@pytest.fixture
def filled_instance(scratch_instance: Instance, templates: Templates) -> Instance:
    """Provide an instance for one test only, which serves all delivered alerts."""
    templates.copy("packets", scratch_instance).up()
    return scratch_instance


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the working tree, which may be changed and used as ``PYTHONPATH``."""
    return copy_checkout(tmp_path / "checkout")


@pytest.fixture(scope="session")
def delivered() -> Path:
    """Return the folder with the public files that are part of the repository."""
    return ROOT / "inputs"


@pytest.fixture(scope="session")
def antares_list(delivered: Path) -> Path:
    return delivered / "ant20_01" / "PublicData_0717.dat"
