"""``make bench``: how fast it is, how that grows, and how fast others are in the same run.

``python -m tests.bench`` measures everything, ``python -m tests.bench events import`` these two,
``python -m tests.bench report`` writes docs/performance.md. See that page.
"""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.figures import COMMITTED, LATEST, Figures
from tests.bench.steps import QUERIES, STEPS

CURVES = ("uniqueness", "events", "alerts")
"""They measure the same steps for several numbers of rows."""
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
COMPARISONS = {
    "sky": 1_000_000,
    "import": 1_000_000,
    "columns": 10_000_000,
    "cone": 1_000_000,
    "limits": 100_000,
    "circles": 0,
    "packets": 100_000,
    "live": 10_000,
    "alert_index": 100_000,
    "matches": 10_000,
    "match_events": 100_000,
    "search": 1_000_000,
    "intervals": 0,
    "pages": 0,
}
"""They compare with peers, for so many events or packets."""
ON_REQUEST = {
    "partitions": 200_000,
    "pool": 5_000,
    "proxy": 10_000,
    "sky_view": 1_000_000,
    "workers": 10_000,
}
"""They need a browser, a library or a program that nothing else does, or led to a decision."""
REPORT = "report"


def main() -> None:
    """Run the benches named, or all; or write the page about the committed figures."""
    names = (*CURVES, *COMPARISONS, *ON_REQUEST)
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("benches", nargs="*", metavar="|".join((*names, REPORT)))
    parser.add_argument(
        "--sizes",
        type=lambda text: [int(float(one)) for one in text.split(",")],
        default=SIZES,
        metavar="N,…",
        help="numbers of events of the curves, such as 1e4,1e5,1e6,1e7,1e8",
    )
    parser.add_argument("--events", type=int, help="events or packets of the comparisons")
    parser.add_argument(
        "--json",
        type=Path,
        default=LATEST,
        help=f"the figures; those of benches that are not run stay (default: {LATEST})",
    )
    parser.add_argument(
        "--keep", action="store_true", help=f"use {COMMITTED}, the figures of the page, as --json"
    )
    options = parser.parse_args()
    if options.benches == [REPORT]:
        from tests.bench.page import write_page

        write_page(COMMITTED)
        return
    if unknown := set(options.benches) - set(names):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    path = COMMITTED if options.keep else options.json
    measure(options.benches or [*CURVES, *COMPARISONS], options.sizes, options.events, path)


def measure(benches: list[str], sizes: list[int], events: int | None, path: Path) -> None:
    """Run benches, print what they measure, and write it after each of them."""
    console = Console(width=132)
    known = Figures.read(path) if path.exists() else Figures()
    figures = Figures(points=known.points, comparisons=known.comparisons, seconds=known.seconds)
    table = Table("bench", "what", "ours", "peer", "ratio", "goal")
    for name in benches:
        start = time.monotonic()
        with console.status(f"{name} …"):
            if name in CURVES:
                for point in importlib.import_module(f"tests.bench.curve_{name}").points(sizes):
                    figures.add(point)
                    step = (STEPS | QUERIES)[point.step]
                    what = f"{step.title}, {point.n:,} {step.of}"
                    memory = f", {point.memory:,.0f} MiB" if point.memory else ""
                    table.add_row(name, what, f"{point.seconds:,.3g} s{memory}")
                    console.log(what, f"{point.seconds:,.3g} s{memory}")
            else:
                count = events or (COMPARISONS | ON_REQUEST)[name]
                bench = importlib.import_module(f"tests.bench.bench_{name}")
                figures.comparisons[name] = list(bench.lines(count))
                for line in figures.comparisons[name]:
                    table.add_row(name, *line)
        figures.seconds[name] = round(time.monotonic() - start, 1)
        figures.write(path)
    console.print(table)


if __name__ == "__main__":
    main()
