"""The index of alerts: searches, their words and queries, the feed, and live events."""

from __future__ import annotations

import csv
import html
import importlib
import io
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pgparse
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.alerts.notices import event_names
from tests.alert_archive import hostile, retracted
from tests.instances import Instance
from tests.web.visitor import Visitor

_DACHS = Path(__file__).resolve().parents[2] / "site" / "dachs"
_ATOM = "{http://www.w3.org/2005/Atom}"
# 1.9 deg from the position in the packet icecube_cascade.xml
_SOURCE = "152.0 -9.0"
_CASCADE = "IceCubeCascade-220801a"


def _load(name: str) -> Any:
    sys.path.insert(0, str(_DACHS))
    try:
        # pages have a copy of this module
        importlib.import_module("pages.alerts")
        sys.modules.setdefault("pages.alerts.event_names", event_names)
        return importlib.import_module(f"pages.alerts.{name}")
    finally:
        sys.path.remove(str(_DACHS))


criteria, names = _load("criteria"), _load("names")
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(texts)
def test_whatever_a_visitor_looks_for_stays_within_its_quotes(text: str) -> None:
    found = criteria.named(text, ["icecube"]).adql
    (statement,) = pgparse.parse(f"SELECT 1 WHERE {found}")
    assert re.sub(r"'(?:[^']|'')*'", "''", found).count("'") % 2 == 0
    plain = criteria.named("x/" if "/" in text else "x", []).adql
    (other,) = pgparse.parse(f"SELECT 1 WHERE {plain}")
    assert _shape(statement) == _shape(other)


def _shape(part: Any) -> Any:
    """Return a parsed query without its literals and places."""
    if isinstance(part, dict):
        left = ("location", "sval", "stmt_len")
        return {key: _shape(value) for key, value in part.items() if key not in left}
    return [_shape(one) for one in part] if isinstance(part, list) else part


@given(st.floats(0, 360), st.floats(-90, 90), st.floats(1e-6, 90))
def test_the_cells_of_a_circle_are_a_sixteenth_of_its_radius(
    ra: float, dec: float, radius: float
) -> None:
    order = criteria.place("here", ra, dec, radius).parameters["order"]
    assert 0 <= order <= 29
    # cells of order 0 measure 58.6 deg
    assert order == 29 or 58.6 / 2**order <= radius / 16 * 1.001


