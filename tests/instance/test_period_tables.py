"""A release that grows by periods: an import loads what is new, and readers see all or nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import psycopg2
import pytest

from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from tests.bench.samples import write_simple
from tests.instances import KM3VO, Instance
from tests.servers import eventually

NAME = "evts21_01"
EVENTS = 60
"""In each file."""
FORMAT = """\
format = "simple-hdf5"
products = "per-file"
periods = "year\"
"""
YEAR = 31_557_600
"""s"""


class Delivery:
    """A folder with files of simulated events, each of one year."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[str] = []
        self.manifest = (folder / "release.toml").read_text().partition("[[files]]")[0]
        for old, new in (
            ('format = "dst-root"', FORMAT),
            ("start = 2021-02-24", "start = 2019-12-01"),
            ("stop = 2021-02-25", "stop = 2040-01-01"),
            ("events = 2495", "events = @"),
        ):  # fmt: skip
            assert old in self.manifest
            self.manifest = self.manifest.replace(old, new)

    def add(self, name: str, year: float, seed: int) -> None:
        with h5py.File(write_simple(self.folder / name, EVENTS, seed=seed), "a") as file:
            rows = file["events"][:]
            rows["timestamp"] += int(year * YEAR)
            rows["run_id"] += 10 * seed
            file["events"][:] = rows
        if name not in self.files:
            self.files.append(name)
        text = self.manifest.replace("@", str(EVENTS * len(self.files)))
        listed = "".join(f'[[files]]\nname = "{one}"\n' for one in self.files)
        (self.folder / "release.toml").write_text(text + listed)

    def remove(self, name: str) -> None:
        self.files.remove(name)
        self.add(self.files[0], 0, 1)


class Reader(threading.Thread):
    """Counts the events of each year all the time."""

    def __init__(self, connect: Any) -> None:
        super().__init__(daemon=True)
        self.connect, self.ended = connect, threading.Event()
        self.seen: set[tuple[int, ...]] = set()
        self.errors: list[str] = []

    def run(self) -> None:
        with self.connect() as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            while not self.ended.is_set():
                try:
                    cursor.execute(
                        f"SELECT count(*) FROM {NAME}.main GROUP BY floor(mjd / 365.25) ORDER BY 1"
                    )
                    self.seen.add(tuple(n for (n,) in cursor.fetchall()))
                except psycopg2.Error as error:
                    self.errors.append(str(error))


@pytest.fixture
def connect(empty_instance: Instance) -> Any:
    layout = Layout(empty_instance.var, Account.current())

    def connected() -> Any:
        state = InstanceState.read(layout)
        assert state is not None
        return Cluster(layout).connect(state.postgres_port)

    return connected


@pytest.fixture
def delivery(checkout: Path, empty_instance: Instance) -> Iterator[Delivery]:
    empty_instance.extra |= {"PYTHONPATH": str(checkout)}
    yield Delivery(checkout / "inputs" / NAME)


def tables(connect: Any) -> dict[str, int]:
    """Return the tables of periods with PostgreSQL's identifiers."""
    with connect() as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT relname, oid::bigint FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = to_regnamespace(%s)",
            [f"{NAME}_periods"],
        )
        return dict(cursor.fetchall())


def number_of_events(connect: Any) -> int:
    """Return the number of events that the release has online."""
    with connect() as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT count(*) FROM {NAME}.main")
        (found,) = cursor.fetchone()
        return found


