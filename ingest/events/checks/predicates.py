"""Predicates and corrections of rows, of which the rules consist.

A predicate returns the rows of a chunk that violate a rule. A correction replaces arrays of the
chunk, and never changes an array in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.core.timescales import NANOSECONDS, unix_to_mjd
from ingest.events.checks.uniqueness import Mask
from ingest.events.fields import MISSING_INTEGER, UNIX_TIME, VECTOR, Array

Columns = dict[str, Array]
"""The fields of a chunk, each as an array of shape (n,)."""

NORM_TOLERANCE: Final = 1e-3
"""Largest deviation of the length of a direction from 1 that is corrected."""


@dataclass(frozen=True)
class TimeRange:
    """The time range of a release, MJD UTC, both ends included; an end that is None is open."""

    start_mjd: float | None = None
    stop_mjd: float | None = None


Predicate = Callable[[Columns, TimeRange], Mask]
Correction = Callable[[Columns, Mask], None]
PlaceholderTest = Callable[[Array], Mask]
"""Returns which values of a column are placeholders for missing values."""


def any_of(masks: Iterable[Mask]) -> Mask:
    """Return the rows that are in at least one of the masks."""
    found: Mask = np.logical_or.reduce(list(masks))
    return found


def invalid_time(columns: Columns, time_range: TimeRange) -> Mask:
    """Find times that are missing or not a time."""
    if "mjd" in columns:
        return any_of([~np.isfinite(columns["mjd"])])
    seconds, nanoseconds = (columns[name] for name in UNIX_TIME)
    return any_of([seconds == MISSING_INTEGER, nanoseconds < 0, nanoseconds >= NANOSECONDS])


def outside_release(columns: Columns, time_range: TimeRange) -> Mask:
    """Find valid times before or after the release."""
    if "mjd" in columns:
        mjd = columns["mjd"]
    else:
        seconds, nanoseconds = (columns[name] for name in UNIX_TIME)
        mjd = unix_to_mjd(seconds + nanoseconds / NANOSECONDS)
    found = np.zeros(len(mjd), np.bool_)
    if time_range.start_mjd is not None:
        found |= mjd < time_range.start_mjd
    if time_range.stop_mjd is not None:
        found |= mjd > time_range.stop_mjd
    return found & ~invalid_time(columns, time_range)


def not_finite(*names: str) -> Predicate:
    """Return the predicate for fields that are NaN or infinite."""

    def predicate(columns: Columns, time_range: TimeRange) -> Mask:
        return any_of(~np.isfinite(columns[name]) for name in names if name in columns)

    return predicate


def outside(low: float, high: float, *names: str) -> Predicate:
    """Return the predicate for fields outside a closed interval; missing values are inside."""

    def predicate(columns: Columns, time_range: TimeRange) -> Mask:
        return any_of(
            (columns[name] < low) | (columns[name] > high) for name in names if name in columns
        )

    return predicate


def vector_length(columns: Columns) -> npt.NDArray[np.float64]:
    """Return the lengths of the directions."""
    x, y, z = (columns[name] for name in VECTOR)
    lengths: npt.NDArray[np.float64] = np.sqrt(x * x + y * y + z * z)
    return lengths


def not_unit(columns: Columns, time_range: TimeRange) -> Mask:
    """Find directions that are not unit vectors, even allowing for rounding."""
    return any_of([np.abs(vector_length(columns) - 1) > NORM_TOLERANCE])


def rounded_unit(columns: Columns, time_range: TimeRange) -> Mask:
    """Find rounded unit vectors; those in single precision deviate by 1e-7."""
    deviation = np.abs(vector_length(columns) - 1)
    return any_of([(deviation > 1e-12) & (deviation <= NORM_TOLERANCE)])


def normalise(columns: Columns, rows: Mask) -> None:
    """Scale directions to length 1."""
    lengths = np.where(rows, vector_length(columns), 1.0)
    for name in VECTOR:
        columns[name] = columns[name] / lengths


def full_circle(*names: str) -> Predicate:
    """Return the predicate for angles of 360 deg."""

    def predicate(columns: Columns, time_range: TimeRange) -> Mask:
        return any_of(columns[name] == 360 for name in names if name in columns)

    return predicate


def wrap_full_circle(*names: str) -> Correction:
    """Return the correction that replaces 360 deg by 0."""

    def correct(columns: Columns, rows: Mask) -> None:
        for name in names:
            if name in columns:
                columns[name] = np.where(columns[name] == 360, 0.0, columns[name])

    return correct


def placeholder(*values: float) -> PlaceholderTest:
    """Return the test for these values; infinities are always placeholders."""

    def is_placeholder(column: Array) -> Mask:
        found = [column == value for value in values]
        return any_of([*found, np.isinf(column)] if column.dtype.kind == "f" else found)

    return is_placeholder


def above_half_circle(column: Array) -> Mask:
    """Find finite angles above 180 deg."""
    return any_of([(column > 180) & (column < np.inf)])


def below_one(column: Array) -> Mask:
    """Find counts below 1 that are not missing."""
    return any_of([(column < 1) & (column != MISSING_INTEGER)])
