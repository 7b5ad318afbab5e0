"""Every packet ends as rows or in quarantine, whatever packets do to the processes that read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import process_parts as parts
import pytest
from process_parts import STEPS, FileStore

from ingest.alerts.archive.archive import Archive, Entry, Packet
from ingest.alerts.pipeline import run as processes
from ingest.alerts.pipeline.reading import Steps
from ingest.alerts.pipeline.run import Outcome, process, retry
from ingest.alerts.pipeline.worker_pool import Workers
from ingest.core.errors import IngestError

HERE = Path(__file__).parent


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "alerts")


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "rows.sqlite")


def fill(archive: Archive, contents: list[bytes]) -> list[Entry]:
    added = archive.add([Packet(content, "file:x") for content in contents])
    return [entry for entry in added if entry]


def run(archive: Archive, store: FileStore, steps: Steps = STEPS, **more) -> Outcome:
    with Workers(archive, steps, 2, **more) as workers:
        return process(archive, store, workers)


def assert_all_accounted_for(archive: Archive, store: FileStore) -> tuple[set[int], dict[int, str]]:
    """Check that each packet has rows or is in quarantine, and not both; return which."""
    rows = [row[0] for row in store.rows()]
    reasons = {one.entry.number: one.reason for one in archive.quarantined()}
    assert len(rows) == len(set(rows))
    assert not set(rows) & set(reasons)
    assert set(rows) | set(reasons) == {entry.number for entry in archive.entries()}
    sums = {entry.number: entry.sha256 for entry in archive.entries()}
    assert all(sums[row[0]] == row[1] for row in store.rows())
    return set(rows), reasons


def test_real_packets_end_as_rows_or_in_quarantine(
    archive: Archive, store: FileStore, contents: list[bytes]
) -> None:
    fill(archive, contents)
    outcome = run(archive, store)
    rows, reasons = assert_all_accounted_for(archive, store)
    assert (outcome.done, outcome.with_rows) == (len(contents), len(rows))
    # one that is no VOEvent, one that is not well-formed
    assert outcome.quarantined == len(reasons) == 2
    assert outcome.problems == {"no identifier": 1, "not well-formed": 1}
    assert sorted(reason.split("\n")[0] for reason in reasons.values()) == [
        "no identifier", "not well-formed",
    ]  # fmt: skip


def test_a_second_run_has_nothing_to_do(
    archive: Archive, store: FileStore, contents: list[bytes]
) -> None:
    fill(archive, contents)
    run(archive, store)
    batches = len(store.batches)
    assert run(archive, store) == Outcome()
    assert len(store.batches) == batches
    fill(archive, [b"new"])
    assert run(archive, store).done == 1
    assert_all_accounted_for(archive, store)


def test_an_archive_that_is_not_there_has_nothing(archive: Archive, store: FileStore) -> None:
    assert run(archive, store) == Outcome()
    assert not archive.root.exists()


def test_rows_are_added_in_order_and_in_small_transactions(
    archive: Archive, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "CHUNK", 10)
    fill(archive, [b"slow %d" % i if i % 10 == 0 and i < 50 else b"%d" % i for i in range(205)])
    done: list[int] = []
    with Workers(archive, STEPS, 3) as workers:
        process(archive, store, workers, done.append)
    assert [number for batch in store.batches for number in batch] == list(range(1, 206))
    assert max(map(len, store.batches)) == 10
    assert done == [*range(10, 201, 10), 205]


def test_what_fails_is_told_with_its_reason(archive: Archive, store: FileStore) -> None:
    fill(archive, [b"a", b"fault", b"no row", b"<unclosed>", b"unwanted", b"{}", b"z" * 3000])
    outcome = run(archive, store, replace(STEPS, limit=2000))
    rows, reasons = assert_all_accounted_for(archive, store)
    assert rows == {1, 6}
    assert reasons[2] == "a fault of km3vo (ZeroDivisionError): so what"
    assert reasons[3] == "no rows can be made"
    assert reasons[4].startswith("not well-formed\n  found:")
    assert "CHECK constraint failed" in reasons[5]
    assert reasons[7].startswith("larger than 2000 bytes\n  found:    3000 bytes")
    assert outcome.problems == {
        "a fault of km3vo (ZeroDivisionError)": 1, "no rows can be made": 1, "not well-formed": 1,
        "the database refuses its rows": 1, "larger than 2000 bytes": 1,
    }  # fmt: skip


def test_a_packet_that_is_damaged_on_the_disk_goes_to_quarantine(
    archive: Archive, store: FileStore
) -> None:
    _, second, _ = fill(archive, [b"a", b"b", b"c"])
    archive.path(second).write_bytes(b"B")
    run(archive, store)
    rows, reasons = assert_all_accounted_for(archive, store)
    assert rows == {1, 3}
    assert "the packet is damaged" in reasons[2]


def test_a_packet_that_kills_its_process_goes_to_quarantine(
    archive: Archive, store: FileStore
) -> None:
    fill(archive, [b"a", b"kill", b"b", b"kill too", b"c", b"hang", b"d"])
    run(archive, store, patience=1.0)
    rows, reasons = assert_all_accounted_for(archive, store)
    assert rows == {1, 3, 5, 7}
    assert reasons == {
        2: "the process that read it was killed by signal 9, twice",
        4: "the process that read it was killed by signal 9, twice",
        6: "it takes longer than 1 s to read",
    }


def test_a_packet_that_wants_too_much_memory_goes_to_quarantine(
    archive: Archive, store: FileStore
) -> None:
    fill(archive, [b"a", b"greedy", b"b"])
    run(archive, store)
    rows, reasons = assert_all_accounted_for(archive, store)
    assert rows == {1, 3}
    assert reasons == {2: "it takes too much memory"}


def test_a_process_that_is_killed_once_costs_no_packet(
    archive: Archive, store: FileStore, tmp_path: Path
) -> None:
    fill(archive, [b"a", b"once " + os.fsencode(tmp_path / "mark"), b"b"])
    run(archive, store, replace(STEPS, parse=parts.parse_killing_once))
    rows, _ = assert_all_accounted_for(archive, store)
    assert (tmp_path / "mark").exists()
    assert rows == {1, 2, 3}


def test_processes_killed_from_outside_cost_no_packet(
    archive: Archive, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "CHUNK", 10)  # 0.5 s: none is hit twice
    fill(archive, [b"slow %d" % i for i in range(200)])
    killed = []

    def kill(workers: Workers) -> None:
        while len(killed) < 3:
            time.sleep(0.7)
            if ids := workers.processes:
                os.kill(ids[0], signal.SIGKILL)
                killed.append(ids[0])

    with Workers(archive, STEPS, 2) as workers:
        killer = threading.Thread(target=kill, args=(workers,))
        killer.start()
        process(archive, store, workers)
        killer.join()
    rows, _ = assert_all_accounted_for(archive, store)
    assert len(rows) == 200
    assert len(set(killed)) == 3


@pytest.mark.parametrize("regions", [parts.circle_regions_killing, parts.circle_regions_failing])
def test_what_fails_for_many_is_done_one_by_one(
    archive: Archive, store: FileStore, regions
) -> None:
    fill(archive, [b"a", b"b", b"c"])
    run(archive, store, replace(STEPS, circle_regions=regions))
    rows, _ = assert_all_accounted_for(archive, store)
    assert rows == {1, 2, 3}


def test_processes_that_never_live_end_the_run(
    archive: Archive, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(archive, [b"a", b"b"])
    monkeypatch.setattr("ingest.alerts.pipeline.worker_pool._serve", parts.die)
    with Workers(archive, STEPS, 2) as workers, pytest.raises(IngestError, match="do not live"):
        process(archive, store, workers)
    assert store.rows() == []
    monkeypatch.undo()
    run(archive, store)
    assert_all_accounted_for(archive, store)


def test_maps_in_packets_are_kept_and_used(archive: Archive, store: FileStore) -> None:
    fill(archive, [b"map good", b"map bad", b"none"])
    run(archive, store)
    rows, _ = assert_all_accounted_for(archive, store)
    assert rows == {1, 2, 3}
    good, bad, none = ((row[3], row[4]) for row in store.rows())
    assert none == ("circle", None)
    assert good[0] == "map"
    assert bad[0] == "circle (the sky map cannot be read: this is no FITS file)"
    assert archive.map_path(good[1]).read_bytes() == b"map good"
    assert archive.map_path(bad[1]).read_bytes() == b"map bad"


def test_retry_releases_what_is_understood_now(
    archive: Archive, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(archive, [b"fixed 1", b"a", b"fixed 2", b"fault", b"b"])
    run(archive, store)
    assert assert_all_accounted_for(archive, store)[0] == {2, 5}
    with Workers(archive, replace(STEPS, parse=parts.parse_fixed), 2) as workers:
        outcome = retry(archive, store, workers)
    rows, reasons = assert_all_accounted_for(archive, store)
    assert rows == {1, 2, 3, 5}
    assert set(reasons) == {4}
    assert (outcome.done, outcome.with_rows, outcome.quarantined) == (3, 2, 1)


def test_retry_leaves_nothing_behind_where_the_tables_are_new(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "CHUNK", 3)
    fill(archive, [*(b"%d" % i for i in range(20)), b"fixed", b"a", b"fault", b"b"])
    run(archive, FileStore(tmp_path / "former.sqlite"))
    new = FileStore(tmp_path / "new.sqlite")
    with Workers(archive, replace(STEPS, parse=parts.parse_fixed), 2) as workers:
        outcome = retry(archive, new, workers)
    rows, reasons = assert_all_accounted_for(archive, new)
    assert rows == {*range(1, 23), 24}
    assert set(reasons) == {23}
    assert (outcome.done, outcome.with_rows, outcome.quarantined) == (24, 23, 1)


def test_a_cut_between_rows_and_release_doubles_nothing(archive: Archive, store: FileStore) -> None:
    first, _ = fill(archive, [b"a", b"b"])
    run(archive, store)
    archive.quarantine(first, "as it was before the retry")
    with Workers(archive, STEPS, 2) as workers:
        assert retry(archive, store, workers) == Outcome()
    assert assert_all_accounted_for(archive, store)[0] == {1, 2}


def test_a_cut_before_the_quarantine_of_what_the_database_refused_loses_nothing(
    archive: Archive, store: FileStore
) -> None:
    fill(archive, [b"a", b"unwanted", b"c"])
    run(archive, store)
    (refused,) = archive.quarantined()
    archive.release(refused.entry)
    outcome = run(archive, store)
    assert (outcome.done, outcome.quarantined) == (1, 1)
    assert assert_all_accounted_for(archive, store)[0] == {1, 3}


def test_an_error_of_the_store_ends_the_run_and_the_next_goes_on(
    archive: Archive, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "CHUNK", 10)
    fill(archive, [b"slow %d" % i for i in range(100)])

    class Broken(FileStore):
        def add(self, batch):
            if batch[0][0] > 30:
                raise IngestError("the database is gone")
            return super().add(batch)

    begun = time.monotonic()
    with pytest.raises(IngestError, match="the database is gone"):
        run(archive, Broken(store.path))
    assert time.monotonic() - begun < 20
    assert store.processed() == 30
    run(archive, store)
    assert len(assert_all_accounted_for(archive, store)[0]) == 100


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from process_parts import STEPS, FileStore
from ingest.alerts.archive import Archive
from ingest.alerts.pipeline import run as process
from ingest.alerts.pipeline.worker_pool import Workers
if __name__ == "__main__":
    process.CHUNK = 20
    archive, store = Archive(Path(sys.argv[2])), FileStore(Path(sys.argv[3]))
    with Workers(archive, STEPS, 2) as workers:
        process.process(archive, store, workers, lambda done: print(done, flush=True))
"""


