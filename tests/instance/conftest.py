"""An instance that tests may kill, stop and damage if they repair it afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.instances import Instance
from tests.templates import Templates


@pytest.fixture(scope="package")
def worn(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Instance]:
    """Serve the real data; every test here starts from and ends with a running instance."""
    with templates.running("antares", tmp_path_factory.mktemp("worn"), 20, durable=True) as made:
        yield made
