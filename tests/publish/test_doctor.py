"""``km3vo doctor`` finds each fault, names the remedy, and changes nothing."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from ingest.instance import Cluster, InstanceState
from ingest.publish.doctor import upkeep
from tests.alert_archive import layout_of
from tests.instances import Instance, copy_checkout
from tests.templates import Templates, port


@dataclass
class Patient:
    """An instance that tests damage and repair."""

    instance: Instance

    @property
    def var(self) -> Path:
        return self.instance.var

    def findings(self, **environment: str) -> dict[str, dict[str, str]]:
        """Return what the command finds, by check."""
        result = self.instance.km3vo("doctor", "--json", **environment)
        assert "Traceback" not in result.stderr
        found = {one["check"]: one for one in json.loads(result.stdout)}
        has_fault = any(one["severity"] == "FAULT" for one in found.values())
        assert result.returncode == int(has_fault)
        return found

    def execute(self, statement: str) -> None:
        layout = layout_of(self.instance)
        with Cluster(layout).connect(InstanceState.read(layout).postgres_port) as connection:
            connection.cursor().execute(statement)
            connection.commit()


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Patient]:
    made = Instance(tmp_path_factory.mktemp("patient") / "var", port(70))
    try:
        templates.copy("served", made)
        # errors that the template logged do not count
        (layout_of(made).logs / "postgresql.log").unlink(missing_ok=True)
        made.up()
        yield Patient(made)
    finally:
        made.reset()


def test_a_healthy_instance_has_no_fault_and_stays_as_it_is(patient: Patient) -> None:
    found = patient.findings()
    assert len(found) >= 20
    wrong = {name: one for name, one in found.items() if one["severity"] != "ok"}
    assert wrong.keys() <= {"backup"}, wrong
    assert wrong["backup"]["severity"] == "advice"


@contextmanager
def renamed(path: Path) -> Iterator[None]:
    away = path.with_name(f".away-{path.name}")
    path.rename(away)
    try:
        yield
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        away.rename(path)


@contextmanager
def written(path: Path, text: str) -> Iterator[None]:
    before = path.read_bytes() if path.exists() else None
    path.write_text(text)
    try:
        yield
    finally:
        path.unlink() if before is None else path.write_bytes(before)


@contextmanager
def staged(path: Path) -> Iterator[None]:
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()


@contextmanager
def mode(path: Path, bits: int) -> Iterator[None]:
    before = path.stat().st_mode & 0o777
    path.chmod(bits)
    try:
        yield
    finally:
        path.chmod(before)


@contextmanager
def executed(patient: Patient, damage: str, repair: str) -> Iterator[None]:
    patient.execute(damage)
    try:
        yield
    finally:
        patient.execute(repair)


def changed_state(patient: Patient, **values: object) -> str:
    return json.dumps(json.loads((patient.var / "instance.json").read_text()) | values)


def old_backup() -> str:
    made = datetime.now(UTC) - timedelta(days=30)
    return json.dumps({"made": made.isoformat(), "path": "/srv/backup/1"})


def many_errors() -> str:
    now = datetime.now(UTC)
    return f"{now:%Y-%m-%d %H:%M:%S}.000 UTC [1] PANIC:  the disk burns\n" * 30


def test_refused_connections_during_a_recovery_are_no_errors(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    log = tmp_path / "logs" / "postgresql.log"
    log.parent.mkdir()
    log.write_text(
        f"{now:%Y-%m-%d %H:%M:%S}.000 UTC [1] FATAL:  the database system is not yet accepting"
        " connections\n" * 30
    )
    layout = SimpleNamespace(logs=log.parent, dachs=tmp_path)
    upkeep._logs(SimpleNamespace(layout=layout))


FAULTS = {
    "permissions": lambda p: mode(p.var / "superuser.password", 0o644),
    "DaCHS' version": lambda p: written(
        p.var / "instance.json", changed_state(p, dachs_version="1.0")
    ),
    "interrupted publication": lambda p: staged(p.var / "dachs" / "inputs.staged"),
    "products and tables": lambda p: renamed(p.var / "dachs" / "inputs" / "evts23_01"),
    "rows and reports": lambda p: renamed(p.var / "reports" / "evts21_01" / "record.json"),
    "descriptors": lambda p: written(
        p.var / "dachs" / "inputs" / "evts20_01" / "nu.rd", "<resource/>"
    ),
    "alerts": lambda p: executed(
        p,
        "CREATE TABLE saved AS SELECT * FROM alerts.notices WHERE notice_id = 3;"
        " DELETE FROM alerts.notices WHERE notice_id = 3",
        "INSERT INTO alerts.notices TABLE saved; DROP TABLE saved",
    ),
    "logs": lambda p: written(p.var / "logs" / "postgresql.log", many_errors()),
    "backup": lambda p: written(p.var / "last-backup.json", old_backup()),
}
REMEDIES = {
    "permissions": "chmod go-rwx",
    "DaCHS' version": "make up",
    "interrupted publication": "make up",
    "products and tables": "make import RELEASE=evts23_01",
    "rows and reports": "km3vo import --release evts21_01",
    "descriptors": "make import RELEASE=evts20_01",
    "alerts": "km3vo alerts verify",
    "logs": "make check",
    "backup": "km3vo backup /srv/backup",
    "site settings": "set [site] url",
    "Python packages": "make setup",
}


@pytest.fixture(scope="module")
def damaged(
    patient: Patient, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, str]]:
    """Return what is found if all of these are wrong at the same time."""
    place = tmp_path_factory.mktemp("damaged")
    checkout = copy_checkout(place / "checkout")
    lock = checkout / "constraints.txt"
    lock.write_text(lock.read_text().replace("\nclick==", "\nclick==99."))
    (place / "site.toml").write_text('[site]\nbind_address = "0.0.0.0"\n')
    with ExitStack() as faults:
        for damage in FAULTS.values():
            faults.enter_context(damage(patient))
        return patient.findings(PYTHONPATH=str(checkout), KM3VO_SITE=str(place / "site.toml"))


@pytest.mark.parametrize("check", REMEDIES)
def test_a_fault_is_found_with_its_remedy(damaged: dict[str, dict[str, str]], check: str) -> None:
    found = damaged[check]
    assert found["severity"] == ("advice" if check == "descriptors" else "FAULT"), found
    assert found["explanation"]
    assert REMEDIES[check] in found["remedy"]


def test_what_is_not_damaged_is_not_reported(damaged: dict[str, dict[str, str]]) -> None:
    wrong = {name: one for name, one in damaged.items() if one["severity"] != "ok"}
    assert wrong.keys() == REMEDIES.keys(), wrong


def test_a_state_that_cannot_be_read_is_found(patient: Patient) -> None:
    with written(patient.var / "instance.json", "{"):
        found = patient.findings()
    assert found["state of the instance"]["severity"] == "FAULT"
    assert found["TAP"]["severity"] == "not checked"


def test_when_everything_is_down_the_causes_are_named_and_the_rest_is_not_checked(
    patient: Patient,
) -> None:
    assert patient.instance.km3vo("instance", "down").returncode == 0
    try:
        with socket.create_server(("127.0.0.1", patient.instance.port)):
            found = patient.findings()
    finally:
        patient.instance.up()
    assert found["port"]["severity"] == "FAULT"
    assert found["database"]["finding"] == "the database does not run"
    assert found["server"]["finding"] == "the server does not run"
    assert {found[name]["severity"] for name in ("TAP", "asynchronous TAP", "cone search")} == {
        "not checked"
    }
    assert {one["severity"] for one in patient.findings().values()} <= {"ok", "advice"}


@pytest.mark.parametrize("damage", ["nothing", "a file", "an account", "a database of zeros"])
def test_it_works_when_nothing_else_does(tmp_path: Path, damage: str) -> None:
    broken = Patient(Instance(tmp_path / "var", port(80)))
    environment = {}
    if damage == "a file":
        broken.var.write_text("")
    elif damage == "an account":
        environment["KM3VO_USER"] = "nobody-has-this-name"
    elif damage == "a database of zeros":
        (broken.var / "postgres").mkdir(parents=True)
        (broken.var / "postgres" / "PG_VERSION").write_bytes(bytes(100))
        (broken.var / "instance.json").write_text('{"postgres_port": 1, "web_port": 1}')
    found = broken.findings(**environment)
    faults = {name for name, one in found.items() if one["severity"] == "FAULT"}
    assert faults & {"directory", "servers' account", "permissions", "database"}, found
