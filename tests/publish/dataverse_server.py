"""A small Dataverse: what its native API documents of data sets, and how it can go wrong."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "7f4a9e1c-0000-4000-8000-1234567890ab"
COLLECTION = "neutrinos"


@dataclass
class State:
    """What the server has and had, and what it does next.

    Attributes
    ----------
    troubles : list of str
        For the next requests that change something: ``409``, ``500``, ``close`` before doing it;
        with ``+`` in front after it was done; ``+slow`` answers too late.
    datasets : dict
        The fields of the data sets by their identifiers; those of strangers are empty.
    indexed : bool
        Whether the search finds what was created; a real index lags behind.
    """

    datasets: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    indexed: bool = True


def _handler(state: State) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

        def _answer(self, status: int, data: object, message: str = "") -> None:
            good = status < 300
            body = {"status": "OK", "data": data} if good else _error(status, message)
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _begin(self) -> tuple[str, dict[str, list[str]]] | None:
            address = urllib.parse.urlsplit(self.path)
            state.requests.append((self.command, address.path))
            if self.headers.get("X-Dataverse-key") != TOKEN:
                self._answer(401, None, "Bad API key")
                return None
            return address.path, urllib.parse.parse_qs(address.query)

        def _body(self) -> Any:
            return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

        def _goes_wrong(self, after: bool) -> bool:
            trouble = state.troubles[0] if state.troubles else ""
            if not trouble or trouble.startswith("+") != after:
                return False
            del state.troubles[0]
            kind = trouble.removeprefix("+")
            if kind == "slow":
                time.sleep(2)
            elif kind == "close":
                self.close_connection = True
                self.connection.close()
                self.rfile = self.wfile = open("/dev/null", "r+b", buffering=0)  # noqa: SIM115
            else:
                self._answer(int(kind), None, "as the test wants it")
            return True

        def do_GET(self) -> None:
            asked = self._begin()
            if asked is None:
                return
            path, query = asked
            if path == "/api/search":
                wanted = query["q"][0].partition(":")[2].strip('"')
                items = [
                    {"type": "dataset", "global_id": known}
                    for known, fields in state.datasets.items()
                    if state.indexed and wanted in json.dumps(fields)
                ]
                self._answer(200, {"total_count": len(items), "items": items})
            elif path == f"/api/v1/dataverses/{COLLECTION}/contents":
                self._answer(200, [_member(known) for known in state.datasets])
            elif path.startswith("/api/v1/datasets/:persistentId"):
                fields = state.datasets[query["persistentId"][0]]
                if not fields:
                    self._answer(401, None, "User is not permitted to perform requested action.")
                    return
                blocks = {"citation": {"fields": fields}}
                self._answer(200, {"latestVersion": {"metadataBlocks": blocks}})
            else:
                self._answer(404, None, "not found")

        def do_POST(self) -> None:
            asked = self._begin()
            if asked is None:
                return
            document = self._body()
            if asked[0] != f"/api/v1/dataverses/{COLLECTION}/datasets":
                self._answer(404, None, "Can't find dataverse")
            elif not self._goes_wrong(after=False):
                known = f"doi:10.5072/FK2/A{len(state.datasets)}"
                fields = document["datasetVersion"]["metadataBlocks"]["citation"]["fields"]
                state.datasets[known] = fields
                if not self._goes_wrong(after=True):
                    self._answer(201, {"id": 1, "persistentId": known})

        def do_PUT(self) -> None:
            asked = self._begin()
            if asked is None:
                return
            fields = self._body()["fields"]
            if not self._goes_wrong(after=False):
                known = asked[1]["persistentId"][0]
                assert asked[1]["replace"] == ["true"]
                state.datasets[known] = fields
                if not self._goes_wrong(after=True):
                    self._answer(200, {"persistentUrl": known})

    return Handler


def _error(status: int, message: str) -> dict[str, object]:
    return {"status": "ERROR", "code": status, "message": message}


def _member(known: str) -> dict[str, str]:
    protocol, _, rest = known.partition(":")
    authority, _, identifier = rest.partition("/")
    return {
        "type": "dataset",
        "protocol": protocol,
        "authority": authority,
        "identifier": identifier,
    }


@contextmanager
def dataverse(state: State) -> Iterator[str]:
    """Run the server, and yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
