"""What the proxy lets through, and what it answers instead."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from astropy.table import Table

from tests.instances import Instance
from tests.proxy.front import Front, front
from tests.templates import port

SYNC = "/__system__/tap/run/sync"
LIMITED = "/nothing_at_all/nu"
"""A path that reaches the server, which answers quickly."""


@pytest.fixture(scope="module")
def narrow(instance: Instance) -> Iterator[Front]:
    """Run a proxy without TLS that allows few requests, behind a load balancer."""
    settings = 'requests_per_second = 5\nburst = 8\nbalancers = ["127.0.0.1/32"]'
    with front(instance, port(64), settings=settings) as one:
        yield one


# -- https --------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
    ids=["1.1", "1.2", "1.3"],
)
def test_old_versions_of_tls_are_refused(secure: Front, version, accepted: bool) -> None:
    context = secure.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("localhost", secure.port)) as raw:
        if accepted:
            with context.wrap_socket(raw, server_hostname="localhost") as one:
                assert one.selected_alpn_protocol() == "h2"
                assert re.search("GCM|CHACHA20", one.cipher()[0])
        else:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(raw, server_hostname="localhost")


def test_http_leads_to_https(secure: Front) -> None:
    with socket.create_connection(("localhost", secure.port + 1)) as one:
        one.sendall(b"GET /sky?a=b HTTP/1.1\r\nHost: evil.example.org\r\n\r\n")
        answer = one.recv(4000).decode()
    assert answer.startswith("HTTP/1.1 301 ")
    assert f"Location: {secure.url}/sky?a=b\r\n" in answer
    # also where https is expected
    with socket.create_connection(("localhost", secure.port)) as one:
        one.sendall(b"GET /sky HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert f"Location: {secure.url}/sky\r\n" in one.recv(4000).decode()


@pytest.mark.parametrize("path", ["/", "/nothing", SYNC, "/assets/site.css", "/metrics"])
def test_each_header_is_sent_once(secure: Front, path: str) -> None:
    _, headers, _ = secure.ask(path)
    counted = Counter(name.lower() for name in headers)
    assert [name for name, number in counted.items() if number > 1] == []
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"\d", headers["Server"] or "")


# -- requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example.org", "localhost.evil.example.org", "10.0.0.1"])
def test_other_hosts_are_not_served(secure: Front, host: str) -> None:
    status, _, body = secure.ask("/", Host=host)
    assert status == 421
    assert b"<html" not in body


@pytest.mark.parametrize(
    "path",
    ["/metrics", "//metrics", "/%6detrics", "/x/../metrics", "/metrics/", "/seffe/alerts/nu"],
)
def test_what_is_internal_is_not_passed_on(secure: Front, path: str) -> None:
    before = len(secure.log())
    assert secure.ask(path)[0] == 404
    assert [line for line in secure.log()[before:] if "worker=-" not in line] == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "CONNECT", "PROPFIND", "FOO"])
def test_other_methods_are_refused(secure: Front, method: str) -> None:
    status, headers, _ = secure.ask("/sky" if method != "CONNECT" else "localhost:80", method)
    assert status in (400, 405)
    if headers["Allow"]:
        assert headers["Allow"] == "GET, HEAD, POST, OPTIONS, DELETE"


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: -1\r\n\r\n",
        "Host: evil.example.org\r\n\r\n",
    ],
    ids=["two lengths", "different lengths", "two codings", "negative", "two hosts"],
)
def test_requests_with_two_meanings_are_refused(secure: Front, lines: str) -> None:
    head = f"POST {SYNC} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    answer = secure.say((head + lines).encode())
    assert re.match(rb"HTTP/1.1 (?:400|501) ", answer)
    assert answer.count(b"HTTP/1.1 ") == 1


def test_large_bodies_are_refused_in_the_words_of_clients(secure: Front) -> None:
    body = b"x" * 20_000_000
    status, headers, text = secure.ask(SYNC, "POST", body, Content_Type="multipart/form-data")
    assert status == 413
    assert headers["Content-Type"] == "application/x-votable+xml"
    assert b'value="ERROR"' in text
    assert secure.ask("/nosuch/nu/cone/form", "POST", body[:600_000])[0] == 413


def test_the_server_learns_from_the_proxy_alone_who_asks(narrow: Front) -> None:
    # The balancer in front is believed, but only for the address that it wrote itself.
    jobs = "/__system__/tap/run/async"
    said = {
        "X_Forwarded_For": "203.0.113.1, 198.51.100.77",
        "X_Forwarded_Host": "evil.example.org",
        "Forwarded": "for=203.0.113.1;host=evil.example.org",
        "X_Real_IP": "203.0.113.1",
    }
    status, headers, body = narrow.ask(jobs, "POST", b"LANG=ADQL&QUERY=SELECT+1+AS+a", **said)
    assert b"evil" not in body
    assert status == 303
    assert headers["Location"].startswith(f"{narrow.instance.url}{jobs}/")
    secret = headers["Location"].removeprefix(narrow.instance.url)
    assert narrow.ask(secret, "DELETE", X_Forwarded_For="198.51.100.77")[0] in (200, 303)


# -- limits -------------------------------------------------------------------------------------


def test_who_asks_too_often_is_asked_to_wait(narrow: Front) -> None:
    flood = {"X_Forwarded_For": "198.51.100.1"}
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: narrow.ask(LIMITED, **flood), range(60)))
    refused = [headers for status, headers, _ in answers if status == 429]
    assert len(refused) > 20
    assert {headers["Retry-After"] for headers in refused} == {"10"}
    # another client does not notice
    assert narrow.ask(LIMITED, X_Forwarded_For="198.51.100.2")[0] == 404


def test_what_clients_of_the_vo_see_is_a_votable(narrow: Front, tmp_path) -> None:
    query = quote("SELECT nothing FROM nowhere")
    path = f"{SYNC}?LANG=ADQL&QUERY={query}"
    with ThreadPoolExecutor(30) as pool:
        # all addresses of a network are one client
        addresses = [f"2001:db8:1:2::{one + 1:x}" for one in range(60)]
        answers = list(pool.map(lambda one: narrow.ask(path, X_Forwarded_For=one), addresses))
    text = next(body for status, _, body in answers if status == 429)
    assert b'<INFO name="QUERY_STATUS" value="ERROR">Too many requests' in text
    (tmp_path / "refused.xml").write_bytes(text)
    command = ["stilts", "votlint", "in=refused.xml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "ERROR" not in done.stdout + done.stderr
    assert narrow.ask(path, X_Forwarded_For="2001:db8:1:3::1")[0] != 429


def test_what_is_kept_does_not_count(narrow: Front) -> None:
    client = {"X_Forwarded_For": "198.51.100.3"}
    narrow.ask("/assets/site.css", **client)
    assert {narrow.ask("/assets/site.css", **client)[0] for _ in range(60)} == {200}


@pytest.mark.long
def test_topcat_may_ask_for_many_cones_at_once(secure: Front, tmp_path) -> None:
    rows = 1000
    Table({"ra": [i * 1.19 % 360 for i in range(rows)], "dec": [0.0] * rows}).write(
        tmp_path / "rows.csv"
    )
    # stilts does not know our certificate
    (jks := tmp_path / "trusted.p12").unlink(missing_ok=True)
    imported = (
        f"keytool -importcert -noprompt -alias a -file {secure.certificate} -keystore {jks}"
        " -storetype PKCS12 -storepass changeit"
    )
    subprocess.run(imported.split(), check=True, capture_output=True)
    begin = time.monotonic()
    done = subprocess.run(
        [
            "stilts", f"-Djavax.net.ssl.trustStore={jks}",
            "-Djavax.net.ssl.trustStorePassword=changeit", "coneskymatch", "in=rows.csv",
            f"serviceurl={secure.url}/ant20_01/nu/cone/scs.xml", "ra=ra", "dec=dec", "sr=0.5",
            "parallel=5", "erract=abort", "find=each", "out=matched.csv",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(Table.read(tmp_path / "matched.csv")) == rows
    assert time.monotonic() - begin < 120


# -- events -------------------------------------------------------------------------------------


def test_live_events_arrive_as_they_come(secure: Front) -> None:
    connections = [secure.connect() for _ in range(3)]
    begin = time.monotonic()
    for one in connections:
        one.request("GET", "/alerts/live?after=0")
        reply = one.getresponse()
        assert reply.headers["Content-Type"].startswith("text/event-stream")
        assert reply.read(1)
    assert time.monotonic() - begin < 5
    for one in connections:
        one.close()
