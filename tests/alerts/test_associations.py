"""Associations of alerts with sources: the formulae, catalogues as files, KM3NeT's schema."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from ingest.alerts.conversion import validate_json
from ingest.alerts.matching import (
    Catalogue,
    CatalogueSettings,
    FisherDirection,
    MapDirection,
    associations,
    chance,
    counterpart_info,
    probabilities,
    read_catalogue,
)
from ingest.alerts.skymaps import make_map
from ingest.core.errors import InputError


def settings(file: str = "sources.csv", **more: object) -> CatalogueSettings:
    facts: dict[str, object] = {
        "name": "blazars",
        "file": file,
        "alerts": ["km3net"],
        "reference": "a paper",
        "url": "https://doi.org/10.1000/1",
        "licence": "CC-BY-4.0",
        "columns": {"name": "name", "ra": "ra", "dec": "dec"},
        "prior": 0.3,
    }
    return CatalogueSettings.model_validate(facts | more)


def catalogue(ra, dec, flux=None, redshift=None, **more: object) -> Catalogue:
    number = len(ra)
    nothing = np.full(number, np.nan)
    return Catalogue(
        settings(**more),
        [f"source {index}" for index in range(number)],
        ["blazar"] * number,
        np.array(ra, float),
        np.array(dec, float),
        nothing if flux is None else np.array(flux, float),
        nothing if redshift is None else np.array(redshift, float),
    )


KAPPA = math.log(10) / (1 - math.cos(math.radians(1)))
SKY = FisherDirection(100, 20, KAPPA)
"""A direction known to 1 deg at 90 % containment."""


def test_a_single_source_at_the_centre() -> None:
    """The density of a normal distribution is 1 / (2 pi s^2), with r90 = 2.146 s."""
    peak = math.log(10) / (math.pi * math.radians(1) ** 2)
    wanted = 0.3 * peak * 4 * math.pi
    (found,) = associations(catalogue([100], [20]), SKY)
    assert found.probability == pytest.approx(wanted / (wanted + 0.7), rel=1e-5)
    assert found.separation == pytest.approx(0, abs=1e-6)


def test_a_source_far_away_is_none() -> None:
    assert associations(catalogue([100, 280], [20, -20]), SKY)[0].name == "source 0"
    assert associations(catalogue([280], [-20]), SKY) == []
    assert associations(catalogue([], []), SKY) == []


def test_chance_is_that_of_a_circle() -> None:
    """At the radius of 90 %, 1 - exp(-pi r^2 rho); the brightest of ten has a tenth of rho."""
    far = [200.0 + index for index in range(9)]
    one = catalogue([100 + 1 / math.cos(math.radians(20)), *far], [20] * 10, range(10, 0, -1))
    (found,) = associations(one, SKY)
    per_sr = 1 / (4 * math.pi)
    area = math.pi * math.radians(found.separation) ** 2
    assert found.p_value == pytest.approx(-math.expm1(-area * per_sr), rel=1e-3)
    faint = catalogue([100 + 1 / math.cos(math.radians(20)), *far], [20] * 10, range(1, 11))
    assert associations(faint, SKY)[0].p_value == pytest.approx(10 * found.p_value, rel=1e-3)
    assert chance(one, np.zeros(10)) == pytest.approx(0)


def test_chance_keeps_its_promise() -> None:
    """In random skies, a source as close as chance y is there with the probability y."""
    random = np.random.default_rng(7)
    number, level, seen = 40, 0.2, 0
    for _ in range(3000):
        heights = random.uniform(-1, 1, number)
        # the nearest source to the pole, with circles around it
        area = np.array([2 * math.pi * (1 - heights.max())] * number)
        found = chance(catalogue(np.zeros(number), np.degrees(np.arcsin(heights))), area)
        seen += bool(found[0] <= level)
    assert seen / 3000 == pytest.approx(level, abs=4 * math.sqrt(level * (1 - level) / 3000))


def test_a_sky_map_says_what_its_circle_does() -> None:
    """Cells of the map are as small as the distribution needs."""
    ra, dec = np.array([100.0, 100.3, 100.9, 250]), np.array([20.0, 20.2, 19.5, -40])
    exact = SKY.at(ra, dec)
    mapped = MapDirection(make_map(100, 20, radius=1.0, containment=0.9)).at(ra, dec)
    assert mapped.separation == pytest.approx(exact.separation, abs=0.1)
    assert mapped.density[:3] == pytest.approx(exact.density[:3], rel=0.15)
    assert mapped.containment == pytest.approx(exact.containment, abs=0.05)
    assert mapped.area[1:3] == pytest.approx(exact.area[1:3], rel=0.2)
    # the circle of 90 % has the area of its radius
    edge = SKY.at(np.array([100.0]), np.array([21.0]))
    assert edge.containment == pytest.approx(0.9)
    assert edge.area == pytest.approx(2 * math.pi * (1 - math.cos(math.radians(1))))


def test_the_probabilities_and_none_add_up() -> None:
    near = catalogue([99.8, 100.1, 100.3], [20, 19.9, 20.2], [1, 5, np.nan])
    density = SKY.at(near.ra, near.dec).density
    found = probabilities(near, density)
    likelihoods = 0.3 * near.weights * density / near.density
    assert found.sum() + 0.7 / (likelihoods.sum() + 0.7) == pytest.approx(1)
    # the brightest comes first, one without a flux counts as an average one
    assert near.weights == pytest.approx([1 / 3, 5 / 3, 1])
    assert associations(near, SKY)[0].name == "source 1"
    assert probabilities(near, density * 0) == pytest.approx(0)


def test_the_probabilities_are_right_as_often_as_they_say() -> None:
    """Alerts from sources, chosen by flux, or from elsewhere: P is the frequency."""
    random = np.random.default_rng(8)
    number, prior, kappa = 300, 0.3, 800.0
    z = random.uniform(-1, 1, number)
    phi = random.uniform(0, 2 * math.pi, number)
    flat = np.sqrt(1 - z * z)
    sources = np.stack([flat * np.cos(phi), flat * np.sin(phi), z], -1)
    flux = random.pareto(1.5, number) + 0.1
    listed = catalogue(np.degrees(phi), np.degrees(np.arcsin(z)), flux, prior=prior)
    said, was = [], []
    for _ in range(4000):
        from_source = random.uniform() < prior
        if from_source:
            origin = int(random.choice(number, p=flux / flux.sum()))
            alert = sources[origin] + random.normal(0, kappa**-0.5, 3)
        else:
            origin, alert = -1, random.normal(0, 1, 3)
        alert /= np.linalg.norm(alert)
        density = kappa / (2 * math.pi) * np.exp(-kappa * (1 - sources @ alert))
        found = probabilities(listed, density)
        best = int(found.argmax())
        said.append(found[best])
        was.append(best == origin)
    said_, was_ = np.array(said), np.array(was)
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1)):
        chosen = (said_ >= low) & (said_ < high)
        assert chosen.sum() > 100
        assert was_[chosen].mean() == pytest.approx(
            said_[chosen].mean(), abs=4 * 0.5 / chosen.sum() ** 0.5
        )


def test_the_candidates_of_km3_230213a(delivered: Path) -> None:
    """The published figure lists them with their distances in deg."""
    listed = read_catalogue(
        settings(
            str(delivered / "evts23_01" / "Figure4.csv"),
            columns={"name": "Name", "ra": "RA J2000 [deg]", "dec": "Dec J2000 [deg]"},
            sky={"ra": 94.3, "dec": -7.8, "radius": 3},
            skip=1,
            **{"class": "blazar"},
        )
    )
    assert len(listed.names) == 12
    circle = FisherDirection(94.3, -7.8, math.log(10) / (1 - math.cos(math.radians(2.2))))
    found = associations(listed, circle, 1.0)
    published = Table.read(delivered / "evts23_01/Figure4.csv", header_start=1, format="ascii.csv")
    distances = {
        " ".join(str(row["Name"]).replace("\u2212", "-").split()): row["Dist"] for row in published
    }
    assert {one.name for one in found} == distances.keys()
    for one in found:
        assert one.separation == pytest.approx(distances[one.name], abs=0.02)
    assert found[0].name == "NVSS J061703-082225"
    # all of them were chosen because they are near
    assert min(one.p_value for one in found) > 0.3
    assert {one.source_class for one in found} == {"blazar"}


def test_counterparts_are_valid_in_kmnets_notices(delivered: Path) -> None:
    notice = json.loads((delivered / "alerts/gcn/km3net_alert.example.json").read_text())
    found = associations(catalogue([100], [20], [3], [0.34]), SKY)
    notice |= {"potential_counterpart": True, "counterpart_info": counterpart_info(found)}
    assert validate_json(notice) == []
    (shown,) = notice["counterpart_info"]
    assert shown["name"] == "source 0"
    assert shown["redshift"] == 0.34
    assert shown["reference"] == {"catalog": "a paper", "url": "https://doi.org/10.1000/1"}
    assert 0.99 < shown["association_probability"] <= 1
    notice |= {"potential_counterpart": False, "counterpart_info": counterpart_info([])}
    assert validate_json(notice) == []


@pytest.mark.parametrize("form", ["votable", "fits", "ascii.ecsv", "ascii.csv"])
def test_all_formats_give_the_same(form: str, tmp_path: Path) -> None:
    name = {"votable": "c.vot", "fits": "c.fits", "ascii.ecsv": "c.ecsv", "ascii.csv": "c.csv"}
    table = Table(
        {
            "name": ["Mrk 501", "TXS 0506+056"],
            "ra": [253.4676, 77.3582],
            "dec": [39.7602, 5.6931],
            "flux": [2.5, -1.0],
            "z": [0.034, 0.3365],
            "kind": ["BL Lac", "BL Lac"],
        }
    )
    table.write(tmp_path / name[form], format=form)
    columns = {"name": "name", "ra": "ra", "dec": "dec", "flux": "flux", "redshift": "z"}
    listed = read_catalogue(
        settings(str(tmp_path / name[form]), columns={**columns, "class": "kind"})
    )
    assert listed.names == ["Mrk 501", "TXS 0506+056"]
    assert listed.classes == ["BL Lac", "BL Lac"]
    assert listed.ra == pytest.approx([253.4676, 77.3582])
    assert listed.redshift == pytest.approx([0.034, 0.3365])
    # a negative flux is no flux
    assert listed.weights == pytest.approx([1, 1])


def test_units_of_positions_are_heeded(tmp_path: Path) -> None:
    table = Table(
        {"name": ["a"], "ra": [5.0], "dec": [0.5]}, units={"ra": "hourangle", "dec": "rad"}
    )
    table.write(tmp_path / "c.ecsv")
    listed = read_catalogue(settings(str(tmp_path / "c.ecsv")))
    assert (listed.ra[0], listed.dec[0]) == pytest.approx((75, math.degrees(0.5)))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("name,ra\na,1\n", "has no column dec"),
        ("name,ra,dec\na,1,2\nb,400,2\n", "row 2"),
        ("name,ra,dec\na,,2\n", "row 1"),
        ("name,ra,dec\na,x,2\n", "not of numbers"),
        ("", "has no column name"),
        ("name,ra,dec\na,1,2,3,4\n", "cannot be read"),
    ],
)
def test_a_bad_catalogue_is_refused(content: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "sources.csv").write_text(content)
    with pytest.raises(InputError) as caught:
        read_catalogue(settings(str(tmp_path / "sources.csv")))
    assert problem in str(caught.value)
    assert "sources.csv" in str(caught.value)


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    (tmp_path / "c.vot").write_bytes(b"\x00\xff" * 100)
    (tmp_path / "c.parquet").write_bytes(b"PAR1")
    for name in ("c.vot", "c.parquet", "missing.fits"):
        with pytest.raises(InputError, match=r"cannot be read|is not known"):
            read_catalogue(settings(str(tmp_path / name)))


def test_names_of_others_are_harmless(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(b'name,ra,dec\n"a\x1b[31m",1,2\n' + b"x" * 500 + b",3,4\n")
    listed = read_catalogue(settings(str(tmp_path / "c.csv")))
    assert listed.names == ["a [31m", "x" * 200]
    # VOTables have ASCII only; no two names become the same
    text = (
        "name,ra,dec\nη Car,1,2\nRX J1713.7\u22123946,3,4\nRXJ  0852\u20134622,5,6\nMöbius 中,7,8\n"
    )
    (tmp_path / "c.csv").write_text(text, "utf-8")
    listed = read_catalogue(settings(str(tmp_path / "c.csv")))
    assert listed.names == ["eta Car", "RX J1713.7-3946", "RXJ 0852-4622", "Mobius \\u4e2d"]
    (tmp_path / "c.csv").write_bytes(b'name,ra,dec\n"a\0b",1,2\nc,3,4\n')
    with pytest.raises(InputError, match="cannot be read"):
        read_catalogue(settings(str(tmp_path / "c.csv")))
