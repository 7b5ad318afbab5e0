"""Fixtures of the tests of the proxy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.instances import Instance
from tests.proxy.front import Front, front
from tests.templates import port


@pytest.fixture(scope="session")
def secure(instance: Instance) -> Iterator[Front]:
    """Run a proxy with TLS in front of the shared instance."""
    with front(instance, port(60), tls=True) as one:
        yield one
