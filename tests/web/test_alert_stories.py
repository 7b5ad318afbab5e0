"""Pages of alerts of which the archive knows much: sky maps, circulars, matches, their way here."""

from __future__ import annotations

import io
import json
import math
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest
from astropy import units as u
from lxml import etree
from mocpy import MOC

from ingest.alerts.skymaps import map_regions
from tests.alert_stories import (
    ALIAS,
    BURST,
    NAME,
    NAMESAKES,
    TRACK,
    UNDATED,
    WAVES,
    WITHHELD,
    stories,
    two_lobes,
)
from tests.alerts.sample_maps import KAPPA, cap, fisher_radius, multi_order
from tests.instances import Instance
from tests.web.visitor import Visitor

_ATOM = {"a": "http://www.w3.org/2005/Atom"}
_INJECTED = "img[src=x], [onerror], [onmouseover], [style], script:not([src]):not([type])"
_RAN = "return document.documentElement.dataset.ran ?? ''"


@pytest.fixture(scope="module", autouse=True)
def _stories(instance: Instance) -> Iterator[None]:
    with stories(instance):
        yield


def _page(visitor: Visitor, path: str) -> str:
    """Open a page, check that nothing foreign did anything, and return its text."""
    for size in ("phone", "desktop"):
        visitor.open(path, size)
        assert visitor.overflow() == [], (path, size)
    assert visitor.run(_RAN) == ""
    assert visitor.run(f"return document.querySelectorAll('{_INJECTED}').length") == 0
    assert visitor.complaints() == []
    links = visitor.run("return [...document.links].map(one => one.href)")
    assert not [one for one in links if not one.startswith(("http", "mailto:"))]
    assert not set("\u202e\u2066\u200f") & set(visitor.text)
    return " ".join(visitor.text.split())


def test_the_page_says_what_is_known_about_an_alert(visitor: Visitor) -> None:
    text = _page(visitor, f"/alerts/{TRACK}")
    # the numbers of the stories
    for expected in (
        "position moved by 0.25°",
        "1.7 minutes after this alert.",
        "a probability of 1 in 500 (p = 0.002)",
        "at a rate of 1 per 14 days (8 × 10⁻⁷ Hz). Overlap of the directions: 12.5.",
        "Changed with the newest notices: a new sky map <script>",
        "1 hour before this alert, 0.82° away.",
        "Whatever the directions, such pairs occur by chance at a rate of 1 per 3.9 days.",
        "Retracted: the other alert <script>",
        "ant20_01: 1 event in the 90 % region from 8.3 minutes before to 8.3 minutes after",
        "0.02 expected from background",
        "ANT0626: 2 minutes before, 0.7° away, at the 42 % level of the sky map",
        "4FGL-DR4 0.4° 1 in 25 0.04 30 %",
        "GCN 90001: IceCube-230416A: IceCube observation of a high-energy neutrino candidate",
        "A. E. Einstein at U. Alabama/IceCube, 2023-04-16",
        "GCN 90002: IceCube-261101A: <script>",
        "kafka.gcn.nasa.gov gcn.notices.icecube 0 4,711 2026-11-21 00:00:00.100",
        "gcn (kafka): sent 2026-11-01 08:24:00.000 UTC",
        "subscribers (vtp): queued",
        "seal 1000000 of 2026-11-21",
    ):
        assert expected in text, expected
    links = set(visitor.run("return [...document.links].map(one => one.getAttribute('href'))"))
    assert {f"/alerts/{WAVES}", f"/alerts/{BURST}", "/alerts/nu/circular?id=90001",
            "/alerts/nu/seal?seal_id=1000000", "/alerts/nu/preview?notice_id=1000102",
            "/alerts/nu/map?notice_id=1000102"} <= links  # fmt: skip
    assert len(visitor.run("return [...document.querySelectorAll('h3#pairs ~ .matches li')]")) == 2
    assert visitor.barriers() == []


def test_the_query_for_events_in_a_region_finds_those_of_the_page(visitor: Visitor) -> None:
    visitor.open(f"/alerts/{TRACK}")
    links = visitor.run("return [...document.links].map(one => one.href)")
    (link,) = [one for one in links if "/query?adql=" in one]
    (query,) = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["adql"]
    found = visitor.instance.adql(query)
    assert f"{len(found)} of our published neutrino candidates are in its 90 % region" in " ".join(
        visitor.text.split()
    )
    visitor.open(link.removeprefix(visitor.instance.url))
    assert query in visitor.run(
        "return [...document.querySelectorAll('textarea')].map(one => one.value).join()"
    )


def test_a_sky_map_is_drawn_as_outlines_of_its_regions(visitor: Visitor) -> None:
    visitor.open(f"/alerts/{TRACK}")
    outlines = visitor.run(
        "return ['large', 'small'].map(one => document.querySelector(`.zoom .${one}`)"
        ".getAttribute('d'))"
    )
    scale, _ = _scale(visitor)
    text = " ".join(visitor.text.split())
    stated = re.search(r"which cover ([\d.,]+) and ([\d.,]+) square degrees", text)
    assert stated
    regions = map_regions(multi_order())
    for level, drawn, said, region in zip(
        (0.9, 0.5), outlines, stated.groups(), (regions.region_90, regions.region_50), strict=True
    ):
        exact = MOC.from_string(region).sky_fraction * 360**2 / math.pi
        assert float(said.replace(",", "")) == pytest.approx(exact, rel=0.05)
        # cells that the edge of the true region crosses are drawn whole
        assert exact >= cap(fisher_radius(level, KAPPA)) * 0.95
        assert _area(drawn) / scale**2 == pytest.approx(exact, rel=0.02)
        assert drawn.count("M") == 1


