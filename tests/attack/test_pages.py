"""Pages and messages: nothing that a stranger wrote runs in a browser, and nothing leaks.

Each test names what a visitor or the author of an alert controls.
"""

from __future__ import annotations

import base64
import re
import socket
import time
import zlib
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.alert_archive import STRANGER, strangers
from tests.attack.answers import TAP, ask, check, crawl, run_job, send_upload, sync
from tests.browser import chromium
from tests.instances import Instance

EVIL = "<svg onload=\"document.documentElement.dataset.ran = 'yes'\">"
"""Markup that leaves a mark on the page if it gets into it."""
ALIAS = f'SELECT TOP 1 nhit AS "{EVIL.replace(chr(34), chr(34) * 2)}" FROM ant20_01.main'


# -- scripts ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def test_markup_in_the_name_of_a_column_is_text(instance: Instance) -> None:
    _, _, text = sync(instance, ALIAS, FORMAT="html")
    assert "<svg" not in text
    assert "&lt;svg" in text.lower()


def test_markup_in_an_upload_and_in_an_asynchronous_answer_is_text(instance: Instance) -> None:
    field = EVIL.replace("<", "&lt;").replace('"', "&quot;")
    table = (
        '<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
        f'<FIELD name="x" datatype="char" arraysize="*" unit="{field}" ucd="{field}">'
        f"<DESCRIPTION>{field}</DESCRIPTION></FIELD><DATA><TABLEDATA><TR><TD>{field}</TD></TR>"
        "</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    query = ALIAS.replace("nhit AS", "x AS").replace("ant20_01.main", "TAP_UPLOAD.t")
    status, headers, text = send_upload(instance, "async", table, QUERY=query, FORMAT="html")
    assert status == 303, text
    place = urlsplit(headers["Location"]).path
    assert run_job(instance, place) == "COMPLETED"
    for name, expected in (("results/upload-t", "octet-stream"), ("results/result", "text/html")):
        status, headers, text = ask(instance, f"{place}/{name}")
        assert status == 200
        assert expected in headers["Content-Type"]
        assert "sandbox" in headers["Content-Security-Policy"]
    assert "<svg" not in text
    assert "&lt;svg" in text.lower()
    assert ask(instance, place, "DELETE")[0] == 303
    assert ask(instance, place)[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        f"{TAP}/sync?" + urlencode({"LANG": "ADQL", "QUERY": ALIAS, "FORMAT": "html"}),
        f"{TAP}/sync?" + urlencode({"LANG": "ADQL", "QUERY": f"SELECT '{EVIL}' FROM {EVIL}"}),
        "/__system__/adql/query/form?"
        + urlencode({"__nevow_form__": "genForm", "query": ALIAS, "_FORMAT": "HTML"}),
        "/ant20_01/nu/cone/form?"
        + urlencode({"__nevow_form__": "genForm", "hscs_pos": EVIL, "hscs_sr": EVIL, "x": EVIL}),
        "/tableinfo/" + EVIL,
        "/browse/" + EVIL,
        "/ant20_01/nu/cone/" + EVIL,
        "/getproduct/" + EVIL,
        "/login?" + urlencode({"nextURL": f"javascript:{EVIL}", "relog": EVIL}),
        "/oai.xml?" + urlencode({"verb": EVIL}),
        "/alerts/nu/dl/dlmeta?" + urlencode({"ID": EVIL}),
        f"{TAP}/async/{EVIL}",
    ],
    ids=lambda path: path.partition("?")[0][:40],
)
def test_markup_in_a_request_does_not_run(
    instance: Instance, browser: webdriver.Chrome, path: str
) -> None:
    browser.get(instance.url + path)
    # pages have drawings of their own
    assert browser.find_elements(By.CSS_SELECTOR, "svg[onload]") == []
    assert browser.execute_script("return document.documentElement.dataset.ran ?? 'no'") == "no"