@pytest.fixture
def program(tmp_path: Path, archive: Archive, store: FileStore) -> Iterator[list[str]]:
    (tmp_path / "program.py").write_text(PROGRAM)
    yield [sys.executable, *map(str, (tmp_path / "program.py", HERE, archive.root, store.path))]


@pytest.mark.parametrize("wanted", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended_goes_on_where_it_was(
    archive: Archive, store: FileStore, program: list[str], wanted: signal.Signals
) -> None:
    fill(archive, [b"fault %d" % i if i % 7 == 0 else b"slow %d" % i for i in range(240)])
    for stop_after in (2, 3):
        with subprocess.Popen(
            program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as running:
            for _ in range(stop_after):
                running.stdout.readline()
            children = workers_of(running.pid)
            running.send_signal(wanted)
            running.wait(30)
        assert len(children) >= 2
        deadline = time.monotonic() + 10
        while any(is_alive(child) for child in children):
            assert time.monotonic() < deadline, "a worker outlives the run"
            time.sleep(0.05)
        assert 0 < store.processed() < 240
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    rows, reasons = assert_all_accounted_for(archive, store)
    assert len(reasons) == 35
    assert len(rows) == 205


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that ended may wait for long to be taken note of."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def workers_of(pid: int) -> list[int]:
    """Return the processes below a process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            child = int(path.parent.name)
            found += [child, *workers_of(child)]
    return found
