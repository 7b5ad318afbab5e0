"""The sky: what it draws is what the tables say, and what goes wrong is said calmly."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mocpy import MOC
from PIL import Image
from pydantic import ValidationError

from ingest.instance.site import WebSection
from tests.instances import Instance
from tests.web.visitor import Visitor

_SKY = Path(__file__).parents[2] / "site" / "dachs" / "pages" / "sky"
_READY = "return document.documentElement.dataset.sky === 'ready'"
_SHOWN = "return document.getElementById('shown').textContent"
_CARD = "return document.querySelector('.sky-card')?.innerText"
_KM3 = (94.3, -7.8)  # deg; KM3-230213A, doi:10.1038/s41586-024-08543-1


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, _SKY / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


coverage, pictures = _load("coverage"), _load("pictures")


def _ask(instance: Instance, path: str, **query: Any) -> tuple[int, bytes]:
    address = f"{instance.url}{path}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read()


def _events(instance: Instance, **query: Any) -> Any:
    status, content = _ask(instance, "/sky/events.json", **query)
    assert status == 200, content
    return json.loads(content)


def _table(instance: Instance, query: str) -> list[dict[str, str]]:
    status, content = _ask(instance, "/tap/sync", LANG="ADQL", FORMAT="csv", QUERY=query)
    assert status == 200
    return list(csv.DictReader(io.StringIO(content.decode())))


# -- parts -----------------------------------------------------------------------------------


@given(
    st.dictionaries(st.integers(0, 9), st.sets(st.integers(0, 47), min_size=1), min_size=1),
    st.integers(2, 9),
)
def test_a_coverage_map_is_only_made_coarser(cells: dict[int, set[int]], finest: int) -> None:
    pairs = [(order, one % (12 * 4**order)) for order, found in cells.items() for one in found]
    depths, numbers = np.array(pairs).T
    exact = MOC.from_healpix_cells(numbers.astype(np.uint64), depths.astype(np.uint8), max_depth=9)
    made = MOC.from_json(coverage.cells(exact.to_string("ascii"), finest))
    expected = exact.degrade_to_order(finest) if finest < 9 else exact
    assert made.symmetric_difference(expected).empty()


def test_no_coverage_map_is_no_region() -> None:
    assert coverage.cells(None) is None
    assert coverage.cells("") is None
    assert coverage.cells("29/") is None


def test_a_picture_shows_the_density_by_opacity_and_brightness() -> None:
    shades = np.arange(256, dtype=np.uint8).reshape(8, 32)
    picture = Image.open(io.BytesIO(pictures.png(shades)))
    assert picture.size == (32, 8)
    opacity = np.asarray(picture.convert("RGBA"))[..., 3].ravel()
    assert opacity[0] == 0
    assert (np.diff(opacity.astype(int)) >= 0).all()
    brightness = np.asarray(picture.convert("RGB").convert("L")).ravel().astype(int)
    assert (np.diff(brightness) >= 0).all()


@pytest.mark.parametrize("survey", ["ftp://sky.example", "https://a.example; script-src *", "x"])
def test_a_survey_that_could_change_the_security_policy_is_refused(survey: str) -> None:
    assert WebSection(survey="https://sky.example/DSS").survey
    with pytest.raises(ValidationError):
        WebSection(survey=survey)


# -- data ------------------------------------------------------------------------------------


def test_a_part_of_the_sky_has_the_events_that_a_query_finds(instance: Instance) -> None:
    found = _events(instance, release="ant20_01", ra=43, dec=35, radius=3)
    rows = _table(
        instance,
        "SELECT id, ra, decl, mjd, beta, nhit FROM ant20_01.main"
        " WHERE 1 = CONTAINS(POINT('ICRS', ra, decl), CIRCLE('ICRS', 43, 35, 3))",
    )
    assert sorted(found["events"]["id"]) == sorted(row["id"] for row in rows)
    names = {"ra": "ra", "dec": "decl", "mjd": "mjd", "error": "beta", "value": "nhit"}
    by_name = {row["id"]: row for row in rows}
    for i, event in enumerate(found["events"]["id"]):
        for key, name in names.items():
            assert found["events"][key][i] == pytest.approx(float(by_name[event][name]))
    units = {one["key"]: one["unit"] for one in found["columns"]}
    assert units == {"mjd": "d", "value": "", "ra": "deg", "dec": "deg", "error": "deg"}


def test_the_brightest_are_drawn_first_and_the_rest_counted(instance: Instance) -> None:
    found = _events(instance, release="ant20_01", limit=100)
    assert (found["shown"], found["total"]) == (100, 8754)  # the number of the publication
    rows = _table(instance, "SELECT TOP 100 nhit FROM ant20_01.main ORDER BY nhit DESC")
    assert found["events"]["value"] == [int(row["nhit"]) for row in rows]
    least = _events(instance, release="ant20_01", minimum=151, limit=5)
    assert least["total"] == 10  # as the regression test of the release says
    (many,) = _table(
        instance, "SELECT count(*) AS n FROM ant20_01.main WHERE mjd BETWEEN 55000 AND 55100"
    )
    within = _events(instance, release="ant20_01", mjd_min=55000, mjd_max=55100, limit=1)
    assert within["total"] == int(many["n"])


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"release": "nowhere"}, 404, "nowhere"),
        ({"release": "irf_arca115"}, 404, "irf_arca115"),
        ({"release": "ant20_01", "ra": 10}, 400, "all of ra, dec and radius"),
        ({"release": "ant20_01", "ra": 1, "dec": 91, "radius": 1}, 400, "dec"),
        ({"release": "ant20_01", "limit": 10**6}, 400, "limit"),
        ({"release": "ant20_01", "minimum": "nan"}, 400, "minimum"),
        ({"release": "ant20_01", "mjd_min": "<script>"}, 400, "mjd_min"),
    ],
)
def test_a_request_that_makes_no_sense_is_explained(
    instance: Instance, query: dict[str, Any], status: int, words: str
) -> None:
    code, content = _ask(instance, "/sky/events.json", **query)
    assert code == status
    assert words in json.loads(content)["problem"]


def test_times_before_1900_and_empty_places_have_no_events(instance: Instance) -> None:
    assert _events(instance, release="ant20_01", mjd_max=15000)["total"] == 0
    assert _events(instance, release="ant20_01", ra=0, dec=89, radius=1)["total"] == 0


def test_alerts_have_the_regions_of_their_newest_notices(instance: Instance) -> None:
    status, content = _ask(instance, "/sky/alerts.json", ra=_KM3[0], dec=_KM3[1], radius=0.1)
    assert status == 200
    (alert,) = json.loads(content)["alerts"]
    assert alert["title"] == "KM3-230213A"
    assert (alert["radius_50"], alert["radius_90"]) == (1.2, 2.2)  # as published
    assert ["about the alert", "/alerts/km3net/KM3-230213A"] in alert["links"]


def test_tiles_of_the_density_fit_the_number_of_events(instance: Instance) -> None:
    for path, kind in (("properties", "text/plain"), ("Moc.fits", "application/fits")):
        with urllib.request.urlopen(f"{instance.url}/sky/hips/ant20_01/{path}") as answer:
            assert answer.headers["Content-Type"].startswith(kind)
    shades = []
    for number in range(12):  # 0 to 3 lie in the north, 8 to 11 in the south
        status, content = _ask(instance, f"/sky/hips/ant20_01/Norder0/Dir0/Npix{number}.png")
        assert status == 200
        picture = Image.open(io.BytesIO(content))
        assert picture.size == (128, 128)
        shades.append(np.asarray(picture).mean())
    north, south = shades[:4], shades[8:]
    assert max(north) < min(south)  # there are no events beyond a declination of 53 deg
    for path in ("ant20_01/Norder9/Dir0/Npix1.png", "ant20_01/Norder0/Dir0/Npix12.png"):
        assert _ask(instance, f"/sky/hips/{path}")[0] == 404
    assert _ask(instance, "/sky/hips/evts23_01/properties")[0] == 404  # one event


# -- page ------------------------------------------------------------------------------------


def test_a_deep_link_shows_an_event_with_values_units_and_links(visitor: Visitor) -> None:
    visitor.open("/sky?release=evts23_01&event=KM3-230213A&fov=20")
    visitor.wait(_READY)
    card = visitor.wait(_CARD)
    assert "2023-02-13 01:16:47 UTC" in card
    assert "1.2 × 10⁸ GeV" in card
    assert "94.3000 deg" in card
    links = visitor.run(
        "return [...document.querySelectorAll('.sky-card a')].map(one => one.getAttribute('href'))"
    )
    assert "/evts23_01" in links
    assert visitor.run("return document.getElementById('sky').querySelectorAll('canvas').length")
    assert visitor.complaints() == []  # also no violation of the security policy


def test_what_is_drawn_is_counted_and_follows_the_controls(visitor: Visitor) -> None:
    visitor.open("/sky?release=ant20_01")
    visitor.wait(_READY)
    assert visitor.run(_SHOWN) == "2,000 of 8,754 events in view, the brightest"
    visitor.run(
        "const box = document.getElementById('minimum0'); box.value = '151';"
        " box.dispatchEvent(new Event('change'))"
    )
    visitor.wait("return document.getElementById('shown').textContent === 'All 10 events in view'")
    visitor.run(
        "const box = document.getElementById('colour'); box.value = 'time';"
        " box.dispatchEvent(new Event('change'))"
    )
    visitor.wait("return document.getElementById('legend').textContent.includes('Time (UTC)')")
    assert visitor.run("return new URLSearchParams(location.search).get('color')") == "time"
    visitor.driver.find_element("css selector", ".sky-frame").send_keys("+")
    visitor.wait("return Number(new URLSearchParams(location.search).get('fov')) < 300")
    visitor.driver.find_element("css selector", "#rows button").click()
    assert "ANT" in visitor.wait(_CARD)
    assert visitor.complaints() == []


def test_a_name_leads_to_its_place_and_an_unknown_one_to_a_message(visitor: Visitor) -> None:
    visitor.open("/sky?release=ant20_01&alerts=0")
    visitor.wait(_READY)
    visitor.driver.find_element("id", "target").send_keys("KM3-230213A\n")
    visitor.wait("return new URLSearchParams(location.search).get('target') === '94.300 -7.800'")
    assert visitor.run("return Number(new URLSearchParams(location.search).get('fov'))") <= 20
    visitor.run("document.getElementById('target').value = '10 95'")
    visitor.driver.find_element("css selector", "#place button").click()
    assert "declination" in visitor.wait(
        "return document.querySelector('.sky-message')?.textContent"
    )


def test_problems_are_said_and_the_sky_is_there(visitor: Visitor) -> None:
    visitor.open("/sky?fov=1000&release=nowhere")
    visitor.wait(_READY)
    message = visitor.run("return document.querySelector('.sky-message').textContent")
    assert "0.01 to 360 degrees" in message
    assert "nowhere" in message
    failed = visitor.driver.execute_async_script(
        "const done = arguments[0];"
        "import('/assets/skyview.js').then(async ({ openSky }) => {"
        "  await openSky(document.getElementById('sky'),"
        "    { survey: '/sky/hips/nowhere', onProblem: (one) => one && done(one) });"
        "});"
    )
    assert failed == "The survey in the background cannot be loaded at the moment."


def test_a_program_that_does_not_run_is_asked_for(visitor: Visitor) -> None:
    visitor.open("/sky?release=evts23_01")
    visitor.wait(_READY)
    visitor.driver.find_element("id", "samp").click()
    visitor.wait("return document.getElementById('said').textContent.startsWith('No such program')")


def test_without_scripts_there_are_a_map_and_the_events(visitor: Visitor) -> None:
    visitor.open("/sky?target=43+35&fov=6&release=ant20_01", scripts=False)
    picture = visitor.driver.find_element("css selector", "#sky img")
    assert picture.get_attribute("alt")
    names = [one.text for one in visitor.driver.find_elements("css selector", "#rows th")]
    assert sorted(names) == ["ANT0366", "ANT3412", "ANT3846", "ANT7402"]
    assert visitor.driver.find_element("id", "cone").get_attribute("href").endswith("/cone/form")