@pytest.mark.slow
def test_only_new_and_changed_periods_are_loaded(
    empty_instance: Instance, delivery: Delivery, connect: Any
) -> None:
    importing = ("import", "--release", NAME, "--json")
    delivery.add("run1.h5", 0, 1)
    delivery.add("run2.h5", 0.2, 2)
    delivery.add("run3.h5", 1.2, 3)
    done = empty_instance.km3vo(*importing)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["imported"] == 3 * EVENTS
    data = Layout(empty_instance.var, Account.current()).inputs / NAME / "data"
    first = tables(connect)
    assert sorted(name[:5] for name in first) == ["p2020", "p2021"]

    # what visitors can ask, and what they cannot
    with connect() as connection:
        cursor = connection.cursor()
        cursor.execute(f"EXPLAIN SELECT * FROM {NAME}.main WHERE mjd BETWEEN 59215 AND 59300")
        plan = "".join(row[0] for row in cursor.fetchall())
        assert "p2021" in plan
        assert "p2020" not in plan
        cursor.execute(
            "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = %s", [f"{NAME}_periods"]
        )
        indexed = [(table[:5], text.partition(" USING ")[2]) for table, text in cursor.fetchall()]
        for year in ("p2020", "p2021"):
            circles, *others = sorted(text for table, text in indexed if table == year)
            assert circles.startswith("btree (circle_cell(")
            assert others == [
                "btree (energy)",
                "btree (event_id)",
                "btree (mjd)",
                'btree (q3c_ang2ipix(ra, "dec"))',
            ]
        # circles are computed by the view, and found by an index of the same expression
        around = "SELECT event_id FROM km3net.events WHERE spoint '(1, 0.2)' <@ origin_est"
        cells = " AND circle_cell(origin_est) = ANY (cells_around(spoint '(1, 0.2)', 0))"
        cursor.execute(f"SET enable_seqscan = off; EXPLAIN {around}{cells}")
        plan = "".join(row[0] for row in cursor.fetchall())
        assert "Index Cond: (" in plan
        assert "Seq Scan" not in plan
        cursor.execute(
            "SELECT array_agg(event_id ORDER BY event_id) FROM km3net.events"
            " WHERE degrees(spoint '(1, 0.2)' <-> spoint(radians(ra), radians(dec))) < ang_err"
        )
        (expected,) = cursor.fetchone()
        cursor.execute(f"{around}{cells} ORDER BY event_id")
        assert [row[0] for row in cursor.fetchall()] == (expected or [])
        cursor.execute("SELECT count(*), count(DISTINCT event_id) FROM km3net.events")
        assert cursor.fetchone() == (3 * EVENTS, 3 * EVENTS)
        cursor.execute(
            f"SELECT has_table_privilege('untrusted', '{NAME}.main', 'SELECT'),"
            " has_schema_privilege('untrusted', %s, 'USAGE')",
            [f"{NAME}_periods"],
        )
        assert cursor.fetchone() == (True, False)

    # a new year, while others read
    delivery.add("run4.h5", 2.2, 4)
    reader = Reader(connect)
    reader.start()
    done = empty_instance.km3vo(*importing)
    reader.ended.set()
    reader.join()
    assert done.returncode == 0, done.stderr
    assert reader.errors == []
    assert reader.seen <= {(60, 120), (60, 60, 120)}
    second = tables(connect)
    assert first.items() < second.items()
    assert len(second) == 3
    kept, made = (
        [path.stat() for path in data.glob(f"*_{name}.*") if path.suffix != ".h5"]
        for name in ("run[123]", "run4")
    )
    assert len(kept) == 3 * len(made) == 15
    assert max(one.st_mtime for one in kept) < min(one.st_mtime for one in made)

    # a file that changes: its year is loaded again, and the former table is gone
    delivery.add("run3.h5", 1.3, 3)
    done = empty_instance.km3vo(*importing)
    assert done.returncode == 0, done.stderr
    third = tables(connect)
    assert {name[:5] for name in second.keys() - third.keys()} == {"p2021"}
    assert {name[:5] for name in third.keys() - second.keys()} == {"p2021"}
    assert all(third[name] == oid for name, oid in second.items() if name in third)

    # a file whose year ends after the next one begins: what is online stays
    path = delivery.folder / "run2.h5"
    good = path.read_bytes()
    with h5py.File(path, "a") as file:
        rows = file["events"][:]
        rows["timestamp"][-1] += 2 * YEAR
        file["events"][:] = rows
    done = empty_instance.km3vo(*importing)
    assert done.returncode == 2, done.stdout
    assert "the period 2021 begins before the period 2020 ends" in done.stderr
    assert "Traceback" not in done.stderr
    assert tables(connect) == third
    path.write_bytes(good)

    # descriptions change without the rows
    text = (delivery.folder / "description.rst").read_text()
    (delivery.folder / "description.rst").write_text(text + "\nMore.\n")
    done = empty_instance.km3vo(*importing)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["revised"]
    assert tables(connect) == third
    assert number_of_events(connect) == 4 * EVENTS

    # a year is dropped
    delivery.remove("run3.h5")
    done = empty_instance.km3vo(*importing)
    assert done.returncode == 0, done.stderr
    grown = {path.name: path.read_bytes() for path in data.iterdir() if path.is_file()}
    done = empty_instance.km3vo(*importing, "--force")
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_bytes() for path in data.iterdir() if path.is_file()} == grown
    done = empty_instance.km3vo("release", "files", "--json")
    states = [(one["file"], one["state"]) for one in json.loads(done.stdout)]
    # one that was refused; one that was replaced, and its successor, which was dropped
    assert sorted(states) == [
        *((f"run{n}.h5", "loaded") for n in (1, 2)),
        ("run2.h5", "superseded"),
        *[("run3.h5", "superseded")] * 2,
        ("run4.h5", "loaded"),
    ]
    fourth = tables(connect)
    assert {name[:5] for name in fourth} == {"p2020", "p2022"}
    assert fourth.items() < third.items()

    done = empty_instance.km3vo("registry", "withdraw", NAME, "--yes")
    assert done.returncode == 0, done.stderr
    assert tables(connect) == {}


