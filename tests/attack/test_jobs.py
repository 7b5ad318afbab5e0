"""Asynchronous jobs belong to those who know them, stay within bounds, and always end."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
import pyvo
import requests
from astropy.table import Table
from lxml import etree

from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from ingest.instance.site import load_site
from tests.instances import Instance
from tests.templates import Templates, port

SCHEMATA = Path("/usr/lib/python3/dist-packages/gavo/resources/schemata")
UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
QUICK = "SELECT TOP 5 id, ra FROM ant20_01.main ORDER BY id"
SLOW = (
    "SELECT COUNT(*) AS n FROM ant20_01.main AS a JOIN ant20_01.main AS b ON a.ra < b.ra"
    " JOIN ant20_01.main AS c ON b.ra < c.ra WHERE a.ra + b.ra + c.ra < 0"
)
SLOW_AND_CHEAP = (
    "SELECT COUNT(*) AS n FROM ant20_01.main AS a JOIN ant20_01.main AS b"
    " ON SIN(a.ra * b.decl) + COS(b.ra * a.decl) + SIN(a.decl + b.decl) > 4"
)
"""Takes a minute, but has a cost that synchronous queries may have."""
TIMEOUT = 90.0  # s
_networks = itertools.count(1)


class Client:
    """A client with an address of its own, as the proxy of a public server reports it."""

    def __init__(self, instance: Instance) -> None:
        self.jobs: list[str] = []
        self.list_url = f"{instance.tap}/async"
        self.session = requests.Session()
        self.session.headers["X-Forwarded-For"] = f"198.51.100.{next(_networks)}"

    def post(self, url: str, files: dict[str, bytes] | None = None, **values: str):
        return self.session.post(url, data=values, files=files, allow_redirects=False, timeout=60)

    def get(self, url: str) -> requests.Response:
        return self.session.get(url, timeout=60)

    def create(self, query: str = QUICK, **more) -> str:
        reply = self.post(self.list_url, LANG="ADQL", QUERY=query, **more)
        assert reply.status_code == 303, reply.text
        self.jobs.append(reply.headers["Location"])
        return self.jobs[-1]

    def start(self, query: str, **settings: str) -> str:
        job = self.create(query)
        for name, value in settings.items():
            assert self.post(f"{job}/{name}", **{name.upper(): value}).status_code == 303
        assert self.post(f"{job}/phase", PHASE="RUN").status_code == 303
        return job

    def phase(self, job: str) -> str:
        return self.get(f"{job}/phase").text

    def wait(self, job: str, *phases: str) -> None:
        until(lambda: self.phase(job) in phases)

    def delete(self) -> None:
        for job in self.jobs:
            self.session.delete(job, allow_redirects=False, timeout=60)
        self.jobs.clear()
        self.session.close()


def until(is_true: Callable[[], bool]) -> None:
    """Wait until something is true, and fail if it does not become so."""
    deadline = time.monotonic() + TIMEOUT
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def worker_of(job: str) -> int | None:
    """Return the process of a job; its command line names the job."""
    words = ("pgrep", "--full", f"taprun -- {job.rpartition('/')[2]}")
    found = subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()
    return int(found[0]) if found else None


def queries(instance: Instance) -> int:
    """Return how many slow queries the database is executing."""
    layout = Layout(instance.var, Account.current())
    state = InstanceState.read(layout)
    assert state is not None
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'FETCH%'")
        return int(cursor.fetchone()[0])


@pytest.fixture
def client(instance: Instance) -> Iterator[Client]:
    made = Client(instance)
    yield made
    made.delete()


@pytest.fixture
def other(instance: Instance) -> Iterator[Client]:
    made = Client(instance)
    yield made
    made.delete()


@pytest.fixture
def third(instance: Instance) -> Iterator[Client]:
    made = Client(instance)
    yield made
    made.delete()


# -- who may do what ----------------------------------------------------------------------------


def test_the_list_shows_no_job_to_anonymous_users(client) -> None:
    client.create()
    for filters in ("", "?PHASE=PENDING", "?LAST=5", "?AFTER=2020-01-01T00:00:00Z"):
        listed = etree.fromstring(client.get(client.list_url + filters).content)
        assert listed.tag == f"{UWS}jobs"
        assert len(listed) == 0


def test_identifiers_have_128_random_bits(client) -> None:
    names = {client.create().rpartition("/")[2] for _ in range(3)}
    assert len(names) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)


def test_only_results_and_uploads_of_a_job_are_served(client) -> None:
    upload = b"no table"
    job = client.create(UPLOAD="t,param:t", files={"t": upload})
    document = etree.fromstring(client.get(job).content)
    (place,) = document.xpath("//*[@id='upload']/text()")
    assert client.get(place).content == upload
    parts = urlsplit(job)
    for name in ("results.json", "__RESULTS__", ".", "..", "%2e%2e", "..%2f..%2fetc", "a/b", "%00"):
        # clients resolve dots in a path; the server must not rely on that
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        connection.request("GET", f"{parts.path}/results/{name}")
        assert connection.getresponse().status in (400, 404), name
        connection.close()


def test_an_upload_takes_the_place_of_no_other_file(client) -> None:
    for name in ("result", "results", "__RESULTS__"):
        job = client.create(UPLOAD=f"{name},param:t", files={"t": b"\x80\x04K\x01."})
        document = etree.fromstring(client.get(job).content)
        assert document.findtext(f"{UWS}phase") == "PENDING"
        assert len(document.find(f"{UWS}results")) == 0
        assert client.get(f"{job}/results/result").status_code == 404


# -- bounds -------------------------------------------------------------------------------------


def test_invalid_times_are_refused(client) -> None:
    job = client.create()
    before = client.get(f"{job}/destruction").text
    for name, values in {
        "executionduration": ("-1", "nan", "inf", "one hour", "1e", "1,5"),
        "destruction": ("tomorrow", "2026-13-01T00:00:00Z", "1e99", "9" * 400),
        "phase": ("FLY", "COMPLETED", "EXECUTING", "run "),
    }.items():
        for value in values:
            reply = client.post(f"{job}/{name}", **{name.upper(): value})
            assert reply.status_code == 400, (name, value)
    assert client.get(f"{job}?WAIT=long").status_code == 400
    assert client.get(f"{job}/destruction").text == before
    assert client.phase(job) == "PENDING"


def test_times_beyond_the_bounds_are_capped(client) -> None:
    bounds = load_site().jobs
    job = client.create()
    for value, expected in {
        "1e99": bounds.max_duration,
        "0": bounds.max_duration,
        "60": 60,
    }.items():
        client.post(f"{job}/executionduration", EXECUTIONDURATION=value)
        assert client.get(f"{job}/executionduration").text == str(expected)
    client.post(f"{job}/destruction", DESTRUCTION="9999-12-31T23:59:59Z")
    end = datetime.fromisoformat(client.get(f"{job}/destruction").text)
    assert end - datetime.now(UTC) <= timedelta(seconds=bounds.max_lifetime + 1)


def test_a_client_keeps_only_so_many_jobs_and_others_are_not_concerned(client, other) -> None:
    for _ in range(load_site().jobs.max_jobs_per_client):
        client.create()
    refused = client.post(client.list_url, LANG="ADQL", QUERY=QUICK)
    assert refused.status_code == 429
    assert "Delete jobs" in refused.text
    other.create()
    client.session.delete(client.jobs.pop(), allow_redirects=False)
    client.create()


# -- processes and the queue --------------------------------------------------------------------


def test_a_client_waits_for_its_own_jobs_and_others_do_not(instance, client, other, third) -> None:
    slow = [client.start(SLOW) for _ in range(load_site().jobs.max_running_per_client + 1)]
    waiting = slow[-1]
    assert jobs_before(client, waiting) == 0
    other.wait(other.start(QUICK), "COMPLETED")

    # clients take turns: the first job of another one comes before the third of this one
    occupied = [other.start(SLOW) for _ in range(load_site().jobs.max_running - 2)]
    third.start(QUICK)
    assert jobs_before(third, third.jobs[-1]) == 0
    assert jobs_before(client, waiting) == 1

    until(lambda: worker_of(slow[0]) is not None and worker_of(slow[1]) is not None)
    until(lambda: queries(instance) == 2 + len(occupied))
    assert os.getpriority(os.PRIO_PROCESS, worker_of(slow[0]) or 0) > 0
    client.session.delete(slow[0], allow_redirects=False)
    assert client.get(slow[0]).status_code == 404
    client.post(f"{slow[1]}/phase", PHASE="ABORT")
    client.post(f"{waiting}/phase", PHASE="ABORT")
    assert [client.phase(job) for job in slow[1:]] == ["ABORTED", "ABORTED"]
    third.wait(third.jobs[-1], "COMPLETED")
    other.delete()
    until(lambda: not any(map(worker_of, [*slow, *occupied])))
    until(lambda: queries(instance) == 0)


def jobs_before(client: Client, job: str) -> int:
    """Return how many jobs are before one that waits, as its document tells."""
    document = etree.fromstring(client.get(job).content)
    assert document.findtext(f"{UWS}phase") == "QUEUED"
    uws_schema().assertValid(document)
    told = "".join(document.find(f"{UWS}jobInfo").itertext())
    found = re.fullmatch(r"This job is in the queue; (\d+) jobs? (is|are) before it\.", told)
    assert found is not None
    return int(found[1])


def uws_schema() -> etree.XMLSchema:
    class Local(etree.Resolver):
        def resolve(self, url, identifier, context):
            return self.resolve_filename(str(SCHEMATA / url.rpartition("/")[2]), context)

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Local())
    return etree.XMLSchema(etree.parse(str(SCHEMATA / "UWS.xsd"), parser))


def test_a_job_ends_with_its_time_even_if_its_process_does_not_listen(client) -> None:
    job = client.start(SLOW, executionduration="3")
    until(lambda: worker_of(job) is not None)
    os.kill(worker_of(job) or 0, signal.SIGSTOP)
    client.wait(job, "ERROR")
    assert "longer than its 3 seconds" in client.get(f"{job}/error").text
    assert worker_of(job) is None


def test_a_job_whose_process_dies_becomes_an_error(client) -> None:
    job = client.start(SLOW)
    until(lambda: worker_of(job) is not None)
    os.kill(worker_of(job) or 0, signal.SIGKILL)
    client.wait(job, "ERROR")
    assert "Please start the query again" in client.get(f"{job}/error").text


# -- honest clients -----------------------------------------------------------------------------


def test_pyvo_runs_an_asynchronous_query_with_an_upload(instance) -> None:
    sources = Table({"name": ["TXS 0506+056"], "ra": [77.3582], "dec": [5.6931]})
    found = pyvo.dal.TAPService(instance.tap).run_async(
        "SELECT m.id FROM tap_upload.mine AS t JOIN ant20_01.main AS m"
        " ON 1 = CONTAINS(POINT(m.ra, m.decl), CIRCLE(t.ra, t.dec, 1.5))",
        uploads={"mine": sources},
    )
    assert list(found["id"]) == ["ANT6062"]  # as in README.md


def test_stilts_runs_an_asynchronous_query(instance) -> None:
    words = (f"tapurl={instance.tap}", f"adql={QUICK}", "sync=false", "poll=500", "ofmt=csv")
    done = subprocess.run(
        ["stilts", "tapquery", *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1].startswith("ANT0001,")


# -- after a crash ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fetching(tmp_path_factory, templates: Templates) -> Iterator[Instance]:
    """Provide a server that fetches uploads from URLs, and may be broken."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "site.toml").write_text("[jobs]\nurl_uploads = true\n")
    made = Instance(folder / "var", port(60), {"KM3VO_SITE": str(folder / "site.toml")})
    templates.copy("antares", made).up()
    yield made
    made.reset()


