"""The raw archive stores each packet exactly once, also if it is interrupted."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.alerts.archive import archive as archives
from ingest.alerts.archive import durability, journal
from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.audit import find_unindexed, verify
from ingest.alerts.archive.index import ArchiveError, Entry, printable
from ingest.alerts.archive.packet import Packet, media_type_of
from ingest.instance.account import Account


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "alerts")


def packets(contents: list[bytes], source: str = "file:real") -> list[Packet]:
    return [Packet(content, source) for content in contents]


def assert_sound(archive: Archive) -> list[Entry]:
    """Check that the archive is complete and consistent, and return its entries."""
    assert verify(archive) == []
    assert find_unindexed(archive) == []
    assert not (archive.root / "pending.tsv").exists()
    assert list((archive.root / "incoming").iterdir()) == []
    entries = list(archive.entries())
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert len({entry.sha256 for entry in entries}) == len(entries)
    return entries


def test_packets_are_archived_unchanged(archive: Archive, contents: list[bytes]) -> None:
    before = datetime.now(UTC)
    added = archive.add(packets(contents))
    assert [entry.number for entry in added] == list(range(1, len(contents) + 1))
    assert list(archive.entries()) == added == assert_sound(archive)
    for entry, content in zip(added, contents, strict=True):
        assert archive.read(entry) == archive.read(entry.sha256) == content
        assert entry.sha256 == hashlib.sha256(content).hexdigest()
        assert entry.size == len(content)
        assert archive.path(entry).name == entry.sha256
        assert before <= datetime.fromisoformat(entry.received) <= datetime.now(UTC)
        assert entry.received.endswith("Z")


def test_identical_packets_have_one_entry(archive: Archive, contents: list[bytes]) -> None:
    first, second, *_ = contents
    added = archive.add(packets([first, second, first]))
    assert [entry and entry.number for entry in added] == [1, 2, None]
    again = archive.add(packets([second, first, first + b" "], "file:again"))
    assert [entry and entry.number for entry in again] == [None, None, 3]
    assert [entry.source for entry in assert_sound(archive)] == [
        "file:real", "file:real", "file:again",
    ]  # fmt: skip


def test_a_packet_in_blocks_is_the_same_packet(archive: Archive, contents: list[bytes]) -> None:
    content = contents[0]
    blocks = [content[:10], content[10:100], content[100:]]
    (entry,) = archive.add([Packet(iter(blocks), "tar:large")])
    assert entry is not None
    assert archive.read(entry) == content
    assert (entry.size, entry.media_type) == (len(content), media_type_of(content))
    assert archive.add([Packet(content, "file:x")]) == [None]
    assert archive.add([Packet(iter(blocks), "tar:large")]) == [None]
    assert_sound(archive)


def test_the_time_of_receipt_may_be_given(archive: Archive) -> None:
    moment = datetime(2024, 9, 1, 14, 30, tzinfo=timezone(timedelta(hours=2)))
    (entry,) = archive.add([Packet(b"{}", "kafka:gcn.notices.km3net", moment)])
    assert entry is not None
    assert entry.received == "2024-09-01T12:30:00.000000Z"


def test_the_index_is_a_readable_text_file(archive: Archive) -> None:
    archive.add([Packet(b"<a/>", "tar:a\tb\n.tar!é", datetime(2024, 1, 1, tzinfo=UTC))])
    checksum = hashlib.sha256(b"<a/>").hexdigest()
    assert (archive.root / "index.tsv").read_text() == (
        "number\tsha256\treceived\tsource\tmedia_type\tsize\n"
        f"1\t{checksum}\t2024-01-01T00:00:00.000000Z\ttar:a\\tb\\n.tar!é\tapplication/xml\t4\n"
    )


@given(st.text())
def test_any_source_becomes_one_field_of_a_line(source: str) -> None:
    text = printable(source)
    assert text.isprintable()
    assert len(text) <= 1000
    if source.isprintable() and len(source) <= 1000:
        assert text == source


def test_file_names_that_are_not_utf8_are_escaped(archive: Archive) -> None:
    (entry,) = archive.add([Packet(b"x", "file:" + os.fsdecode(b"a\xff\0" + b"b" * 5000))])
    assert [entry] == list(archive.entries())


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b" \n<?xml version='1.0'?>", "application/xml"),
        (b"\xef\xbb\xbf{}", "application/json"),
        ("<a/>".encode("utf-16"), "application/xml"),
        ('{"a": 1}'.encode("utf-16-be"), "application/json"),
        (b"[{}]", "application/json"),
        (b"", "application/octet-stream"),
        (b"SIMPLE  =", "application/octet-stream"),
    ],
)
def test_the_media_type_follows_from_the_content(content: bytes, media_type: str) -> None:
    assert media_type_of(content) == media_type


def test_entries_can_start_after_any_number(archive: Archive) -> None:
    contents = [b"%d" % (7**i) for i in range(300)]
    archive.add([Packet(content, "x" * (i * 7 % 501)) for i, content in enumerate(contents)])
    for after in range(302):
        expected = list(range(after + 1, 301))
        assert [entry.number for entry in archive.entries(after)] == expected
    assert len(archive) == 300


def test_an_archive_that_does_not_exist_is_empty_and_not_created(archive: Archive) -> None:
    assert list(archive.entries()) == archive.quarantined() == verify(archive) == []
    assert len(archive) == 0
    archive.recover()
    assert not archive.root.exists()


def test_a_directory_with_other_files_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ArchiveError, match="something other than an alert archive"):
        Archive(tmp_path).add([Packet(b"{}", "x")])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def killed_at(step: int, archive: Archive, batch: list[Packet]) -> bool:
    """Add a batch in a process that is killed at its nth operation in the file system.

    Returns whether it was killed before the end.
    """
    child = os.fork()
    if child == 0:
        steps = iter(range(1, 1_000_000))

        def watch(event: str, _arguments: object) -> None:
            if event in ("open", "os.rename", "os.remove", "os.listdir", "os.scandir", "os.mkdir") \
                    and next(steps) == step:  # fmt: skip
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        archive.add(batch)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("few", [16, 0], ids=["fsync", "syncfs"])
@pytest.mark.slow
def test_a_kill_at_any_step_neither_loses_nor_duplicates_packets(
    tmp_path: Path, contents: list[bytes], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(durability, "FEW", few)
    step = outcomes = 0
    killed = True
    while killed:
        step += 1
        archive = Archive(tmp_path / str(step))
        old = archive.add(packets(contents[:2], "file:old"))
        batch = [*packets(contents[:6], "file:cut"), Packet(iter([b"<", b"l/>"]), "tar:large")]
        killed = killed_at(step, archive, batch)
        archive.recover()
        archived = assert_sound(archive)
        assert archived[:2] == old
        assert len(archived) in ({2, 7} if killed else {7})
        assert [entry.source for entry in archived[2:6]] == ["file:cut"] * (len(archived) // 7 * 4)
        outcomes |= len(archived)
        added = archive.add([*packets(contents[:8], "file:again"), Packet(b"<l/>", "file:again")])
        after = assert_sound(archive)
        assert after[: len(archived)] == archived
        assert len(after) == 9
        assert [entry for entry in added if entry] == after[len(archived) :]
    assert step > 15
    assert outcomes == 2 | 7


def test_a_kill_while_the_archive_is_created_is_recovered(tmp_path: Path) -> None:
    for step in (*range(1, 12), 300, 600, 1100, 1300):
        archive = Archive(tmp_path / str(step))
        killed_at(step, archive, [Packet(b"{}", "file:x")])
        archive.add([Packet(b"{}", "file:x")])
        assert len(assert_sound(archive)) == 1


class PowerCut(Exception):
    """Ends a call at any step."""


@pytest.mark.parametrize("part", ["write_new", "sync", "replace"])
@pytest.mark.parametrize("call", range(1, 6))
def test_an_error_at_any_step_leaves_the_whole_batch_or_nothing(
    archive: Archive, contents: list[bytes], monkeypatch: pytest.MonkeyPatch, part: str, call: int
) -> None:
    archive.add(packets(contents[:2]))
    modules = (os,) if part == "replace" else (archives, journal)
    original = getattr(modules[0], part)
    calls = iter(range(1, 100))

    def failing(*arguments: object) -> object:
        if next(calls) == call:
            raise PowerCut
        return original(*arguments)

    for module in modules:
        monkeypatch.setattr(module, part, failing)
    with contextlib.suppress(PowerCut):
        archive.add(packets(contents[:6]))
    monkeypatch.undo()
    archive.recover()
    assert len(assert_sound(archive)) in (2, 6)
    archive.add(packets(contents))
    assert len(assert_sound(archive)) == len(contents)


@pytest.mark.parametrize("filler", [b"", b"\0\0\0", b"\n"])
def test_a_partially_written_index_is_completed_from_the_journal(
    archive: Archive, contents: list[bytes], filler: bytes
) -> None:
    archive.add(packets(contents[:2]))
    path = archive.root / "index.tsv"
    begin = path.stat().st_size
    archive.add(packets(contents[2:4]))
    whole = path.read_bytes()
    announced = b"index.tsv\t%d\n" % begin + whole[begin:]
    for cut in range(begin, len(whole) - len(filler) + 1):
        path.write_bytes(whole[:cut] + filler)
        (archive.root / "pending.tsv").write_bytes(announced)
        archive.recover()
        assert path.read_bytes() == whole
    assert len(assert_sound(archive)) == 4


def test_an_incomplete_last_line_is_removed_and_its_packet_reindexed(
    archive: Archive, contents: list[bytes]
) -> None:
    first, second = archive.add(packets(contents[:2]))
    path = archive.root / "index.tsv"
    path.write_bytes(path.read_bytes()[:-20])
    assert list(archive.entries()) == [first]
    assert find_unindexed(archive) == [second.sha256]
    (reindexed,) = archive.reindex(find_unindexed(archive))
    assert (reindexed.number, reindexed.sha256, reindexed.source) == (2, second.sha256, "recovered")
    assert (reindexed.size, reindexed.media_type) == (second.size, second.media_type)
    assert abs(
        datetime.fromisoformat(reindexed.received) - datetime.fromisoformat(second.received)
    ) < timedelta(minutes=1)
    assert_sound(archive)


def test_an_archive_without_index_is_not_taken_for_a_new_one(
    archive: Archive, contents: list[bytes]
) -> None:
    archive.add(packets(contents))
    (archive.root / "index.tsv").unlink()
    with pytest.raises(ArchiveError, match="index of the alert archive is missing"):
        archive.add([Packet(b"{}", "file:new")])
    archive.reindex(find_unindexed(archive))
    assert len(assert_sound(archive)) == len(contents)


def test_an_index_longer_than_the_journal_explains_is_not_changed(archive: Archive) -> None:
    archive.add([Packet(b"<a/>", "x"), Packet(b"<b/>", "x")])
    path = archive.root / "index.tsv"
    before = path.read_bytes()
    head, first, _ = before.splitlines(keepends=True)
    (archive.root / "pending.tsv").write_bytes(b"index.tsv\t%d\n" % len(head) + first)
    with pytest.raises(ArchiveError, match="the index does not match the packets to be added"):
        archive.add([Packet(b"<c/>", "x")])
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [b"number\n", *lines[1:]],
        lambda lines: [*lines[:2], *lines[3:]],
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [*lines[:2], b"2\tnothing\n", *lines[3:]],
        lambda lines: [*lines[:2], b"\0" * 50 + b"\n", *lines[3:]],
    ],
    ids=["header", "gap", "order", "fields", "zeros"],
)
def test_a_damaged_index_is_reported(archive: Archive, contents: list[bytes], damage) -> None:
    archive.add(packets(contents))
    path = archive.root / "index.tsv"
    path.write_bytes(b"".join(damage(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(ArchiveError, match="index of the alert archive is damaged") as caught:
        list(archive.entries())
    assert caught.value.file == str(path)


def test_verify_lists_missing_and_damaged_files(archive: Archive, contents: list[bytes]) -> None:
    entries = [entry for entry in archive.add(packets(contents)) if entry]
    sky_map = archive.add_map(b"SIMPLE  =  T")
    missing, flipped, shorter = entries[1], entries[3], entries[5]
    archive.path(missing).unlink()
    content = bytearray(archive.path(flipped).read_bytes())
    content[0] ^= 1
    archive.path(flipped).write_bytes(content)
    archive.path(shorter).write_bytes(b"")
    archive.map_path(sky_map).write_bytes(b"SIMPLE  =  F")
    seen: list[int] = []
    found = {damage.name: damage.problem for damage in verify(archive, seen.append)}
    assert set(found) == {
        *(f"packet {one.number}, {one.sha256}" for one in (missing, flipped, shorter)),
        f"maps/{sky_map[:2]}/{sky_map}.fits",
    }
    assert found[f"packet {missing.number}, {missing.sha256}"] == "missing"
    assert seen == list(range(1, len(contents) + 1))
    for entry in (missing, flipped, shorter):
        with pytest.raises(ArchiveError, match=r"missing|damaged"):
            archive.read(entry)


def test_packets_stay_in_quarantine_with_their_reason_until_released(
    archive: Archive, contents: list[bytes]
) -> None:
    first, second, third = (one for one in archive.add(packets(contents[:3])) if one)
    archive.quarantine([(third, "no VOEvent"), (first, "not well-formed\nline 3 é\udc80")])
    archive.quarantine([(third, "still no VOEvent" + "!" * 10_000)])
    (one, three) = archive.quarantined()
    assert (one.entry, three.entry) == (first, third)
    assert one.reason == "not well-formed\nline 3 é\udc80"
    assert three.reason.startswith("still no VOEvent!")
    assert len(three.reason) <= 2000
    assert datetime.fromisoformat(one.when).utcoffset() == timedelta(0)
    assert [archive.is_quarantined(entry) for entry in (first, second, third)] == [
        True, False, True,
    ]  # fmt: skip
    archive.release(first)
    archive.release(second)
    assert [one.entry for one in archive.quarantined()] == [third]
    assert {path.name for path in (archive.root / "quarantine").iterdir()} == {
        f"{third.sha256}.json"
    }


def test_identical_maps_are_stored_once(archive: Archive) -> None:
    archive.add([Packet(b"{}", "x")])
    content = b"SIMPLE  =                    T"
    checksum = archive.add_map(content)
    assert checksum == archive.add_map(content) == hashlib.sha256(content).hexdigest()
    assert archive.map_path(checksum).read_bytes() == content
    assert sum(path.is_file() for path in (archive.root / "maps").rglob("*")) == 1


def test_writers_exclude_each_other_and_readers_see_whole_batches(archive: Archive) -> None:
    def write(writer: int) -> None:
        own = Archive(archive.root)
        for batch in range(10):
            own.add([Packet(b"%d" % (batch * 20 + i), f"file:{writer}") for i in range(20)])

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        entries = list(archive.entries())
        assert all(archive.path(entry).exists() for entry in entries)
    for thread in threads:
        thread.join()
    assert len(assert_sound(archive)) == 200


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.binary(max_size=3), max_size=8), max_size=6))
@pytest.mark.slow
def test_any_batches_are_stored_once_and_in_order(added: list[list[bytes]]) -> None:
    expected = list(dict.fromkeys(content for batch in added for content in batch))
    with tempfile.TemporaryDirectory() as name:
        archive = Archive(Path(name) / "alerts")
        for batch in added:
            results = archive.add(packets(batch))
            assert len(results) == len(batch)
        assert [archive.read(entry) for entry in archive.entries()] == expected
        assert len(archive) == len(expected)


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can change the owner of files: run as root"
)
def test_the_account_of_the_servers_owns_and_can_read_all_files(contents: list[bytes]) -> None:
    account = Account.current()
    with tempfile.TemporaryDirectory(prefix="km3vo-archive-") as name:
        Path(name).chmod(0o755)
        archive = Archive(Path(name) / "alerts", account)
        (entry, *_) = archive.add([*packets(contents), Packet(iter([b"a", b"b"]), "x")])
        assert entry is not None
        archive.quarantine([(entry, "reason")])
        sky_map = archive.add_map(b"map")
        with archive.locked("process"):
            pass
        for path in (archive.root, *archive.root.rglob("*")):
            found = path.stat()
            assert (found.st_uid, found.st_gid) == (account.uid, account.gid), path
            assert found.st_mode & 0o007 == 0
        for path in (archive.path(entry), archive.index.path, archive.map_path(sky_map)):
            assert account.run(["cat", path], home=Path("/")).returncode == 0


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only for root would following the link be harmful: run as root"
)
def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "alerts")
    archive.add([Packet(b"<a/>", "x")])
    victim = tmp_path / "victim"
    victim.write_text("root's")
    archive.index.path.unlink()
    archive.index.path.symlink_to(victim)
    with pytest.raises(OSError):
        archive.add([Packet(b"<b/>", "x")])
    assert victim.read_text() == "root's"
