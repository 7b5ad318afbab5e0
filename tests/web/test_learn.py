"""The page to learn from: its answers are those of the published data, its exercises work."""

from __future__ import annotations

import csv
import math
import re
import urllib.parse
from typing import Any, Final

import numpy as np
import pytest

from tests.instances import ROOT, Instance
from tests.web.visitor import Visitor

DATA: Final = ROOT / "inputs" / "ant20_01" / "PublicData_0717.dat"
SOURCES: Final = ROOT / "docs" / "notebooks" / "data" / "sources.csv"
TEXTS: Final = """
    return [...document.querySelectorAll(arguments[0])].map(one => one.textContent.trim());
"""


@pytest.fixture(scope="module")
def published() -> Any:
    """Return the columns of the public file: Decl, RA, Nhit, Beta, MJD."""
    return np.loadtxt(DATA).T


@pytest.fixture(scope="module")
def blazars() -> dict[str, tuple[float, float]]:
    lines = [line for line in SOURCES.read_text().splitlines() if not line.startswith("#")]
    return {
        row["name"]: (float(row["ra"]), float(row["dec"]))
        for row in csv.DictReader(lines)
        if row["class"] == "blazar"
    }


def angle(ra: float, dec: float, ras: Any, decs: Any) -> Any:
    """Return angles by the haversine formula, which the page does not use; all in deg."""
    ra, dec, ras, decs = (np.radians(one) for one in (ra, dec, ras, decs))
    half = np.sin((decs - dec) / 2) ** 2
    half = half + np.cos(dec) * np.cos(decs) * np.sin((ras - ra) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(half)))


def rows(visitor: Visitor, table: str) -> list[list[str]]:
    """Return the cells of a table on the page."""
    script = """
        return [...document.querySelectorAll(arguments[0] + " tbody tr")].map(
            row => [...row.children].map(cell => cell.textContent.trim()));
    """
    return list(visitor.run(script, table))


def test_the_answers_for_the_teacher_are_those_of_the_published_file(visitor, published, blazars):
    dec, ra, n_hits, _, _ = published
    visitor.open("/learn", scripts=False)
    visitor.driver.find_element("css selector", "h1")
    visitor.open("/learn")
    order = np.argsort(-n_hits, kind="stable")[:10]
    shown = rows(visitor, "[aria-labelledby=one] .teacher")
    assert [row[:4] for row in shown] == [
        [f"ANT{i + 1:04}", f"{n_hits[i]:.0f}", str(ra[i]), str(dec[i])] for i in order
    ]
    text = " ".join(visitor.run(TEXTS, "[aria-labelledby=one] .teacher p"))
    assert f"{(n_hits > 100).sum()} of {len(ra):,} events" in text

    for name, row in zip(order, rows(visitor, "[aria-labelledby=two] .teacher"), strict=True):
        nearest = min(blazars, key=lambda one: angle(ra[name], dec[name], *blazars[one]))
        assert row[2] == nearest
        assert float(row[3]) == pytest.approx(
            angle(ra[name], dec[name], *blazars[nearest]), abs=6e-3
        )

    circles = rows(visitor, "[aria-labelledby=three] .teacher .scroll")
    assert {row[0] for row in circles} == set(blazars)
    for name, observed, expected, chance in circles:
        count = (angle(*blazars[name], ra, dec) < 3).sum()
        assert int(observed) == count
        # a Poisson distribution with the mean shown, which is rounded
        mean = float(expected)
        below = sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(count))
        assert float(chance.split()[0]) == pytest.approx(100 * (1 - below), rel=0.05, abs=0.5)


def test_the_background_of_a_circle_is_that_of_scrambled_skies(visitor, published, blazars):
    dec, _, _, _, _ = published
    visitor.open("/learn")
    (best,) = visitor.run(TEXTS, ".teacher .best th")
    skies = [
        (int(label.split()[0]), int(count)) for label, count in rows(visitor, ".teacher .skies")
    ]
    assert sum(count for _, count in skies) == 1000
    mean = sum(n * count for n, count in skies) / 1000
    # each event is inside with the probability of its circle of declination
    place = np.radians(blazars[best][1])
    cosines = (np.cos(np.radians(3)) - np.sin(np.radians(dec)) * np.sin(place)) / (
        np.cos(np.radians(dec)) * np.cos(place)
    )
    share = np.arccos(np.clip(cosines, -1, 1)) / np.pi
    assert mean == pytest.approx(share.sum(), abs=4 * math.sqrt(share.sum() / 1000))


