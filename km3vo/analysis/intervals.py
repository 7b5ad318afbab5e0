"""Confidence intervals, limits and probabilities of a number of events above a known background."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from .arrays import Floats, numbers
from .belt import lower_means, upper_means
from .errors import AnalysisError
from .poisson import at_least, at_most

_HIGHEST = 1 - 1e-12
"""The highest confidence level; beyond 1 - 1e-14, rounding of sums makes intervals wrong."""
_COMPARED = 2_000_000
"""Pairs of numbers of events that are in memory at a time."""


def feldman_cousins(
    n: npt.ArrayLike, background: npt.ArrayLike, confidence: float = 0.9
) -> tuple[Floats, Floats]:
    """Return the unified confidence interval of the mean signal.

    Parameters
    ----------
    n : array_like
        Observed number of events, with background.
    background : array_like
        Mean number of background events, taken as exactly known. It is broadcast with n.
    confidence : float, optional
        Confidence level, between 0 and 1.

    Returns
    -------
    low, high : numpy.ndarray
        The ends of the interval, in events, of the broadcast shape. NaN where n or the
        background is NaN.

    Raises
    ------
    AnalysisError
        If n is not a whole number or negative, the background is negative, or the confidence is
        not between 0 and 1.

    Notes
    -----
    Feldman & Cousins, Phys. Rev. D 57, 3873 (1998), with the conventions of their tables: where
    the accepted signals are not one interval, the ends are the outermost ones, and upper ends are
    lengthened so that they do not increase with the background. They are computed without a grid;
    see docs/decisions/026-intervals.md. As numbers of events are whole, the coverage is above the
    confidence almost everywhere. For a confidence below 0.5, an interval can be from 0 to 0.
    """
    n, background = _numbers(n), _background(background)
    confidence = _confidence(confidence)
    n, background = np.broadcast_arrays(n, background)
    low, high = np.full(n.shape, np.nan), np.full(n.shape, np.nan)
    known = ~(np.isnan(n) | np.isnan(background))
    size, mean = n[known], background[known]
    if size.size:
        pairs, back = np.unique(np.stack([size, mean]), axis=1, return_inverse=True)
        ends = np.empty(pairs.shape)
        for part in _parts(pairs):
            means = pairs[:, part]
            ends[0, part] = lower_means(means[0], means[1], confidence) - means[1]
            ends[1, part] = upper_means(means[0], means[1], confidence) - means[1]
        low[known], high[known] = ends[:, back.reshape(-1)]
    return low, high


def sensitivity(background: npt.ArrayLike, confidence: float = 0.9) -> Floats:
    """Return the median upper limit that is expected without signal.

    Parameters
    ----------
    background : array_like
        Mean number of background events.
    confidence : float, optional
        Confidence level of the limit, between 0 and 1.

    Returns
    -------
    numpy.ndarray
        The upper end of the interval of `feldman_cousins` for the median number of background
        events, in events, of the shape of the background. The median is the smallest number
        which has a probability of 50 % or more not to be exceeded; upper ends increase with the
        number of events, so this is the median upper end.

    Raises
    ------
    AnalysisError
        If the background is negative, or the confidence is not between 0 and 1.
    """
    mean = _background(background)
    known = np.where(np.isnan(mean), 0, mean)
    # the median of a Poisson distribution is from mean - ln 2 to mean + 1/3, Choi (1994)
    trial = np.maximum(np.ceil(known - np.log(2)), 0)
    median = np.where(at_most(trial, known) >= 0.5, trial, trial + 1)
    return feldman_cousins(np.where(np.isnan(mean), np.nan, median), mean, confidence)[1]


def p_value(n: npt.ArrayLike, background: npt.ArrayLike) -> Floats:
    """Return the probability that the background alone gives n events or more.

    Parameters
    ----------
    n : array_like
        Observed number of events.
    background : array_like
        Mean number of background events. It is broadcast with n.

    Returns
    -------
    numpy.ndarray
        P(N >= n | background), of the broadcast shape; 1 for n = 0. NaN where n or the background
        is NaN.

    Raises
    ------
    AnalysisError
        If n is not a whole number or negative, or the background is negative.
    """
    n, background = np.broadcast_arrays(_numbers(n), _background(background))
    known = ~(np.isnan(n) | np.isnan(background))
    found = np.full(n.shape, np.nan)
    found[known] = at_least(n[known], background[known])
    return found


def _parts(pairs: Floats) -> Iterator[slice]:
    """Yield slices of pairs that need about the same memory."""
    # a number of events is compared with those within some standard deviations
    cost = np.cumsum(30 + 12 * np.sqrt(pairs.max(axis=0)))
    limits = np.searchsorted(cost, np.arange(0, cost[-1], _COMPARED))
    yield from map(slice, limits, [*limits[1:], len(cost)])


def _numbers(n: npt.ArrayLike) -> Floats:
    values = numbers("n", n)
    wrong = (values < 0) | ((values != np.floor(values)) & ~np.isnan(values)) | np.isinf(values)
    if wrong.any():
        raise AnalysisError("n", float(values[wrong].flat[0]), "whole numbers from 0")
    return values


def _background(background: npt.ArrayLike) -> Floats:
    values = numbers("background", background)
    wrong = (values < 0) | np.isinf(values)
    if wrong.any():
        raise AnalysisError("background", float(values[wrong].flat[0]), "numbers from 0")
    return values


def _confidence(confidence: float) -> float:
    value = numbers("confidence", confidence)
    if value.shape or not 0 < value < 1:
        raise AnalysisError(
            "confidence", confidence, "a number between 0 and 1", "0.9 means 90 per cent"
        )
    if value > _HIGHEST:
        raise AnalysisError("confidence", confidence, "at most 1 - 1e-12, because of rounding")
    return float(value)
