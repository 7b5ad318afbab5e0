"""Checks that all responses have to pass, and axes that pass them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.core.errors import InputError
from ingest.responses.model import Axis, Floats
from ingest.responses.readers._files import REDELIVER

_GAP: Final = 1e-5
"""Largest relative distance of two edges that are the same; files have single precision."""
_RANGES: Final = {
    "energy_true": (0.0, np.inf),
    "energy_reco": (0.0, np.inf),
    "migration": (0.0, np.inf),
    "zenith": (0.0, 180.0),
    "dec": (-90.0, 90.0),
    "radius": (0.0, 180.0),
}

Where = Callable[[int], str]
"""The place of a bin of an axis in its file, for messages."""


def single(values: npt.ArrayLike) -> Floats:
    """Round to single precision, in which edges are published: 180, not 180.000005."""
    return np.asarray(values, np.float32).astype(np.float64)


def adjacent(name: str, lo: npt.ArrayLike, hi: npt.ArrayLike, path: Path, where: Where) -> Axis:
    """Return the axis of bins with these edges.

    Parameters
    ----------
    name : str
        The axis.
    lo, hi : array_like of float, shape (bins,)
        The edges of its bins, in the axis' unit.
    path : pathlib.Path
        The delivered file, for messages.
    where : callable
        The place of a bin, by its number from 0.

    Raises
    ------
    ingest.core.errors.InputError
        If an edge is not finite or outside its range, a bin has no width, or there are gaps,
        overlaps or bins out of order.
    """
    low, high = single(lo), single(hi)
    smallest, largest = _RANGES[name]

    def refuse(problem: str, index: int, expected: str) -> InputError:
        return InputError(
            problem,
            file=path,
            where=where(index),
            value=f"{low[index]:.9g} to {high[index]:.9g}",
            expected=expected,
            remedy=REDELIVER,
        )

    if low.shape != high.shape or low.ndim != 1 or not low.size:
        raise InputError(
            f"the edges of {name} do not belong together",
            file=path,
            where=where(0),
            value=f"{low.size} lower and {high.size} upper edges",
            expected="as many lower as upper edges, at least one",
            remedy=REDELIVER,
        )
    inside = (low >= smallest) & (high <= largest) & np.isfinite(low) & np.isfinite(high)
    if not inside.all():
        expected = f"finite edges from {smallest:g} to {largest:g}".replace("to inf", "upwards")
        raise refuse(f"the bin of {name} is out of range", int(np.argmin(inside)), expected)
    if not (low < high).all():
        index = int(np.argmin(low < high))
        raise refuse(f"the bin of {name} has no width", index, "a lower edge below the upper one")
    apart = np.abs(low[1:] - high[:-1]) > _GAP * np.maximum(np.abs(low[1:]), np.diff(high))
    if apart.any():
        index = int(np.argmax(apart)) + 1
        raise refuse(
            f"the bins of {name} are not adjacent",
            index,
            f"a bin that starts at {high[index - 1]:.9g}, where the one before ends",
        )
    return Axis(name, np.append(low, high[-1]))


def check_values(
    values: Floats, path: Path, where: Callable[[tuple[int, ...]], str], signed: bool = False
) -> None:
    """Check that values are finite, and not negative unless `signed`.

    Parameters
    ----------
    values : ndarray of float64
        The values.
    path : pathlib.Path
        The delivered file, for messages.
    where : callable
        The place of a value, by its indices.
    signed : bool, optional
        Whether values may be negative.

    Raises
    ------
    ingest.core.errors.InputError
        At the first value that is not.
    """
    good = np.isfinite(values) if signed else np.isfinite(values) & (values >= 0)
    if good.all():
        return
    index = tuple(int(one) for one in np.argwhere(~good)[0])
    raise InputError(
        "the value is not possible",
        file=path,
        where=where(index),
        value=f"{values[index]:.9g}",
        expected="a finite number" if signed else "a finite number, not negative",
        remedy=REDELIVER,
    )
