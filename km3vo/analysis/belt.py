"""The ends of Feldman and Cousins' confidence belt for a known background, exactly.

For a mean m = signal + background, the construction accepts numbers of events in the order of
their ratio of likelihoods R = P(n | m) / P(n | best m), until their probability reaches the
confidence. So n is accepted where the numbers with a larger R have a probability below the
confidence. R has one maximum in n, so these are all numbers between n and a number M on the
other side of m. Two facts make a search for m on a grid unnecessary:

- M enters the set at a mean for which there is a formula, where R(M) = R(n);
- between two such means the probability of the set, P(n < N <= M), has one extremum, a maximum,
  so it falls below the confidence at the ends of this segment if it does anywhere.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .poisson import at_least, between, pmf

Floats = npt.NDArray[np.float64]

_TAIL = math.log(1e17)
"""Deviance of probabilities that do not matter beside one."""


def upper_means(n: Floats, background: Floats, confidence: float) -> Floats:
    """Return the largest mean number of events, with background, that accepts n.

    Parameters
    ----------
    n, background : numpy.ndarray
        Number of events and mean background, of shape (rows,).
    confidence : float
        Confidence level.
    """
    start = np.maximum(n, background)
    first = np.maximum(n, np.floor(background))
    limit = _deviance_limit(confidence)
    mean = start + limit + np.sqrt(limit * (limit + 2 * start))
    last = np.floor(mean + limit / 3 + np.sqrt(limit * (limit / 9 + 2 * mean))) + 2
    rows, others = _ragged(first, last)
    right = _equal_rank(n[rows], others + 1, background[rows])
    found = between(n[rows] + 1, others, right) < confidence
    # the last number whose segment ends below the confidence
    chosen = np.where(found, others, first[rows] - 1)
    best = np.maximum.reduceat(chosen, np.flatnonzero(np.diff(rows, prepend=-1)))
    # the next segment may begin below the confidence, too
    left = np.where(best >= first, _equal_rank(n, best + 1, background), start)
    upper = left.copy()
    best = best + 1
    partly = np.flatnonzero((between(n + 1, best, left) < confidence) & (best > n))
    if len(partly):
        low, size = left[partly], n[partly]
        top = best[partly]
        peak = np.exp(_log_factorial_ratio(size, top) / (top - size))
        high = np.minimum(peak, _equal_rank(size, top + 1, background[partly]))
        upper[partly] = _root(size + 1, top, low, high, confidence)
    return upper


def lower_means(n: Floats, background: Floats, confidence: float) -> Floats:
    """Return the smallest mean number of events, with background, that accepts n.

    Parameters
    ----------
    n, background : numpy.ndarray
        Number of events and mean background, of shape (rows,).
    confidence : float
        Confidence level.
    """
    lower = background.copy()
    inside = np.flatnonzero(n > background)
    if not len(inside):
        return lower
    inside = inside[1 - at_least(n[inside], background[inside]) >= confidence]
    if not len(inside):
        return lower
    n, background = n[inside], background[inside]
    start = np.maximum(background, n - np.sqrt(2 * _deviance_limit(confidence) * n))
    first = np.maximum(np.floor(start - np.sqrt(2 * _TAIL * start)), 0)
    rows, others = _ragged(first, n - 1)
    begins = np.diff(rows, prepend=-1) > 0
    left = np.where(begins, start[rows], _equal_rank(n[rows], others - 1, background[rows]))
    found = between(others, n[rows] - 1, left) < confidence
    chosen = np.where(found, others, n[rows])
    best = np.minimum.reduceat(chosen, np.flatnonzero(begins))
    right = _equal_rank(n, best - 1, background)
    result = right.copy()
    best = best - 1
    partly = np.flatnonzero(between(best, n - 1, right) < confidence)
    if len(partly):
        size, top = best[partly], n[partly]
        low = np.where(size > first[partly], _equal_rank(top, size - 1, background[partly]), 0)
        low = np.where(size > first[partly], low, start[partly])
        peak = np.where(
            size > 0,
            np.exp(_log_factorial_ratio(size - 1, top - 1) / np.maximum(top - size, 1)),
            0,
        )
        result[partly] = _root(size, top - 1, right[partly], np.maximum(low, peak), confidence)
    lower[inside] = result
    return lower


def _deviance_limit(confidence: float) -> float:
    """Return -ln R beyond which n is never accepted.

    By Chernoff's bound, each tail beyond a number of ratio R has a probability of R at most, so
    the set between two of them has 1 - 2R at least.
    """
    return math.log(2 / (1 - confidence))


def _ragged(first: Floats, last: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
    """Return the numbers from first to last of each row, one after the other, and their rows."""
    sizes = (last - first + 1).astype(int)
    rows = np.repeat(np.arange(len(sizes)), sizes)
    begins = np.cumsum(sizes) - sizes
    return rows, first[rows] + np.arange(len(rows)) - begins[rows]


def _equal_rank(n: Floats, other: Floats, background: Floats) -> Floats:
    """Return the mean that gives two different numbers of events the same ratio R."""
    n, other = np.minimum(n, other), np.maximum(n, other)
    best, best_other = np.maximum(n, background), np.maximum(other, background)
    with np.errstate(divide="ignore", invalid="ignore"):
        # of x ln x, the difference without cancellation; 0 ln 0 is 0
        part = np.where(n > 0, n * np.log(best_other / best), 0)
        power = (part - (best_other - best)) / (other - n)
    mean: Floats = best_other * np.exp(power)
    return mean


def _log_factorial_ratio(n: Floats, other: Floats) -> Floats:
    """Return ln(other! / n!)."""
    # the ratio of two probabilities with the same mean
    size = np.maximum(other, 1)
    with np.errstate(divide="ignore"):
        found: Floats = np.log(pmf(n, size) / pmf(other, size)) + (other - n) * np.log(size)
    return found


def _root(first: Floats, last: Floats, inner: Floats, outer: Floats, confidence: float) -> Floats:
    """Return where the probability from first to last reaches the confidence, between two means.

    It is below the confidence at inner, above it at outer, and monotonic between.
    """
    for _ in range(60):
        middle = (inner + outer) / 2
        below = between(first, last, middle) < confidence
        inner, outer = np.where(below, middle, inner), np.where(below, outer, middle)
        if np.all(np.abs(outer - inner) <= 1e-12 * np.maximum(outer, inner)):
            break
    return (inner + outer) / 2
