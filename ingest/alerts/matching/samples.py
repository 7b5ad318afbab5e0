r"""Alert × published events: how many are in its region, and how many background alone gives.

The expectation comes from the sample itself, with scrambled right ascensions: as the detector
turns with the Earth, background depends on declination alone. For a sample with :math:`N_r` events
in the ring :math:`r` of constant declination, of which the region covers the fraction
:math:`f_r`, and a window of which :math:`t` lies in the intervals of data taking,

.. math:: b = \frac{t}{T} \sum_r N_r f_r, \qquad
          \sigma_b = \frac{t}{T} \Bigl(\sum_r N_r f_r^2\Bigr)^{1/2}

where :math:`T` is the livetime. The rings are those of HEALPix cells of order 6, 0.9 deg apart,
whose areas are exact (Górski et al. 2005, ApJ 622, 759). All functions are pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ingest.alerts.skymaps import cell_centres, cells_at
from ingest.core.timescales import DAY

if TYPE_CHECKING:
    from mocpy import MOC

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ORDER: Final = 6
"""Order of the HEALPix cells whose rings give the density of a sample by declination."""
CELLS: Final = 12 * 4**ORDER
RINGS: Final = 4 * 2**ORDER - 1
_SHIFT: Final = 2 * (29 - ORDER)
_CONVERGED: Final = 1e-17


@dataclass(frozen=True, eq=False)
class Sample:
    """What the expected background needs to know of a published sample.

    Attributes
    ----------
    release : str
        Its name.
    livetime : float or None
        In s; None if it is not known, and nothing can be expected then.
    intervals : array of float64, shape (n, 2)
        Start and stop of data taking, MJD in UTC, without overlap.
    counts : array of float64, shape (RINGS,)
        The number of events in each ring, from north to south.
    """

    release: str
    livetime: float | None
    intervals: Floats
    counts: Floats

    @property
    def events(self) -> int:
        """The number of all events."""
        return int(self.counts.sum())

    def exposure(self, start: float, stop: float) -> float:
        """Return the time in s of a window, MJD in UTC, in which data were taken.

        The detector is assumed to take data during all of its intervals. Where these are longer
        than the livetime, the expectation is too high by that ratio at most, and probabilities
        are conservative.
        """
        first = np.maximum(self.intervals[:, 0], start)
        last = np.minimum(self.intervals[:, 1], stop)
        return float(np.maximum(last - first, 0).sum() * DAY)


@dataclass(frozen=True)
class Expectation:
    """The number of events that background gives on average.

    Attributes
    ----------
    events : float
        The number.
    error : float
        Its standard error, as the sample is finite.
    """

    events: float
    error: float

    def p_value(self, found: int) -> float:
        """Return the probability of at least `found` events by chance."""
        return poisson_at_least(found, self.events)


class Region:
    """A region of the sky, for counting.

    Parameters
    ----------
    moc : mocpy.MOC
        The region in ICRS.
    """

    def __init__(self, moc: MOC) -> None:
        ranges = np.asarray(moc.to_depth29_ranges, np.uint64).astype(np.int64).reshape(-1, 2)
        self._starts, self._stops = ranges[:, 0], ranges[:, 1]

    def contains(self, ra: npt.ArrayLike, dec: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return which positions, ICRS in deg, are in the region."""
        return self.contains_cells(cells_at(ra, dec))

    def contains_cells(self, position: Integers) -> npt.NDArray[np.bool_]:
        """Return which cells of order 29 are in the region."""
        if not len(self._starts):
            return np.zeros(position.shape, bool)
        index = np.searchsorted(self._starts, position, side="right") - 1
        return np.asarray((index >= 0) & (position < self._stops[np.maximum(index, 0)]))

    def fractions(self) -> Floats:
        """Return the fraction of each ring of the sky that the region covers, shape (RINGS,)."""
        # the part of the region before each border between cells, in cells of order 29
        borders = np.arange(CELLS + 1, dtype=np.int64) << _SHIFT
        before = np.concatenate([[0], np.cumsum(self._stops - self._starts)])
        index = np.searchsorted(self._starts, borders, side="right")
        part = before[index]
        last = np.maximum(index - 1, 0)
        if len(self._starts):
            part = part - np.where(index > 0, np.maximum(self._stops[last] - borders, 0), 0)
        covered = np.diff(part).astype(np.float64) / 2.0**_SHIFT
        return np.asarray(_by_ring(covered) / _ring_sizes())


