"""An instance on a PostgreSQL server that others manage: real servers on loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest import __version__
from ingest.instance.layout import STATE_FORMAT
from ingest.publish.doctor.patient import Advice, Patient
from ingest.publish.doctor.servers import CHECKS
from tests.instances import Instance
from tests.servers import PASSWORD, Server, eventually, running
from tests.templates import port

pytestmark = [pytest.mark.long, pytest.mark.system]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def node(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """Serve an instance without releases, whose database is on the server."""
    folder = tmp_path_factory.mktemp("node")
    site = server.site(server.folder / "site.toml")  # which the supervisor reads, too
    made = Instance(folder / "var", port(70), {"KM3VO_SITE": str(site)})
    try:
        made.up()
        yield made
    finally:
        made.reset()
        assert server.rows("SELECT FROM pg_database WHERE datname = 'gavo'") == []


def changed(path: Path, server: Server, **more: object) -> str:
    """Write other settings for the node's site; return their file."""
    return str(server.site(path / "site.toml", **more))


def test_the_database_is_made_with_our_encoding(server: Server, node: Instance) -> None:
    (found,) = server.rows(
        "SELECT pg_encoding_to_char(encoding), datcollate, datctype,"
        " shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'gavo'"
    )
    assert found[:3] == ("UTF8", "C", "C.UTF-8")
    stored = json.loads(found[3])
    identifier = json.loads((node.var / "instance.json").read_text())["identifier"]
    assert stored == {"instance": identifier, "format": STATE_FORMAT, "software": __version__}
    assert not (node.var / "postgres").exists()


def test_status_and_doctor_know_where_it_is(server: Server, node: Instance) -> None:
    done = node.km3vo("instance", "status")
    assert f"database  runs, at 127.0.0.1, port {server.port}" in done.stdout
    assert done.returncode == 0
    assert node.adql("SELECT COUNT(*) AS n FROM tap_schema.schemas")[0][0] > "0"


def test_visitors_are_restricted_on_a_server_elsewhere(server: Server, node: Instance) -> None:
    profile = (node.var / "dachs" / "etc" / "untrustedquery").read_text()
    password = profile.split("password = ")[1].strip()
    with (
        server.connect("gavo", user="untrusted", password=password) as cursor,
        pytest.raises(Exception, match="permission denied for function pg_sleep"),
    ):
        cursor.execute("SELECT pg_sleep(1)")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"password_file": "/dev/null"}, "does not contain a password"),
        ({"password_file": "/nowhere/secret"}, "No such file"),
        ({"password_file": ""}, "no file with its superuser's password"),
        ({"sslmode": "verify-full"}, "does not encrypt the connection"),
        ({"sslmode": "require"}, "does not encrypt the connection"),
        ({"superuser": "nobody"}, "refuses the superuser's password"),
    ],
    ids=["empty secret", "missing secret", "no secret", "no TLS to verify", "no TLS", "role"],
)
def test_wrong_settings_are_refused_at_once(
    server: Server, node: Instance, tmp_path: Path, settings: dict[str, str], problem: str
) -> None:
    before = (node.var / "instance.json").read_bytes()
    began = time.monotonic()
    done = node.km3vo("instance", "up", KM3VO_SITE=changed(tmp_path, server, **settings))
    assert (done.returncode, problem in done.stderr) == (2, True), done.stderr
    assert "remedy:" in done.stderr
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert time.monotonic() - began < 15
    assert (node.var / "instance.json").read_bytes() == before
    assert node.km3vo("instance", "status").returncode == 0


def test_a_wrong_secret_is_refused(server: Server, node: Instance, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("wrong\n")
    site = changed(tmp_path, server, password_file=str(tmp_path / "secret"))
    done = node.km3vo("instance", "up", KM3VO_SITE=site)
    assert done.returncode == 2
    assert "the database refuses the superuser's password" in done.stderr
    node.up()


def test_the_database_of_another_instance_is_left_alone(
    server: Server, node: Instance, tmp_path: Path
) -> None:
    other = Instance(tmp_path / "var", port(80), {"KM3VO_SITE": node.extra["KM3VO_SITE"]})
    done = other.km3vo("instance", "up")
    assert done.returncode == 2
    assert "does not belong to this instance" in done.stderr
    done = other.km3vo("instance", "reset", "--yes")
    assert node.adql("SELECT COUNT(*) AS n FROM tap_schema.schemas")[0][0] > "0"
    shutil.rmtree(other.var, ignore_errors=True)


def test_an_instance_does_not_change_to_a_private_database(node: Instance, tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("")
    for command in (("instance", "up"), ("instance", "reset", "--yes")):
        done = node.km3vo(*command, KM3VO_SITE=str(tmp_path / "site.toml"))
        assert (done.returncode, "[database] names no server" in done.stderr) == (2, True)
    assert node.km3vo("instance", "status").returncode == 0


@pytest.fixture
def comment(server: Server, node: Instance) -> Iterator[dict[str, object]]:
    """Return what the comment of the database says, and restore it afterwards."""
    read = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'gavo'"
    ((text,),) = server.rows(read)
    yield json.loads(text)
    server.rows(f"COMMENT ON DATABASE gavo IS '{text}'")


def test_a_database_of_newer_software_is_refused(
    server: Server, node: Instance, comment: dict[str, object]
) -> None:
    newer = json.dumps(comment | {"format": STATE_FORMAT + 1, "software": "9.0"})
    server.rows(f"COMMENT ON DATABASE gavo IS '{newer}'")
    done = node.km3vo("instance", "up")
    assert done.returncode == 2
    assert "used by version 9.0 of this software, which is newer" in done.stderr
    assert "remedy:" in done.stderr


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("format", STATE_FORMAT + 1, "a newer version of this software"),
        ("dachs_version", "99.0-1", "a newer version of DaCHS"),
    ],
    ids=["state", "DaCHS"],
)
def test_the_state_of_newer_software_is_refused(
    node: Instance, key: str, value: object, problem: str
) -> None:
    path = node.var / "instance.json"
    before = path.read_text()
    try:
        path.write_text(json.dumps(json.loads(before) | {key: value}))
        kept = path.read_text()
        for command in (("instance", "up"), ("import", "--release", "ant20_01")):
            done = node.km3vo(*command)
            assert (done.returncode, problem in done.stderr) == (2, True), done.stderr
            assert "remedy:" in done.stderr
        assert json.loads(path.read_text())[key] == json.loads(kept)[key]
    finally:
        path.write_text(before)
    assert node.km3vo("instance", "status").returncode == 0


