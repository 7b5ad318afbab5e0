"""The configuration of nginx is made of the settings, and nginx accepts it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ingest.core.errors import InputError
from ingest.instance.proxy import Places, configuration
from ingest.instance.site import Site, load_site
from tests.proxy.front import NGINX, make_certificate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("proxy")
    make_certificate(made)
    (made / "cache").mkdir()
    return made


def places(folder: Path, **changed: object) -> Places:
    own = {"cache": f"{folder}/cache", "logs": str(folder), "pid": f"{folder}/pid"}
    there = {"host": "127.0.0.1", "port": 8080, "workers": 1, "user": "", "generation": ""}
    return Places(**(own | there | changed))  # type: ignore[arg-type]


def site(url: str = "", **changed: object) -> Site:
    found = load_site()
    proxy = found.proxy.model_copy(update=changed)
    return found.model_copy(
        update={"proxy": proxy, "site": found.site.model_copy(update={"url": url})}
    )


@pytest.mark.parametrize(
    ("url", "settings", "where"),
    [
        ("", {}, {}),
        ("http://vo.example.org", {"address": ""}, {"workers": 4}),
        ("https://vo.example.org:8443", {"certificate": "certificate.pem"}, {"workers": 2}),
        ("https://vo.example.org", {"certificate": "certificate.pem", "hsts": 0}, {}),
        (
            "https://[::1]",
            {"certificate": "certificate.pem", "address": "::1", "redirect_port": 8081},
            {"generation": "/var/lib/km3vo/shown/generation", "host": "::1", "logs": "-"},
        ),
        ("https://vo.example.org", {"balancers": ("192.0.2.0/24", "2001:db8::/64")}, {}),
    ],
    ids=["alone", "http", "https", "no HSTS", "IPv6", "balancers"],
)
def test_nginx_accepts_the_configuration(folder: Path, url: str, settings, where) -> None:
    if "certificate" in settings:
        settings = settings | {
            "certificate": f"{folder}/certificate.pem",
            "key": f"{folder}/key.pem",
        }
    text = configuration(site(url, **settings), places(folder, **where))
    assert "@" not in text
    (folder / "nginx.conf").write_text(text)
    command = [NGINX, "-t", "-q", "-c", str(folder / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_each_worker_is_used(folder: Path) -> None:
    text = configuration(site(), places(folder, workers=3, host="server", port=9000))
    for port in (9000, 9001, 9002):
        assert f"server server:{port} " in text
    assert "least_conn" in text


def test_without_news_of_releases_only_what_never_changes_is_kept(folder: Path) -> None:
    text = configuration(site(), places(folder))
    assert text.count("proxy_cache answers") == 1


@pytest.mark.parametrize(
    ("url", "settings", "where", "problem"),
    [
        ("https://a.org", {"certificate": "/a.pem"}, {}, "needs a key"),
        ("http://a.org", {"certificate": "/a.pem", "key": "/b.pem"}, {}, "not https"),
        ("", {"redirect_port": 8081}, {}, "needs a certificate"),
        ("", {}, {"cache": "/var/my cache"}, "absolute paths"),
        ("", {}, {"pid": "here"}, "absolute paths"),
        ("", {}, {"logs": '/x"; include /etc/passwd; "'}, "absolute paths"),
        ("http://a.org;include", {}, {}, "public address"),
        ("", {}, {"host": "a; b"}, "address or a name"),
        ("", {}, {"user": "www-data; include /x"}, "account"),
    ],
)
def test_settings_that_do_not_fit_are_refused(folder: Path, url, settings, where, problem) -> None:
    with pytest.raises(InputError, match=problem):
        configuration(site(url, **settings), places(folder, **where))