def test_a_class_does_the_exercises_in_the_browser(visitor, published, blazars):
    dec, ra, n_hits, _, _ = published
    visitor.open("/learn")
    visitor.run("document.querySelector('#query-brightest button').click()")
    visitor.wait("return document.querySelectorAll('#query-brightest tbody tr').length")
    found = rows(visitor, "#query-brightest .result")
    assert [int(row[1]) for row in found] == sorted(n_hits.astype(int), reverse=True)[:10]

    visitor.run("document.querySelector('a.near[data-blazar=\"3C 279\"]').click()")
    visitor.wait("return document.querySelectorAll('#query-near tbody tr').length")
    near = angle(*blazars["3C 279"], ra, dec) < 3
    hits = [int(row[1]) for row in rows(visitor, "#query-near .result")]
    assert hits == sorted(n_hits[near].astype(int), reverse=True)

    fields = dict(
        zip(("ra1", "dec1", "ra2", "dec2"), (315.0, -16.7, *blazars["3C 279"]), strict=True)
    )
    for name, value in fields.items():
        visitor.run("document.getElementById(arguments[0]).value = arguments[1]", name, value)
    visitor.run("document.querySelector('#separation button').click()")
    expected = angle(315.0, -16.7, *blazars["3C 279"])
    assert f"{expected:.2f}°" in visitor.run(TEXTS, "#separation .angle")[0]

    visitor.run("document.querySelector('#query-chance button').click()")
    visitor.run("document.getElementById('often').click()")
    visitor.wait("return document.querySelectorAll('#query-chance tbody tr').length")
    ((observed, background),) = rows(visitor, "#query-chance .result")
    assert int(observed) == near.sum()
    visitor.wait("return document.querySelectorAll('#histogram canvas').length")
    (summary,) = visitor.run(TEXTS, "#summary")
    assert f"has {near.sum()} events within 3° of 3C 279" in summary
    mean = float(re.search(r"there were ([\d.]+);", summary)[1])
    assert mean == pytest.approx(float(background), rel=0.2)
    assert visitor.complaints() == []


def test_what_pupils_mistype_is_explained(visitor):
    visitor.open("/learn")
    visitor.run(
        "document.getElementById('adql-brightest').value = 'SELECT nhits FROM ant20_01.main'"
    )
    visitor.run("document.querySelector('#query-brightest button').click()")
    visitor.wait("return document.querySelectorAll('#query-brightest .problem').length")
    assert "nhits" in visitor.run(TEXTS, "#query-brightest .problem")[0]
    # since DaCHS 2.11 a mistake in a query has the status 400
    assert [one for one in visitor.complaints() if "status of 400" not in one] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("359", "0", "1", "0"), "<strong>2.00°</strong>"),
        (("0", "90", "180", "-90"), "<strong>180.00°</strong>"),
        (("nan", "0", "1", "0"), "Right ascensions are from"),
        (("1", "91", "1", "0"), "Right ascensions are from"),
        (("<b>", "0", "1", "0"), "Please enter four numbers"),
    ],
)
def test_angles_without_scripts(instance: Instance, given: tuple[str, ...], said: str) -> None:
    query = urllib.parse.urlencode(dict(zip(("ra1", "dec1", "ra2", "dec2"), given, strict=True)))
    text = instance.fetch(f"learn?{query}").decode()
    assert said in text
    assert "<b>" not in text


def test_queries_without_scripts_are_links_to_tap(instance: Instance) -> None:
    text = instance.fetch("learn").decode()
    links = re.findall(r'<a href="(/tap/sync[^"]+)" class="near"', text)
    answer = instance.fetch(links[0].replace("&amp;", "&").lstrip("/")).decode()
    assert "<table" in answer and "ANT" in answer


def test_the_text_has_about_200_words_and_the_depths_of_the_detectors(visitor: Visitor) -> None:
    visitor.open("/learn")
    words = " ".join(visitor.run(TEXTS, ".intro p")).split()
    assert 170 <= len(words) <= 230
    depths = {row[0]: row[2] for row in rows(visitor, "[aria-label='The telescopes']")}
    assert depths == {"ANTARES": "2,475 m", "KM3NeT/ORCA": "2,440 m", "KM3NeT/ARCA": "3,450 m"}