def test_tables_of_a_newer_dachs_are_refused(server: Server, node: Instance) -> None:
    change = "UPDATE dc.metastore SET value = (value::int + {})::text WHERE key = 'schemaversion'"
    server.rows(change.format("1000"), "gavo")
    try:
        done = node.km3vo("instance", "up")
        assert (done.returncode, "a newer version of DaCHS" in done.stderr) == (2, True)
        assert "tables of version 10" in done.stderr
    finally:
        server.rows(change.format("-1000"), "gavo")


def test_the_supervisor_leaves_a_database_alone_that_is_away(
    server: Server, node: Instance
) -> None:
    node.up()
    log = node.var / "logs" / "supervisor.log"
    process = (node.var / "server.pid").read_text()
    server.stop()
    try:
        eventually(lambda: "is away" in log.read_text())
        done = node.km3vo("instance", "status")
        assert done.returncode == 3
        assert "database  does not run" in done.stdout
        assert "server    runs" in done.stdout
    finally:
        server.start()
    eventually(lambda: "answers again" in log.read_text())
    eventually(lambda: node.km3vo("instance", "status").returncode == 0)
    assert (node.var / "server.pid").read_text() == process


@pytest.fixture
def configured(server: Server, node: Instance) -> Iterator[Callable[[str], None]]:
    """Return a function that changes settings of the server, which has its own afterwards."""

    def configure(more: str) -> None:
        server.configure(more)
        server.stop("fast")
        server.start()

    admitted = (server.data / "pg_hba.conf").read_text()
    yield configure
    (server.data / "pg_hba.conf").write_text(admitted)
    configure("")
    node.up()


def test_settings_that_matter_are_required(
    node: Instance, configured: Callable[[str], None]
) -> None:
    configured("temp_file_limit = -1")
    done = node.km3vo("instance", "up")
    assert (done.returncode, "temp_file_limit" in done.stderr) == (2, True), done.stderr
    assert "km3vo instance postgres-settings" in done.stderr
    assert "settings of the database\tFAULT" in node.km3vo("doctor").stdout
    configured("jit = on")
    assert node.km3vo("instance", "up").returncode == 0
    assert "settings of the database\tadvice\tjit = on, not off" in node.km3vo("doctor").stdout


def test_a_server_that_does_not_admit_us_is_explained(
    server: Server, node: Instance, configured: Callable[[str], None]
) -> None:
    (server.data / "pg_hba.conf").write_text("local all nobody reject\n")
    configured("")
    done = node.km3vo("instance", "up")
    assert (done.returncode, "does not admit this machine" in done.stderr) == (2, True)
    assert "hostssl" in done.stderr


def test_the_certificate_of_the_server_is_verified(
    server: Server, node: Instance, configured: Callable[[str], None], tmp_path: Path
) -> None:
    for folder in (server.data, tmp_path):
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        request += ["-subj", "/CN=db", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt")]
        subprocess.run([*request, *files], check=True, capture_output=True)
        (folder / "server.key").chmod(0o600)
    for name in ("server.key", "server.crt"):
        server.account.chown(server.data / name)
    configured("ssl = on")
    right, wrong = str(server.data / "server.crt"), str(tmp_path / "server.crt")
    site = changed(tmp_path, server, sslmode="verify-full", root_certificate=wrong)
    done = node.km3vo("instance", "up", KM3VO_SITE=site)
    assert (done.returncode, "certificate of the database is not valid" in done.stderr) == (2, True)
    site = changed(tmp_path, server, sslmode="verify-full", root_certificate=right)
    done = node.km3vo("instance", "up", KM3VO_SITE=site)
    assert done.returncode == 0, done.stderr
    encrypted = (
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
        " WHERE usename IN ('gavo', 'gavoadmin', 'untrusted')"
    )
    assert server.rows(encrypted) == [(True,)]


@pytest.mark.parametrize("apart", [-60.0, 0.0, 60.0])
def test_clocks_that_are_apart_are_noticed(apart: float) -> None:
    class Apart(Patient):
        """Its database has another time; the clock of a machine cannot be set for a test."""

        def rows(self, query: str, values: object = None) -> list[tuple[object, ...]]:
            return [(time.time() + apart,)]

    (check,) = (one for name, one in CHECKS if name == "clock of the database")
    if not apart:
        check(Apart())
        return
    with pytest.raises(Advice, match="60 s apart"):
        check(Apart())
