"""How fast the proxy answers, next to the server behind it."""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ingest.events.import_release import import_release
from tests.bench.instance import RELEASE, private_instance, release_of
from tests.bench.report import Line
from tests.bench.samples import write_km3pipe
from tests.instances import Instance
from tests.proxy.front import Front, front

_EVENTS: Final = 10_000
_PORT: Final = 18_680
_FITS: Final = f"/getproduct/{RELEASE}/data/{RELEASE}.fits"
_CONE: Final = f"/{RELEASE}/nu/cone/scs.xml?RA=43&DEC=35&SR="
_ALL: Final = f"{_CONE}180&RESPONSEFORMAT=votabletd"
_CONES: Final = 40


def lines(events: int) -> Iterator[Line]:
    """Yield answers per second from the cache, and what the proxy costs and saves."""
    with tempfile.TemporaryDirectory() as name, private_instance(serve=True) as (layout, state):
        path = write_km3pipe(Path(name) / "events.h5", _EVENTS)
        import_release(release_of(path, _EVENTS, "km3pipe-hdf5"), layout, state, Path(name))
        instance = Instance(layout.path, state.web_port)
        with front(instance, _PORT, settings="requests_per_second = 10000") as one:
            yield from compare(one, instance, f"/{RELEASE}")


def compare(one: Front, instance: Instance, page: str) -> Iterator[Line]:
    """Yield the lines for a proxy, and the server behind it as its peer."""
    log = instance.var / "dachs" / "logs" / "web.log"
    for what, path in (("page", page), ("style sheet", "/assets/site.css")):
        one.ask(path)
        ours, peer = _rate(one.url + path), _rate(instance.url + path)
        yield _line(f"{what}, kept: answers/s", ours, peer, "≥ 2000")
    one.ask(_FITS)
    before = len(re.findall("getproduct", log.read_text(errors="replace")))
    ours = _rate(one.url + _FITS, "-H", "Range: bytes=2880-31679")
    time.sleep(1)
    reached = len(re.findall("getproduct", log.read_text(errors="replace"))) - before
    peer = _rate(instance.url + _FITS, "-H", "Range: bytes=2880-31679")
    yield _line("part of a FITS file: answers/s", ours, peer, "")
    yield Line("part of a FITS file: requests that reach the server", str(reached), "", "", "0")
    plain, packed = one.ask(_ALL)[2], one.ask(_ALL, Accept_Encoding="gzip")[2]
    ratio = f"{len(plain) / len(packed):.1f}"
    yield Line("VOTable, gzip: kB", f"{len(packed) // 1000}", f"{len(plain) // 1000}", ratio, "")
    straight = Front(instance, one.folder, instance.port, tls=False)
    through, direct = _cones(one, straight)
    yield Line(
        "cone, not kept",
        f"{through * 1000:.1f} ms",
        f"server {direct * 1000:.1f} ms",
        f"{through / direct:.2f}",
        "",
    )


def _rate(address: str, *options: str) -> float:
    """Return how many requests per second are answered, without an error."""
    command = ["wrk", "-t1", "-c16", "-d3s", *options, address]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in text, text
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", text)[0])


def _cones(*servers: Front) -> list[float]:
    """Return the median time in s of cone searches, asked in turns, each by a new connection."""
    times: list[list[float]] = [[] for _ in servers]
    for place in range(_CONES):
        for one, own in zip(servers, times, strict=True):
            begin = time.perf_counter()
            one.ask(f"{_CONE}{1 + place / 100}")
            own.append(time.perf_counter() - begin)
    return [statistics.median(own) for own in times]


def _line(what: str, ours: float, peer: float, goal: str) -> Line:
    return Line(what, f"{ours:.0f}", f"server {peer:.0f}", f"{ours / peer:.1f}", goal)
