"""The pre-flight: a server that is not public, or not ours to name, is not published."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.core.errors import UnavailableError
from ingest.instance.site import Site, load_site
from ingest.publish.registry import preconditions

VOTABLE = """<?xml version="1.0"?>
<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">
<INFO name="QUERY_STATUS" value="OK"/><TABLE>
<FIELD name="ivoid" datatype="char" arraysize="*"/>
<FIELD name="res_title" datatype="char" arraysize="*"/>
<FIELD name="reference_url" datatype="char" arraysize="*"/>
<FIELD name="access_url" datatype="char" arraysize="*"/>
<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""


@pytest.fixture
def registries() -> Iterator:
    """Serve a TAP service's answer to any query; the test says which registries it has."""
    seen: list[str] = []
    rows: list[tuple[str, ...]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            cells = ("".join(f"<TD>{cell}</TD>" for cell in row) for row in rows)
            body = VOTABLE.format(rows="".join(f"<TR>{row}</TR>" for row in cells)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-votable+xml")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.rows, server.seen = rows, seen
        server.url = f"http://127.0.0.1:{server.server_port}/tap"
        yield server
        server.shutdown()


def site_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **facts: str) -> Site:
    path = tmp_path / "site.toml"
    lines = (f'{key.replace("__", ".")} = "{value}"\n' for key, value in facts.items())
    path.write_text("".join(lines))
    monkeypatch.setenv("KM3VO_SITE", str(path))
    return load_site()


def unexpected(host: str) -> list[str]:
    raise AssertionError(f"{host} was looked up")


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("", None),
        ("http://localhost:8080", None),
        ("http://127.0.0.1:8080", None),
        ("http://[::1]:8080", None),
        ("https://10.1.2.3", None),
        ("https://192.168.0.7", None),
        ("https://169.254.1.1", None),
        ("https://[fd00::1]", None),
        ("https://0.0.0.0", None),
        ("https://vo", None),
        ("https://vo.example", None),
        ("https://vo.km3net.local", None),
        ("https://vo.km3net.de", ["127.0.0.1"]),
        ("https://vo.km3net.de", ["131.188.1.1", "10.0.0.1"]),
        ("https://vo.km3net.de", ["::ffff:127.0.0.1"]),
        ("https://vo.km3net.de", ["fe80::1%eth0"]),
        ("https://vo.km3net.de", []),
    ],
)
def test_an_address_that_is_not_public_is_refused(
    tmp_path, monkeypatch, url: str, addresses: list[str] | None
) -> None:
    site = site_with(tmp_path, monkeypatch, site__url=url)
    lookup = unexpected if addresses is None else lambda _: addresses
    (found,) = preconditions.public_address(site, lookup)
    assert found.rule == "public-url"
    assert found.value.startswith(url)
    assert "KM3VO_SITE" in found.remedy


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("https://vo.km3net.de", ["131.188.1.1", "2001:638:a000::1"]),
        ("https://131.188.1.1", None),
    ],
)
def test_a_public_address_is_accepted(tmp_path, monkeypatch, url, addresses) -> None:
    site = site_with(tmp_path, monkeypatch, site__url=url)
    lookup = unexpected if addresses is None else lambda _: addresses
    assert list(preconditions.public_address(site, lookup)) == []


def test_a_name_that_nobody_knows_is_refused(tmp_path, monkeypatch) -> None:
    def unknown(_: str) -> list[str]:
        raise OSError(-2, "Name or service not known")

    site = site_with(tmp_path, monkeypatch, site__url="https://vo.km3net.de")
    (found,) = preconditions.public_address(site, unknown)
    assert "Name or service not known" in found.value


def test_the_registry_at_the_public_address_has_to_be_ours(tmp_path, monkeypatch, instance) -> None:
    site = site_with(tmp_path, monkeypatch, site__url=instance.url)
    assert list(preconditions.reachable(site)) == []
    theirs = site_with(tmp_path, monkeypatch, site__url=instance.url, authority__id="other.org")
    (found,) = preconditions.reachable(theirs)
    assert (found.rule, found.value) == ("reachable", "another registry")
    silent = site_with(tmp_path, monkeypatch, site__url="http://127.0.0.1:9")
    (found,) = preconditions.reachable(silent)
    assert "refused" in found.value


@pytest.mark.parametrize("email", ["me@example.org", "root@server.local", "a@b.localhost"])
def test_a_contact_that_is_nobodys_is_refused(tmp_path, monkeypatch, email: str) -> None:
    site = site_with(tmp_path, monkeypatch, contact__email=email)
    assert [one.rule for one in preconditions.contact(site)] == ["contact"]


def test_the_projects_own_contact_is_accepted(monkeypatch) -> None:
    monkeypatch.delenv("KM3VO_SITE", raising=False)
    assert list(preconditions.contact(load_site())) == []


def test_an_authority_that_nobody_has_is_free(tmp_path, monkeypatch, registries) -> None:
    site = site_with(tmp_path, monkeypatch, registry__regtap=registries.url)
    assert list(preconditions.authority(site)) == []
    assert "km3net.org" in registries.seen[0]


def test_an_authority_of_others_is_refused_by_their_name(tmp_path, monkeypatch, registries) -> None:
    site = site_with(
        tmp_path, monkeypatch, registry__regtap=registries.url, site__url="https://vo.km3net.de"
    )
    # a registry has several interfaces, but is reported once
    registries.rows.append(("ivo://km3net.org/r", "Theirs", "", "https://other.org/oai.xml"))
    registries.rows.append(("ivo://km3net.org/r", "Theirs", "", "https://other.org/availability"))
    (found,) = preconditions.authority(site)
    assert found.rule == "authority"
    assert "Theirs" in found.expected and "https://other.org/oai.xml" in found.expected


def test_our_own_registration_is_no_obstacle(tmp_path, monkeypatch, registries) -> None:
    site = site_with(
        tmp_path, monkeypatch, registry__regtap=registries.url, site__url="https://vo.km3net.de"
    )
    registries.rows.append(("ivo://km3net.org/r", "Ours", "", "https://mirror.org/oai.xml"))
    registries.rows.append(("ivo://km3net.org/r", "Ours", "", "https://vo.km3net.de/oai.xml"))
    assert list(preconditions.authority(site)) == []
    assert preconditions.managing_registries(site)


def test_a_registry_that_does_not_answer_is_told(tmp_path, monkeypatch) -> None:
    site = site_with(tmp_path, monkeypatch, registry__regtap="http://127.0.0.1:9/tap")
    with pytest.raises(UnavailableError) as caught:
        list(preconditions.authority(site))
    assert "--offline" in str(caught.value)
    assert caught.value.exit_code == 2
