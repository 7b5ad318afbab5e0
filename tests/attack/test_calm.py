"""Pages of a node without releases and alerts, and while its database is stopped: all are calm."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest.instance.account import Account
from ingest.instance.layout import Layout
from ingest.instance.postgres import Cluster
from tests.attack.answers import TAP, ask, check
from tests.instances import Instance
from tests.templates import Templates

pytestmark = pytest.mark.slow
PATHS = (
    "/",
    "/sky",
    "/sky/events.json?release=ant20_01",
    "/sky/alerts.json",
    "/sky/target.json?target=IC-170922A",
    "/sky/hips/ant20_01/properties",
    "/sky-map.png",
    "/sky-map/ant20_01.svg",
    "/query",
    "/query?near=IC-170922A",
    "/query/adql.json",
    "/around",
    "/around?target=77.36+5.69",
    "/around?time=2017-09-22",
    "/alerts",
    "/alerts?name=IC-170922A&near=77.36+5.69&since=2017-09-22&far=1",
    "/alerts?stream=icecube/bronze",
    "/alerts/about",
    "/alerts/feed.atom",
    "/alerts/km3net/KM3-230213A",
    "/alerts/show?notice_id=1",
    "/alerts/show?ivorn=x",
    "/ant20_01",
    "/learn",
    "/status",
    "/status.json",
    "/robots.txt",
    "/sitemap.xml",
    "/sitemap-pages.xml",
    "/sitemap-alerts-0.xml",
    "/nothing",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Instance]:
    """Serve an empty node."""
    with templates.running("empty", tmp_path_factory.mktemp("calm"), 60) as made:
        yield made


def visit(server: Instance) -> dict[str, int]:
    """Return the statuses of all pages."""
    answers = {path: ask(server, path) for path in PATHS}
    assert [path for path, answer in answers.items() if "fault of ours" in answer[2]] == []
    for _, headers, text in answers.values():
        check(server, headers, text)
    return {path: status for path, (status, _, _) in answers.items()}


def test_pages_of_an_empty_node(server: Instance) -> None:
    found = visit(server)
    assert {path: status for path, status in found.items() if status >= 500} == {}
    assert {found[path] for path in ("/", "/sky", "/query", "/around", "/alerts")} == {200}
    assert {found[path] for path in ("/learn", "/status", "/sitemap.xml")} == {200}


def test_nobody_waits_for_a_database_that_hangs(server: Instance) -> None:
    main = Cluster(Layout(server.var, Account.current())).pid
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    pids = [main, *map(int, children)]
    query = f"{TAP}/sync?LANG=ADQL&QUERY=SELECT+TOP+1+table_name+FROM+tap_schema.tables"
    paths = ["/alerts?name=a", "/sky-map/ant20_01.svg", query] * 17

    def visit_one(path: str) -> tuple[int, bool, float]:
        began = time.monotonic()
        status, headers, _ = ask(server, path)
        return status, "Retry-After" in headers, time.monotonic() - began

    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(len(paths)) as visitors:
            found = list(visitors.map(visit_one, paths))
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    assert {(status, again) for status, again, _ in found} == {(503, True)}
    assert max(seconds for *_, seconds in found) < 10
    end = time.monotonic() + 30
    while ask(server, "/alerts")[0] != 200:
        assert time.monotonic() < end


def test_pages_survive_a_stop_of_the_database(server: Instance) -> None:
    layout = Layout(server.var, Account.current())
    cluster = Cluster(layout)
    with layout.holding_servers():  # so that the supervisor does not start it just then
        cluster.stop()
    # the supervisor starts it again
    assert {status for status in visit(server).values() if status >= 500} <= {503}
    end = time.monotonic() + 30
    while max((found := visit(server)).values()) >= 500:
        assert time.monotonic() < end
    assert found["/alerts"] == 200
