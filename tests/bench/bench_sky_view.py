"""How smoothly the sky moves with many events in it, next to Aladin Lite with nothing in it.

The browser draws without a graphics card. The server's part is how soon it answers.
"""

from __future__ import annotations

import statistics
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from selenium.webdriver import Chrome

from ingest.events.import_release import import_release
from tests.bench.instance import RELEASE, private_instance, release_of
from tests.bench.report import Line, median, timed
from tests.bench.samples import write_km3pipe
from tests.browser import chromium

_SLOWEST: Final = 1000 / 30  # ms, of 30 frames per second
_FRAMES: Final = 90
_OPEN: Final = """
    const [withEvents, release, done] = arguments;
    const fresh = document.createElement("div");
    document.getElementById("sky").replaceWith(fresh);
    Object.assign(fresh, { id: "sky", className: "sky" });
    const layers = [
        { kind: "density", name: "density", release },
        { kind: "release", name: "events", release, limit: 2000 },
        { kind: "alerts", name: "alerts" },
    ];
    (async () => {
        const { default: A } = await import("/assets/aladin.js");
        await A.init;
        if (withEvents) {
            const { openSky } = await import("/assets/skyview.js");
            const sky = await openSky(fresh, { target: [83, -5], layers });
            window.view = sky.aladin;
            done([sky.layers.events.data.shown, sky.layers.events.data.total]);
        } else {
            window.view = A.aladin(fresh, {
                survey: [], hipsList: [], projection: "AIT", log: false, fov: 360, target: "83 -5",
            });
            done([0, 0]);
        }
    })();
"""
_MOVE: Final = """
    const [fov, frames, done] = arguments;
    const times = [];
    view.setFoV(fov);
    let last;
    const step = (now) => {
        if (last !== undefined) times.push(now - last);
        last = now;
        if (times.length >= frames) return done(times);
        const n = times.length;
        view.gotoRaDec((83 + n * fov / 200) % 360, -5 + 20 * Math.sin(n / 30));
        requestAnimationFrame(step);
    };
    setTimeout(() => requestAnimationFrame(step), 1500);
"""


def lines(events: int) -> Iterator[Line]:
    """Yield how long frames take while the sky moves, and how long the server takes to answer."""
    with tempfile.TemporaryDirectory() as name, private_instance(serve=True) as (layout, state):
        path = write_km3pipe(Path(name) / "delivery.h5", events)
        import_release(release_of(path, events, "km3pipe-hdf5"), layout, state, Path(name))
        yield from _answers(state.server_url, events)
        with chromium(Path(name) / "profile") as driver:
            driver.set_window_size(1366, 800)
            driver.set_script_timeout(120)
            yield from _frames(driver, f"{state.server_url}/sky?release={RELEASE}")


def _answers(server: str, events: int) -> Iterator[Line]:
    def ask(path: str) -> float:
        return timed(lambda: urllib.request.urlopen(server + path, timeout=120).read()) * 1000

    first = ask(f"/sky/hips/{RELEASE}/Norder3/Allsky.png")
    again = median(5, lambda: ask(f"/sky/hips/{RELEASE}/Norder3/Allsky.png"))
    what = f"density of {events:,} events, all tiles"
    yield Line(
        what, f"{again:.0f} ms", f"first time {first:.0f} ms", f"{again / first:.3f}", "≤ 0.1"
    )
    ask(f"/sky/events.json?release={RELEASE}")
    for words, query in (
        ("in the whole sky", "&mjd_min=10000"),
        ("within 40°", "&ra={0}&dec=-5&radius=40"),
        ("within 5°", "&ra={0}&dec=-5&radius=5"),
    ):
        address = f"/sky/events.json?release={RELEASE}{query}"
        spent = statistics.median(
            ask(address.format(83 + i) + f"&limit={1990 + i}") for i in range(5)
        )
        yield Line(
            f"the brightest of {events:,} events {words}", f"{spent:.0f} ms", goal="≤ 500 ms"
        )


def _frames(driver: Chrome, page: str) -> Iterator[Line]:
    for fov, words in ((360, "whole sky"), (60, "60° wide"), (10, "10° wide")):
        ours, (shown, total) = _move(driver, page, fov, with_events=True)
        bare, _ = _move(driver, page, fov, with_events=False)
        late = sum(one > _SLOWEST * 1.05 for one in ours) / len(ours)
        median_ours, median_bare = statistics.median(ours), statistics.median(bare)
        yield Line(
            f"moving the sky, {words}, {shown:,} of {total:,} events; {late:.0%} of frames late",
            f"{1000 / median_ours:.0f} frames/s",
            f"no events {1000 / median_bare:.0f} frames/s",
            f"{median_bare / median_ours:.2f}",
            "≥ 30 frames/s",
        )


def _move(driver: Chrome, page: str, fov: int, with_events: bool) -> tuple[list[float], Any]:
    driver.get(page)
    counts = driver.execute_async_script(_OPEN, with_events, RELEASE)
    return driver.execute_async_script(_MOVE, fov, _FRAMES), counts
