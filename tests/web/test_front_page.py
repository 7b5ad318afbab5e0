"""The front page, and what search engines and other sites learn."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import urllib.request
from datetime import date
from urllib import robotparser

import pytest
from lxml import etree
from PIL import Image

from tests.instances import Instance
from tests.web.visitor import Visitor

_SITEMAPS = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
_LINKS = "return [...document.querySelectorAll(arguments[0])].map(one => one.href)"


def get(instance: Instance, path: str, **headers: str) -> tuple[bytes, dict[str, str]]:
    request = urllib.request.Request(path if "://" in path else instance.url + path)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read(), dict(answer.headers)


def test_the_front_page_leads_to_events_alerts_files_and_releases(visitor: Visitor) -> None:
    visitor.open("/", scripts=False)
    find = visitor.driver.find_elements
    assert "8,754" in visitor.driver.find_element("css selector", ".legend").text
    marked = [one.text for one in find("css selector", ".skymap .mark text")]
    assert marked == ["KM3-230213A"]
    files = [one.get_attribute("href") for one in find("css selector", "#download a")]
    assert any(one.endswith("/getproduct/ant20_01/data/ant20_01.fits") for one in files)
    (listed,) = [one for one in files if one.endswith("ant20_01.fits")]
    content, _ = get(visitor.instance, listed)
    assert content.startswith(b"SIMPLE")
    shown = f"{len(content) / 1e6:.1f} MB"
    assert shown in visitor.driver.find_element("id", "download").text
    card = next(one for one in find("css selector", ".release") if "ANTARES 2007" in one.text)
    for fact in ("8,754", "0.4°", "2007-01-29 to 2018-01-01", "CC-BY-4.0", "10.3847/2041-8213"):
        assert fact in card.text
    single = next(one for one in find("css selector", ".release") if "KM3-230213A" in one.text)
    assert "1.2° (half of the probability within)" in single.text  # one event has no median
    assert find("css selector", "a.alert[href*='/alerts/']")
    box = visitor.driver.find_element("id", "target")
    box.send_keys("KM3-230213A")
    box.submit()
    assert "94.3" in visitor.driver.find_element("tag name", "main").text
    assert "ANT0626" in visitor.driver.find_element("tag name", "main").text


def test_the_front_page_is_small_and_quick(visitor: Visitor) -> None:
    visitor.open("/")
    sizes = visitor.wait("""
        const all = [...performance.getEntriesByType("navigation"),
                     ...performance.getEntriesByType("resource")];
        return document.readyState === "complete" && all.map(one => one.transferSize)""")
    assert sum(sizes) < 200_000
    origins = set(
        visitor.run("""
        return performance.getEntriesByType("resource").map(one => new URL(one.name).origin)""")
    )
    assert origins == {visitor.instance.url}


def test_the_sky_opens_in_place_and_is_loaded_only_then(visitor: Visitor) -> None:
    visitor.open("/", "phone")
    loaded = "return performance.getEntriesByType('resource').map(one => one.name)"
    assert not [name for name in visitor.run(loaded) if "aladin" in name or "skyview" in name]
    visitor.run("document.getElementById('explore').click()")
    visitor.wait("return document.documentElement.dataset.sky === 'ready'")
    assert any("aladin" in name for name in visitor.run(loaded))
    assert "/sky?target=" in visitor.run("return document.getElementById('explore').href")
    assert visitor.complaints() == []
    assert visitor.overflow() == []


def test_a_sky_that_cannot_be_drawn_leaves_the_picture(visitor: Visitor) -> None:
    visitor.open("/")
    visitor.run("HTMLCanvasElement.prototype.getContext = () => null")
    visitor.run("document.getElementById('explore').click()")
    visitor.wait("return document.getElementById('said').textContent.includes('cannot be drawn')")
    assert visitor.run("return document.querySelectorAll('#sky svg').length") == 1


@pytest.mark.parametrize("language", ["Python", "curl"])
def test_the_snippets_run(visitor: Visitor, language: str) -> None:
    visitor.open("/")
    text = visitor.run(f"""return document.querySelector("pre[aria-label={language}]").innerText""")
    command = {"Python": [sys.executable, "-c"], "curl": ["bash", "-euc"]}[language]
    done = subprocess.run(
        [*command, text], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert "event_id" in lines[0]
    assert len(lines) >= 6


def test_other_sites_show_a_map_beside_a_link(instance: Instance) -> None:
    page = etree.HTML(get(instance, "/")[0])
    found = {
        one.get("property") or one.get("name"): one.get("content") for one in page.iter("meta")
    }
    assert found["og:title"]
    assert found["og:description"] == found["description"]
    assert found["twitter:card"] == "summary_large_image"
    content, headers = get(instance, found["og:image"])
    assert headers["Content-Type"] == "image/png"
    size = int(found["og:image:width"]), int(found["og:image:height"])
    assert Image.open(io.BytesIO(content)).size == size
    (data,) = page.xpath("//script[@type='application/ld+json']/text()")
    site, catalogue = json.loads(data)["@graph"]
    assert site["@type"] == "WebSite"
    names = {one["url"].rpartition("/")[2] for one in catalogue["dataset"]}
    assert {"ant20_01", "evts23_01", "irf_arca230"} <= names


def test_robots_know_what_to_leave_out_and_where_the_site_map_is(instance: Instance) -> None:
    text, headers = get(instance, "/robots.txt")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    rules = robotparser.RobotFileParser()
    rules.parse(text.decode().splitlines())
    assert rules.site_maps() == [f"{instance.url}/sitemap.xml"]
    for path in ("/", "/ant20_01", "/alerts", "/sky", "/alerts/km3net/KM3-230213A"):
        assert rules.can_fetch("anybot", instance.url + path), path
    for path in ("/__system__/tap/run/tap/sync?QUERY=SELECT", "/around?target=1+1", "/login"):
        assert not rules.can_fetch("anybot", instance.url + path), path


def test_the_site_map_follows_the_protocol_and_leads_to_pages(instance: Instance) -> None:
    index = etree.fromstring(get(instance, "/sitemap.xml")[0])
    assert etree.QName(index) == f"{{{_SITEMAPS['s']}}}sitemapindex"
    listed: list[str] = []
    for part in index.xpath("s:sitemap/s:loc/text()", namespaces=_SITEMAPS):
        places = etree.fromstring(get(instance, part)[0])
        assert etree.QName(places) == f"{{{_SITEMAPS['s']}}}urlset"
        assert 0 < len(places) <= 50_000
        for one in places:
            names = [etree.QName(child).localname for child in one]
            assert names in (["loc"], ["loc", "lastmod"])
            assert all(date.fromisoformat(child.text) for child in one[1:])
            listed.append(one[0].text)
    assert len(set(listed)) == len(listed)
    assert all(one.startswith(instance.url + "/") and len(one) < 2048 for one in listed)
    assert f"{instance.url}/alerts/km3net/KM3-230213A" in listed
    for one in listed[:40]:
        _, headers = get(instance, one)
        assert headers["Content-Type"].startswith("text/html"), one


def test_a_browser_finds_an_icon_and_keeps_what_does_not_change(instance: Instance) -> None:
    icon, headers = get(instance, "/favicon.ico")
    assert headers["Content-Type"] == "image/x-icon"
    assert (32, 32) in Image.open(io.BytesIO(icon)).info["sizes"]
    page = get(instance, "/")[0].decode()
    packed, headers = get(instance, "/", Accept_Encoding="gzip")
    assert headers["Content-Encoding"] == "gzip"
    assert len(packed) < 40_000 < len(page)
    (style,) = re.findall(r'href="(/assets/site\.css\?v=\w+)"', page)
    assert "immutable" in get(instance, style)[1]["Cache-Control"]
