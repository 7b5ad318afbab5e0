"""Packets are archived by a thread of its own, whatever happens to those who read them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.alerts.archive import MAX_PARSED_BYTES, Archive, ArchiveError
from ingest.alerts.pipeline import archiving
from ingest.alerts.pipeline.archiving import BackgroundArchiving

MANY = 301


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "alerts")


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file with more packets than become durable together."""
    monkeypatch.setattr(archiving, "BATCH", 10)
    path = tmp_path / "packets.jsonl"
    path.write_text("".join(json.dumps({"id": str(number)}) + "\n" for number in range(MANY)))
    return path


def test_packets_are_announced_when_they_are_in_the_archive(archive: Archive, lines: Path) -> None:
    with BackgroundArchiving(archive, [lines], MAX_PARSED_BYTES) as background:
        background.start()
        numbers = [len(archive) for _ in background.batches()]
        report = background.report()
    assert report.new == len(archive) == numbers[-1] == MANY
    assert numbers == sorted(numbers)
    assert numbers[0] >= 10


@pytest.mark.parametrize("is_started", [True, False])
def test_all_packets_are_archived_although_their_reader_fails(
    archive: Archive, lines: Path, is_started: bool
) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        BackgroundArchiving(archive, [lines], MAX_PARSED_BYTES) as background,
    ):
        if is_started:
            background.start()
        raise ZeroDivisionError
    assert len(archive) == MANY


def test_an_interruption_ends_it_with_the_present_batch(archive: Archive, lines: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        BackgroundArchiving(archive, [lines], MAX_PARSED_BYTES) as background,
    ):
        background.start()
        raise KeyboardInterrupt
    assert len(archive) < MANY
    assert archiving.archive_packets(archive, [lines]).sources.packets == MANY
    assert len(archive) == MANY


def test_an_error_of_the_archive_ends_the_batches_and_is_reported(
    archive: Archive, lines: Path
) -> None:
    archive.root.mkdir()
    (archive.root / "thesis.tex").touch()
    with BackgroundArchiving(archive, [lines], MAX_PARSED_BYTES) as background:
        background.start()
        assert len(list(background.batches())) == 1
        with pytest.raises(ArchiveError, match="something other than an alert archive"):
            background.report()
