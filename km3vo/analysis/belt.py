"""The ends of Feldman and Cousins' confidence belt for a known background, exactly.

For a mean m = signal + background, the construction accepts numbers of events in the order of
their ratio of likelihoods R = P(n | m) / P(n | best m), until their probability reaches the
confidence. So n is accepted where the numbers with a larger R have a probability below the
confidence. R has one maximum in n, so these are all numbers between n and a number M on the
other side of m. Two facts make a search for m on a grid unnecessary:

- M enters the set at a mean for which there is a formula, where R(M) = R(n);
- between two such means the probability of the set, P(n < N <= M), has one extremum, a maximum,
  so if it falls below the confidence in this segment, it does so at one of its ends.
"""

from __future__ import annotations

import math

import numpy as np

from .arrays import Floats, ranges
from .poisson import at_least, between, deviance, log_pmf, pmf

STEP = 0.001
"""Step of the mean, in events, that a separate piece of accepted means must reach to count.

Such pieces open at certain backgrounds. The authors scan the background in steps of 0.001, so their
tables do not have pieces that just open.
"""
_TAIL = math.log(1e17)
"""Deviance of probabilities that do not matter beside one."""


def upper_means(n: Floats, background: Floats, confidence: float) -> Floats:
    """Return the upper ends of the belt, lengthened as the authors do.

    Parameters
    ----------
    n, background : numpy.ndarray
        Number of events and mean background, of shape (rows,).
    confidence : float
        Confidence level.

    Returns
    -------
    numpy.ndarray
        The largest mean number of events, with background, that accepts n. It is larger where a
        larger background has a larger upper limit of the signal, so that limits decrease as the
        background increases.
    """
    start = np.maximum(n, background)
    lowest = np.maximum(n, np.floor(background))
    best = _last_segment(n, background, confidence, start, lowest)
    # the next segment may begin below the confidence, too
    upper = np.where(best >= lowest, _equal_rank(n, best + 1, background), start)
    top = best + 1
    partly = np.flatnonzero((between(n + 1, top, upper) < confidence) & (top > n))
    if len(partly):
        begin, size, last = upper[partly], n[partly], top[partly]
        end = np.minimum(_peak(size, last), _equal_rank(size, last + 1, background[partly]))
        upper[partly] = _root(size + 1, last, begin, end, confidence)
    later = _later_limit(n, background, np.maximum(top, n + 1), confidence)
    return np.maximum(upper, background + later)


def lower_means(n: Floats, background: Floats, confidence: float) -> Floats:
    """Return the lower ends of the belt.

    Parameters
    ----------
    n, background : numpy.ndarray
        Number of events and mean background, of shape (rows,).
    confidence : float
        Confidence level.

    Returns
    -------
    numpy.ndarray
        The smallest mean number of events, with background, that accepts n.
    """
    lower = background.copy()
    inside = np.flatnonzero(n > background)
    inside = inside[1 - at_least(n[inside], background[inside]) >= confidence]
    if not len(inside):
        return lower
    n, background = n[inside], background[inside]
    start = np.maximum(background, n - np.sqrt(2 * _deviance_limit(confidence) * n))
    # smaller numbers have no probability: all segments that have them are like one
    first = np.maximum(np.floor(start - np.sqrt(2 * _TAIL * start)), 0)
    rows, others = ranges(first, n)
    begins = np.diff(rows, prepend=-1) > 0
    left = np.where(begins, start[rows], _equal_rank(n[rows], others - 1, background[rows]))
    found = between(others, n[rows] - 1, left) < confidence
    best = np.minimum.reduceat(np.where(found, others, n[rows]), np.flatnonzero(begins))
    # the segment below may end below the confidence, too
    result = _equal_rank(n, best - 1, background)
    bottom = best - 1
    partly = np.flatnonzero(between(bottom, n - 1, result) < confidence)
    if len(partly):
        begin, size, last = result[partly], bottom[partly], n[partly]
        low = _equal_rank(last, np.maximum(size - 1, 0), background[partly])
        low = np.where(size > first[partly], low, start[partly])
        end = np.maximum(low, np.where(size > 0, _peak(size - 1, last - 1), 0))
        result[partly] = _root(size, last - 1, begin, end, confidence)
    lower[inside] = result
    return lower


