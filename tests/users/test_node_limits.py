"""Limits by Node: what the service answers is what the functions give without it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from mocpy import MOC

from km3vo import BadRequestError, Node, NodeError
from km3vo.analysis import PointSources, Region, Sample, search, search_region
from tests.alerts.sample_maps import flat_bytes, flat_density

TXS = SkyCoord(77.3582, 5.6931, unit="deg")
HESS = SkyCoord(98.24, 5.81, unit="deg")
FLUX = u.Unit("GeV-1 cm-2 s-1")
SAME = 1e-9
"""Relative: two versions of numpy round the last digits differently."""


@pytest.fixture(scope="module")
def node(instance) -> Node:
    return Node(instance.url)


@pytest.fixture(scope="module")
def sample(node) -> Sample:
    return node.sample("ant20_01")


def numbers(column: object) -> np.ndarray:
    """Return the values of a column, NaN where they are missing."""
    unmasked = np.ma.masked_array(
        np.asarray(getattr(column, "value", column), float), getattr(column, "mask", False)
    )
    return unmasked.filled(np.nan)


def assert_same(table: QTable, answer: PointSources) -> None:
    """Compare all columns that a table and an answer of the functions have in common."""
    for name in ("flux_norm", "flux_limit", "sensitivity"):
        assert table[name].unit == FLUX
    common = [name for name in table.colnames if hasattr(answer, name) and name != "remark"]
    assert len(common) >= 15
    for name in common:
        expected = np.atleast_1d(getattr(answer, name))
        np.testing.assert_allclose(numbers(table[name]), expected, rtol=SAME, err_msg=name)


@pytest.mark.parametrize("source", [TXS, HESS, SkyCoord(344.0, 24.2, unit="deg")])
@pytest.mark.parametrize("arguments", [{}, {"index": 2.5, "radius": 1.0, "confidence": 0.95}])
def test_one_source(node, sample, source, arguments):
    found = node.limit("ant20_01", source, **arguments)
    expected = search(sample, source.ra.deg, source.dec.deg, **arguments)
    assert_same(found, expected)
    events = found.events
    assert set(events["event_id"]) == set(sample.event_id[expected.events.event])
    assert len(events) == found["n_obs"][0]


@pytest.mark.filterwarnings("ignore:Keyword name")
def test_an_answer_can_be_saved(node, tmp_path):
    found = node.limit("ant20_01", HESS)
    found.write(tmp_path / "limits.ecsv")
    again = QTable.read(tmp_path / "limits.ecsv")
    assert again["flux_limit"].unit == FLUX
    assert again["flux_limit"][0] == found["flux_limit"][0]
    assert again.meta["reference"] == "doi:10.3847/2041-8213/aad8c0"
    found.events.write(tmp_path / "events.fits")


def test_a_table_of_sources(node, sample):
    sources = Table(
        {
            "name": ["one", "two", "three"],
            "ra": [77.3582, 98.24, 266.4],
            "dec": [5.6931, 5.81, -29.0],
            "radius": [60.0, 90.0, 120.0] * u.arcmin,
            "index": [2.0, 2.3, 3.0],
        }
    )
    found = node.limit("ant20_01", sources)
    assert list(found["name"]) == ["one", "two", "three"]
    expected = search(sample, sources["ra"], sources["dec"], [1.0, 1.5, 2.0], sources["index"])
    assert_same(found, expected)


def test_a_list_of_names_and_positions(node, sample):
    found = node.limit("ant20_01", ["KM3-230213A", HESS])
    assert found["name"][0] == "KM3-230213A"
    assert_same(found, search(sample, [94.3, 98.24], [-7.8, 5.81]))


def test_positions_and_a_range_of_indices(node):
    found = node.limit("ant20_01", SkyCoord([TXS, HESS]), index=(2, 2.2))
    assert list(found["index"]) == pytest.approx([2.0, 2.1, 2.2] * 2)


def test_a_source_that_the_sample_does_not_see_has_a_remark(node):
    found = node.limit("ant20_01", Table({"ra": [10.0, 77.3582], "dec": [80.0, 5.6931]}))
    assert "sees no source" in found["remark"][0]
    assert found["flux_limit"].mask.tolist() == [True, False]


def test_a_coverage_map(node, sample):
    moc = MOC.from_cone(lon=94.3 * u.deg, lat=-7.8 * u.deg, radius=3 * u.deg, max_depth=7)
    found = node.limit_in("ant20_01", moc, index=2.5)
    answer = search_region(sample, Region.from_moc_text(moc.to_string()), index=2.5)
    assert found["n_obs"][0] == answer.n_obs
    for name in ("n_bkg", "p_value", "n_sig_up"):
        assert found[name][0] == pytest.approx(getattr(answer, name), rel=SAME)
    assert found["flux_limit"][0].to_value(FLUX) == pytest.approx(answer.flux_limit, rel=SAME)
    assert len(found.bands) == len(answer.bands.n_obs)
    text = node.limit_in("ant20_01", moc.to_string(), index=2.5)
    assert text["n_obs"][0] == found["n_obs"][0]


def test_an_alert_and_a_sky_map(node, tmp_path):
    (alert,) = node.alerts(name="KM3-230213A")
    found = node.limit_in("ant20_01", alert)
    again = node.limit_in("ant20_01", "KM3-230213A")
    events = node.events("ant20_01", near=alert)
    for one in (found, again):
        assert one["n_obs"][0] == len(events)
        assert set(one.events["event_id"]) == set(events["id"])
    density = flat_density(64, (94.3, -7.8), 400.0)
    path = tmp_path / "map.fits"
    path.write_bytes(flat_bytes(density, 64, name="PROBDENSITY", unit="sr-1"))
    mapped = node.limit_in("ant20_01", path, containment=0.5)
    assert mapped["containment"][0] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"target": SkyCoord(1, 80, unit="deg")}, "DEC.*sees no source"),
        ({"target": TXS, "index": 9}, "INDEX.*1.5 to 3"),
        ({"target": TXS, "index": np.nan}, "index is nan"),
        ({"target": TXS, "radius": 90}, "SR.*between 0 and 90"),
        ({"target": TXS, "confidence": 2}, "CONFIDENCE"),
        ({"target": Table({"x": [1]})}, "no ra and dec"),
        ({"target": TXS, "release": "evts20_01"}, "no limits of evts20_01"),
    ],
)
def test_errors_of_sources_name_the_parameter(node, arguments, problem):
    with pytest.raises(BadRequestError, match=problem):
        node.limit(**{"release": "ant20_01"} | arguments)


@pytest.mark.parametrize(
    ("region", "problem"),
    [
        ("3/99999", "MOC"),
        (5, "neither a coverage map"),
        (Table({"ra": [1.0], "dec": [2.0]})[0], "not an alert"),
        ("ivo://nobody/nothing", "no notice"),
        ("missing.fits.gz", "'missing.fits.gz' cannot be read: No such file"),
        (Path("missing"), "'missing' cannot be read: No such file"),
    ],
)
def test_errors_of_regions(node, region, problem):
    with pytest.raises(NodeError, match=problem):
        node.limit_in("ant20_01", region)
