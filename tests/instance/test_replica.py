"""A hot standby for asynchronous queries, and a fail-over by hand, with two real servers.

The commands are those of docs/operations.md.
"""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from ingest.instance.postgres import free_port
from tests.instances import FIRST_PORT, Instance
from tests.servers import PASSWORD, Server, end, eventually, running
from tests.templates import port

pytestmark = [pytest.mark.long, pytest.mark.system]
QUERY = "SELECT COUNT(*) AS n FROM tap_schema.tables"


def standby_of(primary: Server) -> Server:
    """Make a standby with the commands of the manual, and start it."""
    primary.rows(f"CREATE ROLE standby REPLICATION LOGIN PASSWORD '{PASSWORD}'")
    primary.rows("SELECT pg_create_physical_replication_slot('standby')")
    with (primary.data / "pg_hba.conf").open("a") as stream:
        stream.write("host replication standby 127.0.0.1/32 scram-sha-256\n")
    primary.rows("SELECT pg_reload_conf()")
    made = Server(primary.folder.with_name("standby"), free_port(FIRST_PORT + 2040, 10))
    made.folder.mkdir()
    primary.account.chown(made.folder)
    connection = f"host=127.0.0.1 port={primary.port} user=standby password='{PASSWORD}'"
    made.run("pg_basebackup", "-d", connection, "-D", made.data, "-R", "-S", "standby")
    made.configure()
    made.start()
    return made


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    with running() as primary:
        standby = standby_of(primary)
        try:
            yield primary, standby
        finally:
            end(standby)


