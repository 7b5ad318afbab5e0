"""No upload makes the server reach what its users cannot reach."""

from __future__ import annotations

import importlib.util
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from ingest.instance.site import SITE_FILES

PRIVATE = (
    *("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "0"),
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"),
    *("[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]"),
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "198.18.0.1"),
    *("[fe80::1]", "[fc00::1]", "[fd00::1]", "[fec0::1]", "224.0.0.1", "[ff02::1]"),
    *("240.0.0.1", "255.255.255.255", "192.0.2.1", "[2001:db8::1]"),
)
"""Special addresses of the IANA registries, in the notations that resolvers understand."""
STRANGE = (
    *("file:///etc/passwd", "ftp://example.org/t", "gopher://example.org/", "http:///t", "http:t"),
    *("http://user@example.org/", "http://example.org:0x50/", "http://[::1/", "//example.org/"),
)
PUBLIC = "127.0.0.2"
"""Stands for a public address in the tests of exchanges."""


@pytest.fixture
def fetching():
    """Return the module; it runs in DaCHS' Python, and uses nothing of DaCHS."""
    path = SITE_FILES / "dachs" / "patches" / "fetching.py"
    spec = importlib.util.spec_from_file_location("fetching", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Handler(BaseHTTPRequestHandler):
    """Serves what the tests fetch."""

    def do_GET(self) -> None:
        port = self.server.server_address[1]
        self.server.asked.append((self.client_address, self.path))
        if self.path == "/table":
            self._reply(200, b"a table")
        elif self.path == "/moved":
            self._reply(302, Location="/table")
        elif self.path == "/inside":
            self._reply(302, Location=f"http://127.0.0.1:{port}/table")
        elif self.path == "/around":
            self._reply(302, Location="/around")
        elif self.path == "/large":
            self._reply(200, b"x" * 2000)
        elif self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return
                time.sleep(0.1)
        else:
            self._reply(404)

    def _reply(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture
def server(fetching, monkeypatch) -> Iterator[ThreadingHTTPServer]:
    """Run a server whose address counts as public."""
    is_public = fetching._is_public
    monkeypatch.setattr(
        fetching,
        "_is_public",
        lambda address: address == ipaddress.ip_address(PUBLIC) or is_public(address),
    )
    made = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
    made.asked = []
    threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def fetch(fetching, server: ThreadingHTTPServer, path: str) -> bytes:
    url = f"http://{PUBLIC}:{server.server_address[1]}{path}"
    return fetching.fetch(url, max_bytes=1000, timeout=1.0)


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_not_connected_to(fetching, monkeypatch, host) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("connected"))
    with pytest.raises(fetching.FetchError):
        fetching.fetch(f"http://{host}/table", 1000, 1.0)


@pytest.mark.parametrize("url", STRANGE)
def test_only_http_without_credentials_is_fetched(fetching, monkeypatch, url) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("connected"))
    with pytest.raises(fetching.FetchError):
        fetching.fetch(url, 1000, 1.0)


def test_a_name_is_resolved_once_and_all_its_addresses_have_to_be_public(
    fetching, monkeypatch
) -> None:
    answers = [["8.8.8.8", "127.0.0.1"], ["8.8.8.8"], ["127.0.0.1"]]
    used = []

    def resolve(host, port, **_):
        return [(socket.AF_INET, 0, 0, "", (address, port)) for address in answers.pop(0)]

    def connect(address, **_):
        used.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    for _ in range(2):
        with pytest.raises(fetching.FetchError):
            fetching.fetch("http://rebinding.example.org/", 1000, 1.0)
    assert used == [("8.8.8.8", 80)]
    assert answers == [["127.0.0.1"]]


def test_a_public_file_is_fetched_also_if_it_moved(fetching, server) -> None:
    assert fetch(fetching, server, "/table") == b"a table"
    assert fetch(fetching, server, "/moved") == b"a table"


@pytest.mark.parametrize("path", ["/inside", "/around", "/large", "/missing"])
def test_what_leads_inside_around_or_is_too_large_is_not_fetched(fetching, server, path) -> None:
    with pytest.raises(fetching.FetchError):
        fetch(fetching, server, path)
    assert "/table" not in [asked for _, asked in server.asked]


def test_a_server_that_sends_a_byte_now_and_then_is_left(fetching, server) -> None:
    begin = time.monotonic()
    with pytest.raises(fetching.FetchError):
        fetch(fetching, server, "/slow")
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize("path", ["sync", "async"])
def test_tap_fetches_no_upload_by_default_and_tells_nothing(instance, path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as private:
        private.settimeout(0.1)
        places = [
            *(f"http://127.0.0.1:{number}/" for number in (private.getsockname()[1], 1)),
            "https://example.org/",
        ]
        messages = set()
        for place in places:
            sent = {"LANG": "ADQL", "QUERY": "SELECT * FROM tap_upload.t", "UPLOAD": f"t,{place}"}
            reply = requests.post(f"{instance.tap}/{path}", data=sent, timeout=30)
            # DaCHS 2.13 repeats the request
            messages.add(re.sub('<INFO[^>]*name="request"[^>]*>', "", reply.text))
        assert len(messages) == 1
        assert "does not fetch uploads from URLs" in messages.pop()
        with pytest.raises(TimeoutError):
            private.accept()


def test_a_cone_search_fetches_no_upload(instance) -> None:
    with socket.create_server(("127.0.0.1", 0)) as private:
        private.settimeout(0.1)
        place = f"x,http://127.0.0.1:{private.getsockname()[1]}/"
        query = {"RA": "43", "DEC": "35", "SR": "1", "UPLOAD": place}
        reply = requests.get(f"{instance.url}/ant20_01/nu/cone/scs.xml", query, timeout=30)
        assert "does not fetch uploads from URLs" in reply.text
        with pytest.raises(TimeoutError):
            private.accept()


def test_the_capabilities_offer_only_uploads_that_work(instance) -> None:
    capabilities = instance.fetch("__system__/tap/run/capabilities").decode()
    assert capabilities.count("<uploadMethod") == 1
    assert "TAPRegExt#upload-inline" in capabilities


@pytest.mark.parametrize("place", ["param:missing", "param:../../etc/passwd", "file:///etc/passwd"])
def test_an_upload_that_is_missing_is_an_error_without_details(instance, place) -> None:
    sent = {"LANG": "ADQL", "QUERY": "SELECT * FROM tap_upload.t", "UPLOAD": f"t,{place}"}
    reply = requests.post(f"{instance.tap}/sync", data=sent, timeout=30).text
    assert "No inline upload" in reply or "must be part of the request" in reply
    assert str(instance.var) not in reply
