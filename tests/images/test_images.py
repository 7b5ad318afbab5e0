"""The images, run as the compose file says: from nothing, again, after kills, with faults."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pyvo

from tests.images.containers import Container, Image, Node, buildah
from tests.instances import FIRST_PORT, ROOT

pytestmark = [
    pytest.mark.images,
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and chroot need root"),
]
_LIMITS = {"server": 900e6, "postgres": 450e6, "proxy": 450e6}
_SERVICES = ("settings", "postgres", "server", "listener", "metrics", "proxy")
_ADDRESS = f"http://127.0.0.1:{FIRST_PORT}"
_COUNT = 8754
"""The events of the sample, which its publication names."""
_LIVE = """
[[source]]
kind = "directory"
name = "files"
path = "/var/lib/km3vo/arriving"
"""
_EVENTS = "SELECT COUNT(*) AS n FROM ant20_01.main"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Yield the services that the compose file has, not started yet."""
    place = tmp_path_factory.mktemp("node")
    for path in (place, *place.parents):
        if path.is_relative_to("/tmp") and path != Path("/tmp"):
            path.chmod(0o755)
    made = Node(place, _SERVICES, _ADDRESS)
    made.configs["live"].write_text(_LIVE)
    arriving = made.volume("node") / "arriving"
    arriving.mkdir()
    os.chown(arriving, 10310, 10310)
    try:
        made.publish("proxy", 8080, FIRST_PORT)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def started(node: Node) -> Iterator[Node]:
    """Yield the services, started from empty volumes."""
    began = time.monotonic()
    times = node.start()
    first = _query(180)
    node.facts |= times | {"first query": time.monotonic() - began, "events": first}
    yield node


def _image(node: Node, name: str) -> Image:
    return next(one for key, one in node.images.items() if f"km3vo-{name}:" in key)


