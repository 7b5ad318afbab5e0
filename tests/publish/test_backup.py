"""Backup and restore, with the real programs: what is restored is what was saved."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.alerts.archive import Archive
from ingest.instance import Cluster, InstanceState
from ingest.publish.backup import BackupError, Repository
from tests.alert_archive import layout_of
from tests.instances import Instance
from tests.served import served
from tests.templates import Templates, port


def counts(instance: Instance) -> dict[str, int]:
    """Return the number of rows of each table and view of the database."""
    layout = layout_of(instance)
    with Cluster(layout).connect(InstanceState.read(layout).postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT relnamespace::regnamespace || '.' || quote_ident(relname) FROM pg_class"
            " WHERE relkind IN ('r', 'v', 'm') AND relnamespace::regnamespace::text"
            " !~ '^(pg_|information_schema)'"
        )
        found = {}
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {table}")
            found[table] = cursor.fetchone()[0]
        return found


def headers(instance: Instance) -> dict[str, bool]:
    """Return the identifiers of all records in the registry, and whether each is deleted."""
    text = instance.fetch("oai.xml?verb=ListIdentifiers&metadataPrefix=ivo_vor").decode()
    found = re.findall(
        r'<(?:oai:)?header( status="deleted")?>\s*<(?:oai:)?identifier>([^<]+)', text
    )
    return {identifier: bool(deleted) for deleted, identifier in found}


def packets(instance: Instance) -> dict[int, str]:
    """Return the checksums of the bytes of all packets, by their numbers."""
    layout = layout_of(instance)
    archive = Archive(layout.archive, layout.account)
    return {one.number: hashlib.sha256(archive.read(one)).hexdigest() for one in archive.entries()}


def deliveries(instance: Instance) -> dict[str, bytes]:
    """Return the delivered files that are kept."""
    folder = layout_of(instance).deliveries
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in folder.glob("*/*")}


def done(instance: Instance, *arguments: str | Path, **extra: str) -> str:
    result = instance.km3vo(*map(str, arguments), **extra)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
def test_a_destroyed_instance_is_restored_elsewhere_as_it_was(
    scratch_instance: Instance, templates: Templates, tmp_path: Path
) -> None:
    templates.copy("served", scratch_instance).up()
    done(scratch_instance, "registry", "withdraw", "evts23_01", "--yes")
    seen = (
        counts(scratch_instance), headers(scratch_instance), packets(scratch_instance),
        served(scratch_instance), scratch_instance.adql("SELECT * FROM alerts.notices"),
    )  # fmt: skip
    assert sum(seen[1].values()) == 1 and len(seen[1]) > 5
    archive = tmp_path / "backups"
    done(scratch_instance, "backup", archive)
    kept = deliveries(scratch_instance)
    assert len(kept) >= 4
    password = layout_of(scratch_instance).var.joinpath("superuser.password").read_text()
    scratch_instance.reset()

    moved = Instance(tmp_path / "moved", port(60))
    try:
        done(moved, "restore", archive, "--port", str(moved.port))
        again = (
            counts(moved), headers(moved), packets(moved), served(moved),
            moved.adql("SELECT * FROM alerts.notices"),
        )  # fmt: skip
        assert again == seen
        assert deliveries(moved) == kept
        assert layout_of(moved).var.joinpath("superuser.password").read_text() != password
        verified = done(moved, "alerts", "verify")
        assert "no differences between archive and tables" in verified
    finally:
        moved.reset()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Instance]:
    """Provide an instance with a database, no server, and one backup in ``backups`` beside it."""
    made = Instance(tmp_path_factory.mktemp("saved") / "var", port(70))
    try:
        templates.copy("packets", made)
        done(made, "backup", made.var.parent / "backups")
        yield made
    finally:
        made.reset()


@pytest.fixture
def backups(saved: Instance, tmp_path: Path) -> Path:
    """Return a copy of the directory with one backup."""
    return Path(shutil.copytree(saved.var.parent / "backups", tmp_path / "backups"))


def only(backups: Path) -> Path:
    (snapshot,) = backups.glob("2*")
    return snapshot


def test_sha256sum_alone_can_verify_a_backup_and_only_its_owner_can_read_it(
    saved: Instance, backups: Path
) -> None:
    for place in (backups, only(backups)):
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=place, check=True)
    listed = (backups / "SHA256SUMS").read_text()
    assert all(digest in listed for digest in packets(saved).values())
    original = saved.var.parent / "backups"
    for path in (original, *original.rglob("*")):
        assert path.stat().st_uid == os.geteuid()
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_the_next_backup_copies_only_the_new_packet(
    saved: Instance, backups: Path, tmp_path: Path
) -> None:
    (tmp_path / "new.xml").write_bytes(b'<?xml version="1.0"?><new/>')
    done(saved, "alerts", "import", tmp_path / "new.xml")
    first = only(backups)
    report = json.loads(done(saved, "backup", backups, "--json"))
    assert (report["files"], report["new"]) == (len(packets(saved)), 1)
    second = Path(report["path"])
    # a file that did not change takes no space again
    unchanged = "files/dachs/inputs/alerts/links.py"
    assert (first / unchanged).samefile(second / unchanged)
    report = json.loads(done(saved, "backup", backups, "--keep", "1", "--json"))
    assert report["removed"] == [first.name, second.name]
    assert [str(path) for path in backups.glob("2*")] == [report["path"]]


@pytest.mark.parametrize("file", ["database.dump", "files/archive/index.tsv", "../packets/*/*"])
def test_a_flipped_byte_is_found_before_anything_is_destroyed(
    saved: Instance, backups: Path, file: str
) -> None:
    path = next(only(backups).glob(file))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    before = packets(saved)
    failed = saved.km3vo("restore", str(backups), "--replace")
    assert failed.returncode == 1
    assert "the backup is damaged" in failed.stderr and path.name in failed.stderr
    assert packets(saved) == before
    assert counts(saved)["alerts.notices"] > 20


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("format", 99, "made by a newer version of km3vo"),
        ("postgres", "99", "made with a newer version of PostgreSQL"),
        ("dachs", "99.1", "made with a newer version of DaCHS"),
    ],
)
def test_a_backup_of_newer_software_is_refused(
    saved: Instance, backups: Path, key: str, value: object, problem: str
) -> None:
    about = only(backups) / "backup.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {key: value}))
    failed = saved.km3vo("restore", str(backups), "--replace")
    assert failed.returncode == 1
    assert problem in failed.stderr and "remedy" in failed.stderr
    assert packets(saved)


def test_an_instance_is_replaced_only_on_demand(saved: Instance, backups: Path) -> None:
    refused = saved.km3vo("restore", str(backups))
    assert refused.returncode == 2
    assert "there is an instance already" in refused.stderr and "--replace" in refused.stderr


def test_a_directory_without_a_complete_backup_is_refused(saved: Instance, backups: Path) -> None:
    snapshot = only(backups)
    snapshot.rename(f"{snapshot}.new")
    failed = saved.km3vo("restore", str(backups), "--replace")
    assert failed.returncode == 1
    assert "there is no complete backup here" in failed.stderr
    # the next one removes what is left of an interrupted one
    done(saved, "backup", backups)
    assert len(list(backups.glob("2*"))) == 1 and not list(backups.glob("*.new"))


def test_a_disk_that_is_not_mounted_is_explained(tmp_path: Path) -> None:
    missing = tmp_path / "disk"
    with (
        pytest.raises(BackupError, match="mount the disk of the backups"),
        Repository(missing / "backups").opened(),
    ):
        pass
    assert not missing.exists()


def test_places_that_are_not_safe_are_refused(saved: Instance, tmp_path: Path) -> None:
    inside = saved.km3vo("backup", str(saved.var / "reports" / "backups"))
    assert inside.returncode == 2 and "inside what it saves" in inside.stderr
    (tmp_path / "thesis.tex").touch()
    other = saved.km3vo("backup", str(tmp_path))
    assert other.returncode == 1 and "thesis.tex" in other.stderr
    assert os.listdir(tmp_path) == ["thesis.tex"]


@pytest.mark.skipif(os.geteuid() != 0, reason="there is one account only: run as root")
def test_a_link_among_the_files_leads_to_nothing_that_the_account_cannot_read(
    saved: Instance, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("only for root")
    secret.chmod(0o600)
    inputs = layout_of(saved).inputs
    planted = [inputs / "alerts" / "secret.rd", inputs / "elsewhere"]
    planted[0].symlink_to(secret)
    planted[1].symlink_to(tmp_path)
    try:
        result = saved.km3vo("backup", str(tmp_path / "backups"))
        assert result.returncode == 1
        for path in planted:
            assert f"{path}: neither a file nor a directory, not saved" in result.stdout
        found = [path for path in (tmp_path / "backups").rglob("*") if path.is_file()]
        assert found and not any(b"only for root" in path.read_bytes() for path in found)
    finally:
        for path in planted:
            path.unlink()


def test_a_damaged_packet_is_reported_and_the_rest_is_saved(
    saved: Instance, tmp_path: Path
) -> None:
    layout = layout_of(saved)
    archive = Archive(layout.archive, layout.account)
    path = archive.path(archive.entry(2))
    content = path.read_bytes()
    path.write_bytes(b"damage")
    try:
        result = saved.km3vo("backup", str(tmp_path / "backups"))
        assert result.returncode == 1
        assert f"{path.name}: missing or damaged in the archive, not saved" in result.stdout
        stored = {one.name for one in (tmp_path / "backups").glob("packets/*/*")}
        assert stored == set(packets_listed(archive)) - {path.name}
    finally:
        path.write_bytes(content)


def packets_listed(archive: Archive) -> list[str]:
    return [entry.sha256 for entry in archive.entries()]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_leaves_no_backup(saved: Instance, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], check=False)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        result = saved.km3vo("backup", str(disk / "backups"))
        assert result.returncode == 1
        assert "the disk is full" in result.stderr
        assert not list((disk / "backups").glob("2*"))
    finally:
        subprocess.run(["umount", disk], check=True)
