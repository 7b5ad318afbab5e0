"""What requests may use is limited, and those of others are answered meanwhile."""

from __future__ import annotations

import http.client
import itertools
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.process import processes_below
from tests.attack import load
from tests.instances import Instance

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def untrusted(instance: Instance) -> Iterator[psycopg2.extensions.connection]:
    """Provide a connection with the role under which queries of visitors run."""
    lines = (instance.var / "dachs" / "etc" / "untrustedquery").read_text().splitlines()
    profile = dict(re.split(r"\s*=\s*", line, maxsplit=1) for line in lines if "=" in line)
    state = InstanceState.read(Layout(instance.var, Account.current()))
    assert state is not None
    connection = psycopg2.connect(
        host="127.0.0.1",
        port=state.postgres_port,
        dbname="gavo",
        user=profile["user"],
        password=profile["password"],
    )
    yield connection
    connection.close()


# -- database -----------------------------------------------------------------------------------


def test_a_query_that_takes_too_much_memory_fails_and_no_other(instance, untrusted) -> None:
    cursor = untrusted.cursor()
    with pytest.raises(psycopg2.errors.OutOfMemory):
        # 0.9 GB, less than the length that PostgreSQL allows for a text
        cursor.execute(
            "SELECT length(string_agg(repeat('x', 1000000), '')) FROM generate_series(1, 900)"
        )
    untrusted.rollback()
    cursor.execute("SELECT count(*) FROM ant20_01.main")  # PostgreSQL has not restarted
    assert cursor.fetchall() == [(8754,)]
    assert instance.adql("SELECT COUNT(*) AS n FROM ant20_01.main") == [["8754"]]


def test_an_older_instance_gets_the_limits(instance) -> None:
    # The file as older versions wrote it; the last setting of a name is valid.
    main = (instance.var / "postgres" / "postgresql.conf").read_text()
    assert main.rstrip().endswith("include = 'km3vo.conf'")


_WATCH = """
import sys
sys.path.insert(0, sys.argv.pop())
from patches import query_limits
# as if it had been running for a moment longer than any job
query_limits.settings = lambda section: {"max_duration": -query_limits._GRACE - 1}
query_limits._end_backends()
"""


def test_a_query_that_outlives_all_jobs_is_ended(instance, untrusted) -> None:
    with ThreadPoolExecutor() as threads:
        running = threads.submit(
            untrusted.cursor().execute, "SELECT count(*) FROM generate_series(1, 2000000000)"
        )
        wait_until(lambda: bool(busy_backends(instance)))
        in_dachs(instance, _WATCH)
        with pytest.raises(psycopg2.OperationalError):
            running.result(timeout=30)


# -- TAP ------------------------------------------------------------------------------------------

SLOW = "SELECT SUM(DISTANCE(a.ra, a.decl, b.ra, b.decl)) AS s FROM ant20_01.main a, ant20_01.main b"
"""A query that takes many seconds, and is not too costly."""
QUICK = "SELECT TOP 1 nhit FROM ant20_01.main ORDER BY nhit DESC"


def sync(instance: Instance, query: str, **headers: str) -> tuple[int, str, Mapping[str, str]]:
    """Return status, body and headers of the response to a query."""
    form = {"LANG": "ADQL", "RESPONSEFORMAT": "csv", "QUERY": query}
    return post(instance, urllib.parse.urlencode(form).encode(), FORM, **headers)


