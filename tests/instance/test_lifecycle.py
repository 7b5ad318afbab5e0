"""Start and stop of an instance, and recovery of servers that were killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
from contextlib import suppress
from pathlib import Path

import pytest

from ingest.instance import Account, Layout
from ingest.instance import layout as layouts
from ingest.instance.process import processes_below
from tests.attack import kills
from tests.instances import KM3VO, Instance
from tests.served import served

pytestmark = pytest.mark.slow

IMPORT = ("import", "--release", "ant20_01")


def pids(instance: Instance) -> list[int]:
    """Return the database's and the server's first process, as their files tell."""
    database = (instance.var / "postgres" / "postmaster.pid").read_text().split()[0]
    server = (instance.var / "server.pid").read_text().split()[0]
    return [int(database), int(server)]


def processes_of(instance: Instance) -> list[int]:
    """Return all processes that mention the instance's directory in any way."""
    places = {os.fsencode(instance.var), os.fsencode(instance.var.resolve())}
    found = []
    for path in Path("/proc").iterdir():
        if not path.name.isdecimal() or int(path.name) == os.getpid():
            continue
        try:
            text = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
            text += os.fsencode(os.readlink(path / "cwd"))
        except OSError:
            continue
        if any(place in text for place in places):
            found.append(int(path.name))
    return found


