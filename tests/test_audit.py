"""The audit of pinned packages, against a server that speaks OSV's documented protocol."""

from __future__ import annotations

import datetime
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import audit

TODAY = datetime.date(2026, 11, 27)
LOCK = """# a comment
pillow==9.0.0 \\
    --hash=sha256:00 \\
    --hash=sha256:01
numpy==2.2.0
"""
KNOWN = {("pillow", "9.0.0"): ["GHSA-8vj2-vxx3-667w", "PYSEC-2022-42979"]}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as OSV documents it, one vulnerability per page."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        results = []
        for query in asked["queries"]:
            assert query["package"]["ecosystem"] == "PyPI"
            page = int(query.get("page_token", "0"))
            found = KNOWN.get((query["package"]["name"], query["version"]), [])
            result = {"vulns": [{"id": found[page]}]} if found else {}
            if page + 1 < len(found):
                result["next_page_token"] = str(page + 1)
            results.append(result)
        self.send_response(200 if self.path == "/v1/querybatch" else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"results": results}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    lock = tmp_path / "constraints.txt"
    lock.write_text(LOCK)
    return lock, tmp_path / "audit.json"


def test_all_pages_of_the_answer_are_stored_and_reported(server, files):
    audit.renew(*files, server)
    found = audit.problems(*files)
    assert [one.split(" is ")[0] for one in found] == ["pillow==9.0.0"] * 2
    assert all(any(name in one for one in found) for name in KNOWN[("pillow", "9.0.0")])


def test_an_accepted_vulnerability_is_not_reported_and_stays_accepted(server, files):
    audit.renew(*files, server)
    content = json.loads(files[1].read_text())
    content["accepted"] = {"PYSEC-2022-42979": "we read no such images"}
    files[1].write_text(json.dumps(content))
    audit.renew(*files, server)
    (left,) = audit.problems(*files)
    assert "GHSA-8vj2-vxx3-667w" in left


def test_another_version_is_not_reported(server, files):
    audit.renew(*files, server)
    files[0].write_text(LOCK.replace("9.0.0", "12.0.0"))
    assert audit.problems(*files) == []
    assert "newer" in audit.age(TODAY, *files)


@pytest.mark.parametrize(("days", "old"), [(0, False), (30, False), (31, True)])
def test_the_age_of_the_answer_is_reported(server, files, days, old):
    audit.renew(*files, server)
    asked = datetime.date.fromisoformat(json.loads(files[1].read_text())["asked"])
    said = audit.age(asked + datetime.timedelta(days=days), *files)
    assert said == (f"the list of vulnerabilities is {days} days old" if old else None)


def test_without_a_network_the_stored_answer_stays(files):
    files[1].write_text('{"asked": null, "packages": [], "vulnerable": {}, "accepted": {}}')
    with pytest.raises(httpx.HTTPError):
        audit.renew(*files, "http://127.0.0.1:9")
    assert "never" in audit.age(TODAY, *files)


def test_all_packages_of_the_environment_are_pinned():
    assert {"numpy", "lxml", "psycopg2-binary"} <= audit.pinned().keys()
