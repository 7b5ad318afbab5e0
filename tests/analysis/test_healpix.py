"""Our HEALPix cells against astropy-healpix."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy_healpix import HEALPix
from hypothesis import given, settings
from hypothesis import strategies as st

from km3vo.analysis import healpix


def directions(count: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    ra = np.append(random.uniform(0, 360, count), [0, 360, 90.001, 45, 359.99999])
    dec = np.degrees(np.arcsin(random.uniform(-1, 1, count)))
    return ra, np.append(dec, [90, -90, 0, 41.9, -41.7])


@pytest.mark.parametrize("order", [0, 1, 2, 6, 11, 20, 29])
def test_cells_and_centres_are_those_of_astropy_healpix(order):
    grid = HEALPix(2**order, order="nested")
    ra, dec = directions()
    cell = healpix.cells(order, ra, dec)
    assert (cell == grid.lonlat_to_healpix(ra * u.deg, dec * u.deg)).all()
    found_ra, found_dec = healpix.centres(order, cell)
    lon, lat = grid.healpix_to_lonlat(cell)
    assert np.abs((found_ra - lon.deg + 180) % 360 - 180).max() < 1e-9
    # next to a pole the sine of the declination has fewer digits
    assert np.abs(found_dec - lat.deg).max() < 1e-6


@pytest.mark.parametrize("order", [0, 1, 4, 12, 25])
def test_numbers_of_the_ring_scheme_are_those_of_astropy_healpix(order):
    size = 12 * 4**order
    some = np.random.default_rng(5).integers(0, size, 2000) if size > 5000 else np.arange(size)
    some = np.append(some, [0, size - 1])
    expected = HEALPix(2**order).ring_to_nested(some)
    assert (healpix.nested(order, some) == expected).all()


def test_shares_of_a_parallel_in_all_cells_of_the_sky_sum_to_one():
    order = 3
    ring = healpix.rings(order, np.arange(12 * 4**order))
    for y in np.linspace(-1.99, 1.99, 37):
        shares = healpix.parallel_share(y - ring / 2**order, y, order)
        assert shares.sum() == pytest.approx(1)


@given(st.lists(st.tuples(st.integers(0, 12 * 4**6 - 1), st.integers(1, 500)), min_size=1))
@settings(deadline=None)
def test_cells_of_ranges_make_up_the_ranges_and_nothing_else(pieces):
    scale = 4**23
    first = np.array([begin * scale for begin, _ in pieces])
    last = np.minimum([(begin + size) * scale for begin, size in pieces], 12 * 4**29)
    order, cell = healpix.cells_of_ranges(*healpix.merged(first, last))
    expected = {
        number
        for begin, end in zip(first // scale, last // scale, strict=True)
        for number in range(begin, end)
    }
    found: list[int] = []
    for k, number in zip(order.tolist(), cell.tolist(), strict=True):
        shift = 2 * (6 - k)
        found += range(number << shift, (number + 1) << shift)
    assert len(found) == len(set(found))
    assert set(found) == expected