def test_markup_and_links_in_an_alert_do_not_run(
    instance: Instance, browser: webdriver.Chrome
) -> None:
    columns = "event_name, sky_map_url, ivorn"
    query = f"SELECT {columns} FROM alerts.notices WHERE notice_id = {STRANGER}"
    with strangers(instance):
        browser.get(f"{instance.url}{TAP}/sync?LANG=ADQL&FORMAT=html&{urlencode({'QUERY': query})}")
        assert EVIL in browser.find_element(By.TAG_NAME, "tr").find_element(
            By.XPATH, "//td"
        ).text.replace("&quot;", '"')
        assert browser.find_elements(By.TAG_NAME, "svg") == []
        links = browser.execute_script("return [...document.links].map(link => link.protocol)")
        assert "javascript:" not in links


def test_the_scripts_of_the_pages_run(instance: Instance, browser: webdriver.Chrome) -> None:
    """A policy that forbids too much would break tabs, plots and links."""
    browser.get_log("browser")
    browser.get(f"{instance.url}/__system__/services/root/fixed")
    browser.find_element(By.NAME, "by-subject").click()
    assert browser.find_element(By.ID, "subject-list").is_displayed()
    form = "/ant20_01/nu/cone/form?__nevow_form__=genForm&hscs_pos=43,35&hscs_sr=180&submit=Go"
    browser.get(instance.url + form)
    browser.find_element(By.XPATH, "//button[text()='Quick Plot']").click()
    WebDriverWait(browser, 10).until(lambda page: page.find_elements(By.TAG_NAME, "canvas"))
    link = browser.find_element(By.CLASS_NAME, "resultlink")
    browser.execute_script("arguments[0].dispatchEvent(new Event('mouseover'))", link)
    assert "hscs_sr=180" in link.get_attribute("href")
    assert _violations(browser) == []


def test_previews_appear_and_leave_room_for_the_titles(
    instance: Instance, browser: webdriver.Chrome
) -> None:
    """DaCHS' script inserts them as soon as their rows are seen."""
    browser.get_log("browser")
    form = "/irf_arca115/nu/responses/form?__nevow_form__=genForm&submit=Go"
    browser.get(instance.url + form)
    preview = WebDriverWait(browser, 20).until(
        lambda page: page.find_element(By.CSS_SELECTOR, "a.productlink img.preview")
    )
    assert 0 < preview.size["width"] <= 200
    assert _violations(browser) == []


def _violations(browser: webdriver.Chrome) -> list[str]:
    """Return what the policy has forbidden since the console was read last."""
    messages = [line["message"] for line in browser.get_log("browser")]
    return [line for line in messages if "Content Security Policy" in line]


# -- all answers -----------------------------------------------------------------------------


def test_all_pages_have_headers_and_leak_nothing(instance: Instance) -> None:
    visited = []
    for path, headers, text in crawl(instance, "/", 70):
        visited.append(path)
        # the text of descriptors and scripts is public
        check(instance, headers, "" if path.startswith(("/static/", "/getproduct/")) else text)
    assert len(visited) >= 50


