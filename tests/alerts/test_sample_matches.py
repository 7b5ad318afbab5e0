"""Counts of published events in the regions of alerts: against geometry, chance and ANTARES."""

from __future__ import annotations

import math

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import Latitude, Longitude
from hypothesis import given
from hypothesis import strategies as st
from mocpy import MOC
from scipy import stats

from ingest.alerts.matching import (
    Region,
    Sample,
    expectation,
    merged,
    poisson_at_least,
    sample_of,
)
from ingest.core.timescales import DAY

SPAN = (55000.0, 55100.0)
WHOLE_SKY = MOC.from_string("0/0-11")


def circle(ra: float, dec: float, radius: float) -> MOC:
    return MOC.from_cone(
        Longitude(ra * u.deg), Latitude(dec * u.deg), radius=radius * u.deg, max_depth=11
    )


def made(dec, ra=None, livetime: float | None = 100 * DAY, seed: int = 1) -> Sample:
    ra = np.random.default_rng(seed).uniform(0, 360, len(dec)) if ra is None else ra
    return sample_of("evts99_01", ra, dec, livetime, [SPAN])


def expected(sample: Sample, moc: MOC, start: float = SPAN[0], stop: float = SPAN[1]):
    found = expectation(sample, Region(moc).fractions(), start, stop)
    assert found is not None
    return found


def isotropic(number: int, seed: int) -> np.ndarray:
    return np.degrees(np.arcsin(np.random.default_rng(seed).uniform(-1, 1, number)))


def test_the_whole_sky_has_the_whole_sample() -> None:
    sample = made(isotropic(1000, 1))
    assert expected(sample, WHOLE_SKY).events == pytest.approx(1000)
    # a tenth of the livetime, of which half lies before data taking
    assert expected(sample, WHOLE_SKY, 54995, 55005).events == pytest.approx(50)
    assert expected(sample, WHOLE_SKY, 56000, 56001).events == 0


def test_a_uniform_sample_gives_the_share_of_the_area() -> None:
    number = 200_000
    sample = made(isotropic(number, 2))
    for dec, radius in ((0, 30), (-60, 20), (90, 10)):
        share = (1 - math.cos(math.radians(radius))) / 2
        found = expected(sample, circle(40, dec, radius))
        assert found.events == pytest.approx(number * share, abs=4 * found.error)
    # around the pole, scrambling moves no event in or out
    assert found.error == pytest.approx(math.sqrt(found.events), rel=0.02)


def test_a_band_of_events_is_expected_there_alone() -> None:
    sample = made(np.random.default_rng(3).uniform(-60, -50, 3000))
    assert expected(sample, circle(0, 40, 20)).events == 0
    assert expected(sample, circle(0, -90, 25)).events == 0
    # the cap within 45 deg of the pole has all of them
    assert expected(sample, circle(0, -90, 45)).events == pytest.approx(3000)


def test_small_and_large_cells_agree() -> None:
    """A cell of order 2 has the expectation of its 4**5 cells of order 7."""
    sample = made(isotropic(5000, 4))
    parts = MOC.from_healpix_cells(
        np.arange(17 << 10, 18 << 10, dtype=np.uint64), np.full(1024, 7, np.uint8), 7
    )
    whole = expected(sample, MOC.from_string("2/17")).events
    assert expected(sample, parts).events == pytest.approx(whole, rel=1e-12)
    # and a quarter of a cell of order 6 is a quarter of its expectation
    cell, part = MOC.from_string("6/4400"), MOC.from_string("7/17601")
    assert expected(sample, cell).events == pytest.approx(4 * expected(sample, part).events)


def test_the_expectation_is_the_mean_of_scrambled_samples() -> None:
    random = np.random.default_rng(5)
    # falls steeply from south to north, as for up-going events
    dec = np.degrees(np.arcsin(random.beta(1, 3, 4000) * 2 - 1))
    region = Region(circle(120, -35, 12).union(circle(200, 10, 6)))
    found = expectation(made(dec), region.fractions(), *SPAN)
    counts = [region.contains(random.uniform(0, 360, 4000), dec).sum() for _ in range(150)]
    assert found is not None
    assert found.events == pytest.approx(np.mean(counts), abs=4 * np.std(counts) / 150**0.5)


def test_p_values_of_scrambled_samples_are_uniform() -> None:
    """Poisson probabilities come in steps, which a random number fills."""
    random = np.random.default_rng(6)
    dec, mjd = isotropic(20_000, 6), np.linspace(*SPAN, 20_000)
    sample = made(dec)
    region = Region(circle(10, 20, 15))
    fractions = region.fractions()
    values = []
    for _ in range(300):
        start = random.uniform(SPAN[0], SPAN[1] - 10)
        near = (mjd >= start) & (mjd < start + 10)
        count = int(region.contains(random.uniform(0, 360, near.sum()), dec[near]).sum())
        background = expectation(sample, fractions, start, start + 10)
        assert background is not None
        low, high = background.p_value(count + 1), background.p_value(count)
        values.append(low + random.uniform() * (high - low))
    assert stats.kstest(values, "uniform").pvalue > 0.01


@pytest.mark.parametrize("dec", [-70, -45, -20, 5, 25])
def test_antares_agrees_with_the_published_background(delivered, dec: float) -> None:
    """With the collaboration's polynomial for the number of events below a declination."""
    folder = delivered / "ant20_01"
    decs, ras = np.loadtxt(folder / "PublicData_0717.dat", skiprows=2, usecols=(0, 1)).T
    sample = sample_of("ant20_01", ras % 360, decs, 3136 * DAY, [(54129, 58119)])
    assert sample.events == 8754
    below = np.polynomial.Polynomial(
        [float(word) for word in (folder / "background.txt").read_text().split()]
    )
    radius = 6.0
    low, high = math.radians(dec - radius), math.radians(dec + radius)
    per_area = (below(dec + radius) - below(dec - radius)) / (
        2 * math.pi * (math.sin(high) - math.sin(low))
    )
    area = 2 * math.pi * (1 - math.cos(math.radians(radius)))
    # the window is as long as the livetime
    found = expected(sample, circle(77, dec, radius), 54129, 54129 + 3136)
    assert found.events == pytest.approx(per_area * area, abs=3 * found.error)
    assert found.error < 0.05 * found.events


def test_without_a_livetime_nothing_is_expected() -> None:
    sample = made([0.0], livetime=None)
    assert expectation(sample, Region(WHOLE_SKY).fractions(), *SPAN) is None


def test_an_empty_region_contains_nothing() -> None:
    assert not Region(MOC.new_empty(5)).contains([10.0], [20.0]).any()
    assert Region(WHOLE_SKY).contains([10.0, 0.0], [20.0, 90.0]).all()


@given(st.integers(0, 3000), st.floats(0, 2000))
def test_poisson_probabilities(found: int, background: float) -> None:
    wanted = stats.poisson.sf(found - 1, background)
    assert poisson_at_least(found, background) == pytest.approx(wanted, rel=1e-9, abs=1e-300)


def test_no_negative_expectation() -> None:
    with pytest.raises(ValueError, match="expected -1 events"):
        poisson_at_least(1, -1)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=20))
def test_merged_intervals_cover_the_same_time(pairs) -> None:
    given_ones = [(float(start), float(start + length)) for start, length in pairs]
    found = merged(given_ones)
    assert (found[1:, 0] > found[:-1, 1]).all()
    for time in np.arange(0.5, 60):
        inside = any(start <= time <= stop for start, stop in given_ones)
        assert inside == any(start <= time <= stop for start, stop in found)
