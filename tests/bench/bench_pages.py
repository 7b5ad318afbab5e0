"""How fast pages are in a browser, next to DaCHS' own page about a service."""

from __future__ import annotations

import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from selenium.webdriver import Chrome

from ingest.events.import_release import import_release
from tests.bench.instance import RELEASE, private_instance, release_of
from tests.bench.report import Line
from tests.bench.samples import write_km3pipe
from tests.browser import chromium

PAGES: Final = ("/", f"/{RELEASE}", "/alerts", "/sky", "/query", "/learn", "/status")
_PEER: Final = f"/{RELEASE}/nu/cone/info"
_EVENTS: Final = 10_000
_VISITS: Final = 5
_LOOK: Final = """
    const done = arguments[0];
    const finish = () => setTimeout(() => {
        const [page] = performance.getEntriesByType("navigation");
        const paint = performance.getEntriesByName("first-contentful-paint")[0];
        const parts = [page, ...performance.getEntriesByType("resource")];
        done({
            answer: page.responseEnd - page.requestStart,
            paint: paint ? paint.startTime : NaN,
            bytes: parts.reduce((sum, one) => sum + one.transferSize, 0),
        });
    }, 300);
    if (document.readyState === "complete") finish(); else addEventListener("load", finish);
"""


def lines(events: int) -> Iterator[Line]:
    """Yield the times of pages, until the answer and until something is painted, and their size."""
    with tempfile.TemporaryDirectory() as name, private_instance(serve=True) as (layout, state):
        path = write_km3pipe(Path(name) / "events.h5", _EVENTS)
        import_release(release_of(path, _EVENTS, "km3pipe-hdf5"), layout, state, Path(name))
        _wait_for_measurements(state.server_url)
        with chromium(Path(name) / "profile") as driver:
            driver.set_script_timeout(120)
            driver.execute_cdp_cmd("Network.enable", {})
            driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
            peer = _visit(driver, state.server_url + _PEER)
            for page in PAGES:
                ours = _visit(driver, state.server_url + page)
                yield _line(f"{page}: answer", ours, peer, "answer", "≤ 1.5")
                yield _line(f"{page}: first contentful paint", ours, peer, "paint", "≤ 500 ms")
                yield Line(
                    f"{page}: transferred",
                    f"{ours['bytes'] / 1000:.0f} kB",
                    f"info page {peer['bytes'] / 1000:.0f} kB",
                    f"{ours['bytes'] / peer['bytes']:.2f}",
                    "≤ 200 kB" * (page == "/"),
                )


def _wait_for_measurements(server: str) -> None:
    """Wait until the page of the status has been measured once, as it has been on any server."""
    for _ in range(60):
        with urllib.request.urlopen(f"{server}/status.json", timeout=60) as reply:
            if "There is no answer yet" not in reply.read().decode():
                return
        time.sleep(0.5)


def _line(what: str, ours: dict[str, float], peer: dict[str, float], key: str, goal: str) -> Line:
    ratio = f"{ours[key] / peer[key]:.2f}"
    return Line(what, f"{ours[key]:.0f} ms", f"info page {peer[key]:.0f} ms", ratio, goal)


def _visit(driver: Chrome, address: str) -> dict[str, float]:
    """Return the medians over some visits, after one that fills the server's caches."""
    visits: list[dict[str, Any]] = []
    for _ in range(_VISITS + 1):
        driver.get(address)
        visits.append(driver.execute_async_script(_LOOK))
    return {key: statistics.median(one[key] for one in visits[1:]) for key in visits[0]}