def post(
    instance: Instance, body: bytes, kind: str, path: str = "sync", **headers: str
) -> tuple[int, str, Mapping[str, str]]:
    request = urllib.request.Request(
        f"{instance.tap}/{path}", body, {"Content-Type": kind, **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=90) as reply:
            return reply.status, reply.read().decode(), reply.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def hanging(instance: Instance, query: str) -> socket.socket:
    """Send a query, and return the connection without reading the response."""
    body = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": query}).encode()
    head = (
        f"POST {urllib.parse.urlsplit(instance.tap).path}/sync HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection(("localhost", instance.port))
    connection.sendall(head.encode() + body)
    return connection


@pytest.mark.slow
def test_one_client_cannot_take_all_queries_and_those_of_closed_connections_end(instance) -> None:
    connections = [hanging(instance, SLOW) for _ in range(10)]
    try:
        wait_until(lambda: sync(instance, QUICK)[0] == 503)
        status, text, headers = sync(instance, QUICK)
        assert status == 503
        assert int(headers["Retry-After"]) > 0
        assert 'name="QUERY_STATUS" value="ERROR"' in text
        assert "already has 10 requests" in text
        # a client behind the same proxy, which has none
        status, text, _ = sync(instance, QUICK, **{"X-Forwarded-For": "192.0.2.7"})
        assert (status, text.split()) == (200, ["nhit", "263"])
    finally:
        for connection in connections:
            connection.close()
    wait_until(lambda: sync(instance, QUICK)[0] == 200)
    wait_until(lambda: not busy_backends(instance))


def test_a_query_without_conditions_is_refused_before_it_runs(instance) -> None:
    tables = ", ".join(f"ant20_01.main AS t{number}" for number in range(3))
    begin = time.monotonic()
    _, text, _ = sync(instance, f"SELECT COUNT(*) AS n FROM {tables}")
    assert time.monotonic() - begin < 20
    assert "estimated cost" in text
    assert "asynchronous job" in text


@pytest.mark.slow
def test_killed_query_processes_are_replaced(instance) -> None:
    server = int((instance.var / "server.pid").read_text().split()[0])
    assert sync(instance, QUICK)[0] == 200
    killed = [pid for pid in processes_below(instance.var.resolve() / "dachs") if pid != server]
    assert len(killed) >= 2  # one that runs queries, and one that forks
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not set(killed) & set(processes_below(instance.var.resolve() / "dachs")))
    # The server may be about to use one that has just ended: this query fails, and no other.
    texts = [sync(instance, QUICK)[1].split() for _ in range(2)]
    assert texts[1] == ["nhit", "263"], texts


def wait_until(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)


def busy_backends(instance: Instance) -> list[str]:
    """Return the titles of the database's processes that run queries of visitors."""
    titles = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title = process.joinpath("cmdline").read_bytes().rstrip(b"\0 ").decode()
            is_busy = title.startswith("postgres: untrusted ") and not title.endswith("idle")
            if is_busy and process.joinpath("cwd").samefile(instance.var / "postgres"):
                titles.append(title)
        except OSError:  # it has ended
            pass
    return titles


# -- uploads and other bodies ---------------------------------------------------------------------


@pytest.mark.slow
def test_a_table_of_100_000_rows_can_be_uploaded_and_joined(instance) -> None:
    rows = "".join(f"<TR><TD>ANT{number}</TD></TR>\n" for number in range(1_000, 101_000))
    table = (
        '<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.3"><RESOURCE><TABLE>'
        '<FIELD name="id" datatype="char" arraysize="*"/><DATA><TABLEDATA>'
        f"{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    # the identifiers of the sample are ANT0001 to ANT8754
    query = "SELECT COUNT(*) AS n FROM ant20_01.main JOIN TAP_UPLOAD.mine USING (id)"
    _, text, _ = post(instance, *upload_of(table.encode(), query))
    assert text.split() == ["n", "7755"]


def test_a_table_of_too_many_columns_is_refused(instance) -> None:
    fields = "".join(f'<FIELD name="c{number}" datatype="int"/>' for number in range(301))
    table = (
        '<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.3"><RESOURCE><TABLE>'
        f"{fields}<DATA><TABLEDATA><TR>{'<TD>1</TD>' * 301}</TR></TABLEDATA></DATA>"
        "</TABLE></RESOURCE></VOTABLE>"
    )
    _, text, _ = post(instance, *upload_of(table.encode(), "SELECT c0 FROM TAP_UPLOAD.mine"))
    assert "at most 300 are allowed" in text


@pytest.mark.parametrize("path", ["sync", "async", "availability"])
def test_a_body_that_is_too_large_is_refused(instance, path) -> None:
    kind = FORM if path == "availability" else "multipart/form-data; boundary=x"
    size = {"sync": 10_000_001, "async": 50_000_001, "availability": 500_001}[path]
    assert post(instance, bytes(size), kind, path)[0] == 413


def test_a_body_of_unknown_length_is_refused_when_it_becomes_too_large(instance) -> None:
    target = urllib.parse.urlsplit(instance.tap).path
    client = http.client.HTTPConnection("localhost", instance.port, timeout=30)
    chunks = iter([bytes(400_000)] * 2)
    client.request("POST", f"{target}/sync", chunks, {"Content-Type": FORM}, encode_chunked=True)
    assert client.getresponse().status == 413


def test_an_endless_body_is_cut_off(instance) -> None:
    target = urllib.parse.urlsplit(instance.tap).path
    client = http.client.HTTPConnection("localhost", instance.port, timeout=30)
    with pytest.raises(OSError):
        client.request(
            "POST",
            f"{target}/sync",
            itertools.repeat(bytes(1_000_000)),
            {"Content-Type": FORM},
            encode_chunked=True,
        )


def upload_of(table: bytes, query: str) -> tuple[bytes, str]:
    """Return the body that uploads a table as `mine`, and its media type."""
    form = {
        "LANG": "ADQL",
        "RESPONSEFORMAT": "csv",
        "QUERY": query,
        "UPLOAD": "mine,param:table",
    }
    return load.multipart(form, {"table": table})


# -- connections ----------------------------------------------------------------------------------

_SLOW_CLIENT = """
import sys
sys.path.insert(0, sys.argv.pop())
sys.argv[1:] = ["serve"]
from patches import connections
from twisted.internet.task import Clock
from twisted.test.proto_helpers import StringTransport
from twisted.web import http
connections.limit_time_of_connections()
clock, transport = Clock(), StringTransport()
transport.abortConnection = lambda: print(int(clock.seconds()))
channel = http.HTTPChannel()
channel.callLater, channel.timeOut = clock.callLater, 60
channel.makeConnection(transport)
for second in range(40):
    channel.dataReceived(b"GET / HTTP/1.1\\r\\nX: "[second:second + 1] or b"x")
    clock.advance(1)
"""


def test_a_client_that_sends_a_byte_per_second_is_cut_off(instance) -> None:
    assert in_dachs(instance, _SLOW_CLIENT) == "30\n"


def in_dachs(instance: Instance, script: str) -> str:
    """Run a script in the Python of DaCHS with our patches; return what it prints."""
    done = subprocess.run(
        ["/usr/bin/python3", "-c", script, instance.var / "dachs" / "launcher"],
        env={
            "GAVOSETTINGS": str(instance.var / "dachs" / "gavo.rc"),
            "GAVOCUSTOM": "/dev/null",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": "/nonexistent",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- all at once ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_honest_client_is_answered_while_ten_others_attack(instance) -> None:
    seen = load.under_attack(instance, clients=10, duration=6)
    assert not seen.failures
    # How fast the answers are, `make attack` measures: here other tests run at the same time.
    assert seen.resident < 4 * 2**30, seen
    wait_until(lambda: not busy_backends(instance), timeout=60)
