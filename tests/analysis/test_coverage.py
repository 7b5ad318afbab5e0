"""Do intervals contain the true flux as often as stated? Simulated skies go through the search."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom, poisson

from km3vo.analysis import Acceptance, Polynomial, Sample, feldman_cousins, search

TRIALS = 10_000
DEC, INDEX = -29.0, 2.0
"""Of the simulated sources."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sky:
    """Skies with events of the background and of sources, as the published responses say."""

    polynomial: Polynomial
    acceptance: Acceptance
    resolution: float
    random: np.random.Generator

    def sample(self, ra: Floats, flux: float) -> Sample:
        """Return a sky with equal sources, for a flux in GeV-1 cm-2 s-1 at 1 GeV."""
        declinations = np.linspace(self.polynomial.south, self.polynomial.north, 5001)
        below = self.polynomial.below(declinations)
        number = self.random.poisson(below[-1] - below[0])
        dec = np.interp(self.random.uniform(below[0], below[-1], number), below, declinations)
        sources = np.repeat(ra, self.random.poisson(self.events_of(flux), len(ra)))
        events = self._around(sources)
        ra = np.concatenate([self.random.uniform(0, 360, number), events[0]])
        dec = np.concatenate([dec, events[1]])
        return Sample(
            release="simulated",
            event_id=np.arange(len(ra)).astype(str),
            ra=ra % 360,
            dec=dec,
            ang_err=np.full(len(ra), self.resolution),
            mjd=np.full(len(ra), 55000.0),
            polynomial=self.polynomial,
            acceptance=self.acceptance,
            resolution=self.resolution,
        )

    def events_of(self, flux: float) -> float:
        """Return the mean number of events of a source, at any distance from it."""
        return float(self.acceptance.at(DEC, INDEX) * flux)

    def _around(self, ra: Floats) -> tuple[Floats, Floats]:
        """Return directions around positions: half of them within the resolution."""
        share = self.random.uniform(size=len(ra))
        distance = np.radians(self.resolution * np.sqrt(-np.log2(1 - share)))
        angle = self.random.uniform(0, 2 * np.pi, len(ra))
        # the cosine rule, with the source's declination and the angle to the north
        sin_dec, cos_dec = np.sin(np.radians(DEC)), np.cos(np.radians(DEC))
        sine = sin_dec * np.cos(distance) + cos_dec * np.sin(distance) * np.cos(angle)
        east = np.arctan2(
            np.sin(angle) * np.sin(distance) * cos_dec, np.cos(distance) - sin_dec * sine
        )
        return ra + np.degrees(east), np.degrees(np.arcsin(sine))


@pytest.fixture
def sky(delivered: Path) -> Sky:
    folder = delivered / "ant20_01"
    return Sky(
        polynomial=Polynomial.from_text((folder / "background.txt").read_text()),
        acceptance=Acceptance.from_text((folder / "acceptance.txt").read_text()),
        resolution=0.4,
        random=np.random.default_rng(20260101),
    )


def trials(sky: Sky, radius: float | None, flux: float) -> dict[str, Floats]:
    """Search 10,000 equal sources, of which each sky has as many as do not touch."""
    distance = 2 * (radius or 1.5) + 4
    ra = np.arange(0, 360, distance / np.cos(np.radians(DEC)))[:-1]
    found = [
        search(sky.sample(ra, flux), ra, DEC, radius, INDEX) for _ in range(-(-TRIALS // len(ra)))
    ]
    names = ("n_obs", "n_bkg", "containment", "n_sig_lo", "n_sig_up", "flux_limit", "p_value")
    return {
        name: np.concatenate([getattr(part, name) for part in found])[:TRIALS]
        for name in (*names, "sensitivity")
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("radius", "events"),
    [
        (None, 3.0),
        *(pytest.param(*case, marks=pytest.mark.long) for case in ((None, 0.0), (None, 1.0))),
        *(pytest.param(*case, marks=pytest.mark.long) for case in ((2.0, 6.0), (4.0, 15.0))),
    ],
)
def test_intervals_contain_the_true_flux_as_often_as_they_should(
    sky: Sky, radius: float | None, events: float
) -> None:
    flux = events / float(sky.acceptance.at(DEC, INDEX))
    found = trials(sky, radius, flux)
    lower = found["flux_limit"] * found["n_sig_lo"] / found["n_sig_up"]
    covered = float(np.mean((lower <= flux * (1 + 1e-12)) & (flux <= found["flux_limit"])))

    # numbers of events are whole, so the true coverage is above 90 %: it is summed here
    n = np.arange(300)
    signal, background = events * found["containment"][0], found["n_bkg"][0]
    low, high = feldman_cousins(n, background)
    inside = (low <= signal) & (signal <= high)
    expected = float(poisson.pmf(n, signal + background)[inside].sum())
    error = np.sqrt(expected * (1 - expected) / TRIALS)

    # pytest -s shows the figures of docs/decisions/026-intervals.md
    print(f"{radius=} {events=} {background=:.2f}: {covered:.4f}, expected {expected:.4f}")
    assert expected >= 0.9
    assert covered == pytest.approx(expected, abs=4 * error)
    assert covered >= 0.9 - 4 * error
    if (radius, events) == (None, 3.0):
        # where the whole numbers happen to fit best
        assert covered == pytest.approx(0.9, abs=0.01)


@pytest.mark.long
def test_without_a_source_p_values_and_limits_are_those_expected(sky: Sky) -> None:
    found = trials(sky, None, 0.0)
    background = found["n_bkg"][0]
    for n in range(1, 6):
        probability = poisson.sf(n - 1, background)
        rare = np.sum(found["p_value"] <= probability * (1 + 1e-9))
        assert 1e-4 < binom.cdf(rare, TRIALS, probability) < 1 - 1e-4
    # half of all limits, or more, are not above the sensitivity; and fewer are below it
    limit = found["sensitivity"][0]
    assert np.mean(found["flux_limit"] <= limit * (1 + 1e-12)) >= 0.5
    assert np.mean(found["flux_limit"] < limit * (1 - 1e-12)) < 0.5
