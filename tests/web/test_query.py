"""Queries in the browser: written by forms, run, drawn, and taken along as a program."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Final

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from tests.instances import ROOT, Instance
from tests.web.visitor import Visitor

DELIVERED: Final = ROOT / "inputs" / "ant20_01" / "PublicData_0717.dat"
TXS: Final = "77.3582 +5.6931"
"""The position of the blazar TXS 0506+056."""
HOSTILE: Final = "<script>alert(1)</script>'\"\u202ejavascript:alert(1)//"


def _nearby(radius: float, nhit: int = 0) -> list[str]:
    """Return the events of the delivered file around the blazar, nearest first."""
    dec, ra, hits = np.loadtxt(DELIVERED, usecols=(0, 1, 2), unpack=True)
    source = SkyCoord(77.3582, 5.6931, unit="deg")
    distance = SkyCoord(ra, dec, unit="deg").separation(source).to_value(u.deg)
    order = [i for i in np.argsort(distance) if distance[i] < radius and hits[i] >= nhit]
    return [f"ANT{i + 1:04d}" for i in order]


def _written(instance: Instance, *pairs: tuple[str, str], **parameters: str) -> dict[str, Any]:
    query = urllib.parse.urlencode([*parameters.items(), *pairs])
    return dict(json.loads(instance.fetch(f"query/adql.json?{query}")))


def _cells(visitor: Visitor, name: str) -> list[str]:
    """Return what the first rows of the answer have in a column."""
    return list(
        visitor.run(
            """
            const heads = [...document.querySelectorAll("#answer th")];
            const i = heads.findIndex((head) => head.firstChild.textContent === arguments[0]);
            return [...document.querySelectorAll("#answer tbody tr")].map(
                (row) => row.cells[i].innerText);
            """,
            name,
        )
    )


def test_my_first_query_in_python(visitor: Visitor) -> None:
    visitor.open("/query?table=ant20_01.main")
    visitor.run(
        """
        const set = (id, value) => {
            document.getElementById(id).value = value;
            document.getElementById(id).dispatchEvent(new Event("change", { bubbles: true }));
        };
        set("near", arguments[0]);
        set("column0", "nhit");
        set("value0", "30");
        """,
        TXS,
    )
    about = visitor.run("return document.getElementById('about0').textContent")
    assert "Number of hits" in about
    visitor.run("document.getElementById('write').click()")
    summary = visitor.wait("return document.getElementById('summary').textContent")
    expected = _nearby(3, 30)
    assert len(expected) > 1
    assert summary.startswith(f"{len(expected)} rows")
    assert _cells(visitor, "id") == expected
    assert all(" UTC" in moment for moment in _cells(visitor, "mjd"))
    heading = visitor.run("return document.querySelector('#answer th').innerText")
    assert "(d)" in heading

    program = visitor.run("return document.getElementById('python').textContent")
    assert visitor.run("return document.getElementById('adql').value") in program
    program += "print(*table['id'])\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == expected

    for view in ("sky", "plot"):
        visitor.run(f"document.getElementById('{view}-view').open = true")
        visitor.wait(f"return document.querySelector('#{view} canvas') !== null")
    assert visitor.run("return document.getElementById('sky-note').textContent") == (
        f"All {len(expected)} rows are drawn."
    )
    link = visitor.run("return document.getElementById('link').href")
    assert visitor.complaints() == []
    visitor.open(link.removeprefix(visitor.instance.url))
    visitor.wait("return document.getElementById('summary').textContent")
    assert _cells(visitor, "id") == expected


def test_a_query_that_is_wrong_is_explained_where_it_is(visitor: Visitor) -> None:
    wrong = urllib.parse.urlencode({"adql": "SELECT nonsense FROM ant20_01.main", "run": "1"})
    visitor.open(f"/query?{wrong}", "phone")
    said = visitor.wait("return document.getElementById('problem').innerText")
    assert "nonsense" in said
    assert visitor.overflow() == []


def test_without_scripts_the_form_writes_and_runs_the_query(visitor: Visitor) -> None:
    visitor.open(f"/query?{urllib.parse.urlencode({'near': TXS, 'radius': '1'})}", scripts=False)
    driver = visitor.driver
    (editor,) = driver.find_elements("css selector", "#adql")
    assert "DISTANCE(ra, dec, 77.3582, 5.6931) < 1" in editor.get_attribute("value")
    driver.find_element("css selector", "#run").click()
    assert _nearby(1)[0] in driver.find_element("css selector", "body").text


def test_every_published_table_has_a_form_whose_query_runs(instance: Instance) -> None:
    published = instance.adql("SELECT table_name FROM tap_schema.tables")
    for (table,) in published:
        if table.startswith("tap_schema."):
            continue
        columns = instance.adql(
            f"SELECT column_name FROM tap_schema.columns WHERE table_name = '{table}'"
        )
        shown = [("show", name) for (name,) in columns]
        rules = [
            pair
            for (name,) in columns[:10]
            for pair in (("column", name), ("is", "notnull"), ("value", ""))
        ]
        written = _written(instance, *shown, *rules, table=table, rows="2")
        assert written["problems"] == {}
        for (name,) in columns:
            assert name.strip('"') in written["adql"]
        instance.adql(written["adql"])


def test_all_examples_can_be_opened(instance: Instance) -> None:
    page = instance.fetch("query").decode()
    titles = page.count('href="/query?example=')
    declared = (ROOT / "site" / "userconfig.rd").read_text("utf-8").count('name="_example"')
    assert titles == declared
    opened = instance.fetch("query?example=Neutrinos%20near%20a%20source").decode()
    assert "DISTANCE(ra, decl, 77.3582, 5.6931) AS separation" in opened


@pytest.mark.parametrize(
    ("parameters", "field", "said"),
    [
        ({"near": "no such object"}, "near", "77.36 +5.69"),
        ({"near": "400 0"}, "near", "from 0 to 360 degrees"),
        ({"near": TXS, "radius": "-1"}, "near", "radius"),
        ({"since": "last week"}, "since", "2017-08-17"),
        ({"rows": "many"}, "rows", "1,000,000"),
        ({"column": "energy", "is": "gt", "value": "high"}, "condition0", "not a number"),
        ({"column": "evil; DROP", "is": "gt", "value": "1"}, "condition0", "no such column"),
    ],
)
def test_what_makes_no_sense_is_explained_and_left_out(
    instance: Instance, parameters: dict[str, str], field: str, said: str
) -> None:
    written = _written(instance, **parameters)
    assert said in written["problems"][field]
    assert "WHERE" not in written["adql"]
    instance.adql(written["adql"].replace("TOP 100", "TOP 1"))


def test_the_name_of_an_alert_is_a_position(instance: Instance) -> None:
    written = _written(instance, near="KM3-230213A", table="alerts.latest", inside="region_90")
    assert "CONTAINS(POINT(94.3, -7.8), region_90)" in written["adql"]
    assert instance.adql(written["adql"])


def test_hostile_values_are_shown_as_text(visitor: Visitor) -> None:
    given = {"near": HOSTILE, "column": "event_id", "is": "eq", "value": HOSTILE, "order": HOSTILE}
    for page in ("/query?", "/around?target=", "/around?time="):
        more = urllib.parse.urlencode(given) if page == "/query?" else urllib.parse.quote(HOSTILE)
        visitor.open(page + more)
        assert visitor.run("return [...document.scripts].every((one) => one.src || one.type)")
        assert visitor.complaints() == []
    for address in ("//evil.example/x/form?a", "https://evil.example/", "/tap/sync?QUERY=x"):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            visitor.instance.fetch(f"query/answer?of={urllib.parse.quote(address)}")


def test_the_answer_of_a_cone_search_is_drawn(visitor: Visitor) -> None:
    position, radius = urllib.parse.quote("77.3582 5.6931"), 180
    visitor.open(
        f"/ant20_01/nu/cone/form?__nevow_form__=genForm&hscs_pos={position}&hscs_sr={radius}"
        "&_FORMAT=HTML&submit=Go"
    )
    leads = "return document.querySelector('a[href^=\"/query/answer\"]')"
    visitor.wait(leads)
    visitor.open(visitor.run(leads + ".getAttribute('href')"))
    visitor.wait("return document.querySelector('#sky canvas') !== null")
    expected = _nearby(3)
    note = visitor.run("return document.getElementById('sky-note').textContent")
    assert note == f"All {len(expected)} rows are drawn."
    assert sorted(_cells(visitor, "ID")) == sorted(expected)
    assert visitor.complaints() == []


def test_what_is_around_a_source_and_a_time(instance: Instance) -> None:
    found = instance.fetch(
        f"around?{urllib.parse.urlencode({'target': TXS, 'radius': 3})}"
    ).decode()
    places = [found.index(f"<td>{name}</td>") for name in _nearby(3)]
    assert places == sorted(places)
    assert "/ant20_01/nu/ps/form?" in found
    # no region contains the source; the way on leads to alerts farther away
    (farther,) = re.findall(r'href="/(alerts\?near=[^"]*)"', found)
    answer = instance.fetch(html.unescape(farther)).decode()
    assert "KM3-230213A" in answer
    assert "Distance" in answer
    # the region of KM3-230213A contains its own position; it was one event at one time
    event = instance.fetch("around?target=KM3-230213A&radius=1&time=2023-02-13&window=2").decode()
    assert "/alerts/km3net/" in event
    assert "KM3-230213A" in event
    assert "2023-02-13 01:16:47" in event
    nothing = instance.fetch("around?time=1800-01-01").decode()
    assert "There is none in this archive." in nothing
