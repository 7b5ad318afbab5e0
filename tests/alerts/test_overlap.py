"""The overlap of two directions, against brute force and against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from astropy_healpix import level_ipix_to_uniq, uniq_to_level_ipix
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.alerts.skymaps import SkyMap, circle_overlap, concentration, make_map, overlap
from ingest.alerts.skymaps.multiorder import cell_centres, subdivide

FOUR_PI = 4 * math.pi
HIGH = 7
"""An order at least as high as that of all cells of :func:`random_map`."""


def random_map(dice: np.random.Generator, coverage: float = 1.0) -> SkyMap:
    """Return a map with cells of many orders, part of the sky left out."""
    cell, parts = np.arange(12), []
    for order in range(HIGH + 1):
        split = dice.random(len(cell)) < (0.6 if order < HIGH else 0)
        parts.append(level_ipix_to_uniq(order, cell[~split]))
        cell = subdivide(cell[split])
    uniq = np.concatenate(parts)
    uniq = uniq[dice.random(len(uniq)) < coverage]
    return SkyMap.from_cells(dice.permutation(uniq), dice.exponential(size=len(uniq)))


def flat(sky: SkyMap) -> np.ndarray:
    """Return the density in each cell of the order :data:`HIGH`."""
    values = np.zeros(12 * 4**HIGH)
    for order, cell, density in zip(*uniq_to_level_ipix(sky.uniq), sky.density, strict=True):
        size = 4 ** (HIGH - int(order))
        values[int(cell) * size : (int(cell) + 1) * size] = density
    return values


@given(seed=st.integers(0, 10**9), coverage=st.sampled_from([0.05, 0.5, 1.0]))
@settings(deadline=None, max_examples=25)
def test_it_is_that_of_brute_force_at_a_high_order_and_symmetric(seed, coverage):
    dice = np.random.default_rng(seed)
    one, other = random_map(dice, coverage), random_map(dice)
    brute = FOUR_PI * (flat(one) * flat(other)).mean() * FOUR_PI
    assert overlap(one, other) == pytest.approx(brute, rel=1e-12)
    assert overlap(other, one) == pytest.approx(brute, rel=1e-12)


def test_disjoint_maps_have_none_and_the_whole_sky_has_one():
    north = SkyMap.from_cells(level_ipix_to_uniq(0, np.arange(4)), np.ones(4))
    south = SkyMap.from_cells(level_ipix_to_uniq(2, np.arange(128, 192)), np.ones(64))
    sky = SkyMap.from_cells(level_ipix_to_uniq(1, np.arange(48)), np.ones(48))
    assert overlap(north, south) == 0
    assert overlap(north, sky) == pytest.approx(1)
    assert overlap(south, sky) == pytest.approx(1)
    # a third of the sky with itself: 4π (3/4π)² 4π/3
    assert overlap(north, north) == pytest.approx(3)


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.5, 20.0])
@pytest.mark.parametrize("radii", [(1.0, 1.0), (0.3, 5.0), (10.0, 25.0)])
def test_maps_of_two_fisher_distributions_have_the_overlap_of_the_closed_form(angle, radii):
    maps = [
        make_map(40.0, dec, radius=radius, containment=0.9)
        for dec, radius in zip((10.0, 10.0 + angle), radii, strict=True)
    ]
    kappas = [concentration(radius, 0.9) for radius in radii]
    # both maps consist of cells of a sixth of a width, and end where little is left
    assert overlap(*maps) == pytest.approx(circle_overlap(angle, *kappas), rel=0.01, abs=1e-3)


def test_the_closed_form_has_the_limits_of_flat_and_uniform_distributions():
    # two normal distributions in the plane: 4π / (2π s²) exp(-r² / 2 s²), s² = 1/k1 + 1/k2
    for angle in (0.0, 0.02, 0.05):
        square = 1 / 4e6 + 1 / 1e6
        normal = 2 / square * math.exp(-(math.radians(angle) ** 2) / (2 * square))
        assert circle_overlap(angle, 4e6, 1e6) == pytest.approx(normal, rel=1e-4)
    assert circle_overlap(33.0, 1e-9, 500.0) == pytest.approx(1, rel=1e-6)
    assert circle_overlap(180.0, 20.0, 20.0) == pytest.approx(
        20**2 / math.sinh(20) ** 2, rel=1e-9, abs=0
    )
    assert circle_overlap(0.0, 1e10, 1e10) == pytest.approx(1e10, rel=1e-9)
    assert circle_overlap(90.0, 1e10, 1e10) == 0


def test_a_small_circle_in_a_coarse_map_has_the_density_there():
    dice = np.random.default_rng(3)
    coarse = random_map(dice)
    ra, dec = (float(values[0]) for values in cell_centres(np.array([4]), np.array([777])))
    sky = make_map(ra, dec, radius=1e-3, containment=0.9)
    density = float(coarse.probability_density_at([ra], [dec])[0])
    assert overlap(sky, coarse) == pytest.approx(FOUR_PI * density, rel=1e-6)


def spiral(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return directions in deg that are spread evenly over the sphere."""
    number = np.arange(count)
    return number * 137.50776405 % 360, np.degrees(np.arcsin((2 * number + 1) / count - 1))


def test_it_is_one_on_average_over_all_rotations():
    ra, dec = spiral(400)
    sky = random_map(np.random.default_rng(4), 0.4)
    values = [
        overlap(make_map(a, d, radius=25.0, containment=0.9), sky)
        for a, d in zip(ra.tolist(), dec.tolist(), strict=True)
    ]
    assert np.std(values) > 0.2
    assert np.mean(values) == pytest.approx(1, abs=0.01)
    kappa = concentration(25.0, 0.9)
    circles = [circle_overlap(90.0 - d, kappa, 40.0) for d in spiral(4000)[1]]
    assert np.std(circles) > 2
    assert np.mean(circles) == pytest.approx(1, abs=1e-3)
