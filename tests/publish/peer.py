"""What the small repositories of the tests share: how they answer, and how they can go wrong."""

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


@dataclass
class Peer:
    """What a server was asked, and what it does next.

    Attributes
    ----------
    troubles : list of str
        For the next requests that change something: ``429``, ``500``, ``close`` before doing it;
        with ``+`` in front after it was done; ``+slow`` answers too late.
    headers : dict
        Headers of these answers.
    """

    requests: list[tuple[str, str]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def count(self, method: str) -> int:
        """Return the number of requests with a method."""
        return sum(one == method for one, _ in self.requests)


class PeerHandler(BaseHTTPRequestHandler):
    """Answers in JSON; subclasses have a method for each HTTP method."""

    peer: Peer

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""

    def asked(self) -> tuple[str, dict[str, str]]:
        """Note the request; return its path and query."""
        address = urllib.parse.urlsplit(self.path)
        self.peer.requests.append((self.command, urllib.parse.unquote(address.path)))
        query = urllib.parse.parse_qs(address.query)
        return urllib.parse.unquote(address.path), {name: one[0] for name, one in query.items()}

    def content(self) -> bytes:
        """Return the body of the request."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        """Send a response."""
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def error(self, status: int, message: str) -> Any:
        """Return the body of an error, as the API documents it."""
        raise NotImplementedError

    def refuse(self, status: int, message: str) -> None:
        """Send an error."""
        self.answer(status, self.error(status, message))

    def goes_wrong(self, after: bool) -> bool:
        """Do what the test wants to go wrong next; return whether the request was answered."""
        trouble = self.peer.troubles[0] if self.peer.troubles else ""
        if not trouble or trouble.startswith("+") != after:
            return False
        del self.peer.troubles[0]
        kind = trouble.removeprefix("+")
        if kind == "slow":
            time.sleep(0.5)
        elif kind == "close":
            self.close_connection = True
            self.connection.close()
            self.rfile = self.wfile = open("/dev/null", "r+b", buffering=0)  # noqa: SIM115
        else:
            status = int(kind)
            self.answer(status, self.error(status, "as the test wants it"), self.peer.headers)
        return True


@contextmanager
def serve(handler: type[PeerHandler], peer: Peer) -> Iterator[str]:
    """Run a server, and yield its address."""
    bound = type("Handler", (handler,), {"peer": peer})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
