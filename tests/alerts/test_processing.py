"""Every packet gets rows or is quarantined, whatever it does to the process that parses it."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from astropy.io import fits

from ingest.alerts.archive import Archive, Entry, Packet, Reception
from ingest.alerts.pipeline import archiving, processing
from ingest.alerts.pipeline.archiving import BackgroundArchiving
from ingest.alerts.pipeline.processing import (
    ProcessingReport,
    process_all,
    process_new,
    process_quarantined,
)
from ingest.alerts.pipeline.worker_pool import WorkerPool
from ingest.alerts.tables import PacketRows, Store, open_store
from ingest.alerts.tables.store import TABLES
from ingest.core.errors import IngestError
from ingest.instance import Account, Cluster, Layout, lifecycle
from tests.alerts import misbehaving
from tests.alerts.misbehaving import packet
from tests.alerts.sample_maps import flat_bytes
from tests.instances import ROOT, Instance


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "alerts")


@pytest.fixture(scope="module")
def postgres(database: Instance) -> Iterator[tuple[Layout, int]]:
    """Return a running database with the tables of alerts, and its port."""
    layout = Layout(database.var, Account.current())
    with lifecycle.database(layout) as state:
        with open_store(layout, state):
            pass
        yield layout, state.postgres_port


class RecordingStore(Store):
    """A store that remembers the transactions, and can fail like a database that stops."""

    fails_after: float = float("inf")

    def __init__(self, connection) -> None:
        super().__init__(connection)
        self.batches: list[list[int]] = []

    def add(
        self, batch: Sequence[PacketRows], received: Sequence[tuple[int, Reception]] = ()
    ) -> list[tuple[int, str]]:
        numbers = [rows.keys.number for rows in batch]
        if numbers and numbers[0] > self.fails_after:
            raise IngestError("the database is gone")
        self.batches.append(numbers)
        return super().add(batch, received)

    def column(self, *names: str) -> list[tuple]:
        return self.fetch(f"SELECT {', '.join(names)} FROM alerts.notices ORDER BY notice_id")


@pytest.fixture
def store(postgres: tuple[Layout, int]) -> Iterator[RecordingStore]:
    """Return the real tables, which are empty before and after the test."""
    layout, port = postgres
    with Cluster(layout).connect(port) as connection:
        yield RecordingStore(connection)
        connection.rollback()
        tables = ", ".join(f"alerts.{table}" for table in TABLES)
        connection.cursor().execute(f"TRUNCATE {tables}")
        connection.commit()


def fill(archive: Archive, contents: list[bytes]) -> list[Entry]:
    added = archive.add([Packet(content, "file:x") for content in contents])
    return [entry for entry in added if entry]


def run(archive: Archive, store: Store, parse=misbehaving.parse, **options) -> ProcessingReport:
    with WorkerPool(archive, parse=parse, count=2, **options) as pool:
        return process_new(archive, store, pool)


def assert_all_accounted_for(
    archive: Archive, store: RecordingStore
) -> tuple[set[int], dict[int, str]]:
    """Check that each packet either has rows or is in quarantine; return which ones."""
    rows = dict(store.column("notice_id", "sha256"))
    reasons = {one.entry.number: one.reason for one in archive.quarantined()}
    assert len(rows) == store.count()
    assert not rows.keys() & reasons.keys()
    checksums = {entry.number: entry.sha256 for entry in archive.entries()}
    assert rows.keys() | reasons.keys() == checksums.keys()
    assert rows.items() <= checksums.items()
    return set(rows), reasons


def test_real_packets_get_rows_or_are_quarantined(
    archive: Archive, store: RecordingStore, contents: list[bytes]
) -> None:
    fill(archive, contents)
    report = run(archive, store)
    rows, reasons = assert_all_accounted_for(archive, store)
    assert (report.processed, report.with_rows) == (len(contents), len(rows))
    # not_a_voevent_quakeml.xml and not_well_formed.xml
    assert report.quarantined == len(reasons) == 2
    assert report.problems == {
        "the XML document is not a VOEvent": 1, "the XML document is not well-formed": 1,
    }  # fmt: skip
    first_lines = sorted(reason.split("\n")[0] for reason in reasons.values())
    assert first_lines[0] == "/*: the XML document is not a VOEvent"
    assert first_lines[1].endswith(": the XML document is not well-formed")


def test_a_second_run_has_nothing_to_do(
    archive: Archive, store: RecordingStore, contents: list[bytes]
) -> None:
    fill(archive, contents)
    run(archive, store)
    batches = len(store.batches)
    assert run(archive, store) == ProcessingReport()
    assert len(store.batches) == batches
    fill(archive, [packet("new")])
    assert run(archive, store).processed == 1
    assert_all_accounted_for(archive, store)


def test_an_archive_that_does_not_exist_has_no_packets(
    archive: Archive, store: RecordingStore
) -> None:
    assert run(archive, store) == ProcessingReport()
    assert not archive.root.exists()


def test_rows_are_added_in_order_and_in_small_transactions(
    archive: Archive, store: RecordingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "CHUNK", 10)
    fill(archive, [packet(i, "slow" if i % 10 == 0 and i < 50 else "") for i in range(205)])
    progress: list[int] = []
    with WorkerPool(archive, parse=misbehaving.parse, count=3) as pool:
        process_new(archive, store, pool, progress.append)
    assert [number for batch in store.batches for number in batch] == list(range(1, 206))
    assert max(map(len, store.batches)) == 10
    assert progress == [*range(10, 201, 10), 205]


def test_packets_that_arrive_meanwhile_get_rows_in_order(
    archive: Archive, store: RecordingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "BATCH", 7)
    folder = tmp_path / "delivered"
    folder.mkdir()
    for number in range(50):
        (folder / f"{number:02}.xml").write_bytes(packet(number))
    fill(archive, [packet("before")])
    with (
        BackgroundArchiving(archive, [folder], 1 << 20) as background,
        WorkerPool(archive, parse=misbehaving.parse, count=2) as pool,
    ):
        background.start()
        report = process_new(archive, store, pool, arriving=background.batches())
    assert report.with_rows == background.report().new + 1 == 51
    assert [number for batch in store.batches for number in batch] == list(range(1, 52))
    assert_all_accounted_for(archive, store)


def test_packets_that_fail_are_quarantined_with_the_reason(
    archive: Archive, store: RecordingStore
) -> None:
    behaviours = ("", "fault", "no_rows", "", "no_number", "", "")
    contents = [packet(i, behaviour) for i, behaviour in enumerate(behaviours)]
    contents[3] = b"<unclosed>"
    contents[6] += b" " * 5000
    fill(archive, contents)
    report = run(archive, store, max_parsed_bytes=5000)
    rows, reasons = assert_all_accounted_for(archive, store)
    assert rows == {1, 6}
    assert reasons[2] == "an error in km3vo (ZeroDivisionError): division by zero"
    assert reasons[3].startswith("an error in km3vo (AttributeError): ")
    assert reasons[4].startswith("line 1, column 11: the XML document is not well-formed\n  found:")
    assert reasons[5].startswith("the database refuses its rows: invalid input syntax for type")
    size = len(contents[6])
    assert reasons[7].startswith(f"larger than 5000 bytes\n  found:    {size} bytes")
    assert report.problems == {
        "an error in km3vo (ZeroDivisionError)": 1, "an error in km3vo (AttributeError)": 1,
        "the XML document is not well-formed": 1, "the database refuses its rows": 1,
        "larger than 5000 bytes": 1,
    }  # fmt: skip


def test_a_packet_that_is_damaged_on_disk_is_quarantined(
    archive: Archive, store: RecordingStore
) -> None:
    _, second, _ = fill(archive, [packet(1), packet(2), packet(3)])
    archive.path(second).write_bytes(b"B")
    run(archive, store)
    rows, reasons = assert_all_accounted_for(archive, store)
    assert rows == {1, 3}
    assert "the packet is damaged" in reasons[2]


@pytest.mark.slow
def test_a_packet_that_kills_or_hangs_its_worker_is_quarantined(
    archive: Archive, store: RecordingStore
) -> None:
    behaviours = ("", "kill", "", "kill", "", "hang", "")
    fill(archive, [packet(i, behaviour) for i, behaviour in enumerate(behaviours)])
    run(archive, store, timeout=1.0)
    rows, reasons = assert_all_accounted_for(archive, store)
    assert rows == {1, 3, 5, 7}
    assert reasons == {
        2: "its worker process was killed by signal 9, twice",
        4: "its worker process was killed by signal 9, twice",
        6: "it takes longer than 1 s",
    }


def test_a_packet_that_needs_too_much_memory_is_quarantined(
    archive: Archive, store: RecordingStore
) -> None:
    fill(archive, [packet(1), packet(2, "greedy"), packet(3)])
    run(archive, store)
    rows, reasons = assert_all_accounted_for(archive, store)
    assert rows == {1, 3}
    assert reasons == {2: "it needs too much memory"}


def test_a_worker_that_is_killed_once_loses_no_packet(
    archive: Archive, store: RecordingStore, tmp_path: Path
) -> None:
    fill(archive, [packet(1), packet(2, f"kill_once {tmp_path / 'killed'}"), packet(3)])
    run(archive, store)
    rows, _ = assert_all_accounted_for(archive, store)
    assert (tmp_path / "killed").exists()
    assert rows == {1, 2, 3}


@pytest.mark.slow
def test_workers_killed_from_outside_lose_no_packet(
    archive: Archive, store: RecordingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "CHUNK", 10)  # 0.5 s: no chunk is hit twice
    fill(archive, [packet(i, "slow") for i in range(200)])
    killed = []

    def kill(pool: WorkerPool) -> None:
        while len(killed) < 3:
            time.sleep(0.7)
            if ids := pool.process_ids:
                os.kill(ids[0], signal.SIGKILL)
                killed.append(ids[0])

    with WorkerPool(archive, parse=misbehaving.parse, count=2) as pool:
        killer = threading.Thread(target=kill, args=(pool,))
        killer.start()
        process_new(archive, store, pool)
        killer.join()
    rows, _ = assert_all_accounted_for(archive, store)
    assert len(rows) == 200
    assert len(set(killed)) == 3


@pytest.mark.parametrize(
    "parse", [misbehaving.parse_with_killing_regions, misbehaving.parse_with_failing_regions]
)
def test_what_fails_for_many_packets_is_repeated_one_by_one(
    archive: Archive, store: RecordingStore, parse
) -> None:
    fill(archive, [packet(1), packet(2), packet(3)])
    run(archive, store, parse)
    rows, _ = assert_all_accounted_for(archive, store)
    assert rows == {1, 2, 3}
    assert store.column("region_origin") == [("circle of unknown containment",)] * 3


def test_workers_that_always_crash_end_the_run(
    archive: Archive, store: RecordingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(archive, [packet(1), packet(2)])
    monkeypatch.setattr("ingest.alerts.pipeline.worker._run", misbehaving.kill_itself)
    with (
        WorkerPool(archive, count=2) as pool,
        pytest.raises(IngestError, match="the worker processes crash before they parse a packet"),
    ):
        process_new(archive, store, pool)
    assert store.count() == 0
    monkeypatch.undo()
    run(archive, store)
    assert_all_accounted_for(archive, store)


def fits_bytes() -> bytes:
    """Return a FITS file that is not a sky map."""
    stream = io.BytesIO()
    fits.PrimaryHDU().writeto(stream)
    return stream.getvalue()


def test_maps_in_packets_are_stored_and_used(archive: Archive, store: RecordingStore) -> None:
    pixels = [0.0] * 12
    pixels[4] = 1.0
    good, bad = flat_bytes(pixels, 1), fits_bytes()
    notices = [
        {"id": name, "ra": 1.0, "dec": 2.0, "ra_dec_error": 1.0}
        | ({"healpix_file": base64.b64encode(sky_map).decode()} if sky_map else {})
        for name, sky_map in (("good", good), ("bad", bad), ("none", None))
    ]
    fill(archive, [json.dumps(notice).encode() for notice in notices])
    run(archive, store)
    rows, reasons = assert_all_accounted_for(archive, store)
    assert rows == {1, 2, 3}, reasons
    of_good, of_bad, of_none = store.column("region_origin", "sky_map", "remarks")
    assert (of_good[0], of_bad[0], of_none[0]) == ("map", "circle", "circle")
    assert "the sky map cannot be read: " in of_bad[2]
    assert of_none[1] is None
    assert archive.map_path(of_good[1]).read_bytes() == good
    assert archive.map_path(of_bad[1]).read_bytes() == bad
    entry, *_ = archive.entries()
    assert archive.preview_path(entry).read_bytes().startswith(b"\x89PNG")


def test_packets_that_are_understood_now_leave_the_quarantine(
    archive: Archive, store: RecordingStore
) -> None:
    behaviours = ("not_understood", "", "not_understood", "fault", "")
    fill(archive, [packet(i, behaviour) for i, behaviour in enumerate(behaviours)])
    run(archive, store)
    assert assert_all_accounted_for(archive, store)[0] == {2, 5}
    with WorkerPool(archive, parse=misbehaving.parse_later_version, count=2) as pool:
        report = process_quarantined(archive, store, pool)
    rows, reasons = assert_all_accounted_for(archive, store)
    assert rows == {1, 2, 3, 5}
    assert set(reasons) == {4}
    assert (report.processed, report.with_rows, report.quarantined) == (3, 2, 1)


@pytest.mark.parametrize("process", [process_quarantined, process_all])
def test_empty_tables_get_the_rows_of_all_packets(
    archive: Archive, store: RecordingStore, monkeypatch: pytest.MonkeyPatch, process
) -> None:
    monkeypatch.setattr(processing, "CHUNK", 3)
    behaviours = [*[""] * 20, "not_understood", "", "fault", ""]
    fill(archive, [packet(i, behaviour) for i, behaviour in enumerate(behaviours)])
    with store.replacement():
        run(archive, store)
        assert assert_all_accounted_for(archive, store)[0] == {*range(1, 21), 22, 24}
    with (
        store.replacement(),
        WorkerPool(archive, parse=misbehaving.parse_later_version, count=2) as pool,
    ):
        report = process(archive, store, pool)
    rows, reasons = assert_all_accounted_for(archive, store)
    assert rows == {*range(1, 23), 24}
    assert set(reasons) == {23}
    assert (report.processed, report.with_rows, report.quarantined) == (24, 23, 1)


def test_an_interruption_between_rows_and_release_duplicates_nothing(
    archive: Archive, store: RecordingStore
) -> None:
    first, _ = fill(archive, [packet(1), packet(2)])
    run(archive, store)
    archive.quarantine([(first, "as it was before the retry")])
    with WorkerPool(archive, count=2) as pool:
        assert process_quarantined(archive, store, pool) == ProcessingReport()
    assert assert_all_accounted_for(archive, store)[0] == {1, 2}


def test_an_interruption_before_the_quarantine_of_refused_rows_loses_nothing(
    archive: Archive, store: RecordingStore
) -> None:
    fill(archive, [packet(1), packet(2, "no_number"), packet(3)])
    run(archive, store)
    (refused,) = archive.quarantined()
    archive.release(refused.entry)
    report = run(archive, store)
    assert (report.processed, report.quarantined) == (1, 1)
    assert assert_all_accounted_for(archive, store)[0] == {1, 3}


def test_a_database_error_ends_the_run_and_the_next_one_continues(
    archive: Archive, store: RecordingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "CHUNK", 10)
    fill(archive, [packet(i, "slow") for i in range(100)])
    store.fails_after = 30
    start = time.monotonic()
    with pytest.raises(IngestError, match="the database is gone"):
        run(archive, store)
    assert time.monotonic() - start < 20
    assert store.processed() == 30
    store.fails_after = float("inf")
    run(archive, store)
    assert len(assert_all_accounted_for(archive, store)[0]) == 100


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from ingest.alerts.archive import Archive
from ingest.alerts.pipeline import archiving, processing
from ingest.alerts.pipeline.archiving import BackgroundArchiving
from ingest.alerts.pipeline.worker_pool import WorkerPool
from ingest.alerts.tables import Store
from ingest.instance import Account, Cluster, Layout
from tests.alerts import misbehaving
if __name__ == "__main__":
    processing.CHUNK = 10
    archive = Archive(Path(sys.argv[2]))
    cluster = Cluster(Layout(Path(sys.argv[3]), Account.current()))
    with (
        cluster.connect(int(sys.argv[4])) as connection,
        WorkerPool(archive, parse=misbehaving.parse, count=2) as pool,
    ):
        processing.process_new(
            archive, Store(connection), pool, lambda done: print(done, flush=True)
        )
"""


@pytest.fixture
def program(tmp_path: Path, archive: Archive, postgres: tuple[Layout, int]) -> list[str]:
    """Return the command line of a program that processes the packets of the archive."""
    (tmp_path / "program.py").write_text(PROGRAM)
    layout, port = postgres
    arguments = (tmp_path / "program.py", ROOT, archive.root, layout.var, port)
    return [sys.executable, *map(str, arguments)]


@pytest.mark.parametrize("wanted", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow
def test_a_run_that_is_ended_by_a_signal_can_be_continued(
    archive: Archive, store: RecordingStore, program: list[str], wanted: signal.Signals
) -> None:
    fill(archive, [packet(i, "fault" if i % 7 == 0 else "slow") for i in range(120)])
    # twice with the signal that cannot be caught
    for stop_after in (2, 3) if wanted == signal.SIGKILL else (2,):
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
        assert 0 < store.processed() < 120
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    rows, reasons = assert_all_accounted_for(archive, store)
    assert len(reasons) == 18
    assert len(rows) == 102


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that ended may stay a zombie for a long time."""
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
