"""The command line of the matrix."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.matrix import ROOT

SUITES: Final = ("bookworm", "trixie", "sid")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options; ``tests`` are the arguments of pytest, after ``--``."""
    arguments = list(arguments)
    at = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.matrix",
        description="Run the tests of HEAD in minimal systems of releases of Debian.",
        epilog="Without arguments for pytest: make test. Figures and logs are in build/matrix.",
    )
    parser.add_argument("suites", nargs="+", metavar="SUITE", help=f"such as {', '.join(SUITES)}")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep the system, and continue with that of an earlier run: quick, but not clean",
    )
    parser.add_argument(
        "--frozen",
        action="store_true",
        help="accept a mirror that was not renewed for so long that its lists have expired",
    )
    parser.add_argument(
        "--network", action="store_true", help="let the tests reach more than this machine"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "build" / "matrix",
        metavar="DIRECTORY",
        help="where the figures and logs are written",
    )
    options = parser.parse_args(arguments[:at])
    for suite in options.suites:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", suite):
            parser.error(f"{suite} is not the name of a release of Debian, such as trixie")
    options.tests = arguments[at + 1 :]
    return options
