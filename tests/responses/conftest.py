"""Delivered responses, each read once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.responses import Response, read_response
from tests.responses.delivered_responses import DELIVERED


@functools.cache
def _read(name: str) -> Response:
    format, path = DELIVERED[name]
    return read_response(path, format)


@pytest.fixture
def response() -> Callable[[str], Response]:
    """Return a delivered response by its short name."""
    return _read


@pytest.fixture
def delivered() -> dict[str, tuple[str, Path]]:
    """Return the format and the file of all delivered responses."""
    return DELIVERED
