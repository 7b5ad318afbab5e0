"""``km3vo alerts`` as an operator uses it, with real packets and a real database."""

from __future__ import annotations

import fcntl
import gzip
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.alerts.archive.archive import Archive, Packet
from ingest.alerts.archive.audit import find_unindexed, verify
from ingest.alerts.tables.store import TABLES
from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from tests.instances import KM3VO, Instance

pytestmark = pytest.mark.slow


@pytest.fixture
def empty(database: Instance) -> Iterator[Instance]:
    """Give a test the same, and take the alerts out of it at the end."""
    yield database
    layout = layout_of(database)
    if layout.archive.exists():
        shutil.rmtree(layout.archive)
    if (state := InstanceState.read(layout)) is not None and Cluster(layout).is_running:
        with Cluster(layout).connect(state.postgres_port) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT to_regclass('alerts.notices') IS NOT NULL")
            if cursor.fetchone()[0]:
                tables = ", ".join(f"alerts.{table}" for table in TABLES)
                cursor.execute(f"TRUNCATE {tables}")
            connection.commit()


def layout_of(instance: Instance) -> Layout:
    return Layout(instance.var, Account.current())


def archive_of(instance: Instance) -> Archive:
    layout = layout_of(instance)
    return Archive(layout.archive, layout.account)


def rows_of(instance: Instance) -> dict[int, str]:
    """Return the checksums of the packets with rows, by their numbers."""
    layout = layout_of(instance)
    state = InstanceState.read(layout)
    if state is None or not Cluster(layout).is_running:
        return {}
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT to_regclass('alerts.notices') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return {}
        cursor.execute("SELECT notice_id, sha256 FROM alerts.notices")
        found = cursor.fetchall()
    assert len(found) == len(dict(found))
    return dict(found)


def assert_all_accounted_for(instance: Instance) -> None:
    archive = archive_of(instance)
    assert verify(archive) == [] and find_unindexed(archive) == []
    entries = {entry.number: entry.sha256 for entry in archive.entries()}
    held = {one.entry.number: one.entry.sha256 for one in archive.quarantined()}
    assert rows_of(instance) | held == entries
    assert not rows_of(instance).keys() & held.keys()


def counts(output: str) -> dict[str, int]:
    return {
        what: int(count) for count, what in re.findall(r"^ +(\d+)  (.+)$", output, re.MULTILINE)
    }


def test_real_packets_are_imported_listed_and_verified(
    empty: Instance, delivered: Path, packet_files: list[Path]
) -> None:
    done = empty.km3vo("alerts", "import", str(delivered / "alerts"))
    assert (done.returncode, done.stderr) == (0, "")
    many = len(packet_files)
    assert counts(done.stdout) == {
        "packets found": many, "new": many, "already there": 0, "with rows": many - 2,
        "in quarantine": 2, "the XML document is not a VOEvent": 1,
        "the XML document is not well-formed": 1, "matched": many - 2,
    }  # fmt: skip
    assert "2 packets are archived but were not understood" in done.stdout
    assert re.search(r"archived in \d+\.\d s, \d+ per second", done.stdout)
    assert_all_accounted_for(empty)

    again = empty.km3vo("alerts", "import", str(delivered / "alerts"))
    assert again.returncode == 0
    assert counts(again.stdout) == {
        "packets found": many, "new": 0, "already there": many, "with rows": 0, "in quarantine": 0,
        "matched": 0,
    }  # fmt: skip

    listed = empty.km3vo("alerts", "quarantine")
    assert listed.returncode == 0
    assert "not_well_formed.xml" in listed.stdout
    assert listed.stdout.endswith(f"2 of {many} packets are in quarantine\n")
    number = re.search(r"(\d+)\t[^\t]*\tfile:alerts/voevent/not_well", listed.stdout)[1]
    held = json.loads(empty.km3vo("alerts", "quarantine", "--json").stdout)
    assert [str(one["number"]) for one in held if "not_well" in one["source"]] == [number]
    shown = empty.km3vo("alerts", "quarantine", "--show", number).stdout
    file = Path(re.search(r"^file +(.+)$", shown, re.MULTILINE)[1])
    assert file.read_bytes() == (delivered / "alerts/voevent/not_well_formed.xml").read_bytes()
    assert "not well-formed" in shown

    retried = empty.km3vo("alerts", "quarantine", "--retry")
    assert counts(retried.stdout)["in quarantine"] == 2
    assert_all_accounted_for(empty)

    status = empty.km3vo("alerts", "status")
    assert counts(status.stdout) == {
        "packets": many, "in quarantine": 2, "with rows": many - 2, "waiting": 0
    }  # fmt: skip
    verified = empty.km3vo("alerts", "verify")
    assert (verified.returncode, verified.stdout) == (
        0,
        f"all {many} packets are intact\nno differences between archive and tables\n"
        "no problems with seals\n",
    )


def test_a_path_that_does_not_exist_is_refused_before_anything_is_done(
    empty: Instance, delivered: Path, tmp_path: Path
) -> None:
    done = empty.km3vo("alerts", "import", str(delivered / "alerts"), str(tmp_path / "none"))
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {tmp_path / 'none'}: there is no such file or directory\n"
        "  remedy:   correct the path; nothing was imported\n"
    )
    assert not layout_of(empty).archive.exists()


