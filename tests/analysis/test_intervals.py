"""Intervals against the printed tables, a plain construction on a grid, and their definition."""

from __future__ import annotations

import csv
import itertools
import subprocess
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from km3vo.analysis import AnalysisError, feldman_cousins, p_value, sensitivity
from km3vo.analysis.belt import STEP

ROOT = Path(__file__).parents[2]
DEBIAN = Path("/usr/bin/python3")
CONFIDENCES = (0.6827, 0.9, 0.95, 0.99)
BACKGROUNDS = (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, *range(5, 16))
"""Those of the tables."""

TABLE_XII = {
    0.6827: (1.29, 1.52, 1.82, 2.07, 2.29, 2.45, 2.62, 2.78, 2.91),
    0.9: (
        *(2.44, 2.86, 3.28, 3.62, 3.94, 4.20, 4.42, 4.63, 4.83, 5.18),
        *(5.53, 5.90, 6.18, 6.49, 6.76, 7.02, 7.28, 7.51, 7.75, 7.99),
    ),
}
"""Mean upper ends without signal, which the authors call the sensitivity, of the first backgrounds.

They are from mxmeier/feldman_cousins, feldman_cousins/tests/test_sensitivity.py, and from a second
program, which has the line for 90 %.
"""

confidences = st.sampled_from(CONFIDENCES) | st.floats(0.5, 0.9999)
backgrounds = st.floats(0, 60) | st.sampled_from(BACKGROUNDS)
numbers = st.integers(0, 90)


def printed(value: float) -> Decimal:
    """Return a value with the two digits of the tables."""
    return Decimal(repr(float(value))).quantize(Decimal("0.01"), ROUND_HALF_UP)


def accepted(mean: float, background: float, confidence: float) -> npt.NDArray[np.bool_]:
    """Return which numbers the construction accepts, as the paper describes it."""
    n = np.arange(int(max(mean, background) + 15 * np.sqrt(max(mean, background)) + 40))
    probability = poisson.pmf(n, mean)
    # rounding makes the best rank first where several are equal at mean == background
    ratio = poisson.logpmf(n, mean) - poisson.logpmf(n, np.maximum(n, background))
    order = np.lexsort((abs(n - mean), -np.round(ratio, 12)))
    before = np.cumsum(probability[order]) - probability[order]
    result = np.zeros(len(n), bool)
    result[order[before < confidence]] = True
    return result


def test_ends_are_those_that_the_paper_prints() -> None:
    with (Path(__file__).parent / "feldman_cousins.csv").open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert len(rows) == 1169
    wrong = []
    for confidence in CONFIDENCES:
        mine = [row for row in rows if float(row["confidence"]) == confidence]
        n, background = ([float(row[key]) for row in mine] for key in ("n", "background"))
        ends = feldman_cousins(n, background, confidence)
        for row, low, high in zip(mine, *ends, strict=True):
            found = printed(low if row["end"] == "low" else high)
            if found != Decimal(row["printed"]) and not row["doubt"]:
                wrong.append((row, found))
    assert not wrong
    assert sum(bool(row["doubt"]) for row in rows) == 4


@pytest.mark.parametrize(("confidence", "means"), TABLE_XII.items())
def test_mean_upper_ends_are_those_of_table_xii(
    confidence: float, means: tuple[float, ...]
) -> None:
    # the authors' ends are on a grid with steps of 0.005, so their means are smaller by that
    n = np.arange(80)[:, None]
    background = np.array(BACKGROUNDS[: len(means)], float)
    upper = feldman_cousins(n, background, confidence)[1]
    np.testing.assert_allclose(
        (poisson.pmf(n, background) * upper).sum(axis=0), means, rtol=0, atol=0.01
    )


@pytest.mark.parametrize("background", [0.0, 1.5, 3.7, 8.0, 15.0])
def test_ends_are_those_of_the_construction_on_a_grid(background: float) -> None:
    step = 0.02
    signal = np.arange(0, 30, step)
    for confidence in CONFIDENCES:
        belt = np.array([accepted(background + s, background, confidence)[:12] for s in signal])
        low, high = feldman_cousins(np.arange(12), background, confidence)
        for n in range(12):
            inside = signal[belt[:, n]]
            assert low[n] <= inside[0] + 1e-9
            assert low[n] > inside[0] - step - 1e-9
            assert high[n] >= inside[-1] - 1e-9
            # below the background, the upper ends are lengthened
            if n >= background:
                assert high[n] < inside[-1] + step + 1e-9


