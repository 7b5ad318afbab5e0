"""p-values corrected for trials, against their definitions and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from km3vo.analysis import AnalysisError, benjamini_hochberg, sidak

lists = st.lists(st.floats(0, 1), min_size=1, max_size=50)


@given(p=lists)
def test_sidak_is_the_probability_of_one_as_small_among_all(p: list[float]) -> None:
    np.testing.assert_allclose(sidak(p), 1 - (1 - np.array(p)) ** len(p), rtol=1e-12, atol=1e-12)


def test_sidak_keeps_the_precision_of_small_p_values() -> None:
    # to first order, trials times p
    np.testing.assert_allclose(sidak([1e-30, 0.5], trials=1000)[0], 1e-27, rtol=1e-12)
    assert sidak([1.0, 0.0]).tolist() == [1.0, 0.0]


@given(p=lists)
def test_benjamini_hochberg_is_that_of_scipy(p: list[float]) -> None:
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p), atol=1e-15)


@given(p=lists, q=st.floats(0.001, 0.999))
def test_benjamini_hochberg_selects_as_the_procedure_does(p: list[float], q: float) -> None:
    ordered = np.sort(p)
    ranks = np.flatnonzero(ordered <= q * np.arange(1, len(p) + 1) / len(p))
    number = 0 if not len(ranks) else ranks[-1] + 1
    adjusted = benjamini_hochberg(p)
    # at the limit itself, rounding decides
    assert np.sum(adjusted <= q * (1 - 1e-12)) <= number <= np.sum(adjusted <= q * (1 + 1e-12))


@given(p=lists)
def test_the_order_of_a_list_does_not_matter(p: list[float]) -> None:
    for correct in (sidak, benjamini_hochberg):
        assert np.array_equal(correct(p[::-1]), correct(p)[::-1])


def test_sources_that_were_not_tested_do_not_count() -> None:
    for correct in (sidak, benjamini_hochberg):
        found = correct([[0.01, np.nan], [0.2, 0.03]])
        assert np.isnan(found[0, 1])
        np.testing.assert_allclose(found[[0, 1, 1], [0, 0, 1]], correct([0.01, 0.2, 0.03]))
        assert correct([]).shape == (0,)
        assert np.isnan(correct(np.nan))


def test_true_null_hypotheses_are_rejected_as_often_as_stated() -> None:
    p = np.random.default_rng(1).uniform(size=(20000, 25))
    found = [sidak(list_).min() <= 0.1 for list_ in p]
    assert np.mean(found) == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / len(p)))
    found = [benjamini_hochberg(list_).min() <= 0.1 for list_ in p]
    assert np.mean(found) == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / len(p)))


@pytest.mark.parametrize("p", [-0.1, 1.1, np.inf])
def test_values_that_are_no_probabilities_are_refused(p: float) -> None:
    for correct in (sidak, benjamini_hochberg):
        with pytest.raises(AnalysisError) as caught:
            correct([0.5, p])
        assert caught.value.parameter == "p"


@pytest.mark.parametrize("trials", [0, 1, 2.5, True])
def test_fewer_trials_than_p_values_are_refused(trials: float) -> None:
    with pytest.raises(AnalysisError) as caught:
        sidak([0.1, 0.2], trials=trials)
    assert caught.value.parameter == "trials"
