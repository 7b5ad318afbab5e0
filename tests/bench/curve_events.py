"""The path of events from a delivery in HDF5 until queries are answered, by number of events.

Each conversion and import is in a process of its own, whose memory is measured.
"""

from __future__ import annotations

import json
import math
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ingest.core.files import sha256
from ingest.core.timescales import DAY, UNIX_EPOCH_MJD
from ingest.events.delivery import AcquiredFile, Manifest
from ingest.events.import_release import import_release
from ingest.events.release_conversion import convert_release
from ingest.instance.account import Account
from ingest.instance.dachs.periods import schema_of
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from tests.bench.figures import Point
from tests.bench.instance import RELEASE, private_instance, psql, release_of
from tests.bench.report import timed
from tests.bench.samples import BEGIN, SPACING, write_km3pipe
from tests.bench.steps import ANSWERS, PER_FILE

FORM = "km3pipe-hdf5"
TABLE = f"{RELEASE}.main"
REQUESTS = 30
FEW = 100_000
"""Up to so many events, steps are repeated."""
REPEAT = 3
_LOOK_EVERY = 0.02  # s


def points(sizes: Sequence[int]) -> Iterator[Point]:
    """Yield the points of all steps, by number of events."""
    with tempfile.TemporaryDirectory() as name, private_instance(serve=True) as (layout, state):
        for n in sorted(sizes):
            inputs = _deliver(Path(name) / "inputs", n)
            repeat = REPEAT if n <= FEW else 1
            yield _point("convert", n, repeat, "convert", str(inputs))
            runs = [_run("import", str(inputs), n, str(layout.var)) for _ in range(repeat)]
            memory = max(one["memory"] for one in runs)
            online = statistics.median(one["online"] for one in runs)
            yield Point("online", n, online, memory)
            complete = statistics.median(one["seconds"] for one in runs)
            yield Point("complete", n, complete, memory, _size(layout, state))
            shutil.rmtree(inputs)
            yield Point("copy", n, _copy(layout, state, Path(name), repeat))
            yield from _queries(state, n)


def _deliver(folder: Path, n: int) -> Path:
    """Write files with `n` events in a directory, and return it."""
    folder.mkdir()
    for number, first in enumerate(range(0, n, PER_FILE)):
        # other events than those of smaller samples, or these would have been loaded already
        seed, events = n + number, min(PER_FILE, n - first)
        write_km3pipe(folder / f"run{number:05d}.h5", events, seed, first)
    return folder


def _release(folder: Path, n: int) -> Manifest:
    """Return the release of the files in a directory; if it has several, it grows by years."""
    first, *more = sorted(folder.iterdir())
    section = {"products": "per-file", "periods": "year"} if more else {}
    return release_of(first, n, FORM, *more, **section)


def _point(step: str, n: int, repeat: int, *arguments: str) -> Point:
    runs = [_run(*arguments, n) for _ in range(repeat)]
    seconds = statistics.median(one["seconds"] for one in runs)
    return Point(step, n, seconds, max(one["memory"] for one in runs), int(runs[0]["disk"]))


def _run(*arguments: str | int) -> dict[str, float]:
    command = [sys.executable, "-m", __name__, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def convert(inputs: str, n: str) -> dict[str, float]:
    """Convert a delivery, as one of the steps of an import."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        delivered = [
            AcquiredFile(path, "bench", sha256(path), simulated=False)
            for path in sorted(Path(inputs).iterdir())
        ]
        done = convert_release(_release(Path(inputs), int(n)), delivered, Path(folder))
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "disk": sum(one.product.stat().st_size for one in done)}


def import_(inputs: str, n: str, var: str) -> dict[str, float]:
    """Import a delivery; another thread looks when its table is online."""
    layout = Layout(Path(var), Account.current())
    state = InstanceState.read(layout)
    assert state is not None
    # without it nothing is compared with what is online, as at the first import of a release
    layout.record(RELEASE).unlink(missing_ok=True)
    watcher = Watcher(layout, state, TABLE)
    watcher.start()
    watcher.ready.wait()
    start = time.perf_counter()
    manifest = _release(Path(inputs), int(n))
    import_release(manifest, layout, state, Path(inputs), force=True)
    seconds = time.perf_counter() - start
    watcher.join(10)
    return {"seconds": seconds, "online": watcher.seen - start}


class Watcher(threading.Thread):
    """Sees, from outside, when a new table is in the place of `table`."""

    def __init__(self, layout: Layout, state: InstanceState, table: str) -> None:
        super().__init__(daemon=True)
        self.layout, self.state, self.table = layout, state, table
        self.ready = threading.Event()
        self.seen = float("nan")

    def run(self) -> None:
        """Look every 20 ms."""
        with Cluster(self.layout).connect(self.state.postgres_port) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            before = _object_id(cursor, self.table)
            self.ready.set()
            while _object_id(cursor, self.table) in (before, None):
                time.sleep(_LOOK_EVERY)
            self.seen = time.perf_counter()


def _object_id(cursor: Any, table: str) -> int | None:
    cursor.execute("SELECT to_regclass(%s)::oid::bigint", [table])
    found: int | None = cursor.fetchone()[0]
    return found


def _size(layout: Layout, state: InstanceState) -> int:
    """Return the bytes of the table, or of those of its periods, with all indices."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = ANY (ARRAY[to_regnamespace(%s), to_regnamespace(%s)])",
            [RELEASE, schema_of(RELEASE)],
        )
        (found,) = cursor.fetchone()
    return int(found)