REQUESTS = [
    ("/static/", 403),
    ("/static/css/", 403),
    ("/static/../../../etc/passwd", 404),
    ("/static/%2e%2e/%2e%2e/%2e%2e/gavo.rc", 404),
    ("/%ff%fe", 404),
    ("/%", 404),
    ("/%zz%1", 404),
    ("/tableinfo/%00", 404),
    ("/tableinfo/nix.nix", 404),
    ("/getproduct/x%00", 404),
    ("/getproduct/../../../etc/passwd", 404),
    ("/getproduct/%2fetc%2fpasswd", 404),
    ("/browse/%2e%2e/%2e%2e/etc", 404),
    ("/ant20_01/nu/cone/nix", 404),
    ("/ant20_01/nu/cone/form/nix", 404),
    ("/ant20_01/nu/cone/custom", 403),
    ("/fancyroot/bySubject", 400),
    ("/ant20_01/nu/cone/scs.xml?RA=%00", 400),
    ("/ant20_01/nu/cone/scs.xml?RA=%ff", 400),
    ("/ant20_01/nu/cone/scs.xml?RA=x&DEC=1&SR=1", 200),
    ("/ant20_01/nu/cone/scs.xml?RESPONSEFORMAT=%0d%0aX-Evil:%20y&RA=1&DEC=1&SR=1", 200),
    ("/ant20_01/nu/cone/form?__nevow_form__=nix", 400),
    ("/ant20_01/nu/cone/form?__nevow_form__=genForm&hscs_pos=1,2&MAXREC=-1", 400),
    ("/ant20_01/nu/cone/form?__nevow_form__=genForm&hscs_pos=1,2&_DBOPTIONS_DIR=nix", 400),
    ("/ant20_01/nu/cone/dlmeta", 403),
    ("/alerts/nu/dl/dlmeta?ID=%27", 200),
    ("/alerts/nu/dl/dlget?ID=nix", None),
    ("/seffe/ant20_01/nu", 401),
    ("/oai.xml?verb=GetRecord&identifier=nix&metadataPrefix=nix", 200),
    (f"{TAP}/async/nix", 404),
    (f"{TAP}/nix", 404),
    (f"{TAP}/async/nix/results/..%2f..%2fx", 404),
    ("/.well-known/acme-challenge/%2fetc%2fhostname", 404),
    ("/.well-known/acme-challenge/hostname", 404),
    ("/.well-known/acme-challenge/", 404),
    ("/ant20_01/nu/files/static/%2fetc%2fhostname", 404),
    ("/__system__/tests/errors/form?what=ForbiddenURI", 404),
    ("//tests/timeout/form", 404),
    ("/login?relog=nix", 303),
    ("http://evil.example/", 404),
    ("//evil.example/..", None),
]


@pytest.mark.parametrize(("path", "status"), REQUESTS, ids=lambda value: str(value)[:40])
def test_odd_requests_get_plain_answers(instance: Instance, path: str, status: int | None) -> None:
    found, headers, text = ask(instance, path)
    if status is None:
        assert found < 500
    else:
        assert found == status, text
    assert headers["X-Evil"] is None
    check(instance, headers, text)


def test_an_endless_path_stops_nobody(instance: Instance) -> None:
    began = time.monotonic()
    status, headers, text = ask(instance, "/" + "x/" * 5000)
    assert (status, time.monotonic() - began < 5) == (404, True)
    check(instance, headers, text)


def test_only_short_resumption_tokens_are_read(instance: Instance) -> None:
    token = base64.b64encode(zlib.compress(b"a" * 10**6)).decode()
    _, _, text = ask(
        instance, "/oai.xml?" + urlencode({"verb": "ListRecords", "resumptionToken": token})
    )
    assert "badResumptionToken" in text
    assert "no resumption token of this server" in text


@pytest.mark.parametrize(
    "request_line",
    [b"GET /" + b"a" * 100_000 + b" HTTP/1.1", b"GET", b"\xff\xfe / HTTP/1.1", b"GET / / HTTP/1.1"],
    ids=lambda line: line[:10].decode("latin-1"),
)
def test_what_is_no_request_is_refused_with_headers(
    instance: Instance, request_line: bytes
) -> None:
    with socket.create_connection(("localhost", instance.port), timeout=30) as connection:
        connection.sendall(request_line + b"\r\nHost: localhost\r\n\r\n")
        text = connection.makefile("rb").read().decode()
    assert re.match(r"HTTP/1\.1 4\d\d ", text)
    assert "Content-Security-Policy: default-src 'none'" in text
    assert "nosniff" in text


# -- methods, hosts, redirects ---------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "PATCH", "FOO"])
@pytest.mark.parametrize("path", ["/", f"{TAP}/sync", "/static/css/gavo_dc.css", f"{TAP}/async"])
def test_unknown_methods_are_refused(instance: Instance, method: str, path: str) -> None:
    status, headers, text = ask(instance, path, method)
    assert status == 405
    assert {"GET", "HEAD", "POST"} <= set(headers["Allow"].split(", "))
    check(instance, headers, text)