@pytest.mark.slow
def test_tables_of_an_import_that_failed_are_used_by_the_next(
    empty_instance: Instance, delivery: Delivery, connect: Any, checkout: Path
) -> None:
    importing = ("import", "--release", NAME)
    delivery.add("run1.h5", 0, 1)
    # what is made after the periods fails
    path = checkout / "rd" / "km3net" / "obscore_hea.rd"
    good = path.read_bytes()
    path.write_bytes(good.replace(b"<resource", b"<resources", 1))
    done = empty_instance.km3vo(*importing)
    assert done.returncode == 1, done.stderr
    made = tables(connect)
    assert [name[:5] for name in made] == ["p2020"]
    path.write_bytes(good)
    done = empty_instance.km3vo(*importing)
    assert done.returncode == 0, done.stderr
    assert tables(connect) == made


@pytest.mark.slow
@pytest.mark.parametrize("target", ["load-period", "import"])
def test_a_kill_while_a_period_is_loaded(
    empty_instance: Instance, delivery: Delivery, connect: Any, checkout: Path, target: str
) -> None:
    importing = ("import", "--release", NAME)
    delivery.add("run1.h5", 0, 1)
    assert empty_instance.km3vo(*importing).returncode == 0
    before = tables(connect)
    # after its rows, the table of the next year waits to be killed
    loader = checkout / "rd" / "km3net" / "bulkload.py"
    good = loader.read_text()
    copying = "        cursor.copy_expert("
    slow = f"        {SLOW.format(str(noted(empty_instance)))}\n{copying}"
    assert copying in good
    loader.write_text(good.replace(copying, slow))
    delivery.add("run2.h5", 1.2, 2)
    command = subprocess.Popen(
        [KM3VO, *importing],
        env=empty_instance.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        pid = eventually(lambda: loading(empty_instance), 60)
        os.kill(pid if target == "load-period" else command.pid, signal.SIGKILL)
        _, said = command.communicate(timeout=60)
    finally:
        command.kill()
    if target == "load-period":
        assert command.returncode == 1
        assert "the events of a period could not be loaded; what is online has not changed" in said
        assert "Traceback" not in said
    assert number_of_events(connect) == EVENTS
    # what was being loaded is loaded or not, and nothing refers to it
    eventually(lambda: loading(empty_instance) is None, 60)
    loader.write_text(good)
    done = empty_instance.km3vo(*importing)
    assert done.returncode == 0, done.stderr
    assert number_of_events(connect) == 2 * EVENTS
    assert {name[:5] for name in tables(connect)} == {"p2020", "p2021"}
    assert len(tables(connect)) == 1 + len(before)


SLOW = (
    'if "periods" in name: import os, time; open({!r}, "w").write(str(os.getpid())); time.sleep(6)'
)
"""What the loader does before it loads a period."""


def noted(instance: Instance) -> Path:
    """Return the file in which the slow loader notes its process."""
    return instance.var.resolve() / "loader"


def loading(instance: Instance) -> int | None:
    """Return the process that loads a period of the release, if there is one."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
        pid = int(noted(instance).read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return None if state == "Z" else pid
    return None
