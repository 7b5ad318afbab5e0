"""An instance that tests may kill, stop and damage if they repair it afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.instances import Instance
from tests.templates import Templates, port


@pytest.fixture(scope="package")
def worn(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Instance]:
    """Serve the real data; every test here starts from and ends with a running instance."""
    made = Instance(tmp_path_factory.mktemp("worn") / "var", port(20))
    try:
        templates.copy("antares", made, durable=True).up()
        yield made
    finally:
        made.reset()
