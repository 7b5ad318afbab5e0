"""The background of ANTARES: its published polynomial, and the sample with scrambled directions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from km3vo.analysis import AnalysisError, Polynomial, search

ANTARES = Polynomial.from_text(
    "6720.96 70.914 -0.613972 -0.000920235 5.27896e-05 -4.42398e-07 -3.97395e-09"
)


def by_polar_grid(polynomial: Polynomial, dec: float, radius: float) -> float:
    """Integrate the density over a circle in polar coordinates around its centre."""
    steps, directions = 600, 720
    psi = np.radians(radius) * (np.arange(steps) + 0.5)[:, None] / steps
    phi = 2 * np.pi * (np.arange(directions) + 0.5) / directions
    sine = np.sin(np.radians(dec)) * np.cos(psi)
    sine = sine + np.cos(np.radians(dec)) * np.sin(psi) * np.cos(phi)
    density = polynomial.density(np.degrees(np.arcsin(np.clip(sine, -1, 1))))
    area = np.sin(psi) * np.radians(radius) / steps * 2 * np.pi / directions
    return float((density * area).sum())


def test_number_below_20_degrees_is_that_of_the_collaborations_own_program():
    # FACTS of the release: ana20_01_bkg.evaluate(20)
    assert ANTARES.below(20) == pytest.approx(7893.0656496, abs=1e-7)


def test_polynomial_is_used_only_where_it_grows():
    # by hand: P'(54.02) = 0 within rounding, P' > 0 from -90
    assert ANTARES.south == -90
    assert ANTARES.north == pytest.approx(54.0229, abs=1e-4)
    assert np.isnan(ANTARES.below([54.1, 60, 90, np.nan])).all()
    assert list(ANTARES.density([54.1, 60, 90])) == [0, 0, 0]
    assert np.isnan(ANTARES.in_circle(60, 1))


@given(st.floats(-85, 54), st.floats(0.05, 89.9))
@example(-45.0, 45.0)
@example(0.0, 89.9)
@example(50.0, 60.0)
@example(54.0, 1.0)
@settings(max_examples=40, deadline=None)
def test_number_in_a_circle_is_the_integral_of_the_density(dec, radius):
    # the grid itself is exact to 1e-3, and less so where the south pole is inside
    expected = by_polar_grid(ANTARES, dec, radius)
    assert float(ANTARES.in_circle(dec, radius)) == pytest.approx(expected, rel=4e-3)


def test_circle_around_the_pole_has_the_number_of_its_band():
    # the number below -80 without that of the pole itself, 0.29976
    assert ANTARES.in_circle(-90, 10) == pytest.approx(159.7441536 - 0.29975925, abs=1e-6)


def test_constant_density_gives_density_times_area():
    # P = 1000 sin(dec) has the density 1000 / 2 pi; as a series in deg, up to 25 deg
    degree = np.pi / 180
    sine = np.zeros(14)
    sine[1::2] = [(-1) ** k * degree ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(7)]
    flat = Polynomial(1000 * sine)
    for dec, radius in ((0, 10), (14, 5), (-20, 3)):
        cap = 1000 * (1 - np.cos(np.radians(radius)))
        assert flat.in_circle(dec, radius) == pytest.approx(cap, rel=1e-8)


def test_simpler_formula_differs_as_the_document_states():
    """The publisher's program takes the mean density of the band, and a flat circle."""

    def simple(dec, radius):
        low, high = dec - radius, dec + radius
        band = 2 * np.pi * (np.sin(np.radians(high)) - np.sin(np.radians(low)))
        return ANTARES.in_band(low, high) / band * np.pi * np.radians(radius) ** 2

    dec = np.arange(-80, 50.1, 0.5)
    for radius, largest in ((1.0, 0.0003), (2.5, 0.0014)):
        ratio = simple(dec, radius) / ANTARES.in_circle(dec, radius)
        assert np.abs(ratio - 1).max() < largest


@pytest.mark.parametrize("text", ["", "1", "a b c", "1 nan", "5 0 0", "1 -1"])
def test_file_that_is_no_cumulative_polynomial_is_refused(text):
    with pytest.raises(AnalysisError) as error:
        Polynomial.from_text(text)
    assert error.value.parameter == "background"


def test_scrambled_background_is_the_mean_over_scrambled_samples(antares):
    sources = np.array([[0.0, 100.0, 200.0], [-88.0, -30.0, 40.0]])
    radius = 4.0
    found = search(antares, *sources, radius)
    random = np.random.default_rng(7)
    counts = []
    for _ in range(300):
        ra = random.uniform(0, 360, len(antares.ra))
        cosine = np.sin(np.radians(antares.dec)) * np.sin(np.radians(sources[1]))[:, None]
        cosine = cosine + np.cos(np.radians(antares.dec)) * np.cos(np.radians(sources[1]))[
            :, None
        ] * np.cos(np.radians(ra - sources[0][:, None]))
        counts.append((cosine >= np.cos(np.radians(radius))).sum(axis=1))
    mean, error = np.mean(counts, axis=0), np.std(counts, axis=0) / np.sqrt(300)
    assert (np.abs(found.n_bkg_scrambled - mean) < 4 * np.maximum(error, 0.02)).all()


@pytest.mark.parametrize("radius", [1, 3, 5, 10, 20])
def test_scrambled_and_polynomial_background_agree_over_the_sky(antares, radius):
    dec = np.arange(-85, 50.1, 5)
    found = search(antares, np.zeros_like(dec), dec, radius)
    pull = (found.n_bkg_scrambled - found.n_bkg) / found.n_bkg_err
    assert np.sqrt((pull**2).mean()) < 1.25
    assert np.abs(pull).max() < 3.5