def _copy(layout: Layout, state: InstanceState, folder: Path, repeat: int) -> float:
    """Return the time that psql takes for the same rows, without columns that COPY cannot read."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ',') FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND atttypid != ALL (ARRAY['scircle'::regtype, 'spoint'::regtype])",
            [TABLE],
        )
        (columns,) = cursor.fetchone()
    rows = folder / "rows.bin"
    psql(layout, state, f"\\copy (SELECT {columns} FROM {TABLE}) TO '{rows}' WITH BINARY")
    script = (
        f"CREATE TEMPORARY TABLE copied AS SELECT {columns} FROM {TABLE} LIMIT 0;\n"
        f"\\copy copied FROM '{rows}' WITH BINARY\n"
    )
    seconds = statistics.median(timed(psql, layout, state, script) for _ in range(repeat))
    rows.unlink()
    return seconds


def _queries(state: InstanceState, n: int) -> Iterator[Point]:
    """Ask for about the same number of events, in turns."""
    share = ANSWERS / n
    radius = math.degrees(math.acos(1 - 2 * share))
    side = math.degrees(math.sqrt(4 * math.pi * share)) / 2
    dice = random.Random(1)
    begin, window = BEGIN / DAY + UNIX_EPOCH_MJD, ANSWERS * SPACING / DAY

    def cone(ra: float, dec: float) -> str:
        return f"{RELEASE}/nu/cone/scs.xml?RA={ra}&DEC={dec}&SR={radius}"

    def region(ra: float, _: float) -> str:
        corners = ", ".join(
            f"{(ra + x * side) % 360}, {y * side}" for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        )
        return _tap(f"SELECT * FROM {TABLE} WHERE 1 = CONTAINS(POINT(ra, dec), POLYGON({corners}))")

    def view(ra: float, dec: float) -> str:
        circle = f"CIRCLE({ra}, {dec}, {radius})"
        return _tap(f"SELECT * FROM km3net.events WHERE 1 = CONTAINS(POINT(ra, dec), {circle})")

    def during(_ra: float, _dec: float) -> str:
        start = begin + dice.random() * (n - ANSWERS) * SPACING / DAY
        return _tap(f"SELECT * FROM {TABLE} WHERE mjd BETWEEN {start} AND {start + window}")

    asked: dict[str, Callable[[float, float], str]] = {
        "cone": cone, "region": region, "window": during, "view": view,
    }  # fmt: skip
    times: dict[str, list[float]] = {name: [] for name in asked}
    rows: dict[str, list[int]] = {name: [] for name in asked}
    for number in range(REQUESTS + 3):
        ra, dec = dice.uniform(0, 360), math.degrees(math.asin(dice.uniform(-0.9, 0.9)))
        for name, question in asked.items():
            start = time.perf_counter()
            answer = fetch(f"{state.server_url}/{question(ra, dec)}")
            if number >= 3:  # the first ones load the descriptors
                times[name].append(time.perf_counter() - start)
                rows[name].append(answer.count(b"\n") - 1)
    for name, spent in times.items():
        # or what is compared are not equal answers
        assert name == "cone" or 0.5 < statistics.mean(rows[name]) / ANSWERS < 2, (name, rows[name])
        yield Point(name, n, statistics.median(spent))


def _tap(query: str) -> str:
    return "tap/sync?" + urlencode({"LANG": "ADQL", "FORMAT": "csv", "QUERY": query})


def fetch(address: str) -> bytes:
    """Ask, and return the answer."""
    with urllib.request.urlopen(address, timeout=300) as answer:
        content: bytes = answer.read()
    return content


if __name__ == "__main__":
    result = {"convert": convert, "import": import_}[sys.argv[1]](*sys.argv[2:])
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    result["memory"] = max(resource.getrusage(one).ru_maxrss for one in who) / 1024
    print(json.dumps(result))
