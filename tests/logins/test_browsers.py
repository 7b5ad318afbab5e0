"""Logins of browsers: Chromium, nginx, the gateway, the server and a provider, all real."""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

from tests.attack.test_embargo import HIDDEN, SEALED, TITLES
from tests.browser import chromium
from tests.instances import ROOT, Instance
from tests.logins.provider import Provider

pytestmark = [pytest.mark.slow, pytest.mark.long]

_FORM = f"/{SEALED}/nu/cone/form"
_MODULE = Path("/usr/lib/apache2/modules/mod_auth_openidc.so")


@dataclass
class Front:
    """What is in front of the server, and the folder with its files."""

    url: str
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]]

    def log(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))


@pytest.fixture(scope="module")
def front(server: Instance, provider: Provider) -> Iterator[Front]:
    if not _MODULE.exists() or not shutil.which("nginx"):
        pytest.skip("nginx or the gateway is not installed: ./setup.sh test")
    # not in pytest's folder, which nginx' own account cannot enter
    folder = Path(tempfile.mkdtemp(prefix="km3vo-front-"))
    folder.chmod(0o755)
    (folder / "cache").mkdir()
    commands = {
        "gateway": ("access", "gateway", "--directory", str(folder)),
        "nginx": (
            "instance", "proxy", "--cache", f"{folder}/cache", "--logs", str(folder),
            "--pid", f"{folder}/nginx.pid", "--user", "www-data",
        ),
    }  # fmt: skip
    for name, words in commands.items():
        done = server.km3vo(*words)
        assert done.returncode == 0, done.stderr
        (folder / f"{name}.conf").write_text(done.stdout)
    shutil.chown(folder / "cache", "www-data")
    processes = {
        "gateway": subprocess.Popen(
            [*confined(), "/usr/sbin/apache2", "-DFOREGROUND", "-f", folder / "gateway.conf"]
        ),
        "nginx": subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-g", "daemon off;"]),
    }
    made = Front(provider.audience, folder, processes)
    try:
        for _ in range(100):
            try:
                if requests.get(f"{made.url}/login", allow_redirects=False, timeout=5).ok:
                    break
            except requests.ConnectionError:
                pass
            time.sleep(0.1)
        yield made
    finally:
        for process in processes.values():
            process.terminate()
            process.wait(20)
        shutil.rmtree(folder)


def confined() -> list[str]:
    """Return the command that takes away what the gateway's unit does."""
    unit = (ROOT / "site" / "systemd" / "km3vo-gateway.service").read_text()
    (line,) = re.findall(r"^CapabilityBoundingSet=(.+)$", unit, re.MULTILINE)
    left = ",".join("+" + name.removeprefix("CAP_").lower() for name in line.split())
    return ["setpriv", f"--bounding-set=-all,{left}", "--no-new-privs"]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path) as driver:
        driver.implicitly_wait(10)
        yield driver


def log_in(browser: webdriver.Chrome, front: Front, name: str, path: str) -> None:
    """Log in as somebody whom the provider knows, on the way to a page."""
    browser.get(f"{front.url}/login?nextURL={path}")
    browser.find_element(By.NAME, "login").send_keys(name)
    browser.find_element(By.NAME, "password").send_keys("any")
    browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    for _ in range(100):
        if browser.current_url == front.url + path:
            return
        # the next page of the provider, if it has come, asks for consent
        if not (
            browser.current_url.startswith(front.url) or browser.find_elements(By.NAME, "login")
        ):
            with suppress(WebDriverException):
                browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
        time.sleep(0.1)
    raise AssertionError(browser.current_url)


