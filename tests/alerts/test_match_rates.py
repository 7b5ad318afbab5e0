"""The rates of chance pairs keep their promise: scrambled alerts have no more pairs than that."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import poisson

from ingest.alerts.matching.background import BINS, DeclinationDensity
from ingest.alerts.matching.rates import Rates, chance, spatiotemporal_far, temporal_far
from ingest.alerts.skymaps import circle_overlap, concentration
from ingest.alerts.skymaps.sphere import separations, unit_vectors

ALLOWED = 1e-4
"""Probability that a bound is exceeded by chance, for the seeds of these tests."""
LENGTH = 1e9
"""Duration of the simulated observation in s."""
COUNT = 10_000
RATE = COUNT / LENGTH
WINDOW = 1e5


def test_rates_are_those_of_raven():
    # untargeted: FAR_gw R_ext Δt; 310 bursts a year, 6 s, a candidate a month
    gw, burst = Rates(3.9e-7, 2.3e-5), Rates(None, 310 / 3.15576e7)
    assert temporal_far(6, gw, burst) == pytest.approx(6 * 3.9e-7 * 9.8233e-6, rel=1e-4)
    assert temporal_far(6, burst, gw) == temporal_far(6, gw, burst)
    # targeted: Z (1 + ln(Zmax / Z)) with the thresholds of both
    one, other = Rates(1e-6, 1e-4), Rates(2e-7, 2e-5)
    assert temporal_far(10, one, other) == pytest.approx(2e-12 * (1 + math.log(1e4)))
    # at the thresholds, this is the rate of all pairs
    assert temporal_far(10, Rates(1e-4, 1e-4), Rates(2e-5, 2e-5)) == pytest.approx(2e-8)
    assert spatiotemporal_far(2e-8, 50) == pytest.approx(4e-10)
    assert spatiotemporal_far(2e-8, 0) is None


def test_a_rate_may_be_as_small_as_a_sender_likes():
    tiny = Rates(5e-324, 1e-7)
    assert temporal_far(1000, tiny, Rates(1e-30, 1e-7)) == 0
    assert 0 < temporal_far(1e9, tiny, Rates(1e-7, 1e-7)) < 1e-318


def test_the_probability_of_a_partner_is_that_of_poisson():
    assert chance(0.3, None) == pytest.approx(1 - math.exp(-0.3))
    assert chance(1e-9, 100) == pytest.approx(1e-11)
    assert chance(0.3, 0) == 1


def directions(dice: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    return dice.uniform(0, 360, count), np.degrees(np.arcsin(dice.uniform(-1, 1, count)))


def pairs(one: np.ndarray, other: np.ndarray, window: float) -> np.ndarray:
    """Return the indices of all pairs of times within a window around the first ones."""
    order = np.argsort(other)
    first = np.searchsorted(other[order], one - window / 2)
    last = np.searchsorted(other[order], one + window / 2)
    return np.array(
        [(i, order[j]) for i in range(len(one)) for j in range(first[i], last[i])]
    ).reshape(-1, 2)


def assert_no_more_than_promised(fars: np.ndarray) -> None:
    """Check that pairs with at most some rate are not more than the rate says."""
    for expected in (1, 3, 10, 30, 100, 300, 1000):
        count = int((fars <= expected / LENGTH).sum())
        assert count <= poisson.isf(ALLOWED, expected), (expected, count)


def overlaps(
    dice: np.random.Generator,
    found: np.ndarray,
    places: list[tuple[np.ndarray, np.ndarray]],
    radii: tuple[tuple[float, ...], ...] = ((1.0, 3.0), (10.0, 30.0)),
) -> np.ndarray:
    """Return the overlaps of pairs of a small error circle with a large one."""
    vectors = [unit_vectors(*place) for place in places]
    kappas = [
        np.array([concentration(radius, 0.9) for radius in dice.choice(some, len(vectors[0]))])
        for some in radii
    ]
    angles = np.degrees(separations(vectors[0][found[:, 0]], vectors[1][found[:, 1]]))
    return np.array(
        [
            circle_overlap(float(angle), float(kappas[0][i]), float(kappas[1][j]))
            for angle, (i, j) in zip(angles, found, strict=True)
        ]
    )


def joint(temporal: np.ndarray, values: np.ndarray) -> np.ndarray:
    rates = zip(temporal.tolist(), values.tolist(), strict=True)
    return np.array([spatiotemporal_far(*one) or math.inf for one in rates])


@pytest.mark.parametrize("known", [(True, True), (True, False), (False, False)])
def test_pairs_with_scrambled_times_and_directions_are_not_more_than_their_rate(known):
    dice = np.random.default_rng(23)
    found = pairs(*(dice.uniform(0, LENGTH, COUNT) for _ in range(2)), WINDOW)
    assert len(found) > 9000
    # without signal, false-alarm rates are distributed evenly up to the threshold
    fars = [dice.uniform(0, RATE, COUNT) if is_known else [None] * COUNT for is_known in known]
    temporal = np.array(
        [temporal_far(WINDOW, Rates(fars[0][i], RATE), Rates(fars[1][j], RATE)) for i, j in found]
    )
    values = overlaps(dice, found, [directions(dice, COUNT) for _ in range(2)])
    assert_no_more_than_promised(joint(temporal, values))
    if any(known):
        assert_no_more_than_promised(temporal)
        # and the promise is not an idle one: there are that many pairs
        assert (temporal <= 300 / LENGTH).sum() >= poisson.ppf(ALLOWED, 300)


def test_so_are_those_of_detectors_that_do_not_see_the_whole_sky(antares_list: Path):
    """Two with the declinations of ANTARES' events, right ascensions and times scrambled."""
    dice = np.random.default_rng(7)
    declinations = np.loadtxt(antares_list, usecols=0)
    sample = np.histogram(np.sin(np.radians(declinations)), BINS, (-1, 1))[0]
    background = DeclinationDensity.of_counts("ant20_01", sample.tolist())
    found = pairs(*(dice.uniform(0, LENGTH, COUNT) for _ in range(2)), WINDOW)
    fars = dice.uniform(0, RATE, COUNT)
    temporal = np.array(
        [temporal_far(WINDOW, Rates(fars[i], RATE), Rates(None, RATE)) for i, _ in found]
    )
    places = [(dice.uniform(0, 360, COUNT), dice.choice(declinations, COUNT)) for _ in range(2)]
    values = overlaps(dice, found, places)
    density = np.array([background.at(float(places[0][1][i])) for i, _ in found])
    assert_no_more_than_promised(joint(temporal, values / density))
    # with it the average overlap is 1, which it is not with a uniform background
    each = np.stack([np.arange(COUNT)] * 2, 1)
    wide = overlaps(dice, each, places, radii=((20.0,), (40.0,)))
    density = np.array([background.at(float(dec)) for dec in places[0][1]])
    error = np.std(wide / density) / math.sqrt(COUNT)
    assert abs(np.mean(wide / density) - 1) < 4 * error < 0.1
    assert np.mean(wide) > 1.1 + 4 * error
