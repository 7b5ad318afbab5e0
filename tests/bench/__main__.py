"""``make bench``: how fast it is, how that grows, and how fast others are in the same run.

``python -m tests.bench`` measures everything, ``python -m tests.bench events import`` these two,
``python -m tests.bench report`` writes docs/performance.md. See that page.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    "grow": 10_000_000,
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
    "workflow": 8_000_000,
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
        help=f"the figures; if benches are named, those of others stay (default: {LATEST})",
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
    with _alone():
        known = Figures.read(path) if options.benches and path.exists() else Figures()
        benches = options.benches or [*CURVES, *COMPARISONS]
        measure(benches, options.sizes, options.events, known, path)


@contextmanager
def _alone() -> Iterator[None]:
    """Refuse a second run: each would slow the other down, and replace its figures."""
    LATEST.parent.mkdir(exist_ok=True)
    with LATEST.with_name("bench.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("another bench runs in this checkout; wait until it ends") from None
        yield


def measure(
    benches: list[str], sizes: list[int], events: int | None, known: Figures, path: Path
) -> None:
    """Run benches, print what they measure, and write it with what is known after each of them."""
    console = Console(width=132)
    figures = Figures(points=known.points, comparisons=known.comparisons, seconds=known.seconds)
    table = Table("bench", "what", "ours", "peer", "ratio", "goal")
    failed = []
    for name in benches:
        start = time.monotonic()
        try:
            with console.status(f"{name} …"):
                for row in _rows(name, sizes, events, figures, console):
                    table.add_row(name, *row)
        except Exception:  # the others are measured nevertheless
            console.print_exception()
            failed.append(name)
        else:
            figures.seconds[name] = round(time.monotonic() - start, 1)
            figures.write(path)
    console.print(table)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _rows(
    name: str, sizes: list[int], events: int | None, figures: Figures, console: Console
) -> Iterator[Sequence[str]]:
    """Run a bench, add what it measures to the figures, and yield it for the table."""
    if name in CURVES:
        for point in importlib.import_module(f"tests.bench.curve_{name}").points(sizes):
            figures.add(point)
            step = (STEPS | QUERIES)[point.step]
            memory = f", {point.memory:,.0f} MiB" if point.memory else ""
            row = f"{step.title}, {point.n:,} {step.of}", f"{point.seconds:,.3g} s{memory}"
            console.log(*row)
            yield row
    else:
        count = events or (COMPARISONS | ON_REQUEST)[name]
        bench = importlib.import_module(f"tests.bench.bench_{name}")
        figures.comparisons[name] = list(bench.lines(count))
        yield from figures.comparisons[name]


if __name__ == "__main__":
    main()