def test_a_member_logs_in_and_out_with_a_browser(
    front: Front, browser: webdriver.Chrome, server: Instance
) -> None:
    browser.get(f"{front.url}/{HIDDEN}")
    assert TITLES[HIDDEN] not in browser.page_source
    log_in(browser, front, "ada", f"/{HIDDEN}")
    assert TITLES[HIDDEN] in browser.page_source
    # the provider has the same host name here
    (cookie,) = (one for one in browser.get_cookies() if one["name"] == "km3vo_login")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert len(cookie["value"]) < 100  # a number, and no token
    browser.get(front.url + _FORM)
    assert "Log out" in browser.page_source
    # nothing of that is kept for others
    assert requests.get(f"{front.url}/{HIDDEN}", timeout=30).status_code == 404
    session = {"km3vo_login": cookie["value"]}
    reply = requests.get(front.url + _FORM, cookies=session, timeout=30)
    assert (reply.status_code, reply.headers["Cache-Control"]) == (200, "private, no-store")
    browser.get(f"{front.url}/logout")
    browser.get(f"{front.url}/{HIDDEN}")
    assert TITLES[HIDDEN] not in browser.page_source
    # the session is over, also for whoever copied the cookie
    assert requests.get(front.url + _FORM, cookies=session, timeout=30).status_code == 401
    logs = front.log() + "".join(path.read_text() for path in (server.var / "logs").glob("*.log"))
    assert "eyJ" not in logs
    assert cookie["value"] not in logs


def test_somebody_who_is_no_member_sees_what_everybody_sees(
    front: Front, browser: webdriver.Chrome
) -> None:
    log_in(browser, front, "eve", f"/{HIDDEN}")
    assert TITLES[HIDDEN] not in browser.page_source
    browser.get(f"{front.url}/{SEALED}")
    assert TITLES[SEALED] in browser.page_source
    assert "getproduct" not in browser.page_source


def test_the_way_leads_to_this_server_only(front: Front) -> None:
    reply = requests.get(f"{front.url}/login", allow_redirects=False, timeout=30)
    assert reply.status_code == 302
    sent = reply.headers["Location"]
    assert "code_challenge_method=S256" in sent
    assert "response_type=code" in sent
    reply = requests.get(
        f"{front.url}/login/back?logout=https://evil.example.org/",
        allow_redirects=False,
        timeout=30,
    )
    assert "evil.example.org" not in reply.headers.get("Location", "")


@pytest.mark.parametrize(
    "header",
    [
        "X-Session-Login", "OIDC_access_token", "OIDC-access-token", "X-Forwarded-User",
        "X-Forwarded-Access-Token", "Remote-User", "X-Auth-Request-User", "OIDC_CLAIM_sub",
    ],
)  # fmt: skip
def test_headers_of_clients_are_no_login(front: Front, provider: Provider, header: str) -> None:
    token = provider.token()
    for value in (token, f"Bearer {token}", "ada"):
        for cookies in ({}, {"km3vo_login": "0" * 36}):
            reply = requests.get(
                front.url + _FORM, headers={header: value}, cookies=cookies, timeout=30
            )
            assert reply.status_code == 401
    for path in ("/login/check", "/login/check/", "//login/check"):
        reply = requests.get(front.url + path, headers={header: token}, timeout=30)
        assert "X-Session-Login" not in reply.headers
        assert reply.status_code in (401, 404)


def test_tokens_and_passwords_pass_the_front(front: Front, provider: Provider) -> None:
    login = {"Authorization": f"Bearer {provider.token()}"}
    for path in (_FORM, f"/{HIDDEN}", f"/{HIDDEN}/nu/files/static/{HIDDEN}.fits"):
        reply = requests.get(front.url + path, headers=login, timeout=30)
        assert (reply.status_code, reply.headers["Cache-Control"]) == (200, "private, no-store")
    assert requests.get(f"{front.url}/{HIDDEN}", timeout=30).status_code == 404
    auth = ("ada", "correct horse battery")
    assert requests.get(front.url + _FORM, auth=auth, timeout=30).status_code == 200
    reply = requests.get(f"{front.url}/login/password", timeout=30)
    assert reply.headers["WWW-Authenticate"].startswith("Basic realm=")
    # two logins at once
    parts = urlsplit(front.url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.putrequest("GET", _FORM)
    connection.putheader("Authorization", "Basic YWRhOng=")
    connection.putheader("Authorization", login["Authorization"])
    connection.endheaders()
    assert connection.getresponse().status in (400, 401)


def test_without_the_gateway_everybody_is_anonymous(front: Front) -> None:
    """The last test: it stops the gateway."""
    front.processes["gateway"].terminate()
    front.processes["gateway"].wait(20)
    cookies = {"km3vo_login": "0" * 36}
    assert requests.get(f"{front.url}/ant20_01", cookies=cookies, timeout=30).status_code == 200
    assert requests.get(front.url + _FORM, cookies=cookies, timeout=30).status_code == 401
    assert requests.get(f"{front.url}/login", timeout=30).status_code == 502
