"""Counters in files: they survive their processes, and damage harms nobody."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.core.metrics_server import registry_of
from ingest.instance import Account, Layout, metering
from ingest.publish.watching import collectors, usage_by_month


def counted(requests: int, day: str = "", clients: range = range(0)) -> dict[str, Any]:
    """Return what a process writes after some requests."""
    sketch = metering.new_sketch()
    for client in clients:
        metering.add_client(sketch, random.Random(client).randbytes(8))
    service = {
        "status": {"2xx": requests},
        "durations": [requests, *[0] * len(metering.EDGES)],
        "seconds": 0.5 * requests,
        "bytes": 100 * requests,
        "rows": 0,
    }
    use = {"requests": requests, "bytes": 100 * requests, "rows": 0}
    return {
        "written": time.time(),
        "counters": {
            "services": {"tap/sync": service},
            "refused": {"503": 1},
            "cache": {"hit": 2, "miss": 1},
        },
        "days": {
            day or metering.today(): {"tap/sync": use | {"clients": metering.written(sketch)}}
        },
        "latest": {"harvest": 1000.0 + requests},
        "now": {"queries": {"running": 1, "waiting": 0}},
    }


def requests_in(store: metering.Store) -> int:
    services = store.read()[0]["counters"].get("services", {})
    return sum(one["status"]["2xx"] for one in services.values())


@pytest.mark.parametrize("number", [0, 1, 30, 1000, 50_000])
def test_the_number_of_clients_is_estimated_well(number: int) -> None:
    source, sketch = random.Random(number), metering.new_sketch()
    for _ in range(number):
        metering.add_client(sketch, source.randbytes(8))
    text = metering.written(sketch)
    assert metering.clients_in(text) == pytest.approx(number, rel=0.1, abs=1)
    # whoever comes again is not counted again
    assert metering.clients_in(metering.combined(text, text)) == metering.clients_in(text)


def test_counters_survive_the_processes_that_count(tmp_path: Path) -> None:
    first, second = (metering.Store(tmp_path / "metrics") for _ in range(2))
    for store, number in ((first, 3), (second, 4)):
        store.begin()
        store.write(counted(number))
    assert requests_in(first) == 7
    assert len(first.read()[1]) == 2
    os.close(first._lock)  # it ends
    assert requests_in(second) == 7
    assert len(second.read()[1]) == 1
    for _ in range(2):  # twice is once
        second.fold()
        assert requests_in(second) == 7
    names = {path.name for path in second.directory.glob("*-*")}
    assert names == {f"{second._name}.json", f"{second._name}.lock"}
    assert second.read()[0]["latest"] == {"harvest": 1004.0}


def test_a_fold_that_was_interrupted_counts_nothing_twice(tmp_path: Path) -> None:
    store = metering.Store(tmp_path / "metrics")
    store.begin()
    store.write(counted(5))
    name = store._name
    os.close(store._lock)
    kept = (store.directory / f"{name}.json").read_bytes()
    other = metering.Store(store.directory)
    other.begin()
    other.fold()
    # as if the machine had stopped before the file was deleted
    (store.directory / f"{name}.json").write_bytes(kept)
    assert requests_in(other) == 5
    other.fold()
    assert requests_in(other) == 5
    other.fold()
    assert requests_in(other) == 5


def test_a_process_that_is_killed_while_it_writes_leaves_whole_files(tmp_path: Path) -> None:
    directory = tmp_path / "metrics"
    for _ in range(5):
        pid = os.fork()
        if pid == 0:
            store = metering.Store(directory)
            store.begin()
            store.fold()
            for number in range(10**6):
                store.write(counted(number))
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert metering.Store(directory).read()[2] == 0
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in directory.iterdir())


DAMAGES = {
    "empty": "",
    "no JSON": "{",
    "a list": "[]",
    "text": '{"counters": {"services": "tap"}}',
    "not a number": '{"counters": {"services": {"tap": {"bytes": NaN}}}}',
    "negative": '{"counters": {"refused": {"503": -1}}}',
    "deep": "[" * 10**5,
    "other sketch": '{"days": {"2026-11-28": {"tap": {"clients": "AAAA"}}}}',
}


@pytest.mark.parametrize("name", list(DAMAGES))
def test_damaged_files_are_reported_and_nothing_else_is_lost(tmp_path: Path, name: str) -> None:
    layout = Layout(tmp_path, Account.current())
    store = metering.Store(layout.metrics)
    store.begin()
    store.write(counted(3))
    (layout.metrics / "1-1.json").write_text(DAMAGES[name])
    (layout.metrics / "totals.json").write_text(DAMAGES[name])
    found = registry_of(collectors(layout))
    value = found.get_sample_value
    assert value("km3vo_metrics_damaged_files") == 2
    assert value("km3vo_requests_total", {"service": "tap/sync", "status": "2xx"}) == 3
    store.fold()
    assert requests_in(store) == 3
    assert (layout.metrics / "totals.damaged").exists()


def test_days_become_months_and_months_are_forgotten_after_ten_years(tmp_path: Path) -> None:
    layout = Layout(tmp_path, Account.current())
    store = metering.Store(layout.metrics)
    store.begin()
    past = [datetime.now(UTC).date() - timedelta(days=number) for number in range(2, 4000, 28)]
    for day in past:
        store.fold(counted(2, day.isoformat(), range(20))["days"])
    store.write(counted(5, clients=range(3)))
    totals = json.loads((layout.metrics / "totals.json").read_text())
    assert totals["days"] == {}
    assert len(totals["months"]) == 120
    assert (layout.metrics / "totals.json").stat().st_size < 50_000
    rows = usage_by_month(layout)
    month = [one for one in rows if one.month == past[60].strftime("%Y-%m")]
    days = sum(day.strftime("%Y-%m") == month[0].month for day in past)
    assert (month[0].service, month[0].requests, month[0].bytes) == (
        "tap/sync",
        2 * days,
        200 * days,
    )
    assert month[0].clients == pytest.approx(20 * days, abs=days)


def test_the_salt_of_yesterday_is_forgotten(tmp_path: Path) -> None:
    store = metering.Store(tmp_path / "metrics")
    store.begin()
    before = store.salt("2026-11-27")
    assert store.salt("2026-11-27") == before
    assert store.salt("2026-11-28") != before
    assert all(before.hex() not in path.read_text() for path in store.directory.iterdir())


def test_rows_of_other_processes_are_counted_once(tmp_path: Path) -> None:
    store = metering.Store(tmp_path / "metrics")
    store.begin()
    assert store.unspool() == []
    for rows in (3, 4):
        metering.Store(store.directory).spool("tap/sync", rows)
    with (store.directory / "rows").open("a") as stream:
        stream.write("nonsense\ntap/sync -5\n")
    assert store.unspool() == [("tap/sync", 3), ("tap/sync", 4)]
    assert store.unspool() == []


def test_links_below_the_directory_are_not_followed(tmp_path: Path) -> None:
    store = metering.Store(tmp_path / "metrics")
    store.begin()
    precious = tmp_path / "precious"
    precious.write_text("precious")
    for name in ("rows", "1-1.json", "totals.json", "totals.part"):
        (store.directory / name).symlink_to(precious)
    with pytest.raises(OSError, match=r"."):
        store.spool("tap/sync", 1)
    assert store.unspool() == []
    store.fold()
    assert precious.read_text() == "precious"