def test_a_damaged_source_is_reported_and_the_rest_is_imported(
    empty: Instance, contents: list[bytes], tmp_path: Path
) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for number, content in enumerate(contents):
            member = tarfile.TarInfo(f"{number}.xml")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        end = tar.offset
    whole = gzip.compress(stream.getvalue())
    (tmp_path / "a.tar.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.tar").write_bytes(stream.getvalue()[:end] + b"\x1b[31m" * 300)
    (tmp_path / "c.json").write_bytes(b"{}")
    done = empty.km3vo("alerts", "import", str(tmp_path))
    assert done.returncode == 2
    assert "not everything could be read; what could be is imported" in done.stderr
    assert f"{tmp_path.name}/a.tar.gz: cannot be read to the end" in done.stderr
    assert f"{tmp_path.name}/b.tar: cannot be read to the end" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert counts(done.stdout)["new"] == len(contents) + 1
    assert_all_accounted_for(empty)


def test_control_characters_in_packets_do_not_reach_the_terminal(
    empty: Instance, tmp_path: Path
) -> None:
    (tmp_path / "a\x1b[31m[red].xml").write_bytes(b"<\x1b[2J[bold]/>")
    empty.km3vo("alerts", "import", str(tmp_path))
    listed = empty.km3vo("alerts", "quarantine").stdout
    assert "\x1b" not in listed
    assert "[red].xml" in listed.replace("\n", "")
    shown = empty.km3vo("alerts", "quarantine", "--show", "1").stdout
    assert "\x1b" not in shown and "reason" in shown
    unknown = empty.km3vo("alerts", "quarantine", "--show", "7")
    assert unknown.returncode == 2
    assert "there is no packet with this number" in unknown.stderr


