"""An instance as Prometheus sees it."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.instances import KM3VO, Instance
from tests.monitoring.programs import PROMETHEUS, needs_prometheus
from tests.monitoring.test_monitoring_files import QUERIES, RULES
from tests.templates import port

Metrics = dict[tuple[str, frozenset[tuple[str, str]]], float]


def metrics_of(instance: Instance) -> Metrics:
    """Return the value of each metric by its name and labels."""
    done = instance.km3vo("instance", "metrics", "--once")
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^(km3vo_\w+)(?:\{(.*)\})? (\S+)$", done.stdout, re.MULTILINE)
    return {
        (name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))): float(value)
        for name, labels, value in lines
    }


def value_of(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.get((name, frozenset(labels.items())), 0.0)


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def get(url: str, **headers: str) -> int:
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_requests_rows_and_bytes_are_counted_by_service(instance: Instance) -> None:
    before = metrics_of(instance)
    cone = f"{instance.url}/evts20_01/nu/cone/scs.xml?RA=0&DEC=0&SR=180&MAXREC=17"
    for _ in range(3):
        assert get(cone) == 200
    assert len(instance.adql("SELECT TOP 11 * FROM evts20_01.main")) == 11
    assert get(f"{instance.url}/") == get(f"{instance.url}/") == 200

    def new(name: str, **labels: str) -> float:
        return value_of(now, name, **labels) - value_of(before, name, **labels)

    wait_until(lambda: value_of(metrics_of(instance), "km3vo_server_processes") == 1)
    time.sleep(5.5)
    now = metrics_of(instance)
    service = {"service": "evts20_01/nu/cone"}
    assert new("km3vo_requests_total", status="2xx", **service) == 3
    assert new("km3vo_sent_rows_total", **service) == 3 * 17
    assert new("km3vo_sent_bytes_total", **service) > 3000
    assert new("km3vo_request_duration_seconds_count", **service) == 3
    assert new("km3vo_request_duration_seconds_bucket", le="30.0", **service) == 3
    assert new("km3vo_sent_rows_total", service="tap/sync") >= 11
    assert new("km3vo_pages_asked_total", result="hit") >= 1
    assert value_of(now, "km3vo_release_rows", release="ant20_01") == 8754
    assert value_of(now, "km3vo_database_up") == value_of(now, "km3vo_server_up") == 1
    assert all(value == 0 for (name, _), value in now.items() if name == "km3vo_metrics_failed")


def test_no_client_can_make_names_of_metrics(instance: Instance) -> None:
    marker = secrets.token_hex(4)
    before = {labels for name, labels in metrics_of(instance) if name == "km3vo_requests_total"}
    for number in range(150):
        name = f"{marker}{number}"
        get(f"{instance.url}/{name}/nu/cone/scs.xml")
        get(f"{instance.url}/__system__/tap/run/{name}", Host=name)
        get(f"{instance.url}/evts20_01/nu/{name}/scs.xml", **{"User-Agent": name})
        get(f"{instance.url}/evts20_01/nu/cone/{name}", **{"X-Forwarded-For": "192.0.2.7"})
    with socket.create_connection(("127.0.0.1", instance.port)) as connection:
        connection.sendall(f"{marker} /{marker} HTTP/1.1\r\nHost: {marker}\r\n\r\n".encode())
        connection.recv(1000)
    time.sleep(5.5)
    now = metrics_of(instance)
    after = {labels for name, labels in now if name == "km3vo_requests_total"}
    assert len(after - before) <= 8
    assert not any(marker in str(labels) for _, labels in now)


def test_no_address_and_no_query_is_kept(instance: Instance) -> None:
    marker = f"m{secrets.token_hex(6)}"
    address = "198.51.100.37"
    query = urllib.parse.urlencode(
        {"LANG": "ADQL", "QUERY": f"SELECT 1 AS {marker} FROM evts20_01.main"}
    )
    assert get(f"{instance.tap}/sync?{query}", **{"X-Forwarded-For": address}) == 200
    time.sleep(5.5)
    files = list((instance.var / "metrics").iterdir())
    assert any(path.suffix == ".json" for path in files)
    for path in files:
        assert path.stat().st_mode & 0o077 == 0
        content = path.read_bytes()
        assert marker.encode() not in content
        assert address.encode() not in content
    document = json.loads(instance.km3vo("usage", "--json").stdout)
    table = list(csv.DictReader(io.StringIO(instance.km3vo("usage", "--csv").stdout)))
    assert [row["service"] for row in table] == [row["service"] for row in document]
    total = [row for row in document if row["service"] == "all"][-1]
    assert total["clients"] >= 2
    assert marker not in str(document)
    assert address not in str(document)


@contextmanager
def exporter(instance: Instance, folder: Path) -> Iterator[int]:
    """Run ``km3vo instance metrics``, and yield its port."""
    number = port(61)
    (folder / "site.toml").write_text(f"[metrics]\nport = {number}\n")
    process = subprocess.Popen(
        [KM3VO, "instance", "metrics"],
        env=instance.environment | {"KM3VO_SITE": str(folder / "site.toml")},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _answers(number))
        yield number
    finally:
        process.terminate()
        assert process.wait(10) == 0


def _answers(number: int) -> bool:
    try:
        return get(f"http://127.0.0.1:{number}/metrics") == 200
    except OSError:
        return False


@needs_prometheus
def test_prometheus_reads_the_metrics_and_answers_the_dashboard(
    instance: Instance, tmp_path: Path
) -> None:
    number = port(62)
    address = f"127.0.0.1:{number}"
    with exporter(instance, tmp_path) as metrics:
        listening = Path("/proc/net/tcp").read_text()
        assert f"0100007F:{metrics:04X} " in listening
        settings = tmp_path / "prometheus.yml"
        settings.write_text(
            "global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: km3vo\n"
            f"    static_configs: [{{targets: ['127.0.0.1:{metrics}']}}]\n"
        )
        process = subprocess.Popen(
            [
                PROMETHEUS,
                f"--config.file={settings}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address={address}",
            ],
            stderr=subprocess.DEVNULL,
        )

        def ask(query: str) -> list[dict[str, object]]:
            words = urllib.parse.urlencode({"query": query})
            with urllib.request.urlopen(f"http://{address}/api/v1/query?{words}") as answer:
                return json.load(answer)["data"]["result"]

        def has_scraped() -> bool:
            try:
                return len(ask("count_over_time(km3vo_server_up[1m]) > 3")) == 1
            except OSError:
                return False

        try:
            wait_until(has_scraped, 30)
            get(f"{instance.url}/")
            assert ask("km3vo_server_up")[0]["value"][1] == "1"  # type: ignore[index]
            empty = []
            for query in QUERIES:
                asked = query.replace("$__rate_interval", "1m").replace("$service", ".*")
                if not ask(asked):
                    empty.append(query)
            # what a test instance lacks: a backup, a harvest, a check, a replica, a listener
            for query in empty:
                assert re.search("backup|harvest|check|replica|alerts_|starts", query), query
            for rule in RULES:
                ask(rule["expr"])
        finally:
            process.terminate()
            process.wait(10)


@pytest.mark.long
def test_counters_go_on_after_a_crash_and_damage_harms_no_request(
    filled_instance: Instance,
) -> None:
    instance = filled_instance
    instance.up()
    directory = instance.var / "metrics"
    cone = f"{instance.url}/km3net/nu/cone/scs.xml?RA=0&DEC=0&SR=1"
    service = {"service": "km3net/nu/cone", "status": "2xx"}
    for _ in range(4):
        assert get(cone) == 200
    time.sleep(6)
    before = value_of(metrics_of(instance), "km3vo_requests_total", **service)
    assert before >= 4
    pid = int((instance.var / "server.pid").read_text().split()[0])
    subprocess.run(["kill", "-9", str(pid)], check=True)
    wait_until(lambda: _serves(cone), 60)
    assert value_of(metrics_of(instance), "km3vo_requests_total", **service) >= before
    assert value_of(metrics_of(instance), "km3vo_supervisor_starts_total", server="server") >= 1
    # a directory that is no directory, which nobody can write
    for path in directory.iterdir():
        path.write_text("{")
    assert get(cone) == 200
    directory.rename(directory.with_name("elsewhere"))
    directory.write_text("nothing")
    time.sleep(6)
    assert get(cone) == 200
    assert len(instance.adql("SELECT TOP 3 * FROM tap_schema.columns")) == 3
    assert value_of(metrics_of(instance), "km3vo_server_up") == 1
    assert instance.km3vo("instance", "down").returncode == 0
    instance.up()
    assert get(cone) == 200


def _serves(url: str) -> bool:
    try:
        return get(url) == 200
    except OSError:
        return False
