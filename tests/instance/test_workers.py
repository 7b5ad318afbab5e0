"""Several processes of the server: jobs, restarts and crashes, behind a real nginx."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.core.errors import InputError
from ingest.instance import connections
from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from ingest.instance.site import load_site
from tests import fronted
from tests.instances import KM3VO, Instance
from tests.templates import Templates, port

pytestmark = pytest.mark.slow
CLIENTS = 8


@pytest.fixture(scope="module")
def two(open_folder: Path, templates: Templates) -> Iterator[Instance]:
    """Serve the ANTARES release by two workers."""
    made = Instance(open_folder / "var", port(40))
    made.extra["KM3VO_SITE"] = str(open_folder / "site.toml")
    write_site(made, 2)
    templates.copy("antares", made, durable=True)
    try:
        made.up()
        yield made
    finally:
        made.reset()


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """Return a folder that the account of the servers can enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="km3vo-workers-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def write_site(instance: Instance, workers: int, more: str = "") -> None:
    Path(instance.extra["KM3VO_SITE"]).write_text(
        f"[server]\nworkers = {workers}\ndrain_time = 60\n{more}\n"
        f"[proxy]\nport = {instance.port + 5}\nrequests_per_second = 10000\nburst = 10000\n"
    )


@pytest.fixture
def front(two, open_folder) -> Iterator[int]:
    """Put nginx in front, and return its port."""
    folder = open_folder / "nginx"
    folder.mkdir(exist_ok=True)
    settings = fronted.proxy_settings(KM3VO, folder, two.environment)
    with fronted.nginx(settings, folder, two.port + 5) as number:
        yield number


def pid_of(instance: Instance, worker: int) -> int:
    """Return the process of a worker; 0 if it has none at the moment."""
    name = "server.pid" if worker == 1 else f"server-{worker}.pid"
    try:
        return int((instance.var / name).read_text().split()[0])
    except FileNotFoundError:
        return 0


def wait_for_another(instance: Instance, worker: int, died: int) -> None:
    """Wait until the supervisor has started a worker again."""
    deadline = time.monotonic() + 60
    while pid_of(instance, worker) in (0, died):
        assert time.monotonic() < deadline, (instance.var / "logs" / "supervisor.log").read_text()[
            -1000:
        ]
        time.sleep(0.1)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


def send(url: str, method: str = "GET", **fields: str) -> tuple[int, str, str]:
    """Return the status, where it redirects to, and the body of an answer."""
    data = urllib.parse.urlencode(fields).encode() if method == "POST" else None
    request = urllib.request.Request(url, data, method=method)
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=60) as reply:
            return reply.status, reply.headers.get("Location", ""), reply.read().decode()
    except urllib.error.HTTPError as reply:
        return reply.code, reply.headers.get("Location", ""), reply.read().decode()


def bases(instance: Instance) -> list[str]:
    return [f"http://localhost:{instance.port + one}{fronted.TAP}/async" for one in range(2)]


def new_job(base: str, query: str) -> str:
    """Create a job, and return its identifier."""
    status, place, _ = send(base, "POST", LANG="ADQL", FORMAT="csv", QUERY=query)
    assert status == 303
    return place.rpartition("/")[2]


def wait_for(url: str, *phases: str, seconds: float = 60) -> str:
    found = ""
    deadline = time.monotonic() + seconds
    while found not in phases and time.monotonic() < deadline:
        time.sleep(0.1)
        found = send(f"{url}/phase")[2].strip()
    assert found in phases, found
    return found


QUICK = "SELECT COUNT(*) AS n FROM ant20_01.main"
SLOW = (
    "SELECT COUNT(*) AS n FROM ant20_01.main AS a, ant20_01.main AS b"
    " WHERE a.ra * b.decl > SQRT(a.decl * a.decl + b.ra)"
)


def test_a_job_is_created_run_read_and_deleted_through_different_workers(two) -> None:
    first, second = bases(two)
    job = new_job(second, QUICK)
    assert send(f"{first}/{job}/phase", "POST", PHASE="RUN")[0] == 303
    begin = time.monotonic()
    document = send(f"{second}/{job}?WAIT=30")[2]
    while "COMPLETED" not in document and time.monotonic() < begin + 60:
        document = send(f"{second}/{job}?WAIT=30")[2]
    assert send(f"{first}/{job}/results/result")[2].split() == ["n", "8754"]
    clients = two.var / "dachs" / "state" / "job-clients"
    assert (clients / job).read_text() == "127.0.0.1"
    assert send(f"{first}/{job}", "DELETE")[0] == 303
    assert send(f"{second}/{job}")[0] == 404
    assert not (clients / job).exists()


def test_status_and_ports(two) -> None:
    done = two.km3vo("instance", "status")
    assert "2 of 2 workers run" in done.stdout
    state = InstanceState.read(Layout(two.var, Account.current()))
    assert state is not None
    assert state.workers == 2
    for one in range(2):
        url = f"http://localhost:{two.port + one}/robots.txt"
        assert urllib.request.urlopen(url, timeout=30).status == 200


