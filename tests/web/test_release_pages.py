"""The page of a release says what its files and tables say, and leads to them."""

from __future__ import annotations

import html
import json
import re
import urllib.error
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import numpy as np
import pytest

from tests.instances import Instance
from tests.web.visitor import Visitor

RELEASES = ("ant20_01", "evts20_01", "evts21_01", "evts23_01", "irf_arca115", "irf_arca230")


def page(instance: Instance, release: str) -> str:
    return instance.fetch(release).decode()


def distributions(text: str) -> dict[str, dict[str, Any]]:
    """Return the data of the diagrams of a page by the names of the columns."""
    found = re.findall(r'<script type="application/json" id="chart-(\w+)">(.*?)</script>', text)
    return {name: json.loads(data) for name, data in found}


def test_the_distributions_of_antares_are_those_of_the_delivered_file(
    instance: Instance, antares_list: Path
) -> None:
    dec, _, hits, beta, mjd = np.loadtxt(antares_list, unpack=True)
    found = distributions(page(instance, "ant20_01"))
    values = {"mjd": mjd, "decl": np.sin(np.radians(dec)), "nhit": hits, "beta": beta}
    assert set(found) == set(values)
    for name, one in found.items():
        expected, _ = np.histogram(values[name], one["edges"])
        assert one["counts"] == expected.tolist(), name
        assert sum(one["counts"]) == 8754
    assert found["beta"]["x"] == {"label": "Angular error", "unit": "deg", "kind": "linear"}
    # each of the ten values in the file has a bin of its own
    assert len(found["beta"]["counts"]) == 10


@pytest.mark.parametrize(("release", "rows"), [("evts20_01", 2498), ("evts21_01", 2495)])
def test_every_event_is_in_a_distribution_or_counted_beside_it(
    instance: Instance, release: str, rows: int
) -> None:
    text = page(instance, release)
    figures = re.findall(r'<figure class="card distribution">(.*?)</figure>', text, re.S)
    assert len(figures) == 5
    for figure in figures:
        ((_, one),) = distributions(figure).items()
        beside = re.findall(r'<p class="soft">Events w[^:]*: ([\d,]+)', figure)
        assert sum(one["counts"]) + sum(int(n.replace(",", "")) for n in beside) == rows
        cells = re.findall(r'<td class="number">([\d,]+)</td>', figure)
        assert [int(cell.replace(",", "")) for cell in cells] == one["counts"]


@pytest.mark.parametrize("release", ["ant20_01", "evts23_01"])
def test_columns_are_those_of_tap(instance: Instance, release: str) -> None:
    described = {
        (table, name): (unit, ucd)
        for table, name, unit, ucd in instance.adql(
            "SELECT table_name, column_name, unit, ucd FROM tap_schema.columns"
            f" WHERE table_name LIKE '{release}.%'"
        )
    }
    found = {}
    text = page(instance, release)
    for table in re.findall(r"aria-label=\"Columns of ([\w.]+)\"", text):
        part = text.partition(f'aria-label="Columns of {table}"')[2].partition("</table>")[0]
        row = re.compile(
            r'<th scope="row"><code>(.*?)</code></th>(?:\s*<td>.*?</td>)??\s*<td>([^<]*)</td>'
            r'<td class="words">.*?</td><td><code>(.*?)</code></td>'
        )
        found |= {(table, name): (unit, ucd) for name, unit, ucd in row.findall(part)}
    assert found == described
    assert len(described) > (50 if release == "evts23_01" else 6)


