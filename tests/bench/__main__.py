"""``make bench``: run all benches and print one table; ``python -m tests.bench import sky``."""

from __future__ import annotations

import argparse
import importlib

from rich.console import Console
from rich.table import Table

BENCHES = (
    "sky",
    "import",
    "path",
    "memory",
    "uniqueness",
    "cone",
    "limits",
    "circles",
    "alerts",
    "live",
    "alert_index",
    "matches",
    "match_events",
    "search",
    "intervals",
    "pages",
    "sky_view",
)
ON_REQUEST = ("pool", "proxy", "workers")
"""They need a library or a program that nothing else does, or take long."""


def main() -> None:
    """Run the benches named, or all."""
    parser = argparse.ArgumentParser(description="How fast it is, next to peers in the same run.")
    parser.add_argument("benches", nargs="*", metavar="|".join(BENCHES + ON_REQUEST))
    parser.add_argument("--events", type=int, default=1_000_000, help="events of a sample")
    options = parser.parse_args()
    if unknown := set(options.benches) - {*BENCHES, *ON_REQUEST}:
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    console = Console(width=132)
    table = Table("bench", "what", "ours", "peer", "ratio", "goal")
    for name in options.benches or BENCHES:
        bench = importlib.import_module(f"tests.bench.bench_{name}")
        with console.status(f"{name} …"):
            for line in bench.lines(options.events):
                table.add_row(name, *line)
    console.print(table)


if __name__ == "__main__":
    main()
