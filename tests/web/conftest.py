"""Fixtures of the tests of web pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import chromium
from tests.instances import Instance
from tests.web.visitor import Visitor


@pytest.fixture(scope="session")
def visitor(tmp_path_factory: pytest.TempPathFactory, instance: Instance) -> Iterator[Visitor]:
    """Return a visitor of the shared instance, which has all releases and real alerts."""
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield Visitor(driver, instance)
