"""Searches for point sources in ANTARES' sample."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import example, given, settings
from hypothesis import strategies as st

from km3vo.analysis import AnalysisError, Sample, feldman_cousins, search

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = tomllib.loads(Path(__file__).with_name("published.toml").read_text())
NUMBERS = ("containment", "n_obs", "n_bkg", "n_bkg_err", "n_bkg_scrambled", "p_value", "n_sig_lo",
           "n_sig_up", "flux_norm", "flux_limit", "sensitivity")  # fmt: skip
FLUXES = ("flux_norm", "flux_limit", "sensitivity")


def test_a_source_by_hand(antares):
    """MG3 J225517+2409 with 1 deg; the steps are those of docs/limits.md."""
    found = search(antares, 343.821, 24.15, 1.0)
    assert found.n_obs == 5
    # by hand: the density is 416.481 per sr at the centre, the area 2 pi (1 - cos 1 deg)
    assert found.n_bkg == pytest.approx(0.3985, abs=1e-4)
    assert found.containment == pytest.approx(1 - 2**-6.25)
    low, high = feldman_cousins(5, found.n_bkg, 0.9)
    assert (found.n_sig_lo, found.n_sig_up) == (low, high)
    # bin 0.4 to 0.5 in the sine, index 2: 1.61977e8 GeV cm2 s
    per_flux = 1.61977e8 * (1 - 2**-6.25)
    assert found.flux_limit == pytest.approx(high / per_flux, rel=1e-12)
    assert found.flux_norm == pytest.approx((5 - found.n_bkg) / per_flux, rel=1e-12)
    assert found.remark == [None]


def test_events_and_their_weights_by_hand(antares):
    found = search(antares, 343.821, 24.15, 1.0)
    inside = found.events
    assert list(antares.event_id[inside.event]) == [
        "ANT2969", "ANT0610", "ANT1350", "ANT3148", "ANT1885",
    ]  # fmt: skip
    where = SkyCoord(antares.ra[inside.event], antares.dec[inside.event], unit="deg")
    separation = where.separation(SkyCoord(343.821, 24.15, unit="deg")).deg
    assert inside.separation == pytest.approx(separation, abs=1e-10)
    beta = antares.ang_err[inside.event]
    signal = np.exp(-((separation / beta) ** 2)) / (np.pi * np.radians(beta) ** 2)
    # by hand: the derivative of the polynomial at 24.7 deg is 41.039 per deg
    assert antares.polynomial.density(24.7) == pytest.approx(
        np.degrees(41.039) / 2 / np.pi / np.cos(np.radians(24.7)), rel=1e-5
    )
    background = antares.polynomial.density(antares.dec[inside.event])
    assert inside.weight == pytest.approx(signal / background)


@pytest.mark.parametrize(
    "source",
    [source for source in PUBLISHED["source"] if "events" in source],
    ids=lambda source: source["name"],
)
def test_published_numbers_of_events_are_those_of_the_sample(antares, source):
    found = search(antares, source["ra"], source["dec"], source["radius"])
    assert found.n_obs == source["events"]


def test_events_inside_are_those_of_astropy(antares):
    random = np.random.default_rng(2)
    ra, dec = random.uniform(0, 360, 30), random.uniform(-90, 53, 30)
    radius = random.uniform(0.2, 40, 30)
    found = search(antares, ra, dec, radius)
    everything = SkyCoord(antares.ra, antares.dec, unit="deg")
    for row in range(30):
        away = everything.separation(SkyCoord(ra[row], dec[row], unit="deg")).deg
        assert found.n_obs[row] == np.count_nonzero(away <= radius[row])
        mine = found.events.event[found.events.source == row]
        assert set(mine) == set(np.flatnonzero(away <= radius[row]))


def test_many_sources_are_each_as_if_alone(antares):
    random = np.random.default_rng(4)
    ra, dec = random.uniform(0, 360, 40), random.uniform(-90, 90, 40)
    index = random.uniform(1.4, 3.1, 40)
    together = search(antares, ra, dec, None, index)
    for row in range(0, 40, 7):
        alone = search(antares, ra[row], dec[row], None, index[row])
        for name in NUMBERS:
            both = getattr(together, name)[row], getattr(alone, name)[0]
            assert both[0] == pytest.approx(both[1], rel=1e-9, nan_ok=True), name
        assert together.remark[row] == alone.remark[0]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((10, 60), "declination"),
        ((10, 53.5), "declination"),
        ((np.nan, 0), "position"),
        ((10, np.inf), "position"),
        ((10, 90.1), "position"),
        ((361, 0), "position"),
        ((10, 0, 0), "radius"),
        ((10, 0, -1), "radius"),
        ((10, 0, 90), "radius"),
        ((10, 0, np.inf), "radius"),
    ],
)
def test_source_that_cannot_be_searched_has_no_numbers_and_a_remark(antares, arguments, word):
    found = search(antares, *arguments)
    for name in NUMBERS:
        assert np.isnan(getattr(found, name)).all(), name
    assert word in found.remark[0]


@pytest.mark.parametrize("index", [1.49, 3.01, np.nan, -2, np.inf])
def test_index_outside_the_table_has_counts_but_no_flux(antares, index):
    found = search(antares, 98.24, 5.81, index=index)
    assert found.n_obs == 1
    for name in NUMBERS:
        assert np.isnan(getattr(found, name)).all() == (name in FLUXES), name
    assert "spectral index" in found.remark[0]


def test_circle_that_reaches_beyond_what_is_seen_has_a_remark(antares):
    found = search(antares, 10, [52.5, 40, -89], [1, 20, 3])
    assert ["does not see" in (remark or "") for remark in found.remark] == [True, True, False]
    assert np.isfinite(found.flux_limit).all()


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        (dict(ra="x", dec=0), "ra"),
        (dict(ra=0, dec="north"), "dec"),
        (dict(ra=[1, 2, 3], dec=[1, 2]), "ra"),
        (dict(ra=0, dec=0, confidence=0), "confidence"),
        (dict(ra=0, dec=0, confidence=1), "confidence"),
        (dict(ra=0, dec=0, confidence=float("nan")), "confidence"),
    ],
)
def test_argument_that_is_wrong_for_all_rows_is_an_error_that_names_it(
    antares, arguments, parameter
):
    with pytest.raises(AnalysisError) as error:
        search(antares, **arguments)
    assert error.value.parameter == parameter
    assert parameter in str(error.value)


def test_masked_radius_is_the_best_one_and_a_masked_position_is_none(antares):
    radius = np.ma.array([1.0, 5.0], mask=[False, True])
    found = search(antares, np.ma.array([10, 98.24]), [0, 5.81], radius)
    assert list(found.radius) == [1.0, 0.88]
    assert "position" in search(antares, np.ma.array([10], mask=[True]), 0).remark[0]


def test_no_source_is_an_empty_answer(antares):
    found = search(antares, [], [])
    assert len(found) == 0
    assert len(found.events.event) == 0


def test_event_without_an_angular_error_has_the_weight_of_the_resolution(antares):
    unknown = dataclasses.replace(antares, ang_err=np.full(len(antares.dec), np.nan))
    found = search(unknown, 98.24, 5.81).events
    beta = np.radians(0.4) / np.sqrt(np.log(2))
    signal = np.exp(-((np.radians(found.separation) / beta) ** 2)) / np.pi / beta**2
    assert found.weight == pytest.approx(signal / antares.polynomial.density(5.9), rel=1e-9)


@given(st.floats(5e-324, 1, exclude_min=False), st.floats(-90, 53))
@settings(max_examples=60, deadline=None)
@example(1e-300, 5.81)
@example(5e-324, -90.0)
def test_a_radius_has_fluxes_or_is_too_small_for_them(antares, radius, dec):
    found = search(antares, 98.24, dec, radius)
    for name in NUMBERS:
        values = getattr(found, name)
        assert np.isfinite(values).all() or name in FLUXES, name
        too_small = found.containment[0] < 1e-12
        assert np.isnan(values).all() == (too_small and name in FLUXES), name
        assert not np.isinf(values).any(), name
    assert ("too small" in (found.remark[0] or "")) == too_small


@given(
    st.lists(st.tuples(st.floats(), st.floats(), st.floats(), st.floats()), min_size=1, max_size=5)
)
@settings(max_examples=40, deadline=None)
def test_any_numbers_give_numbers_or_a_remark(antares, rows):
    found = search(antares, *np.array(rows).T)
    for row, remark in enumerate(found.remark):
        complete = all(np.isfinite(getattr(found, name)[row]) for name in NUMBERS)
        assert complete or remark
        if complete:
            assert 0 <= found.n_sig_lo[row] <= found.n_sig_up[row]
            assert 0 <= found.p_value[row] <= 1
            assert found.flux_norm[row] >= 0


def test_sample_with_arrays_of_different_lengths_is_refused(antares):
    with pytest.raises(AnalysisError) as error:
        dataclasses.replace(antares, ra=antares.ra[1:])
    assert error.value.parameter == "ra"


def test_the_python_of_dachs_finds_the_same(antares: Sample, delivered: Path):
    script = """
import json, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from analysis import Acceptance, Polynomial, Region, Sample, search, search_region
folder = sys.argv[2]
dec, ra, _, beta, mjd = np.loadtxt(folder + "/PublicData_0717.dat", comments="#").T
sample = Sample("ant20_01", np.arange(len(dec)), ra, dec, beta, mjd,
                Polynomial.from_text(open(folder + "/background.txt").read()),
                Acceptance.from_text(open(folder + "/acceptance.txt").read()), 0.4)
found = search(sample, [98.24, 343.821], [5.81, 24.15], index=[2, 2.5])
region = search_region(sample, Region.from_moc_text("3/1,4-6 5/100"))
print(json.dumps([list(found.flux_limit), region.flux_limit, sorted(
    name for name in sys.modules if name.split(".")[0] in ("astropy", "scipy", "km3vo"))]))
"""
    done = subprocess.run(
        ["/usr/bin/python3", "-c", script, ROOT / "km3vo", delivered / "ant20_01"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    limits, of_region, modules = json.loads(done.stdout)
    assert limits == pytest.approx(
        list(search(antares, [98.24, 343.821], [5.81, 24.15], index=[2, 2.5]).flux_limit)
    )
    assert of_region > 0
    assert not modules