def _last_segment(
    n: Floats, background: Floats, confidence: float, start: Floats, lowest: Floats
) -> Floats:
    """Return the largest M whose segment ends below the confidence, or lowest - 1."""
    limit = _deviance_limit(confidence)
    mean = start + limit + np.sqrt(limit * (limit + 2 * start))
    highest = np.floor(mean + limit / 3 + np.sqrt(limit * (limit / 9 + 2 * mean))) + 2
    rows, others = ranges(lowest, highest + 1)
    ends = _equal_rank(n[rows], others + 1, background[rows])
    found = between(n[rows] + 1, others, ends) < confidence
    begins = np.flatnonzero(np.diff(rows, prepend=-1))
    while True:
        best = np.maximum.reduceat(np.where(found, others, lowest[rows] - 1), begins)
        inside = np.flatnonzero((best >= lowest) & (best > n))
        last = best[inside]
        end = np.floor(_equal_rank(n[inside], last + 1, background[inside]) / STEP) * STEP
        # it is a separate piece if the probability falls towards the end of its segment
        piece = end > _peak(n[inside], last)
        piece &= between(n[inside] + 1, last, end) >= confidence
        if not piece.any():
            return best
        narrow = inside[piece]
        found[begins[narrow] + (best[narrow] - lowest[narrow]).astype(int)] = False


def _later_limit(n: Floats, background: Floats, top: Floats, confidence: float) -> Floats:
    """Return the largest upper limit of larger backgrounds, where upper limits jump up.

    They jump where a separate piece opens at the end of the segment of a number M. Computed for
    all n to 400, some to 3000, and confidences from 50 % to 99.999 %: jumps are smaller the
    larger M is, so the first M above those that are accepted decides; and all are at least 0.6
    events below the upper limit for background = n, so they matter only for a larger background.
    """
    limit = np.full(n.shape, -np.inf)
    rows = np.flatnonzero(n < background)
    rows = rows[between(n[rows] + 1, top[rows], _peak(n[rows], top[rows])) >= confidence]
    if not len(rows):
        return limit
    n, top = n[rows], top[rows]
    far = top + _deviance_limit(confidence) + np.sqrt(2 * _TAIL * top)
    opens = np.ceil(_root(n + 1, top, far, _peak(n, top), confidence) / STEP) * STEP
    # the background at which R(n) = R(M + 1) there
    wanted = deviance(top + 1, opens)
    low, high = np.maximum(n, 1e-300), opens
    for _ in range(60):
        middle = (low + high) / 2
        below = opens - middle - n * np.log(opens / middle) > wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    valid = (opens < top + 1) & (low > background[rows])
    limit[rows] = np.where(valid, opens - low, -np.inf)
    return limit


def _deviance_limit(confidence: float) -> float:
    """Return -ln R beyond which n is never accepted.

    By Chernoff's bound, each tail beyond a number of ratio R has a probability of R at most, so
    the set between two of them has 1 - 2R at least.
    """
    return math.log(2 / (1 - confidence))


def _equal_rank(n: Floats, other: Floats, background: Floats) -> Floats:
    """Return the mean that gives two different numbers of events the same ratio R."""
    n, other = np.minimum(n, other), np.maximum(n, other)
    best, best_other = np.maximum(n, background), np.maximum(other, background)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # the difference of n ln n without cancellation; 0 ln 0 is 0
        part = np.where(n > 0, n * np.log(best_other / best), 0)
        mean: Floats = best_other * np.exp((part - (best_other - best)) / (other - n))
    return mean


def _peak(n: Floats, last: Floats) -> Floats:
    """Return the mean at which P(n < N <= last) is largest: there P(n) = P(last)."""
    size = np.maximum(last, 1)
    # the ratio of two probabilities at any mean has that of the factorials
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Floats = size * np.exp((log_pmf(n, size) - log_pmf(last, size)) / (last - n))
    return mean


def _root(first: Floats, last: Floats, inner: Floats, outer: Floats, confidence: float) -> Floats:
    """Return where P(first <= N <= last) reaches the confidence, between two means.

    It is below the confidence at inner, not below at outer, and monotonic between.
    """
    mean = (inner + outer) / 2
    for _ in range(60):
        excess = between(first, last, mean) - confidence
        inner, outer = np.where(excess < 0, mean, inner), np.where(excess < 0, outer, mean)
        slope = np.where(first > 0, pmf(np.maximum(first - 1, 0), mean), 0) - pmf(last, mean)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = mean - excess / slope
        # Newton's step, or bisection where it leaves the interval
        inside = (np.minimum(inner, outer) < step) & (step < np.maximum(inner, outer))
        following = np.where(inside, step, (inner + outer) / 2)
        # the error of a step is as its square
        near = inside & (np.abs(step - mean) <= 1e-8 * mean)
        mean = following
        if np.all(near | (np.abs(outer - inner) <= 1e-13 * mean)):
            break
    return mean
