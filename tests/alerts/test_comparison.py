"""Archive, index and tables are compared row by row: each kind of difference is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.alerts import pipeline
from ingest.alerts.archive import Archive, Entry
from ingest.instance import Cluster, InstanceState
from tests import alert_archive
from tests.alert_archive import layout_of
from tests.instances import Instance


@pytest.fixture(scope="module")
def filled(database: Instance, delivered: Path) -> Instance:
    """Give an instance with a running database, and with real packets."""
    alert_archive.fill(database, delivered / "alerts")
    return database


@pytest.fixture
def archive(filled: Instance) -> Archive:
    layout = layout_of(filled)
    return Archive(layout.archive, layout.account)


@pytest.fixture
def execute(filled: Instance) -> Iterator[Callable[[str], None]]:
    """Return a function that changes the tables; afterwards they are as before."""
    layout = layout_of(filled)
    state = InstanceState.read(layout)

    def run(statement: str) -> None:
        with Cluster(layout).connect(state.postgres_port) as connection:
            connection.cursor().execute(statement)
            connection.commit()

    run("CREATE TABLE saved AS TABLE alerts.notices")
    yield run
    run("DELETE FROM alerts.notices; INSERT INTO alerts.notices TABLE saved; DROP TABLE saved")


def found(filled: Instance, archive: Archive) -> list[tuple[str, str]]:
    differences = pipeline.compare_tables(layout_of(filled), archive)
    return [(one.name, one.problem) for one in differences]


def name_of(entry: Entry) -> str:
    return f"packet {entry.number}, {entry.sha256}"


def test_tables_that_were_just_filled_agree_with_the_archive(filled, archive):
    assert len(archive) == len(alert_archive.FILES)
    assert found(filled, archive) == []


def test_each_difference_between_a_row_and_its_packet_is_found(filled, archive, execute):
    second, third, fourth, fifth, sixth, *_, last = list(archive.entries())[1:]
    change = "UPDATE alerts.notices SET {} WHERE notice_id = {}"
    # a second later: the first digits of both times are the same
    execute(change.format("received = received + 1/86400.", second.number))
    execute(change.format(f"sha256 = '{'0' * 64}'", third.number))
    execute(change.format("packet_size = packet_size - 1", fourth.number))
    execute(change.format("origin = 'file:another'", fifth.number))
    execute(change.format(f"sky_map = '{'1' * 64}'", sixth.number))
    execute(f"DELETE FROM alerts.notices WHERE notice_id = {last.number}")
    execute("UPDATE alerts.notices SET notice_id = 1000 WHERE notice_id = 1")
    first = archive.entry(1)
    problems = dict(found(filled, archive))
    times = (
        problems.pop(name_of(second)).removeprefix("received at MJD ").split(", but its row says ")
    )
    assert (float(times[1]) - float(times[0])) * 86400 == pytest.approx(1, abs=1e-5)
    assert problems == {
        name_of(first): "it has no row and is not in quarantine",
        name_of(third): f"its row has the checksum {'0' * 64}",
        name_of(fourth): f"its size is {fourth.size} bytes, but its row says {fourth.size - 1}",
        name_of(fifth): f"its source is {fifth.source}, but its row says file:another",
        name_of(sixth): f"its sky map {'1' * 64} is missing",
        name_of(last): "it has no row and is not in quarantine",
        f"packet 1000, {first.sha256}": "it has a row in alerts.notices but is not in the index",
        **{
            name: problem
            for name, problem in problems.items()
            if name.startswith("table alerts.") and problem.endswith("no row of alerts.notices")
        },
    }
    assert "table alerts.params" in problems


def test_a_packet_in_quarantine_needs_no_row_and_must_have_none(filled, archive, execute):
    entry = archive.entry(2)
    archive.quarantine([(entry, "a reason")])
    try:
        assert found(filled, archive) == [(name_of(entry), "it is in quarantine but has a row")]
        execute(f"DELETE FROM alerts.notices WHERE notice_id = {entry.number}")
        assert name_of(entry) not in dict(found(filled, archive))
    finally:
        archive.release(entry)


def test_a_quarantined_packet_that_the_index_lost_is_found(filled, archive):
    entry = archive.entry(2)
    lost = Entry(99, "2" * 64, entry.received, entry.source, entry.media_type, entry.size)
    archive.quarantine([(lost, "a reason")])
    try:
        assert found(filled, archive) == [
            (name_of(lost), "it is in quarantine but not in the index")
        ]
    finally:
        archive.release(lost)


def test_the_command_gives_each_difference_with_its_remedy(filled, archive, execute):
    execute("UPDATE alerts.notices SET received = 60000 WHERE notice_id = 3")
    done = filled.km3vo("alerts", "verify")
    assert done.returncode == 1
    first, intact, total, *_ = done.stdout.splitlines()
    assert first.startswith(f"{name_of(archive.entry(3))}: received at MJD 61")
    assert first.endswith("but its row says 60000.0; km3vo alerts rebuild")
    assert intact == f"all {len(archive)} packets are intact"
    assert total == "1 differences between archive and tables"


def test_many_equal_differences_are_counted():
    differences = [pipeline.Difference(str(n), "the same", "") for n in range(1000)]
    shown = pipeline.comparison._shortened(differences)
    assert len(shown) == 21
    assert shown[-1].name == "980 more, to 999"