@settings(max_examples=60, deadline=None)
@given(n=st.integers(0, 5000), excess=st.floats(-4, 4), confidence=confidences)
def test_ends_separate_accepted_from_other_means(n: int, excess: float, confidence: float) -> None:
    background = max(n + excess * np.sqrt(n + 1), 0)
    low, high = (float(end) for end in feldman_cousins(n, background, confidence))
    small = 1e-6 * (1 + high)
    if low > 0:
        assert accepted(background + low + small, background, confidence)[n]
        assert not accepted(background + low - small, background, confidence)[n]
    if n >= background:
        assert accepted(background + high - small, background, confidence)[n]
    for further in (small, 0.01, 0.1, 1):
        above = accepted(background + high + further, background, confidence)
        assert n >= len(above) or not above[n]


@settings(max_examples=100, deadline=None)
@given(n=numbers, background=backgrounds, confidence=confidences)
def test_the_best_signal_is_inside(n: int, background: float, confidence: float) -> None:
    low, high = feldman_cousins(n, background, confidence)
    assert 0 <= low <= max(n - background, 0) <= high


@settings(max_examples=30, deadline=None)
@given(background=backgrounds, confidence=confidences)
def test_ends_increase_with_the_number_of_events(background: float, confidence: float) -> None:
    low, high = feldman_cousins(np.arange(100), background, confidence)
    assert np.all(np.diff(low) >= 0)
    assert np.all(np.diff(high) > 0)


@settings(max_examples=100, deadline=None)
@given(n=numbers, background=st.lists(backgrounds, min_size=2, max_size=30), confidence=confidences)
def test_upper_ends_do_not_increase_with_the_background(
    n: int, background: list[float], confidence: float
) -> None:
    high = feldman_cousins(n, np.sort(background), confidence)[1]
    assert np.all(np.diff(high) <= 1e-9)


@settings(max_examples=60, deadline=None)
@given(
    signal=st.lists(st.floats(0, 20), min_size=1, max_size=30),
    background=st.floats(0, 20),
    confidence=confidences,
)
def test_intervals_cover_every_signal(
    signal: list[float], background: float, confidence: float
) -> None:
    n = np.arange(100)
    low, high = feldman_cousins(n, background, confidence)
    for value in signal:
        covers = (low <= value) & (value <= high)
        covered = poisson.pmf(n, value + background)[covers].sum()
        # neglected pieces are narrower than a step, in which a probability changes by 0.4 of it
        assert covered >= confidence - 0.4 * STEP


def test_coverage_exceeds_the_confidence_as_numbers_are_whole() -> None:
    # the mean over signals from 0 to 10 events; the paper's Section IV explains it
    n, signal = np.arange(80)[:, None], np.linspace(0, 10, 2001)
    low, high = feldman_cousins(n, 3.0)
    covered = np.where((low <= signal) & (signal <= high), poisson.pmf(n, signal + 3.0), 0)
    assert covered.sum(axis=0).min() >= 0.9
    assert 0.9 < covered.sum(axis=0).mean() < 0.94


@pytest.mark.parametrize("scale", [1e3, 1e5])
def test_many_events_give_the_interval_of_a_normal_distribution(scale: float) -> None:
    low, high = feldman_cousins(scale, scale / 2)
    np.testing.assert_allclose(
        [low, high], scale / 2 + np.array([-1.645, 1.645]) * np.sqrt(scale), rtol=3 / scale**0.75
    )


def test_a_small_confidence_gives_no_empty_interval() -> None:
    low, high = feldman_cousins(np.arange(30), 12.3, 0.05)
    assert np.all((low <= high) & (low <= np.maximum(np.arange(30) - 12.3, 0)))
    assert high[0] >= 0


