"""Poisson probabilities of arrays, without scipy.

Each tail is summed term by term from its largest one, so that the smallest probabilities keep
their relative precision.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .arrays import Floats

_CACHE = 16384
"""Number of terms that are added at once, of all rows together."""
_PRECISION = 1e-17
"""Share of a sum that may be neglected."""
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
"""Coefficients of Stirling's series, NIST Digital Library of Mathematical Functions 5.11.1."""
_SERIES_FROM = 16
_CORRECTIONS = np.array(
    [0.0]
    + [
        math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - 0.5 * math.log(2 * math.pi)
        for n in range(1, _SERIES_FROM)
    ]
)


def deviance(n: npt.ArrayLike, mean: npt.ArrayLike) -> Floats:
    """Return how much less likely a mean makes a number of events than the best mean does.

    Parameters
    ----------
    n, mean : array_like
        Number of events and its expectation, not negative; they are broadcast.

    Returns
    -------
    numpy.ndarray
        ln P(n | n) - ln P(n | mean); not negative.
    """
    n, mean = np.asarray(n, float), np.asarray(mean, float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        excess = (mean - n) / n
        # log1p keeps the small difference of large numbers, and log a small mean
        logarithm = np.where(excess < -0.5, np.log(mean / n), np.log1p(excess))
        found = n * (excess - logarithm)
    return np.where(n > 0, found, mean)


def log_pmf(n: npt.ArrayLike, mean: npt.ArrayLike) -> Floats:
    """Return the natural logarithm of the probability of exactly n events; see `pmf`."""
    n = np.asarray(n, float)
    scale = np.where(n > 0, 2 * math.pi * n, 1)
    logarithm: Floats = -deviance(n, mean) - _correction(n) - np.log(scale) / 2
    return logarithm


def pmf(n: npt.ArrayLike, mean: npt.ArrayLike) -> Floats:
    """Return the probability of exactly n events.

    Parameters
    ----------
    n, mean : array_like
        Number of events and its expectation, not negative; they are broadcast.

    Returns
    -------
    numpy.ndarray
        The probabilities. Their relative error is below 1e-12 for means up to a million, because
        they are computed as in Loader, "Fast and accurate computation of binomial
        probabilities" (2000), without the difference of large logarithms.
    """
    probability: Floats = np.exp(log_pmf(n, mean))
    return probability


def at_least(n: npt.ArrayLike, mean: npt.ArrayLike) -> Floats:
    """Return the probability of n events or more.

    Parameters
    ----------
    n, mean : array_like
        Number of events and its expectation, not negative; they are broadcast.
    """
    n, mean = _flat(n, mean)
    shape = n.shape
    n, mean = n.ravel(), mean.ravel()
    found = np.ones(n.shape)
    upper = n > mean
    found[upper] = _upwards(n[upper], mean[upper])
    below = ~upper & (n > 0)
    found[below] = 1 - _downwards(n[below] - 1, mean[below])
    return found.reshape(shape)


def at_most(n: npt.ArrayLike, mean: npt.ArrayLike) -> Floats:
    """Return the probability of n events or fewer.

    Parameters
    ----------
    n, mean : array_like
        Number of events, -1 for none, and its expectation, not negative; they are broadcast.
    """
    n, mean = _flat(n, mean)
    shape = n.shape
    n, mean = n.ravel(), mean.ravel()
    found = np.zeros(n.shape)
    lower = (n >= 0) & (n < mean)
    found[lower] = _downwards(n[lower], mean[lower])
    above = (n >= 0) & ~lower
    found[above] = 1 - _upwards(n[above] + 1, mean[above])
    return found.reshape(shape)


def between(first: npt.ArrayLike, last: npt.ArrayLike, mean: npt.ArrayLike) -> Floats:
    """Return the probability of a number of events from the first to the last, both included.

    Parameters
    ----------
    first, last, mean : array_like
        The numbers and the expectation; they are broadcast. If last is first - 1, it is 0.
    """
    first, mean = _flat(first, mean)
    last, mean = _flat(last, mean)
    shape = np.broadcast_shapes(first.shape, last.shape)
    first, last, mean = (np.broadcast_to(x, shape).ravel() for x in (first, last, mean))
    # from the largest term in both directions
    most = np.clip(np.floor(mean), first, np.maximum(last, first))
    terms = _sum(most, mean, 1, last) + _sum(most, mean, -1, first) - 1
    found: Floats = np.where(last < first, 0, pmf(most, mean) * terms)
    return found.reshape(shape)


def _flat(n: npt.ArrayLike, mean: npt.ArrayLike) -> tuple[Floats, Floats]:
    n, mean = np.broadcast_arrays(np.asarray(n, float), np.asarray(mean, float))
    return n, mean


def _correction(n: Floats) -> Floats:
    """Return the logarithm of n! over Stirling's approximation."""
    small = n < _SERIES_FROM
    inverse = 1 / np.maximum(n, _SERIES_FROM)
    series = np.zeros_like(inverse)
    for coefficient in reversed(_STIRLING):
        series = series * inverse**2 + coefficient
    return np.where(small, _CORRECTIONS[np.where(small, n, 0).astype(int)], series * inverse)


def _upwards(n: Floats, mean: Floats) -> Floats:
    """Return P(N >= n), where the terms decrease because n is above the mean."""
    return pmf(n, mean) * _sum(n, mean, 1, np.full(n.shape, np.inf))


def _downwards(n: Floats, mean: Floats) -> Floats:
    """Return P(N <= n), where the terms decrease because n is below the mean."""
    return pmf(n, mean) * _sum(n, mean, -1, np.zeros(n.shape))


def _sum(n: Floats, mean: Floats, step: int, end: Floats) -> Floats:
    """Add probabilities from n to the end, in units of that of n, until they no longer count."""
    total = np.ones(n.shape)
    term = np.ones(n.shape)
    active = np.flatnonzero(mean > 0)
    done = 0
    while len(active):
        # few rows take long steps, and many rows as many as fit into the processor's cache
        steps = min(max(_CACHE // len(active), 8), 256)
        numbers = n[active] + step * (done + np.arange(1, steps + 1)[:, None])
        if step > 0:
            ratios = np.where(numbers <= end[active], mean[active] / numbers, 0)
        else:
            with np.errstate(over="ignore"):
                ratios = np.where(numbers >= end[active], (numbers + 1) / mean[active], 0)
        terms = np.multiply.accumulate(ratios, axis=0)
        terms *= term[active]
        total[active] += terms.sum(axis=0)
        term[active] = terms[-1]
        done += steps
        # the terms that remain are smaller than a geometric series with the last ratio
        active = active[terms[-1] > _PRECISION * (1 - ratios[-1]) * total[active]]
    return total
