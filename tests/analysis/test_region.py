"""Regions of the sky, and what ANTARES' sample says of them."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy_healpix import HEALPix
from hypothesis import given, settings
from hypothesis import strategies as st
from mocpy import MOC

from km3vo.analysis import AnalysisError, Region, search, search_region
from km3vo.analysis.healpix import centres
from km3vo.analysis.region_rings import expected_in_rings, rings_of, shares_of_events

WHOLE = Region.from_moc_text("0/0-11")
CELLS = st.lists(
    st.integers(0, 6).flatmap(
        lambda order: st.tuples(st.just(order), st.integers(0, 12 * 4**order - 1))
    ),
    min_size=1,
    max_size=8,
)


def moc_of(found: list[tuple[int, int]]) -> MOC:
    orders, cells = np.array(found, dtype=np.uint64).T
    return MOC.from_healpix_cells(cells, orders.astype(np.uint8), max_depth=8)


def gaussian(order: int, ra: float, dec: float, sigma: float) -> np.ndarray:
    """Probabilities of the cells of a map, NESTED."""
    cell = np.arange(12 * 4**order)
    where = SkyCoord(*centres(order, cell), unit="deg")
    away = where.separation(SkyCoord(ra, dec, unit="deg")).deg
    value = np.exp(-((away / sigma) ** 2) / 2)
    return value / value.sum()


@given(CELLS)
@settings(max_examples=60, deadline=None)
def test_coverage_maps_are_read_as_mocpy_reads_them(found):
    region = Region.from_moc_text(" ".join(f"{order}/{cell}" for order, cell in found))
    expected = moc_of(found)
    assert region.area == pytest.approx(expected.sky_fraction * 41252.96125, rel=1e-9)
    assert moc_of(list(zip(region.order, region.cell, strict=True))) == expected


def test_a_cell_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(AnalysisError, match=r"3/999999.*cells of order 3 from 0 to 767"):
        Region.from_moc_text("3/999999")


@pytest.mark.parametrize("text", ["", "  ", "3/", "4/", "3/ 5/"])
def test_coverage_map_without_cells_is_an_error(text):
    with pytest.raises(AnalysisError) as error:
        Region.from_moc_text(text)
    assert error.value.parameter == "region"


BAD_TEXTS = ["x", "3", "3/a", "0/12", "3/5-2", "30/1", "3/1;2", "1,2 3/4", "3/1-5/10", "/1", "3//1"]
LARGE_TEXTS = ["1" * 300_000, "0/1" + " " * 300_000 + "x", "0/" + "1" * 5000, "1" * 5000 + "/1"]


@pytest.mark.parametrize("text", BAD_TEXTS + LARGE_TEXTS, ids=lambda text: text[:12])
def test_text_that_is_no_coverage_map_is_an_error(text):
    with pytest.raises(AnalysisError) as error:
        Region.from_moc_text(text)
    assert error.value.parameter == "region"


def test_coverage_map_may_have_blanks_and_commas_anywhere():
    region = Region.from_moc_text(" 1 / 3 , 5-6, 2/ 80\n3/")
    assert list(zip(region.order, region.cell, strict=True)) == [(1, 3), (1, 5), (1, 6), (2, 80)]


def test_overlap_is_found_where_the_sum_of_the_cells_overflows():
    with pytest.raises(AnalysisError, match="overlap"):
        Region.from_uniq(np.full(65, 4), np.full(65, 1 / 65))  # 64 cells have 2^64 of order 29


@given(CELLS)
@settings(max_examples=60, deadline=None)
def test_background_of_a_region_is_the_sum_of_its_fine_cells(antares, found):
    region = Region.from_moc_text(" ".join(f"{order}/{cell}" for order, cell in found))
    by_ring = rings_of(region)
    ours = expected_in_rings(antares, by_ring).sum()
    # the density at the centres of cells of order 8, away from the south pole
    fine = moc_of(found).flatten().astype(np.int64)
    dec = centres(8, fine)[1]
    expected = (antares.polynomial.density(dec) * 4 * np.pi / 12 / 4**8).sum()
    # at +54 deg the density ends
    assert ours == pytest.approx(expected, rel=2e-3, abs=0.02)


@given(CELLS)
@settings(max_examples=30, deadline=None)
def test_share_of_a_parallel_is_that_of_points_on_it(antares, found):
    text = " ".join(f"{order}/{cell}" for order, cell in found)
    shares = shares_of_events(antares, rings_of(Region.from_moc_text(text)))
    ra = np.linspace(0, 360, 4000, endpoint=False)
    moc = moc_of(found)
    for event in (0, 4000, 8000):
        dec = np.full(len(ra), antares.dec[event])
        inside = moc.contains_lonlat(ra * u.deg, dec * u.deg)
        # the share of a larger cell is that of its 4^n cells of order 9
        assert shares[event] == pytest.approx(inside.mean(), abs=3e-3)


def test_whole_sky_has_all_events(antares):
    found = search_region(antares, WHOLE)
    assert found.n_obs == 8754
    assert found.n_bkg_scrambled == pytest.approx(8754)
    # the polynomial between its ends: 8762.275 - 0.300
    assert found.n_bkg == pytest.approx(8761.975, abs=0.05)
    assert found.area == pytest.approx(41252.96125)
    assert "the sample sees 90" in found.remark
    assert found.bands.n_obs.sum() == 8754
    assert found.bands.area.sum() == pytest.approx(41252.96125)


def test_events_of_a_region_are_those_of_mocpy(antares):
    text = "1/20 3/200-230 6/1000-3000 11/40000000-41000000"
    found = search_region(antares, Region.from_moc_text(text))
    inside = MOC.from_string(text).contains_lonlat(antares.ra * u.deg, antares.dec * u.deg)
    assert list(found.event) == list(np.flatnonzero(inside))
    pull = (found.n_bkg_scrambled - found.n_bkg) / found.n_bkg_err
    assert abs(pull) < 4


def test_source_in_the_region_is_the_average_of_sources_at_its_cells(antares):
    """With the same cells, the limit is what `search` gives for each, weighted."""
    chance = gaussian(7, 98, 5, 2.0)
    found = search_region(antares, Region.from_map(chance), 2.3)
    cell = np.flatnonzero(chance > 1e-12)
    each = search(antares, *centres(7, cell), index=2.3)
    weight = chance[cell] / chance[cell].sum()
    for mean, name in (
        (found.source_obs, "n_obs"),
        (found.source_bkg, "n_bkg"),
        (found.source_sig_up, "n_sig_up"),
        (found.source_sig_lo, "n_sig_lo"),
        (found.flux_limit, "flux_limit"),
        (found.flux_norm, "flux_norm"),
        (found.sensitivity, "sensitivity"),
    ):
        assert mean == pytest.approx(weight @ getattr(each, name), rel=5e-3, abs=1e-4), name


def test_maps_in_ring_scheme_in_uniq_and_as_density_are_the_same(antares):
    chance = gaussian(5, 200, -30, 5.0)
    grid = HEALPix(32)
    in_rings = chance[grid.ring_to_nested(np.arange(len(chance)))]
    cell = np.arange(len(chance))
    area = 41252.96125 / len(chance)
    expected = search_region(antares, Region.from_map(chance))
    for region in (
        Region.from_map(in_rings, nested_cells=False),
        Region.from_map(chance, nside=32),
        Region.from_map(chance / area, order=5, unit="deg2"),
        Region.from_map(chance / (4 * np.pi / len(chance)), unit="sr"),
        Region.from_uniq(4**6 + cell, chance),
    ):
        assert search_region(antares, region).flux_limit == pytest.approx(expected.flux_limit)


def test_uniq_numbers_of_all_orders_are_understood():
    order = np.arange(30)
    last = 12 * 4**order - 1
    region = Region.from_uniq(4 ** (order[-1] + 1) + last[-1:])
    assert (region.order[0], region.cell[0]) == (29, last[-1])
    for k in range(30):
        one = Region.from_uniq([4 ** (k + 1) + int(last[k])])
        assert (one.order[0], one.cell[0]) == (k, last[k])


def test_smallest_region_has_the_containment_and_no_cell_too_many():
    chance = gaussian(6, 10, 0, 4.0)
    region = Region.from_map(chance).smallest(0.9)
    reached = region.probability.sum()
    assert 0.9 <= reached < 0.9 + region.probability.min() * 1.0001
    # a Gaussian in two dimensions: r = sigma sqrt(2 ln 10), as a flat disc within 2 %
    assert region.area == pytest.approx(np.pi * 16 * 2 * np.log(10), rel=0.02)
    with pytest.raises(AnalysisError):
        WHOLE.smallest(0.9)


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        (lambda value: value * 0.9, "probability"),
        (lambda value: value * 0, "probability"),
        (lambda value: value * np.nan, "probability"),
        (lambda value: value[:-1], "probability"),
        (lambda value: value - 1e-3, "probability"),
    ],
)
def test_map_that_is_no_probability_is_an_error_that_names_it(change, parameter):
    with pytest.raises(AnalysisError) as error:
        Region.from_map(change(gaussian(3, 0, 0, 10.0)))
    assert error.value.parameter == parameter


def test_map_that_almost_sums_to_one_is_normalised():
    region = Region.from_map(gaussian(3, 0, 0, 10.0) * 1.03)
    assert region.probability.sum() == pytest.approx(1)


def test_cells_without_a_value_count_as_zero_and_are_mentioned(antares):
    chance = gaussian(4, 0, 0, 5.0)
    missing = np.argsort(chance)[:100]
    chance[missing[:50]], chance[missing[50:]] = np.nan, -1.6375e30
    found = search_region(antares, Region.from_map(chance))
    assert np.isfinite(found.flux_limit)
    assert "100 cells" in found.remark


@pytest.mark.parametrize("uniq", [[3], [0], [-4], [1.5], [], [[4, 5]], "x", [2**62 + 12 * 4**29]])
def test_numbers_that_are_no_cells_are_an_error(uniq):
    with pytest.raises(AnalysisError) as error:
        Region.from_uniq(uniq)
    assert error.value.parameter == "region"


def test_cells_of_a_map_that_overlap_are_an_error():
    with pytest.raises(AnalysisError):
        Region.from_uniq([4, 16], [0.5, 0.5])


def test_region_that_is_not_seen_has_no_limit_and_a_remark(antares):
    found = search_region(antares, Region.from_moc_text("3/63"))
    assert found.n_obs == 0
    assert np.isnan([found.n_bkg, found.p_value, found.n_sig_up, found.flux_limit]).all()
    assert found.remark == "the sample sees no part of the region"


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        (dict(index=1.2), "index"),
        (dict(index=float("nan")), "index"),
        (dict(confidence=2), "confidence"),
        (dict(containment=0.9), "containment"),
    ],
)
def test_argument_of_a_region_that_is_wrong_is_named(antares, arguments, parameter):
    with pytest.raises(AnalysisError) as error:
        search_region(antares, WHOLE, **arguments)
    assert error.value.parameter == parameter