def lives(pid: int) -> bool:
    """Say whether a process exists that is more than an entry nobody has collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def remembered(instance: Instance) -> dict[str, object]:
    return json.loads((instance.var / "instance.json").read_text())


def kill(*which: int) -> None:
    for pid in which:
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(autouse=True)
def whole(worn) -> None:
    """Bring the instance up before a test, whatever the one before did."""
    worn.up()


def test_a_second_up_does_nothing(worn) -> None:
    before = pids(worn)
    done = worn.km3vo("instance", "up")
    assert done.returncode == 0
    assert done.stdout == f"The server answers at {worn.url}\n"
    assert pids(worn) == before


def test_status_shows_the_running_servers(worn) -> None:
    done = worn.km3vo("instance", "status")
    assert done.returncode == 0
    assert f"port {remembered(worn)['postgres_port']}" in done.stdout
    assert worn.url in done.stdout


def test_down_leaves_no_process_and_no_data_are_lost(worn) -> None:
    before = served(worn)
    running = pids(worn)
    assert set(running) <= set(processes_of(worn))
    assert worn.km3vo("instance", "down").returncode == 0
    assert processes_of(worn) == []
    assert not any(map(lives, running))
    assert worn.km3vo("instance", "status").returncode == 3
    assert worn.km3vo("instance", "down").returncode == 0, "down is no error when it is down"
    worn.up()
    assert served(worn) == before


def test_killed_processes_are_replaced_and_nothing_is_lost(worn) -> None:
    before = served(worn)
    for recovery in kills.kill_under_load(worn, list(kills.VICTIMS)):
        assert recovery.seconds < 10, recovery
    assert served(worn) == before
    status = json.loads(worn.km3vo("instance", "status", "--json").stdout)
    assert status["is_up"] and status["supervised"]


def test_clients_learn_that_the_database_is_away_and_it_comes_back(worn) -> None:
    layout = Layout(worn.var, Account.current())
    with layout.holding_servers():  # the supervisor has to wait
        kill(pids(worn)[0])
        availability = "__system__/tap/run/tap/availability"
        while ">true<" in worn.fetch(availability).decode():
            time.sleep(0.1)
        for path in (
            "__system__/tap/run/tap/sync?LANG=ADQL&QUERY=SELECT+TOP+1+id+FROM+ant20_01.main",
            kills.CONE,
        ):
            with pytest.raises(urllib.error.HTTPError) as refused:
                worn.fetch(path)
            assert refused.value.code == 503
            assert refused.value.headers["Retry-After"]
            assert "please try again in a few seconds" in refused.value.read().decode()
        page = worn.fetch("status").decode()  # answers, and says so
        assert "The database does not answer" in page
        assert json.loads(worn.fetch("status.json"))["available"] is False
        status = worn.km3vo("instance", "status")
        assert status.returncode == 3
        assert "database  does not run" in status.stdout
    deadline = time.monotonic() + 10
    while not kills.answers(worn) or ">true<" not in worn.fetch(availability).decode():
        assert time.monotonic() < deadline


def test_an_unsupervised_instance_says_so_and_up_supervises_it_again(worn) -> None:
    before = pids(worn)
    kill(kills.worker(worn), kills.guardian(worn))
    assert "not supervised" in worn.km3vo("instance", "status").stdout
    assert kills.answers(worn)
    worn.up()
    assert "are supervised" in worn.km3vo("instance", "status").stdout
    assert pids(worn) == before, "the supervisor adopts running servers"


def test_an_import_starts_a_killed_database(worn) -> None:
    kill(kills.worker(worn), kills.guardian(worn), pids(worn)[0])
    done = worn.km3vo(*IMPORT)
    assert done.returncode == 0, done.stderr
    assert "unchanged" in done.stdout
    served(worn)


@pytest.mark.parametrize("content", ["", "garbage 1"])
def test_a_server_whose_id_was_lost_is_found_again(worn, content: str) -> None:
    database, server = pids(worn)
    (worn.var / "server.pid").write_text(content)
    worn.up()
    assert not lives(server), "the lost server would hold the port"
    assert pids(worn)[0] == database
    assert worn.fetch("__system__/tap/run/tap/availability")


def test_a_foreign_process_with_the_servers_old_id_is_left_alone(worn) -> None:
    worn.km3vo("instance", "down")
    with subprocess.Popen(["sleep", "60"]) as foreign:
        (worn.var / "server.pid").write_text(f"{foreign.pid} 12345\n")
        worn.up()
        assert foreign.poll() is None
        foreign.kill()


def test_a_used_web_port_is_an_error(worn) -> None:
    before = pids(worn)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = worn.km3vo("instance", "up", "--port", str(port))
        assert done.returncode == 1
        assert f"the port {port} is in use by another program" in done.stderr
        assert "make up PORT=" in done.stderr
    worn.up()
    assert pids(worn)[0] == before[0]
    assert served(worn)


def test_another_web_port(worn) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = worn.km3vo("instance", "up", "--port", str(port))
    assert done.stdout == f"The server answers at http://localhost:{port}\n"
    moved = Instance(worn.var, port)
    capabilities = moved.fetch("__system__/tap/run/tap/capabilities").decode()
    assert f"http://localhost:{port}/" in capabilities
    assert str(worn.port) not in capabilities
    links = re.findall(r"http://localhost:(\d+)/", moved.fetch("").decode())
    assert set(links) == {str(port)}, "addresses of services are those of the import"
    assert moved.km3vo("instance", "up").stdout == done.stdout, "it is remembered"


@pytest.mark.parametrize("port", ["80", "65536"])
def test_invalid_ports(worn, port: str) -> None:
    done = worn.km3vo("instance", "up", "--port", port)
    assert done.returncode == 2
    assert "--port" in done.stderr


def test_a_used_database_port_is_replaced(worn) -> None:
    before = served(worn)
    old = remembered(worn)["postgres_port"]
    worn.km3vo("instance", "down")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", old))
        other.listen()
        worn.up()
    new = remembered(worn)["postgres_port"]
    assert new != old
    assert f"port = {new}" in (worn.var / "dachs" / "etc" / "dsn").read_text()
    assert served(worn) == before
    assert worn.km3vo(*IMPORT, "--force").returncode == 0


def test_a_new_dachs_upgrades_the_database(worn) -> None:
    path = worn.var / "instance.json"
    memory = remembered(worn)
    path.write_text(json.dumps(memory | {"dachs_version": "2.5"}))
    before, old = served(worn), pids(worn)
    worn.up()
    assert remembered(worn)["dachs_version"] == memory["dachs_version"]
    assert pids(worn)[1] != old[1], "the server of the old version goes on"
    assert served(worn) == before


def test_settings_of_a_site(worn, tmp_path) -> None:
    (tmp_path / "site.toml").write_text(
        '[site]\nname = "Süd & Söhne"\nurl = "https://vo.example.org"\n[contact]\nname = "Ada"\n'
    )
    tmp_path.chmod(0o755)
    settings = {"KM3VO_SITE": str(tmp_path / "site.toml")}
    done = worn.km3vo("instance", "up", **settings)
    assert done.stdout == "The server answers at https://vo.example.org\n"
    capabilities = worn.fetch("__system__/tap/run/tap/capabilities").decode()
    assert ">https://vo.example.org/" in capabilities
    assert "localhost" not in capabilities
    assert "Süd &amp; Söhne" in worn.fetch("").decode()


def test_a_lost_state_is_an_error_and_nothing_is_destroyed(worn) -> None:
    path = worn.var / "instance.json"
    content = path.read_text()
    path.write_text("{")
    try:
        done = worn.km3vo("instance", "up")
        assert done.returncode == 1
        assert "the file with the state of the instance is missing" in done.stderr
    finally:
        path.write_text(content)
    worn.up()
    assert served(worn)


@pytest.mark.long
def test_two_ups_at_the_same_time(worn) -> None:
    worn.km3vo("instance", "down")
    command = [KM3VO, "instance", "up"]
    starting = [
        subprocess.Popen(
            command, env=worn.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in starting:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert out == f"The server answers at {worn.url}\n"
    assert served(worn)


def test_a_database_that_recovers_while_up_is_called(worn) -> None:
    """Kill everything during an import, and look for the database at once."""
    importing = subprocess.Popen([KM3VO, *IMPORT, "--force"], env=worn.environment)
    time.sleep(3)
    importing.kill()
    kill(*pids(worn))
    importing.wait()
    worn.up()
    served(worn)


@pytest.mark.long
@pytest.mark.parametrize("seconds", [0.7, 3.0])
def test_a_power_cut_during_the_first_up(scratch_instance, seconds: float) -> None:
    with subprocess.Popen(
        [KM3VO, "instance", "up", "--port", str(scratch_instance.port)],
        env=scratch_instance.environment,
        stdout=subprocess.DEVNULL,
    ) as starting:
        time.sleep(seconds)
        starting.kill()
        if scratch_instance.var.exists():
            kill(*processes_below(scratch_instance.var.resolve()))
    scratch_instance.up()
    assert scratch_instance.adql("SELECT table_name FROM tap_schema.tables")


@pytest.mark.long
def test_var_deleted_by_hand_while_running(empty_instance) -> None:
    empty_instance.up()
    running = pids(empty_instance)
    delete_by_hand(empty_instance)
    empty_instance.up()
    assert not any(map(lives, running))
    assert empty_instance.adql("SELECT table_name FROM tap_schema.tables")

    target = empty_instance.var.resolve()
    asked = empty_instance.km3vo("instance", "reset")
    assert asked.returncode == 130, "nobody said yes"
    assert target.exists()
    delete_by_hand(empty_instance)
    assert empty_instance.km3vo("instance", "down").returncode == 0
    assert processes_below(target) == []
    assert empty_instance.km3vo("instance", "reset", "--yes").returncode == 0
    assert not target.exists()
    assert processes_of(empty_instance) == []
    assert empty_instance.km3vo("instance", "status").returncode == 3


def delete_by_hand(instance: Instance) -> None:
    """Do what a person does who does not know of the link's target: delete what is seen."""
    instance.var.unlink() if instance.var.is_symlink() else shutil.rmtree(instance.var)


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root hands over to another account: run as root"
)
def test_root_needs_an_account_for_the_servers(worn) -> None:
    for account, expected in (("no_such_user", "does not exist"), ("root", "names root")):
        done = worn.km3vo("instance", "up", KM3VO_USER=account)
        assert done.returncode == 1
        assert expected in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a fallback directory: run as root")
def test_a_directory_the_account_cannot_enter_is_replaced_by_a_fallback(worn) -> None:
    assert worn.var.is_symlink()
    assert worn.var.resolve() == layouts.fallback_directory(worn.var)
