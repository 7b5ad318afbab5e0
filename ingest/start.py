"""The program ``km3vo``, also where only the parts for users are installed."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, or explain what is missing."""
    try:
        from ingest.cli import main as run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("ingest", "km3vo"):
            raise
        sys.exit(
            f"km3vo: the command runs a node, and needs packages that are not installed"
            f" ({error.name})\n"
            "  remedy:   clone the repository, which has the descriptors and settings as well, and"
            " type make setup there.\n"
            "            To query a node from Python, use: from km3vo import Node"
        )
    run()
