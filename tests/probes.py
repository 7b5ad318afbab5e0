"""Probes: programs of tests that run in the Python of DaCHS, without an instance."""

from __future__ import annotations

import os
from pathlib import Path


def environment(home: Path | str) -> dict[str, str]:
    """Return variables with which DaCHS is imported without settings and without a database."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GAVOCUSTOM": "/dev/null",
        "PYTHONPATH": str(Path(__file__).parent / "rd"),
        # otherwise, DaCHS 2.11 connects to the database while it is imported
        "GAVO_INIT_RUNNING": "1",
    }