def test_a_large_packet_is_archived_and_not_parsed(empty: Instance, tmp_path: Path) -> None:
    with (tmp_path / "large.xml").open("wb") as stream:
        stream.write(b"<a>")
        stream.truncate(100_000_000)
    (tmp_path / "small.xml").write_bytes(b"<a/>")
    done = empty.km3vo("alerts", "import", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert counts(done.stdout)["new"] == counts(done.stdout)["in quarantine"] == 2
    (large, _) = archive_of(empty).quarantined()
    assert large.reason.startswith("larger than 16777216 bytes")
    assert archive_of(empty).path(large.entry).stat().st_size == 100_000_000
    assert_all_accounted_for(empty)


def test_a_large_packet_is_parsed_with_a_higher_limit_also_by_a_rebuild(
    empty: Instance, delivered: Path, tmp_path: Path
) -> None:
    gold = (delivered / "alerts" / "voevent" / "icecube_gold.xml").read_bytes()
    (tmp_path / "large.xml").write_bytes(gold + b" " * (17 << 20))
    empty.km3vo("alerts", "import", str(tmp_path))
    (held,) = archive_of(empty).quarantined()
    assert "--retry --largest" in held.reason
    for words in (["quarantine", "--retry"], ["rebuild"]):
        done = empty.km3vo("alerts", *words, "--largest", "18")
        assert done.returncode == 0, done.stderr
        assert rows_of(empty) == {1: held.entry.sha256}
    assert archive_of(empty).quarantined() == []


def test_tables_are_never_filled_from_two_archives(
    empty: Instance, delivered: Path, tmp_path: Path
) -> None:
    alerts = delivered / "alerts"
    empty.km3vo("alerts", "import", str(alerts / "gcn"))
    before = rows_of(empty)
    layout = layout_of(empty)
    away = layout.archive.rename(layout.archive.with_name("away"))
    for words in (["import", str(alerts / "voevent")], ["status"]):
        refused = empty.km3vo("alerts", *words)
        assert refused.returncode == 1
        assert "the tables were filled from another archive" in refused.stderr
        assert "mounted" in refused.stderr and "km3vo alerts rebuild" in refused.stderr
    assert rows_of(empty) == before
    assert not list(layout.archive.glob("packets/*/*"))
    other = {"KM3VO_ARCHIVE": str(away)}
    assert empty.km3vo("alerts", "import", str(alerts / "voevent"), **other).returncode == 0
    assert before.items() < rows_of(empty).items()
    assert empty.km3vo("alerts", "rebuild").returncode == 0
    assert rows_of(empty) == {}


def test_empty_paths_and_devices_import_nothing(empty: Instance) -> None:
    for path, problem in (("", "it is empty"), ("/dev/null", "neither a file nor a directory")):
        done = empty.km3vo("alerts", "import", path)
        assert done.returncode == 2
        assert problem in done.stderr
    assert not layout_of(empty).archive.exists()


def test_verify_lists_damage_and_repairs_the_index(empty: Instance, delivered: Path) -> None:
    empty.km3vo("alerts", "import", str(delivered / "alerts" / "gcn"))
    archive = archive_of(empty)
    first, *_, last = archive.entries()
    archive.path(first).write_bytes(b"{}")
    index = archive.index.path
    index.write_bytes(index.read_bytes()[: -len(last.line)])
    done = empty.km3vo("alerts", "verify")
    assert done.returncode == 1
    assert f"packet 1, {first.sha256}: damaged: its checksum is " in done.stdout
    assert f"packet {last.sha256}: not in the index" in done.stdout
    assert "\n2 of 3 packets are damaged or not in the index\n" in done.stdout
    assert f"packet {last.number}, {last.sha256}: it has a row in alerts.notices but" in done.stdout
    repaired = empty.km3vo("alerts", "verify", "--repair")
    assert repaired.stdout.startswith("1 packets were added to the index\n")
    assert repaired.returncode == 1
    assert [entry.sha256 for entry in archive.entries()][-1] == last.sha256


def test_commands_report_an_archive_that_does_not_exist_as_empty(empty: Instance) -> None:
    assert empty.km3vo("alerts", "quarantine").stdout == "0 of 0 packets are in quarantine\n"
    assert empty.km3vo("alerts", "verify").stdout.startswith("all 0 packets are intact\n")
    assert counts(empty.km3vo("alerts", "status").stdout)["packets"] == 0
    assert not layout_of(empty).archive.exists()


def test_a_directory_with_other_files_cannot_become_the_archive(
    database: Instance, delivered: Path, tmp_path: Path
) -> None:
    gcn = str(delivered / "alerts" / "gcn")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    refused = database.km3vo("alerts", "import", gcn, KM3VO_ARCHIVE=str(tmp_path / "mine"))
    assert refused.returncode == 1
    assert not (tmp_path / "mine" / "packets").exists()
    if os.geteuid() == 0:  # pytest's directory is root's alone
        assert "cannot enter the directory of the archive" in refused.stderr


def is_working(instance: Instance) -> bool:
    """Return whether a command changes the instance."""
    with (instance.var / "lock").open() as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.parametrize(
    "wanted", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.long)]
)
def test_an_import_that_is_interrupted_anywhere_can_be_repeated(
    empty: Instance, contents: list[bytes], tmp_path: Path, wanted: signal.Signals
) -> None:
    good = [content for content in contents if b"<" in content[:200]]
    with tarfile.open(tmp_path / "many.tar", "w") as tar:
        for number in range(2000):
            content = good[number % len(good)] + b"<!-- %d -->" % number
            member = tarfile.TarInfo(f"{number}.xml")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    command = [KM3VO, "alerts", "import", str(tmp_path / "many.tar")]
    archive = archive_of(empty)
    conditions = (
        lambda: len(archive) > 0,
        lambda: rows_of(empty),
        lambda: len(rows_of(empty)) > 500,
    )
    for condition in conditions:
        with subprocess.Popen(
            command, env=empty.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as running:
            # Before it changes anything, Python may still be loading: that is not of interest.
            while running.poll() is None and not (is_working(empty) and condition()):
                time.sleep(0.02)
            assert running.poll() is None, "it was over too early"
            running.send_signal(wanted)
            errors = running.communicate(timeout=60)[1]
        assert b"Traceback" not in errors
        archive.recover()
        assert verify(archive) == [] == find_unindexed(archive)
    done = empty.km3vo("alerts", "import", str(tmp_path / "many.tar"))
    assert done.returncode == 0, done.stderr
    assert_all_accounted_for(empty)
    assert len(archive) == 2000


def test_a_reset_does_not_delete_the_archive(
    scratch_instance: Instance, delivered: Path, tmp_path: Path
) -> None:
    layout = layout_of(scratch_instance)
    layout.create()
    Archive(layout.archive, layout.account).add([Packet(b"{}", "file:x")])
    refused = scratch_instance.km3vo("instance", "reset", "--yes")
    assert refused.returncode == 2
    assert "the archive of alerts would be deleted" in refused.stderr
    assert "--with-archive" in refused.stderr
    unasked = scratch_instance.km3vo("instance", "reset")
    assert (unasked.returncode, unasked.stdout) == (2, ""), "what is refused is not asked about"
    elsewhere = {"KM3VO_ARCHIVE": str(tmp_path / "elsewhere")}
    assert scratch_instance.km3vo("instance", "reset", "--yes", **elsewhere).returncode == 2
    if scratch_instance.var.is_symlink():  # a person deletes the link, not what is behind it
        scratch_instance.var.unlink()
        assert scratch_instance.km3vo("instance", "reset", "--yes").returncode == 2
        layout.create()
    assert len(Archive(layout.archive)) == 1
    target = layout.var
    done = scratch_instance.km3vo("instance", "reset", "--yes", "--with-archive")
    assert done.returncode == 0, done.stderr
    assert not target.exists()


def test_modules_in_the_current_directory_are_not_imported(
    empty: Instance, delivered: Path, tmp_path: Path
) -> None:
    for name in ("numpy", "lxml", "signal", "threading", "psycopg2"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('from the current directory')")
    done = subprocess.run(
        [KM3VO, "alerts", "import", str(delivered / "alerts" / "gcn")],
        env=empty.environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "from the current directory" not in done.stdout + done.stderr
    assert_all_accounted_for(empty)
