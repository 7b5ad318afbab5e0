"""Tests of rows, and how values are put right: what :mod:`ingest.events.checks.rules` is made of.

A test returns the rows of a chunk that break a rule; mending replaces arrays of the chunk and
leaves the arrays that were there as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.events.checks.uniqueness import Mask
from ingest.events.fields import MISSING_INTEGER

Columns = dict[str, npt.NDArray[Any]]
"""The fields of one chunk, each as an array of its own."""

NORM_TOLERANCE: Final = 1e-3
"""How far from 1 the length of a direction may be; it is made 1 if it is nearer."""
UNIX_EPOCH_MJD: Final = 40_587
DAY: Final = 86_400

VECTOR: Final = ("dir_x", "dir_y", "dir_z")
UNIX: Final = ("unix_seconds", "unix_nanoseconds")


@dataclass(frozen=True)
class Limits:
    """The time range of a release, MJD UTC; None where it is open."""

    start_mjd: float | None = None
    stop_mjd: float | None = None


Test = Callable[[Columns, Limits], Mask]
Mending = Callable[[Columns, Mask], None]
IsNone = Callable[[npt.NDArray[Any]], Mask]


def either(masks: Iterable[Mask]) -> Mask:
    """Return the rows that are in any of the masks."""
    found: Mask = np.logical_or.reduce(list(masks))
    return found


def bad_time(columns: Columns, limits: Limits) -> Mask:
    """Find times that are no times."""
    if "mjd" in columns:
        return either([~np.isfinite(columns["mjd"])])
    seconds, nanoseconds = (columns[name] for name in UNIX)
    return either([seconds == MISSING_INTEGER, nanoseconds < 0, nanoseconds >= 1_000_000_000])


def outside_release(columns: Columns, limits: Limits) -> Mask:
    """Find times before or after the release."""
    if "mjd" in columns:
        mjd = columns["mjd"]
    else:
        seconds, nanoseconds = (columns[name] for name in UNIX)
        mjd = UNIX_EPOCH_MJD + (seconds + nanoseconds / 1e9) / DAY
    found = np.zeros(len(mjd), np.bool_)
    if limits.start_mjd is not None:
        found |= mjd < limits.start_mjd
    if limits.stop_mjd is not None:
        found |= mjd > limits.stop_mjd
    return found & ~bad_time(columns, limits)


def not_finite(*names: str) -> Test:
    """Make the test for numbers that are NaN or infinite."""

    def test(columns: Columns, limits: Limits) -> Mask:
        return either(~np.isfinite(columns[name]) for name in names if name in columns)

    return test


def outside(low: float, high: float, *names: str) -> Test:
    """Make the test for a closed interval; a value that is not given lies in it."""

    def test(columns: Columns, limits: Limits) -> Mask:
        return either(
            (columns[name] < low) | (columns[name] > high) for name in names if name in columns
        )

    return test


def length(columns: Columns) -> npt.NDArray[np.float64]:
    """Return the lengths of the directions."""
    x, y, z = (columns[name] for name in VECTOR)
    lengths: npt.NDArray[np.float64] = np.sqrt(x * x + y * y + z * z)
    return lengths


def not_unit(columns: Columns, limits: Limits) -> Mask:
    """Find directions that are not unit vectors, and no rounded ones either."""
    return either([np.abs(length(columns) - 1) > NORM_TOLERANCE])


def nearly_unit(columns: Columns, limits: Limits) -> Mask:
    """Find unit vectors that were rounded; those in single precision are right to 1e-7."""
    deviation = np.abs(length(columns) - 1)
    return either([(deviation > 1e-12) & (deviation <= NORM_TOLERANCE)])


def normalise(columns: Columns, rows: Mask) -> None:
    """Give directions length 1."""
    lengths = np.where(rows, length(columns), 1.0)
    for name in VECTOR:
        columns[name] = columns[name] / lengths


def full_circle(*names: str) -> Test:
    """Make the test for angles of 360 deg."""

    def test(columns: Columns, limits: Limits) -> Mask:
        return either(columns[name] == 360 for name in names if name in columns)

    return test


def fold(*names: str) -> Mending:
    """Make what turns 360 deg into 0."""

    def mend(columns: Columns, rows: Mask) -> None:
        for name in names:
            if name in columns:
                columns[name] = np.where(columns[name] == 360, 0.0, columns[name])

    return mend


def placeholder(*values: float) -> IsNone:
    """Make the test for values that stand for none; infinite ones always do."""

    def is_placeholder(column: npt.NDArray[Any]) -> Mask:
        found = [column == value for value in values]
        return either([*found, np.isinf(column)] if column.dtype.kind == "f" else found)

    return is_placeholder


def above_half_circle(column: npt.NDArray[Any]) -> Mask:
    """Find finite angles above 180 deg."""
    return either([(column > 180) & (column < np.inf)])


def below_one(column: npt.NDArray[Any]) -> Mask:
    """Find counts below 1."""
    return either([(column < 1) & (column != MISSING_INTEGER)])