def test_a_region_in_two_parts_is_on_both_sides_of_the_map(visitor: Visitor) -> None:
    text = _page(visitor, f"/alerts/{WAVES}")
    path = visitor.run("return document.querySelector('.whole .large').getAttribute('d')")
    sides = [[float(x) for x in re.findall(r"(-?[\d.]+),", part)] for part in path.split("M")[1:]]
    assert min(min(one) for one in sides) < -300  # right ascension 0 is at both edges
    assert max(max(one) for one in sides) > 300
    assert all(max(one) - min(one) < 120 for one in sides)
    assert visitor.run("return document.querySelector('.whole circle.best')") is None
    assert "1.7 minutes before this alert." in text
    visitor.run("document.querySelector('.sky-actions button').click()")
    visitor.wait("return document.querySelector('.region .picture').hidden")
    assert visitor.complaints() == []


def test_the_sky_shows_regions_of_alerts_without_a_position(instance: Instance) -> None:
    asked = urllib.parse.urlencode({"alert": WAVES})
    (found,) = json.loads(instance.fetch(f"sky/alerts.json?{asked}"))["alerts"]
    shown = MOC.from_json(found["moc_90"])
    exact = MOC.from_string(map_regions(two_lobes()).region_90)
    assert exact.difference(shown).empty()
    assert shown.sky_fraction < 1.2 * exact.sky_fraction
    inner = MOC.from_json(found["moc_50"])
    assert inner.contains_lonlat(found["ra"] * u.deg, found["dec"] * u.deg).all()


def test_texts_of_others_do_nothing(visitor: Visitor) -> None:
    text = _page(visitor, f"/alerts/{BURST}")
    assert "Counterparts that the notice names" in text
    assert "javascript:alert(1)" in text  # as text, not as a link
    links = visitor.run("return [...document.links].map(one => one.href)")
    assert "https://example.org/source?a=1&b=%3C2%3E" in links
    assert "1 hour after this alert, 0.82° away." in text
    for path in ("/", "/alerts", "/alerts/nu/circular?id=90002"):
        visitor.open(path)
        assert visitor.run(_RAN) == ""
        assert visitor.run("return document.querySelectorAll('img[src=x]').length") == 0
    feed = etree.parse(io.BytesIO(visitor.instance.fetch("alerts/feed.atom")))
    titles = feed.xpath("//a:entry/a:title/text()", namespaces=_ATOM)
    (evil,) = [one for one in titles if "<script>" in one]
    assert evil.endswith("(retracted)")
    assert not set("\u202e\u2066\u200f") & set("".join(titles))
    with urllib.request.urlopen(f"{visitor.instance.url}/sky/alerts.json", timeout=60) as answer:
        assert answer.headers.get_content_type() == "application/json"
        (shown,) = [one for one in json.load(answer)["alerts"] if one["id"] == BURST]
    assert not set("\u202e\u2066\u200f") & set(shown["title"])


def test_a_withheld_packet_says_why(visitor: Visitor) -> None:
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(
            f"{visitor.instance.url}/alerts/show?notice_id={WITHHELD}", timeout=60
        )
    assert answer.value.code == 403
    visitor.open(f"/alerts/show?ivorn=ivo%3A%2F%2Fevil%2F{WITHHELD}")
    assert "This packet is withheld" in visitor.text
    assert "sent by mistake <script>" in visitor.text
    assert visitor.run(_RAN) == ""
    assert visitor.overflow() == []


def test_alerts_of_one_name_can_be_chosen(visitor: Visitor) -> None:
    text = _page(visitor, f"/alerts/{NAME}")
    assert f"Several alerts have the name {NAME}" in text
    links = visitor.run("return [...document.links].map(one => one.getAttribute('href'))")
    assert {f"/alerts/{one}" for one in NAMESAKES} <= set(links)
    visitor.open(f"/alerts?name={NAME}")
    assert "2026-11-02 06:00:00" in visitor.text


def test_a_former_name_leads_to_the_alert(instance: Instance) -> None:
    with urllib.request.urlopen(f"{instance.url}/alerts/{ALIAS}", timeout=60) as answer:
        assert urllib.parse.urlsplit(answer.url).path == f"/alerts/{TRACK}"


def test_alerts_without_a_time_are_not_the_newest(visitor: Visitor) -> None:
    visitor.open("/")
    rows = visitor.run(
        "return [...document.querySelectorAll('#alerts ~ .scroll tbody tr')].map(r => r.innerText)"
    )
    assert rows[0].startswith(NAME)
    assert "2026-11-03 06:00:00" in rows[0]
    assert not [one for one in rows if "undated" in one]
    visitor.open("/alerts?name=undated")
    assert "not given; received 2026-11-21 00:00:00" in " ".join(visitor.text.split())
    text = _page(visitor, f"/alerts/{UNDATED}")
    assert "No time of an event" in text


def _scale(visitor: Visitor) -> tuple[float, str]:
    """Return how long a degree is in the enlarged view, and the text at its bar."""
    length, text = visitor.run(
        "return [document.querySelector('.zoom .length').getAttribute('d'),"
        " [...document.querySelectorAll('.zoom text')].at(-1).textContent]"
    )
    return float(length.partition("h")[2]) / float(text.removesuffix("°")), text


def _area(path: str) -> float:
    """Return the area inside of a path of one closed line."""
    points = [tuple(map(float, one)) for one in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path)]
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return abs(sum(a * d - b * c for (a, b), (c, d) in pairs)) / 2
