import http.server
import socket
import threading

import pytest

from ingest.core import http as http_client
from ingest.core.errors import NoAnswerError
from ingest.core.http import get, open_url


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        self.send_response(200 if path in ("/file", "/short") else 404)
        self.send_header("Content-Length", "20" if path == "/short" else "4")
        self.send_header("X-Asked", f"{query} {self.headers['Accept-Encoding']}")
        self.end_headers()
        self.wfile.write(b"\x1f\x8b\0\1")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["file", "moved"])
def test_the_body_is_as_the_server_stores_it(server, path):
    assert get(f"{server}/{path}") == b"\x1f\x8b\0\1"


def test_the_query_is_sent_as_it_is_and_no_compression_is_asked_for(server):
    with open_url(f"{server}/file?a=1%2B2&b=") as response:
        assert response.headers["X-Asked"] == "a=1%2B2&b= identity"


@pytest.mark.parametrize(
    ("path", "reason"), [("/missing", "404 Not Found"), ("/short", "peer closed connection")]
)
def test_errors_and_truncated_bodies_are_no_answer(server, path, reason):
    with pytest.raises(NoAnswerError, match="does not answer this request") as caught:
        get(server + path)
    assert caught.value.where == server + path
    assert reason in caught.value.value


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "//x", "http://[", ""])
def test_other_addresses_are_refused(url):
    with pytest.raises(NoAnswerError):
        get(url)


def test_a_closed_port_is_no_answer():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(NoAnswerError, match="refused"):
        get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTP_PROXY", "gopher://x"),
        ("SSL_CERT_FILE", "/none"),
        ("HTTP_PROXY", "http://127.0.0.1:9"),
    ],
)
def test_proxies_of_the_environment_are_not_for_servers_of_this_machine(
    server, monkeypatch, variable, value
):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(variable, value)
    http_client.certificates.cache_clear()
    with pytest.raises(NoAnswerError):
        get(f"{server}/file")
    assert get(f"{server}/file", proxies=False)