def test_what_does_not_take_posts_says_so(instance: Instance) -> None:
    status, headers, text = ask(instance, "/static/css/gavo_dc.css", "POST", "x=1")
    assert status == 405
    assert "GET" in headers["Allow"]
    check(instance, headers, text)


def test_head_and_options_are_answered(instance: Instance) -> None:
    status, headers, text = ask(instance, "/ant20_01/nu/cone/scs.xml?RA=1&DEC=1&SR=1", "HEAD")
    assert (status, text) == (200, "")
    check(instance, headers, text)
    status, headers, text = ask(
        instance,
        f"{TAP}/sync",
        "OPTIONS",
        Origin="https://aladin.example.org",
        Access_Control_Request_Method="POST",
    )
    assert status < 300
    assert headers["Access-Control-Allow-Origin"] in ("*", "https://aladin.example.org")
    assert "DELETE" not in headers["Allow"]


def test_the_headers_of_a_product_are_sent(instance: Instance) -> None:
    path = "/getproduct/ant20_01/data/ant20_01.fits"
    status, headers, text = ask(instance, path, "HEAD")
    assert (status, text) == (200, "")
    assert headers["Content-Type"] == "application/fits"
    check(instance, headers, text)
    with urlopen(instance.url + path, timeout=30) as reply:
        assert int(headers["Content-Length"]) == len(reply.read())


@pytest.mark.parametrize("header", ["X_Forwarded_Host", "Host"])
def test_no_header_determines_where_links_lead(instance: Instance, header: str) -> None:
    for path in ("/ant20_01/nu/cone/info/", f"{TAP}/async/", "/", f"{TAP}/capabilities"):
        _, headers, text = ask(instance, path, **{header: "evil.example"})
        assert "evil.example" not in text + str(headers["Location"])


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "javascript:alert(1)",
        "/\t/evil.example",
        "\r\nX-Evil: y",
    ],
)
def test_the_login_page_leads_to_this_site_only(instance: Instance, target: str) -> None:
    for more in ({"relog": "True"}, {}):
        path = "/login?" + urlencode({"nextURL": target} | more)
        _, headers, _ = ask(instance, path, Authorization="Basic YTpi")
        assert urlsplit(headers["Location"] or instance.url).netloc == f"localhost:{instance.port}"
        assert headers["X-Evil"] is None
    status, headers, _ = ask(instance, "/login?nextURL=/oai.xml", Authorization="Basic YTpi")
    assert (status, urlsplit(headers["Location"]).path) == (303, "/oai.xml")


def test_a_cached_page_is_for_all_origins(instance: Instance) -> None:
    for origin in ("https://one.example.org", "https://two.example.org"):
        _, headers, _ = ask(instance, "/evts21_01/nu/cone/info", Origin=origin)
        assert headers["Access-Control-Allow-Origin"] in ("*", origin)
        assert "Origin" in headers["Vary"]
        assert "Accept-Encoding" in headers["Vary"]


# -- messages --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT nix FROM ant20_01.main", "nix"),
        ("SELECT 1/0 AS x FROM ant20_01.main", "division by zero"),
        ("SELECT * FROM ant20_01.main WHERE nhit='a'", 'type integer: "a"'),
        ("SELECT * FROM ant20_01.main WHERE 1=CONTAINS(POINT(1,2), MOC('nix'))", "MOC"),
        ("SELECT", "Expected"),
        ("SELECT * FROM nix.nix", "nix.nix"),
    ],
)
def test_messages_about_queries_explain_the_query(
    instance: Instance, query: str, expected: str
) -> None:
    _, headers, text = sync(instance, query)
    assert "ERROR" in text
    assert expected in text.replace("&quot;", '"')
    assert "spoint" not in text
    check(instance, headers, text)


def test_a_message_about_an_upload_names_no_file_of_the_server(instance: Instance) -> None:
    query = "SELECT * FROM TAP_UPLOAD.t"
    _, headers, text = send_upload(instance, "sync", "no table", QUERY=query)
    assert "While ingesting upload t" in text
    check(instance, headers, text)