def counts_by_ring(cells: Integers, numbers: npt.ArrayLike = 1.0) -> Floats:
    """Return the number of events in each ring, shape (RINGS,).

    Parameters
    ----------
    cells : array of int64, shape (n,)
        Cells of order :data:`ORDER` in the nested scheme.
    numbers : array_like of float, optional
        The number of events in each; by default 1.
    """
    weights = np.broadcast_to(np.asarray(numbers, np.float64), cells.shape)
    return np.asarray(np.bincount(_rings()[0][cells], weights=weights, minlength=RINGS), np.float64)


def sample_of(
    release: str,
    ra: npt.ArrayLike,
    dec: npt.ArrayLike,
    livetime: float | None,
    intervals: Sequence[tuple[float, float]],
) -> Sample:
    """Return the sample with events at positions, ICRS in deg; see :class:`Sample`."""
    counts = counts_by_ring(cells_at(ra, dec, ORDER))
    return Sample(release, livetime, merged(intervals), counts)


def merged(intervals: Sequence[tuple[float, float]]) -> Floats:
    """Return intervals in order, those that overlap or touch as one; shape (n, 2)."""
    found: list[list[float]] = []
    for start, stop in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], stop)
        else:
            found.append([start, stop])
    return np.array(found, np.float64).reshape(-1, 2)


def expectation(sample: Sample, fractions: Floats, start: float, stop: float) -> Expectation | None:
    """Return how many events of a sample background gives in a region and a time window.

    Parameters
    ----------
    sample : Sample
        The sample.
    fractions : array of float64, shape (RINGS,)
        As :meth:`Region.fractions` gives them.
    start, stop : float
        The window, MJD in UTC.

    Returns
    -------
    Expectation or None
        None if the livetime of the sample is not known.
    """
    if sample.livetime is None:
        return None
    # never more than the whole sample
    time = min(sample.exposure(start, stop) / sample.livetime, 1.0)
    events = time * float(sample.counts @ fractions)
    error = time * math.sqrt(float(sample.counts @ fractions**2))
    return Expectation(events, error)


def poisson_at_least(found: int, expected: float) -> float:
    """Return the Poisson probability of at least `found` events where `expected` are expected.

    The shorter tail is summed, whose terms fall, so that small probabilities are accurate.

    Raises
    ------
    ValueError
        If `expected` is negative or not finite.
    """
    if not (math.isfinite(expected) and expected >= 0):
        raise ValueError(f"expected {expected} events")
    if found <= 0:
        return 1.0
    if expected == 0:
        return 0.0
    if found > expected:
        return min(_tail(found, expected, upwards=True), 1.0)
    return max(1.0 - _tail(found - 1, expected, upwards=False), 0.0)


def _tail(number: int, expected: float, *, upwards: bool) -> float:
    """Return the sum of Poisson probabilities from a number on, where they fall."""
    term = math.exp(number * math.log(expected) - expected - math.lgamma(number + 1))
    total = 0.0
    while term > _CONVERGED * total:
        total += term
        number += 1 if upwards else -1
        if number < 0:
            break
        term *= expected / number if upwards else (number + 1) / expected
    return total


@cache
def _rings() -> tuple[Integers, Floats]:
    """Return the ring of each cell, and the declination in deg of the centre of each ring."""
    _, dec = cell_centres(np.full(CELLS, ORDER), np.arange(CELLS))
    _, first, ring = np.unique(np.round(-dec, 9), return_index=True, return_inverse=True)
    return ring.astype(np.int64), dec[first]


@cache
def _ring_sizes() -> Floats:
    """Return the number of cells in each ring."""
    return _by_ring(np.ones(CELLS))


def _by_ring(values: Floats) -> Floats:
    return counts_by_ring(np.arange(CELLS), values)
