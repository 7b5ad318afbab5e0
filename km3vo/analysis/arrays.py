"""Arrays: their types, numbers that callers give, and ranges of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import AnalysisError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def numbers(parameter: str, values: Any) -> Floats:
    """Return what a caller gives as an array of float64; masked values become NaN.

    Raises
    ------
    AnalysisError
        If it is not a number or an array of numbers.
    """
    try:
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise AnalysisError(parameter, repr(values)[:80], "numbers") from None


def ranges(first: npt.NDArray[Any], last: npt.NDArray[Any]) -> tuple[Integers, npt.NDArray[Any]]:
    """Return the numbers of several ranges one after the other, each with the range it is of.

    Parameters
    ----------
    first, last : ndarray, shape (m,)
        The ranges, without their last number; whole numbers of any type.

    Returns
    -------
    which, number : ndarray
        The index of the range, and the number, of the type of `first`.
    """
    lengths = np.maximum(last - first, 0).astype(np.int64)
    which = np.repeat(np.arange(len(lengths)), lengths)
    begin = np.cumsum(lengths) - lengths
    return which, np.arange(len(which)) - begin[which] + first[which]