def test_arrays_of_any_shape_are_broadcast() -> None:
    n, background = np.arange(6).reshape(2, 1, 3), np.array([[0.5], [2.0]])
    low, high = feldman_cousins(n, background)
    assert low.shape == high.shape == p_value(n, background).shape == (2, 2, 3)
    for place in itertools.product(range(2), range(2), range(3)):
        one = feldman_cousins(n[place[0], 0, place[2]], background[place[1], 0])
        np.testing.assert_allclose((low[place], high[place]), one, rtol=1e-12)
    assert feldman_cousins([], 1.0)[0].shape == sensitivity([]).shape == (0,)
    assert feldman_cousins(3, 1.0)[0].shape == sensitivity(1.0).shape == ()


def test_long_lists_are_computed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    n, background = np.arange(50), np.linspace(0, 60, 50)
    whole = feldman_cousins(n, background)
    monkeypatch.setattr("km3vo.analysis.intervals._COMPARED", 500)
    np.testing.assert_allclose(feldman_cousins(n, background), whole, rtol=1e-12)


def test_what_is_not_known_stays_unknown() -> None:
    n, background = [np.nan, 2, 2], [1.0, np.nan, 1.0]
    for values in (*feldman_cousins(n, background), p_value(n, background)):
        assert np.isnan(values).tolist() == [True, True, False]
    assert np.isnan(sensitivity([np.nan, 1.0])).tolist() == [True, False]


@pytest.mark.parametrize("n", [-1, 0.5, np.inf])
def test_numbers_that_cannot_be_observed_are_refused(n: float) -> None:
    for function in (feldman_cousins, p_value):
        with pytest.raises(AnalysisError) as caught:
            function([1, n], 2.0)
        assert caught.value.parameter == "n"
        assert caught.value.value == n
        assert "n" in str(caught.value)


@pytest.mark.parametrize("background", [-1e-9, np.inf])
def test_impossible_backgrounds_are_refused(background: float) -> None:
    for call in (lambda: feldman_cousins(1, background), lambda: p_value(1, background)):
        with pytest.raises(AnalysisError, match="background"):
            call()
    with pytest.raises(AnalysisError, match="background"):
        sensitivity([1.0, background])


@pytest.mark.parametrize("confidence", [0, 1, 1 - 1e-15, -0.5, 90, np.nan, "much", [0.9, 0.95]])
def test_confidences_outside_0_to_1_or_too_high_are_refused(confidence: float) -> None:
    for call in (lambda: feldman_cousins(1, 1, confidence), lambda: sensitivity(1, confidence)):
        with pytest.raises(AnalysisError) as caught:
            call()
        assert caught.value.parameter == "confidence"


@settings(max_examples=300, deadline=None)
@given(n=st.integers(0, 20000), background=st.floats(0, 20000))
def test_p_values_are_those_of_scipy(n: int, background: float) -> None:
    expected = poisson.sf(n - 1, background)
    np.testing.assert_allclose(p_value(n, background), expected, rtol=1e-9, atol=1e-300)


def test_the_sensitivity_is_the_median_upper_end() -> None:
    background = np.concatenate([np.linspace(0, 30, 3001), [200, 999.5, 4321]])
    median = poisson.median(background)
    assert np.array_equal(sensitivity(background), feldman_cousins(median, background)[1])
    assert printed(sensitivity(0.0)) == Decimal("2.44")
    # Table IV: the median of a background of 3 is 3 events
    assert printed(sensitivity(3.0)) == Decimal("4.42")


@pytest.mark.skipif(not DEBIAN.exists(), reason="no Python of the system, in which DaCHS runs")
def test_the_python_of_dachs_gives_the_same() -> None:
    code = (
        "from km3vo.analysis import *; import numpy as np; b = np.linspace(0, 40, 81);"
        "n = np.arange(81) // 2; low, high = feldman_cousins(n, b);"
        "print([x.tolist() for x in (low, high, p_value(n, b), sensitivity(b))])"
    )
    done = subprocess.run(
        [DEBIAN, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    background, n = np.linspace(0, 40, 81), np.arange(81) // 2
    ends = feldman_cousins(n, background)
    expected = (*ends, p_value(n, background), sensitivity(background))
    np.testing.assert_allclose(eval(done.stdout), expected, rtol=1e-12)