class _Links(HTMLParser):
    """Collects the addresses in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if name in ("href", "src") and value}


@pytest.mark.parametrize("release", RELEASES)
def test_what_a_page_links_to_is_there(instance: Instance, release: str) -> None:
    text = page(instance, release)
    links = _Links()
    links.feed(text)
    anchors = {one[1:] for one in links.found if one.startswith("#")}
    assert anchors <= set(re.findall(r'id="([\w-]+)"', text))
    broken = []
    for link in sorted(links.found):
        address = urljoin(f"{instance.url}/{release}", link)
        own = urlsplit(address).netloc == urlsplit(instance.url).netloc
        # the pages of the navigation have tests of their own
        if own and link.startswith((f"/{release}/", "/getproduct/", "/tap/", "/tableinfo/")):
            try:
                with urllib.request.urlopen(address, timeout=60) as reply:
                    reply.read(1000)
            except urllib.error.HTTPError as problem:
                broken.append((link, problem.code))
    assert broken == []


def test_tables_are_downloaded_whole(instance: Instance) -> None:
    text = html.unescape(page(instance, "evts23_01"))
    (address,) = re.findall(r'href="/(tap/sync\?[^"]*)" download="evts23_01.hits.csv"', text)
    assert len(instance.fetch(address).splitlines()) == 28_086 + 1


def test_data_and_paper_are_cited_apart(instance: Instance) -> None:
    text = page(instance, "ant20_01").partition('id="cite"')[2]
    sentence, data, paper = (
        html.unescape(one) for one in re.findall(r"<pre[^>]*data-copy>(.*?)</pre>", text, re.S)
    )
    assert sentence.startswith("ANTARES Collaboration (2020): ANTARES 2007-2017 neutrino events.")
    assert "10.3847" not in sentence + data
    kind, key, fields = entry(data)
    assert (kind, key) == ("dataset", "ant20_01")
    assert fields["author"] == "{ANTARES Collaboration}"
    assert fields["year"] == "2020"
    kind, key, fields = entry(paper)
    # https://ui.adsabs.harvard.edu/abs/2018ApJ...863L..30A: ApJ 863, L30 (2018)
    assert (kind, key) == ("article", "2018ApJ...863L..30A")
    assert fields["doi"] == "10.3847/2041-8213/aad8c0"
    cited = (fields["year"], fields["journal"], fields["volume"], fields["pages"])
    assert cited == ("2018", "ApJ", "863", "L30")


def entry(text: str) -> tuple[str, str, dict[str, str]]:
    """Read an entry of BibTeX."""
    found = re.fullmatch(r"@(\w+)\{([^,\s]+),\n((?:  \w+ = \{.*\},\n)+)\}\s*", text)
    assert found, text
    fields = dict(re.findall(r"  (\w+) = \{(.*)\},\n", found[3]))
    assert all(value.count("{") == value.count("}") for value in fields.values())
    return found[1], found[2], fields


def test_search_engines_find_what_they_require(instance: Instance) -> None:
    """Google requires a name and a description of 50 to 5000 characters of a data set."""
    for release in ("ant20_01", "evts23_01"):
        text = page(instance, release)
        (script,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.S)
        document = json.loads(script)
        assert document["name"]
        assert 50 <= len(document["description"]) <= 5000
        assert {"license", "creator", "distribution", "temporalCoverage"} <= set(document)
        # the same that the tests of mlcroissant load
        info = instance.fetch(f"{release}/nu/cone/info").decode()
        assert document["distribution"][0]["contentUrl"] in html.unescape(info)
    assert "ld+json" not in page(instance, "evts20_01")  # a test


def test_provenance_names_the_file_and_its_checksum(instance: Instance, antares_list: Path) -> None:
    text = page(instance, "ant20_01")
    part = text.partition('id="provenance"')[2]
    assert "PublicData_0717.dat" in part
    assert "8,754 rows read, 8,754 accepted, 0 rejected" in part
    manifest = (antares_list.parent / "release.toml").read_text()
    (checksum,) = re.findall(r'name = "PublicData_0717.dat".*?sha256 = \["(\w+)"', manifest, re.S)
    assert checksum in text


def test_the_fits_file_and_the_citation_are_two_clicks_away(visitor: Visitor) -> None:
    visitor.open("/ant20_01")
    (button,) = visitor.driver.find_elements("partial link text", "Download FITS")
    assert button.get_attribute("download") == "ant20_01.fits"
    path = str(button.get_attribute("href")).removeprefix(f"{visitor.instance.url}/")
    assert visitor.instance.fetch(path).startswith(b"SIMPLE  =")
    visitor.driver.find_element("link text", "Cite").click()
    heading = "return document.getElementById('cite').getBoundingClientRect().top < innerHeight"
    assert visitor.wait(heading)
    # the diagrams are uPlot's now, and the arrow keys read out their bins
    visitor.wait("return document.querySelectorAll('.chart canvas').length === 4")
    read = """
        const chart = document.querySelectorAll(".chart")[1];
        chart.focus();
        chart.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"}));
        return chart.nextElementSibling.textContent;
    """
    assert re.fullmatch(r"-1 to -0\.95: \d+ events", visitor.run(read))


def test_without_scripts_there_are_drawings_and_tables(visitor: Visitor) -> None:
    visitor.open("/ant20_01", "phone", scripts=False)
    drawings = visitor.driver.find_elements("css selector", "svg.histogram")
    assert len(drawings) == 4
    assert "8,754 events" in str(drawings[0].get_attribute("aria-label"))
    assert all(one.size["width"] > 250 for one in drawings)


def test_a_name_of_no_release_is_not_found(instance: Instance) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        instance.fetch("ant99_01")
