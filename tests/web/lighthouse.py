"""``make web-audit``: what Lighthouse says of the pages of a running server."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.web.addresses import PAGES

_FOLDER: Final = Path(__file__).parent / "audit"
_PROGRAM: Final = _FOLDER / "node_modules" / ".bin" / "lighthouse"
_BROWSER: Final = "--headless --no-sandbox --disable-gpu --disable-background-networking"
_OPTIONS: Final = ("--quiet", "--output=json", "--preset=desktop", "--throttling-method=provided")
_SCORES: Final = ("performance", "accessibility", "best-practices", "seo")
_COUNTED: Final = {"binary", "numeric", "metricSavings"}
_GOOD: Final = 0.9


def audit(address: str, folder: Path) -> dict[str, Any]:
    """Run Lighthouse on a page, and return its report."""
    path = folder / "report.json"
    subprocess.run(
        [_PROGRAM, address, *_OPTIONS, f"--output-path={path}", f"--chrome-flags={_BROWSER}"],
        env=os.environ | {"CHROME_PATH": "/usr/bin/chromium"},
        check=True,
        timeout=300,
    )
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return report


def main() -> None:
    """Print a table of all pages, and what is wrong with them."""
    parser = argparse.ArgumentParser(description="What Lighthouse says of the pages of a server.")
    parser.add_argument("server", help="the address of a running server")
    parser.add_argument("pages", nargs="*", help="names of pages, as in addresses.py; default all")
    options = parser.parse_args()
    server = options.server.rstrip("/")
    if unknown := set(options.pages) - set(PAGES):
        parser.error(f"no such page: {', '.join(sorted(unknown))}")
    if not _PROGRAM.exists():
        command = ["npm", "ci", "--silent", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=_FOLDER, check=True)
    table = Table("page", "first paint", "transferred", *_SCORES)
    wrong: list[str] = []
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        for page in options.pages or PAGES:
            with console.status(f"{page} …"):
                report = audit(server + PAGES[page], Path(name))
            audits = report["audits"]
            table.add_row(
                page,
                f"{audits['first-contentful-paint'].get('numericValue', float('nan')):.0f} ms",
                f"{audits['total-byte-weight'].get('numericValue', float('nan')) / 1000:.0f} kB",
                *(_score(report["categories"][one]["score"]) for one in _SCORES),
            )
            wrong += [f"{page}: {one['title']}" for one in audits.values() if _is_wrong(one)]
    console.print(table)
    for line in wrong:
        console.print(line, markup=False)


def _score(score: float | None) -> str:
    """Return a score in percent; there is none if Lighthouse could not measure something."""
    return "–" if score is None else f"{100 * score:.0f}"


def _is_wrong(one: dict[str, Any]) -> bool:
    is_counted = one["scoreDisplayMode"] in _COUNTED and one["score"] is not None
    return is_counted and one["score"] < _GOOD


if __name__ == "__main__":
    main()