@given(texts)
def test_names_show_all_that_they_have(text: str) -> None:
    shown = names.short(text)
    assert len(shown) <= 60
    assert not re.search("[\x00-\x1f\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown)
    assert names.short(shown) == shown


def test_alerts_without_a_name_have_that_of_stream_and_time() -> None:
    alert = {"event_name": None, "stream": "icecube/bronze", "alert_id": "icecube/136918_45252263"}
    # from the packet icecube_bronze.xml: 2022-08-08T07:59:57
    alert |= {"event_mjd": 59799.33330162037, "notice_mjd": None}
    assert names.readable_name(alert) == "IceCube bronze, 2022-08-08 07:59"
    assert names.readable_name(alert | {"event_name": "IC220808A"}) == "IC220808A"


def test_a_visitor_finds_the_alert_nearest_to_a_source(visitor: Visitor) -> None:
    visitor.open("/alerts")
    visitor.driver.find_element("name", "near").send_keys(_SOURCE)
    visitor.driver.find_element("name", "radius").send_keys("5")
    visitor.driver.find_element("css selector", "form button.primary").click()
    visitor.wait("return document.title.includes('within')")
    assert visitor.run("return document.querySelector('h2').innerText") == (
        f"Alerts within 5° of {_SOURCE}"
    )
    rows = visitor.run(
        "return [...document.querySelectorAll('.alerts tbody tr')].map(one => one.innerText)"
    )
    assert [row.split("\t")[1].split("\n")[0] for row in rows] == [_CASCADE]
    assert [row.split("\t")[3] for row in rows] == ["1.9°"]
    visitor.driver.find_element("link text", _CASCADE).click()
    visitor.wait("return document.querySelector('h1').innerText.includes('220801a')")


SEARCHES = {
    "near=94.3,-7.8&radius=5": ({"KM3-230213A"}, "Alerts within 5° of 94.3,-7.8"),
    "name=km3 230213a": ({"KM3-230213A"}, "Alerts named “km3 230213a”"),
    "name=136889_25590129": ({_CASCADE}, "Alerts named “136889_25590129”"),
    "stream=icecube/cascade&far=0.5&state=valid": (
        {_CASCADE},
        "Alerts of IceCube cascade with at most one false alarm per 2 years, not retracted",
    ),
    "since=2023-02-13&until=2023-02-13": (
        {"KM3-230213A"},
        "Alerts since 2023-02-13 until 2023-02-13",
    ),
    "name=MS181101&tests=yes": (
        {"MS181101ab"},
        "Alerts named “MS181101”, including tests and injected signals",
    ),
    "name=MS181101": (set(), "Alerts named “MS181101”"),
}


@pytest.mark.parametrize("query", SEARCHES)
def test_a_search_its_query_and_its_feed_have_the_same_alerts(
    instance: Instance, query: str
) -> None:
    expected, words = SEARCHES[query]
    text = _page(instance, f"alerts?{query}")
    assert (
        set(re.findall(r'<th scope="row" class="name">\s*<a [^>]*><bdi>([^<]*)', text)) == expected
    )
    assert re.findall('<h2 id="result">(.*?)</h2>', text) == [words]
    (download,) = re.findall(r'href="(/tap/sync\?[^"]*FORMAT=csv)"', text)
    rows = list(csv.DictReader(io.StringIO(_page(instance, html.unescape(download)[1:]))))
    (feed,) = re.findall(r'rel="alternate" type="application/atom\+xml"[^>]* href="([^"]*)"', text)
    entries = _entries(instance, html.unescape(feed)[1:])
    assert len(rows) == len(entries) == len(expected)
    (helper,) = re.findall(r'href="(/query\?[^"]*)"', text)
    assert _page(instance, html.unescape(helper)[1:])


def test_what_makes_no_sense_is_said_beside_its_field(visitor: Visitor) -> None:
    visitor.open(
        "/alerts?near=400 95&since=1750-01-01&until=soon&far=-1&stream=none&name=a", scripts=False
    )
    driver = visitor.driver
    said = {
        one.get_attribute("id").partition("-")[0]: one.text
        for one in driver.find_elements("css selector", ".find .bad")
    }
    assert set(said) == {"near", "since", "until", "far", "stream", "name"}
    assert "before 1900" in said["since"]
    assert driver.find_element("name", "until").get_attribute("value") == "soon"
    assert driver.find_element("name", "near").get_attribute("aria-invalid") == "true"


@pytest.mark.parametrize("after", ["", "nan_1", "1_" + 30 * "9", "x", "60000.0_7"])
def test_pages_begin_where_their_address_says(instance: Instance, after: str) -> None:
    text = _page(instance, f"alerts?after={after}")
    times = re.findall("<time>(.*?)</time>", text)
    assert times == sorted(times, reverse=True)
    # 2023-02-25
    assert bool([one for one in times if one > "2023-02-25"]) is (after != "60000.0_7")


def test_the_feed_is_atom(instance: Instance) -> None:
    with retracted(instance):
        feed = ElementTree.fromstring(_page(instance, "alerts/feed.atom"))
        page = _page(instance, "alerts?state=retracted")
    assert "IceCube bronze, 2026-11-20 12:00</bdi></a>" in page
    assert feed.tag == f"{_ATOM}feed"
    # RFC 4287, sections 4.1.1 and 4.1.2
    for part in (feed, *feed.findall(f"{_ATOM}entry")):
        for name in ("id", "title", "updated"):
            (one,) = part.findall(_ATOM + name)
            assert one.text
        assert datetime.fromisoformat(part.findtext(f"{_ATOM}updated") or "").tzinfo
    assert feed.findtext(f"{_ATOM}author/{_ATOM}name")
    assert {one.get("rel") for one in feed.findall(f"{_ATOM}link")} == {"self", "alternate"}
    ids = [one.text for one in feed.findall(f"{_ATOM}entry/{_ATOM}id")]
    assert len(set(ids)) == len(ids)
    assert "tag:km3net.org,2026:/alerts/km3net/KM3-230213A" in ids
    titles = [one.text for one in feed.findall(f"{_ATOM}entry/{_ATOM}title")]
    assert "IceCube bronze, 2026-11-20 12:00 (retracted)" in titles


def test_an_open_page_learns_of_new_alerts_and_shows_them_harmlessly(
    visitor: Visitor, instance: Instance
) -> None:
    visitor.open("/alerts")
    # the server has begun to listen when it has sent what was there
    with urllib.request.urlopen(f"{instance.url}/alerts/live?after=0", timeout=60) as live:
        assert live.headers["Content-Type"].startswith("text/event-stream")
        while not live.readline().startswith(b"data: "):
            pass
        with hostile(instance):
            note = "return document.getElementById('new').innerText"
            assert visitor.wait(f"{note}.includes('show') && {note.removeprefix('return ')}")
            assert "new or updated alert" in visitor.run(note)
            visitor.driver.find_element("css selector", "#new a").click()
            visitor.wait("return document.querySelector('.alerts').innerText.includes('<script>')")
            assert visitor.overflow() == []
            assert visitor.complaints() == []
            assert visitor.run("return document.documentElement.dataset.ran") is None
            assert _entries(instance, "alerts/feed.atom")


def test_readers_of_live_events_are_few_for_each_client(instance: Instance) -> None:
    opened = []
    try:
        for _ in range(20):
            opened.append(urllib.request.urlopen(f"{instance.url}/alerts/live", timeout=60))
    except urllib.error.HTTPError as refused:
        assert refused.code == 503
        assert refused.headers["Retry-After"]
    finally:
        for one in opened:
            one.close()
    assert 0 < len(opened) < 20


def test_the_page_about_the_archive_has_its_description_and_streams(instance: Instance) -> None:
    text = _page(instance, "alerts/about")
    assert "A retracted alert remains in the tables" in text
    assert re.search(r'<a href="/alerts\?stream=km3net"><bdi>KM3NeT</bdi>', text)


def _page(instance: Instance, path: str) -> str:
    return instance.fetch(urllib.parse.quote(path, safe="/?&=%+:,;'()*!")).decode()


def _entries(instance: Instance, path: str) -> list[Any]:
    return ElementTree.fromstring(_page(instance, path)).findall(f"{_ATOM}entry")