def _query(patience: float = 60) -> int:
    """Return how many events a TAP query counts, as soon as it succeeds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            found = pyvo.dal.TAPService(f"{_ADDRESS}/tap").run_sync(_EVENTS)
            return int(found[0]["n"])
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def _again(node: Node) -> int:
    """Start what was stopped, and count the events."""
    node.start()
    return _query()


@pytest.mark.parametrize("name", list(_LIMITS))
def test_image_is_small_and_has_no_more_than_it_needs(node: Node, name: str) -> None:
    image = _image(node, name)
    print(f"{name}: {image.size / 1e6:.0f} MB")
    assert image.size <= _LIMITS[name]
    assert int(image.config["User"].split(":")[0]) > 10_000
    labels = image.config["Labels"]
    assert re.fullmatch(r"[0-9a-f]{40}", labels["org.opencontainers.image.revision"])
    _has_no_tools_or_secrets(image)


def _has_no_tools_or_secrets(image: Image) -> None:
    tools = {"gcc", "cc", "g++", "npm", "node", "pip", "pip3", "uv", "git", "curl", "wget", "sudo"}
    programs = {
        path.name
        for place in ("usr/bin", "usr/sbin", "usr/local/bin", "opt/km3vo/.venv/bin")
        if (image.root / place).exists()
        for path in (image.root / place).iterdir()
    }
    assert programs & tools == set()
    raised = [path for path in image.root.rglob("*") if _is_raised(path)]
    assert raised == []  # no program that gives its user other rights
    names = re.compile(r"(^|[./_-])(id_rsa|htpasswd|pip\.conf|\.npmrc|\.netrc|\.git)$|\.pgpass")
    ours = [path for path in (image.root / "opt").rglob("*") if names.search(path.name)]
    assert ours == []
    for place in ("root", "tmp", "var/log", "var/cache", "run/secrets"):
        here = image.root / place
        files = [path for path in here.rglob("*") if path.is_file()] if here.exists() else []
        assert [path for path in files if not path.name.startswith(".")] == []
    assert (image.root / "etc/shadow").read_text().count("$") == 0  # nobody has a password


def _is_raised(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and bool(path.stat().st_mode & 0o6000)


@pytest.mark.parametrize("name", ["server", "postgres"])
def test_bill_of_materials_has_every_package(node: Node, name: str) -> None:
    image = _image(node, name)
    text = subprocess.run(
        [sys.executable, "docker/sbom.py", image.root, f"km3vo-{name}", "1.0.0", "0"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    installed = subprocess.run(
        ["dpkg-query", f"--admindir={image.root}/var/lib/dpkg", "-W", "-f", "${Package}\n"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert all(f'"name": "{package}"' in text for package in installed)
    if name == "server":
        assert all(f'"name": "{one}"' in text for one in ("astropy", "km3net-vo", "aladin-lite"))


def test_from_nothing_to_the_first_query(started: Node) -> None:
    print({key: round(value, 1) for key, value in started.facts.items()})
    assert started.facts["events"] == _COUNT
    assert started.facts["first query"] <= 180


def test_real_data_are_served(started: Node) -> None:
    found = pyvo.dal.SCSService(f"{_ADDRESS}/ant20_01/nu/cone/scs.xml").search((266.4, -29.0), 3)
    assert len(found) > 3
    query = "SELECT TOP 5 * FROM km3net.events WHERE release = 'ant20_01'"
    job = pyvo.dal.TAPService(f"{_ADDRESS}/tap").run_async(query)
    assert len(job) == 5


@pytest.mark.parametrize("name", _SERVICES[1:])
def test_service_has_no_rights(started: Node, name: str) -> None:
    one = started[name]
    facts = Path(f"/proc/{one.first}/status").read_text()
    uid = one.service["user"].split(":")[0]
    assert re.search(rf"^Uid:\s+{uid}\s+{uid}\s+{uid}\s+{uid}$", facts, re.M)
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert re.search(rf"^{kind}:\s+0+$", facts, re.M)
    assert re.search(r"^NoNewPrivs:\s+1$", facts, re.M)
    for place in ("/opt/km3vo", "/etc", "/usr/bin", "/"):
        assert one.run("touch", f"{place}/written").returncode != 0


@pytest.mark.parametrize("name", _SERVICES[1:])
def test_no_secret_in_environment_command_line_or_log(started: Node, name: str) -> None:
    one = started[name]
    secret = started.secrets["superuser_password"].read_text().strip()
    for path in Path(f"/proc/{one.first}/root/proc").iterdir():
        if path.name.isdecimal():
            for kind in ("environ", "cmdline"):
                assert secret.encode() not in (path / kind).read_bytes()
    assert secret not in one.messages()


def test_database_cannot_be_reached_from_outside(started: Node) -> None:
    attempt = "import socket; socket.create_connection(('10.31.{}.{}', 5432), 2)"
    database = started.network.numbers["database"]
    words = attempt.format(database, started["postgres"].number)
    inside = started["server"].run("python3", "-c", words)
    assert inside.returncode == 0, inside.stderr
    for space in (started.network.hub, started["proxy"].space):
        program = ["ip", "netns", "exec", space, sys.executable, "-c", words]
        assert subprocess.run(program, capture_output=True, check=False).returncode != 0


def test_alerts_that_arrive_are_served(started: Node) -> None:
    packet = next((ROOT / "inputs" / "alerts" / "voevent").rglob("*.xml"))
    place = started.volume("node") / "arriving"
    shutil.copy(packet, place / "unfinished")
    (place / "unfinished").rename(place / "packet.xml")
    service = pyvo.dal.TAPService(f"{_ADDRESS}/tap")
    deadline = time.monotonic() + 60
    found = ()
    while not len(found):
        assert time.monotonic() < deadline, started["listener"].messages()
        time.sleep(1)
        with suppress(pyvo.DALQueryError):  # the table is made when the listener starts
            found = service.run_sync("SELECT alert_id FROM alerts.notices")


def test_prometheus_reads_what_is_not_published(started: Node) -> None:
    outside = started.network.numbers["outside"]
    url = f"http://10.31.{outside}.{started['server'].number}:9108/metrics"
    ask = f"import urllib.request; print(urllib.request.urlopen({url!r}).read().decode())"
    program = ["ip", "netns", "exec", started.network.hub, sys.executable, "-c", ask]
    metrics = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    for name in ("km3vo_server_up", "km3vo_database_up", "km3vo_alerts_listener_up"):
        assert f"{name} 1.0" in metrics
    assert 'km3vo_release_rows{release="ant20_01"} 8754.0' in metrics


def test_curators_import_in_the_container(started: Node) -> None:
    done = started["server"].run("make", "import", "RELEASE=ant20_01")
    assert done.returncode == 0, done.stderr
    assert "ant20_01" in done.stdout


def test_stop_and_start_keep_the_data(started: Node) -> None:
    times = {name: one.stop() for name, one in reversed(started.containers.items())}
    print({name: round(seconds, 1) for name, seconds in times.items()})
    assert max(times.values()) < 30
    assert _again(started) == _COUNT


def test_stop_while_it_starts(started: Node) -> None:
    server = started["server"]
    for seconds in (2, 6):
        server.stop()
        server.start()
        time.sleep(seconds)
        assert server.stop() < 30
        assert server.wait_ended(0) == 0
    assert _again_after(started, "server") == _COUNT


def test_pulled_plug(started: Node) -> None:
    started.each(Container.kill)
    began = time.monotonic()
    assert _again(started) == _COUNT
    print(f"after the kill: {time.monotonic() - began:.1f} s")


def test_database_is_killed_and_comes_back(started: Node) -> None:
    started["postgres"].kill()
    started["postgres"].start()
    started["postgres"].wait_ready(60)
    assert _query() == _COUNT


def test_wrong_secret(started: Node) -> None:
    secret = started.secrets["superuser_password"]
    right = secret.read_text()
    started["server"].stop()
    secret.write_text("another-password-0123456789\n")
    try:
        started["server"].start()
        assert started["server"].wait_ended(120) == 2
        message = started["server"].messages()
        assert "password" in message and "Traceback" not in message
        assert "another-password" not in message
    finally:
        secret.write_text(right)
    assert _again_after(started, "server") == _COUNT


def test_missing_secret(started: Node) -> None:
    started["postgres"].stop()
    secret = started.secrets["superuser_password"]
    right = secret.read_text()
    secret.write_text("")
    try:
        started["postgres"].start()
        assert started["postgres"].wait_ended(30) == 2
        assert "too short" in started["postgres"].messages()
    finally:
        secret.write_text(right)
    assert _again_after(started, "postgres") == _COUNT


def test_new_secret(started: Node) -> None:
    started.each(Container.stop)
    started.secrets["superuser_password"].write_text("a-new-password-0123456789\n")
    assert _again(started) == _COUNT


def _again_after(node: Node, name: str) -> int:
    node[name].start()
    node[name].wait_ready(120)
    return _query()


def test_full_volume(started: Node, tmp_path: Path) -> None:
    """A node whose volume is full ends with a message that says so, and loses nothing."""
    started["server"].stop()
    usual, small = started.volume("node"), started.place / "volumes" / "small"
    small.mkdir()
    used = subprocess.run(["du", "-sk", usual], capture_output=True, text=True, check=True).stdout
    options = f"size={int(used.split()[0]) + 1000}k,mode=755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", small], check=True)
    written = len(started["server"].messages())
    try:
        subprocess.run(["cp", "-a", f"{usual}/.", small], check=True)
        os.chown(small, 10310, 10310)
        with suppress(OSError), (small / "filling").open("wb", buffering=0) as filling:
            while filling.write(bytes(4096)):
                pass
        usual.rename(usual.with_name("kept"))
        usual.symlink_to(small)
        started["server"].start()
        code = started["server"].wait_ended(120)
        assert code in (1, 2)
        message = started["server"].messages()[written:]
        assert "disk is full" in message and "Traceback" not in message
    finally:
        started["server"].kill()
        usual.unlink()
        usual.with_name("kept").rename(usual)
        subprocess.run(["umount", small], check=False)
    assert _again_after(started, "server") == _COUNT


def test_storage_of_images_is_known() -> None:
    assert "km3vo-server" in buildah("images")