@pytest.fixture(scope="module")
def node(
    servers: tuple[Server, Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Instance]:
    primary, standby = servers
    folder = tmp_path_factory.mktemp("node")
    site = primary.site(primary.folder / "site.toml", replica=f"127.0.0.1:{standby.port}")
    made = Instance(folder / "var", port(75), {"KM3VO_SITE": str(site)})
    try:
        made.up()
        yield made
    finally:
        made.reset()


def job(node: Instance, query: str = QUERY, **more: str) -> str:
    """Run an asynchronous job; return its result."""
    form = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": query, "FORMAT": "csv", **more})
    with urllib.request.urlopen(f"{node.tap}/async", form.encode(), timeout=60) as reply:
        url = reply.geturl()
    urllib.request.urlopen(f"{url}/phase", b"PHASE=RUN", timeout=60).close()

    def phase() -> str:
        with urllib.request.urlopen(f"{url}/phase", timeout=60) as found:
            text = found.read().decode()
        return text if text in ("COMPLETED", "ERROR", "ABORTED") else ""

    assert eventually(phase, 60) == "COMPLETED"
    with urllib.request.urlopen(f"{url}/results/result", timeout=60) as found:
        return "\n".join(found.read().decode().splitlines())


def part(disposition: str, content: str) -> bytes:
    head = f"--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
    return f"{head}{content}\r\n".encode()


def log(node: Instance) -> str:
    return "".join(
        path.read_text(errors="replace") for path in (node.var / "dachs" / "logs").glob("dc*")
    )


def test_jobs_run_on_the_standby(node: Instance, servers: tuple[Server, Server]) -> None:
    assert job(node).startswith("n\n")
    assert "runs on the standby" in log(node)
    assert "once more" not in log(node)


def test_status_and_doctor_show_the_lag(node: Instance, servers: tuple[Server, Server]) -> None:
    done = node.km3vo("instance", "status")
    assert f"replica   127.0.0.1:{servers[1].port}, 0.0 s behind" in done.stdout
    assert "read replica\tok" in node.km3vo("doctor").stdout


def test_jobs_with_uploads_run_on_the_primary(node: Instance) -> None:
    table = (
        '<VOTABLE version="1.3"><RESOURCE><TABLE><FIELD name="a" datatype="int"/><DATA><TABLEDATA>'
        "<TR><TD>7</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    before = log(node).count("on the standby")
    body = b""
    values = {
        "LANG": "ADQL",
        "QUERY": "SELECT a FROM tap_upload.t",
        "FORMAT": "csv",
        "UPLOAD": "t,param:x",
    }
    for name, value in values.items():
        body += part(f'name="{name}"', value)
    body += part('name="x"; filename="x"', table) + b"--b--\r\n"
    request = urllib.request.Request(
        f"{node.tap}/async", body, {"Content-Type": "multipart/form-data; boundary=b"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        url = reply.geturl()
    urllib.request.urlopen(f"{url}/phase", b"PHASE=RUN", timeout=60).close()

    def result() -> str:
        try:
            with urllib.request.urlopen(f"{url}/results/result", timeout=60) as found:
                return "\n".join(found.read().decode().splitlines())
        except urllib.error.HTTPError:
            return ""

    assert eventually(result) == "a\n7"
    assert log(node).count("on the standby") == before


def test_a_standby_that_is_behind_or_away_is_not_used(
    node: Instance, servers: tuple[Server, Server], tmp_path: Path
) -> None:
    primary, standby = servers
    standby.rows("SELECT pg_wal_replay_pause()")
    try:
        primary.rows("CREATE TABLE late (n int); DROP TABLE late", "gavo")
        time.sleep(1)
        site = Path(node.extra["KM3VO_SITE"])
        before = site.read_text()
        site.write_text(before + "replica_lag = 1\n")
        assert node.km3vo("instance", "up").returncode == 0
        assert job(node).startswith("n\n")
        assert "runs on the primary: the standby is" in log(node)
        assert "more than 1 s behind" in node.km3vo("instance", "status").stdout
    finally:
        standby.rows("SELECT pg_wal_replay_resume()")
        site.write_text(before)
    standby.stop()
    try:
        assert job(node).startswith("n\n")
        assert log(node).count("runs on the primary") >= 2
    finally:
        standby.start()
    assert node.km3vo("instance", "up").returncode == 0


def test_a_fail_over_by_hand_loses_no_row_that_was_replicated(
    node: Instance, servers: tuple[Server, Server]
) -> None:
    primary, standby = servers
    primary.rows("CREATE TABLE public.drill (n bigint PRIMARY KEY)", "gavo")
    committed: list[int] = []
    queries: list[int] = []
    stop = threading.Event()

    def write() -> None:
        with contextlib.suppress(psycopg2.Error), primary.connect("gavo") as cursor:
            # committed means here: the standby has it as well
            cursor.execute("SET synchronous_commit = remote_apply")
            for number in range(1_000_000):
                cursor.execute("INSERT INTO public.drill VALUES (%s)", [number])
                committed.append(number)

    def ask() -> None:
        while not stop.is_set():
            try:
                node.adql(QUERY)
                queries.append(200)
            except urllib.error.HTTPError as error:
                queries.append(error.code)
            except OSError:
                queries.append(0)

    primary.rows("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'")
    primary.rows("SELECT pg_reload_conf()")
    threads = [threading.Thread(target=one) for one in (write, ask, ask)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(committed) > 200)
    primary.kill()
    began = time.monotonic()
    # the steps of docs/operations.md: fence, promote, point [database] at it, restart
    (primary.data / "standby.signal").touch()
    standby.rows("ALTER SYSTEM RESET synchronous_standby_names")
    standby.rows("SELECT pg_reload_conf()")
    standby.rows("SELECT pg_promote()")
    site = Path(node.extra["KM3VO_SITE"])
    standby.site(site, password_file=str(primary.password_file))
    done = node.km3vo("instance", "up")
    assert done.returncode == 0, done.stderr
    assert int(node.adql(QUERY)[0][0]) > 0
    print(f"queries answered {time.monotonic() - began:.1f} s after the primary was killed")
    stop.set()
    for thread in threads:
        thread.join()
    kept = {number for (number,) in standby.rows("SELECT n FROM public.drill", "gavo")}
    assert set(committed) <= kept
    assert len(kept) <= len(committed) + 1
    assert set(queries) <= {200, 503, 0}
    standby.rows("DROP TABLE public.drill", "gavo")
    # the former primary does not come back as one
    primary.start()
    assert primary.rows("SELECT pg_is_in_recovery()") == [(True,)]
    primary.stop()
