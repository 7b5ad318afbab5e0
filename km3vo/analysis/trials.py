"""Probabilities by chance of lists of sources, corrected for the number of trials."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .arrays import Floats
from .errors import AnalysisError


def sidak(p: npt.ArrayLike, trials: int | None = None) -> Floats:
    """Return the probability that the smallest of several p-values is as small by chance.

    Parameters
    ----------
    p : array_like
        p-values. NaN, of a source that was not tested, stays NaN.
    trials : int, optional
        Number of independent tests. By default the number of p-values that are not NaN.

    Returns
    -------
    numpy.ndarray
        1 - (1 - p)**trials, of the shape of p; precise for the smallest p.

    Raises
    ------
    AnalysisError
        If a p-value is outside 0 to 1, or there are fewer trials than p-values.

    Notes
    -----
    Šidák (1967), Journal of the American Statistical Association 62, 626. It bounds the
    probability of one or more false detections in the list. It is exact for independent tests
    with continuous p-values; numbers of events are discrete, so it is conservative for them.
    """
    values = _probabilities(p)
    tests = int(np.count_nonzero(~np.isnan(values)))
    if trials is None:
        trials = tests
    elif isinstance(trials, bool) or int(trials) != trials or trials < max(tests, 1):
        raise AnalysisError(
            "trials",
            trials,
            f"a whole number, at least the number of p-values ({tests})",
            "omit it to count the p-values",
        )
    with np.errstate(divide="ignore"):
        corrected: Floats = -np.expm1(trials * np.log1p(-values))
    return corrected


def benjamini_hochberg(p: npt.ArrayLike) -> Floats:
    """Return p-values that are adjusted for the false-discovery rate.

    Parameters
    ----------
    p : array_like
        p-values. NaN, of a source that was not tested, stays NaN and does not count.

    Returns
    -------
    numpy.ndarray
        Adjusted p-values, of the shape of p. Among the sources with a value of q or less, the
        expected share of false detections is q at most.

    Raises
    ------
    AnalysisError
        If a p-value is outside 0 to 1.

    Notes
    -----
    Benjamini & Hochberg (1995), Journal of the Royal Statistical Society B 57, 289: with p-values
    in ascending order, the smallest of p[j] m / j for j >= i. It holds for independent tests and
    for those with positive dependence, such as sources with common events.
    """
    values = _probabilities(p)
    flat = values.ravel()
    tested = np.flatnonzero(~np.isnan(flat))
    order = tested[np.argsort(flat[tested], kind="stable")]
    scaled = flat[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted = np.full(flat.shape, np.nan)
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return adjusted.reshape(values.shape)


def _probabilities(p: npt.ArrayLike) -> Floats:
    values = np.asarray(p, float)
    wrong = (values < 0) | (values > 1)
    if wrong.any():
        raise AnalysisError("p", float(values[wrong].flat[0]), "probabilities from 0 to 1")
    return values