def test_more_than_the_database_can_bear_is_refused(two) -> None:
    before = pid_of(two, 1), pid_of(two, 2)
    write_site(two, 2, "[limits]\nservice_threads = 60")
    try:
        done = two.km3vo("instance", "up")
    finally:
        write_site(two, 2)
    assert done.returncode == 2
    assert "2 workers with these limits may need 216 connections" in done.stderr
    assert "set limits.database_connections to 219" in done.stderr
    assert (pid_of(two, 1), pid_of(two, 2)) == before


def test_each_worker_needs_a_thread(monkeypatch, tmp_path) -> None:
    (tmp_path / "site.toml").write_text("[server]\nworkers = 5\n")
    monkeypatch.setenv("KM3VO_SITE", str(tmp_path / "site.toml"))
    with pytest.raises(InputError, match="thread of its own"):
        connections.check_connections(load_site(), None, None)  # type: ignore[arg-type]


@pytest.mark.long
def test_the_other_worker_takes_over_the_queue(two) -> None:
    first, second = bases(two)
    log = two.var / "dachs" / "logs" / "dcInfos"
    leads = "This worker leads"
    leader = 1 if f"INFO {pid_of(two, 1)}] {leads}" in log.read_text() else 2
    base = second if leader == 1 else first
    running = new_job(base, SLOW)
    send(f"{base}/{running}/phase", "POST", PHASE="RUN")
    wait_for(f"{base}/{running}", "EXECUTING", "COMPLETED")
    died = pid_of(two, leader)
    os.kill(died, signal.SIGKILL)
    job = new_job(base, QUICK)
    send(f"{base}/{job}/phase", "POST", PHASE="RUN")
    wait_for(f"{base}/{job}", "COMPLETED", seconds=30)
    # the job of the worker that died went on
    wait_for(f"{base}/{running}", "COMPLETED", seconds=120)
    wait_for_another(two, leader, died)
    for one in (job, running):
        send(f"{base}/{one}", "DELETE")


@pytest.mark.long
def test_no_request_fails_during_a_restart(two, front) -> None:
    before = pid_of(two, 1), pid_of(two, 2)
    stop, outcomes = threading.Event(), []
    clients = threading.Thread(
        target=lambda: outcomes.append(fronted.load(front, CLIENTS, 600, stop=stop))
    )
    first, second = bases(two)
    clients.start()
    job = new_job(first, SLOW)
    send(f"{first}/{job}/phase", "POST", PHASE="RUN")
    wait_for(f"{second}/{job}", "EXECUTING", "COMPLETED")
    time.sleep(2)
    done = two.km3vo("instance", "restart")
    opened = connections_open(two)
    stop.set()
    clients.join()
    assert done.returncode == 0, done.stderr
    assert opened < connections.connections_needed(load_site())
    (outcome,) = outcomes
    assert not outcome.failures, outcome.failures[:5]
    assert len(outcome.times) > 50
    after = pid_of(two, 1), pid_of(two, 2)
    assert not set(before) & set(after)
    wait_for(f"{first}/{job}", "COMPLETED", seconds=200)
    send(f"{first}/{job}", "DELETE")


def connections_open(instance: Instance) -> int:
    """Return how many connections clients of the database have."""
    layout = Layout(instance.var, Account.current())
    state = InstanceState.read(layout)
    assert state is not None
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        )
        ((number,),) = cursor.fetchall()
    return int(number)


@pytest.mark.long
def test_a_worker_that_is_killed_in_mid_request(two, front) -> None:
    """Cone searches are sent to the other worker, and only queries that it was running fail."""
    stop, outcomes = threading.Event(), []
    clients = threading.Thread(
        target=lambda: outcomes.append(fronted.load(front, CLIENTS, 300, stop=stop))
    )
    clients.start()
    time.sleep(3)
    killed = pid_of(two, 2)
    os.kill(killed, signal.SIGKILL)
    wait_for_another(two, 2, killed)
    time.sleep(8)
    stop.set()
    clients.join()
    (outcome,) = outcomes
    assert all("POST" in failure for failure in outcome.failures), outcome.failures[:5]
    assert len(outcome.failures) <= CLIENTS
    assert two.km3vo("instance", "status").returncode == 0


@pytest.mark.long
def test_the_number_of_workers_changes(two) -> None:
    write_site(two, 1)
    try:
        two.up()
        assert not (two.var / "server-2.pid").exists()
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(f"http://localhost:{two.port + 1}/robots.txt", timeout=10)
        assert two.adql(QUICK) == [["8754"]]
    finally:
        write_site(two, 2)
        two.up()
    assert "2 of 2 workers run" in two.km3vo("instance", "status").stdout


@pytest.mark.long
def test_changed_settings_are_applied_one_by_one(two, front) -> None:
    before = pid_of(two, 1), pid_of(two, 2)
    write_site(two, 2, '[site]\nname = "Another name"')
    stop, outcomes = threading.Event(), []
    clients = threading.Thread(
        target=lambda: outcomes.append(fronted.load(front, 2, 300, stop=stop))
    )
    clients.start()
    try:
        two.up()
    finally:
        write_site(two, 2)
        stop.set()
        clients.join()
    assert not outcomes[0].failures, outcomes[0].failures[:5]
    assert not set(before) & {pid_of(two, 1), pid_of(two, 2)}
    assert "Another name" in two.fetch("").decode()
