"""What several tests need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


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
