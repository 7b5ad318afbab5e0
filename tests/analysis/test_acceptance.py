"""The acceptance table of ANTARES, and the containment of a source."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from km3vo.analysis import Acceptance, AnalysisError, best_radius, contained, feldman_cousins
from km3vo.analysis.poisson import pmf


@pytest.fixture(scope="module")
def table(delivered) -> np.ndarray:
    return np.loadtxt(delivered / "ant20_01" / "acceptance.txt")


def test_values_of_the_table_are_exact_at_its_indices(antares, table):
    sine = (np.arange(20) - 9.5) / 10
    dec = np.degrees(np.arcsin(sine))
    for row, index in enumerate(np.round(np.arange(1.5, 3.01, 0.1), 1)):
        assert (antares.acceptance.at(dec, index) == table[row] * 1e8).all()


def test_logarithm_is_linear_between_two_indices(antares):
    # by hand, at the equator: sqrt(2.02621 * 0.667098)e8
    assert antares.acceptance.at(-1, 2.05) == pytest.approx(
        np.sqrt(2.12918 * 0.707103) * 1e8, rel=1e-12
    )


def test_declination_at_the_edge_of_two_bins_has_the_value_of_the_northern_one(antares, table):
    edges = [-90, -30, 0, 30, np.degrees(np.arcsin(0.8)), 90]
    assert list(antares.acceptance.at(edges, 2.0) / 1e8) == [
        table[5][column] for column in (0, 5, 10, 15, 18, 19)
    ]


@given(st.floats(), st.floats())
def test_outside_the_table_there_is_no_value(dec, index):
    made = Acceptance.from_text("\n".join(["1 " * 20] * 16))
    inside = -90 <= dec <= 90 and 1.5 <= index <= 3
    assert np.isfinite(made.at(dec, index)) == inside


@pytest.mark.parametrize("text", ["", "1 2 3", "x", "\n".join(["1 " * 20] * 15 + ["0 " * 20])])
def test_file_that_is_no_table_of_acceptance_is_refused(text):
    with pytest.raises(AnalysisError) as error:
        Acceptance.from_text(text)
    assert error.value.parameter == "acceptance"


def test_half_of_a_sources_events_are_within_the_median_resolution():
    assert contained(0.4, 0.4) == pytest.approx(0.5)
    assert contained(1.0, 0.4) == pytest.approx(1 - 2**-6.25)


@pytest.mark.parametrize("background", [0.1, 0.2, 1.0])
def test_best_radius_gives_the_lowest_mean_limit_on_the_flux(background):
    """With events expected within the resolution as around ANTARES' sources: 0.15 to 0.25."""
    density = background / (np.pi * np.radians(0.4) ** 2)

    def mean_limit(radius: float) -> float:
        expected = background * (radius / 0.4) ** 2
        n = np.arange(40)
        limits = feldman_cousins(n, expected)[1]
        return float((pmf(n, expected) * limits).sum() / contained(radius, 0.4))

    best = float(best_radius(density, 0.4))
    others = [mean_limit(best * factor) for factor in (0.6, 0.8, 1.25, 1.6)]
    assert mean_limit(best) < min(others)


def test_no_background_has_no_best_radius():
    assert np.isnan(best_radius([0.0, np.nan], 0.4)).all()
