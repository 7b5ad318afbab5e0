"""What the tests of the alert archive need."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def packet_files(shared_data: Path) -> list[Path]:
    """Return the files of all real packets."""
    files = sorted((shared_data / "alerts").glob("*/*.*"))
    assert len(files) > 20
    return files


@pytest.fixture(scope="session")
def contents(packet_files: list[Path]) -> list[bytes]:
    """Return the bytes of all real packets."""
    return [file.read_bytes() for file in packet_files]