def test_jobs_fetch_uploads_only_from_public_addresses(fetching) -> None:
    client = Client(fetching)
    with socket.create_server(("127.0.0.1", 0)) as private:
        private.settimeout(0.1)
        messages = set()
        for number in (private.getsockname()[1], 1):  # one is open, the other is not
            job = client.create("SELECT * FROM tap_upload.t", UPLOAD=f"t,http://127.1:{number}/")
            client.post(f"{job}/phase", PHASE="RUN")
            client.wait(job, "ERROR")
            # since DaCHS 2.11 the message has the path of the job
            messages.add(client.get(f"{job}/error").text.replace(job.rpartition("/")[2], "job"))
        assert len(messages) == 1
        assert "cannot be fetched from its URL" in messages.pop()
        with pytest.raises(TimeoutError):
            private.accept()


def test_the_queue_goes_on_after_all_processes_were_killed(fetching) -> None:
    clients = [Client(fetching) for _ in range(load_site().jobs.max_running)]
    lost = [client.start(SLOW) for client in clients]
    # DaCHS keeps synchronous queries in the same table.
    sent = {"LANG": "ADQL", "QUERY": SLOW_AND_CHEAP}
    for _ in range(2):
        Thread(target=ask_in_vain, args=(f"{fetching.tap}/sync", sent), daemon=True).start()
    until(lambda: queries(fetching) == len(lost) + 2)
    killed = [worker_of(job) for job in lost]
    for name in ("server.pid", "postgres/postmaster.pid"):
        killed.append(int((fetching.var / name).read_text().split()[0]))
    for process in filter(None, killed):
        os.kill(process, signal.SIGKILL)
    fetching.up()
    begin = time.monotonic()
    found = pyvo.dal.TAPService(fetching.tap).run_async(QUICK)
    assert time.monotonic() - begin < TIMEOUT
    assert len(found) == 5
    for client, job in zip(clients, lost, strict=True):
        assert client.phase(job) == "ERROR"
        assert "Please start the query again" in client.get(f"{job}/error").text


def ask_in_vain(url: str, sent: dict[str, str]) -> None:
    with contextlib.suppress(requests.RequestException):
        requests.post(url, data=sent, timeout=60)
