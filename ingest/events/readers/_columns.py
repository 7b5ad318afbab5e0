"""Columns of delivered files as fields of events: exact integers, exact times, unit vectors.

Values are never invented, and never rounded or truncated silently: a value that does not fit its
field is an :class:`~ingest.core.errors.InputError` that names the row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from astropy import units as u

from ingest.core.errors import InputError
from ingest.core.timescales import NANOSECONDS, split_mjd
from ingest.events.fields import FIELDS, MISSING_INTEGER, VECTOR, Array, Chunk
from ingest.events.readers._files import REDELIVER

FIRST_LIGHT: Final = 1_136_073_600
"""2006-01-01 UTC in Unix seconds, shortly before the first line of ANTARES took data."""
TRACK_TIME_LIMIT: Final = 10 * NANOSECONDS
"""In ns. Track times count from the start of a time slice of 0.1 s; beyond 10 s they are wrong."""


@dataclass(frozen=True)
class RowRange:
    """Consecutive rows of a delivered file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    first, stop : int
        The first row, counted from 0 in the file, and the one after the last.
    where : callable
        Returns the place of a row in the file, for messages.
    """

    path: Path
    first: int
    stop: int
    where: Callable[[int], str]

    def __len__(self) -> int:
        return self.stop - self.first

    def error(
        self, row: int, problem: str, value: object, expected: str, remedy: str = REDELIVER
    ) -> InputError:
        """Return the error about the value in a row, counted from 0 in this range."""
        return InputError(
            problem,
            file=self.path,
            where=self.where(self.first + row),
            value=value,
            expected=expected,
            remedy=remedy,
        )


def unit_factor(stated: str | None, default: str, target: str) -> float:
    """Return the factor that converts values of a column to a unit.

    Parameters
    ----------
    stated, default : str
        The unit the file states, if any, and the one to assume otherwise.
    target : str
        The unit wanted.

    Raises
    ------
    ValueError, TypeError
        If a unit is unknown or cannot be converted.
    """
    return float(u.Unit(stated or default).to(target))


def integers(values: Array, field: str, rows: RowRange, missing: Array | None = None) -> Array:
    """Return `values` in the integer type of the field `field`.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Integers, booleans or whole floating-point numbers. NaN becomes
        :data:`~ingest.events.fields.MISSING_INTEGER`.
    field : str
        A key of :data:`~ingest.events.fields.FIELDS`.
    rows : RowRange
        Where the values come from.
    missing : numpy.ndarray of bool, shape (n,), optional
        Rows that are known to have no value.

    Raises
    ------
    ingest.core.errors.InputError
        If a value is not whole, or out of the field's range.
    """
    target = np.dtype(FIELDS[field])
    limits = np.iinfo(target)
    absent = np.zeros(len(values), bool) if missing is None else missing.copy()
    if values.dtype.kind == "f":
        absent |= np.isnan(values)
        present = np.where(absent, 0, values)
        with np.errstate(invalid="ignore"):
            # limits.max is rounded up to 2**63 as a double, which is already out of range
            bad = (present != np.floor(present)) | (present < limits.min)
            bad |= present >= limits.max + 1.0
    else:
        present = np.where(absent, values.dtype.type(0), values)
        bad = np.zeros(len(values), bool)
        if present.dtype.kind == "u" or present.dtype.itemsize > target.itemsize:
            bad = present > limits.max
            if present.dtype.kind == "i":
                bad |= present < limits.min
    if bad.any():
        row = int(np.argmax(bad))
        raise rows.error(
            row,
            f"{field} is not a {8 * target.itemsize}-bit integer",
            values[row].item(),
            f"a whole number from {limits.min} to {limits.max}",
        )
    result: Array = present.astype(target)
    result[absent] = MISSING_INTEGER
    return result


def unix_time(
    seconds: Array, nanoseconds: Array, offset: Array, rows: RowRange
) -> tuple[Array, Array]:
    """Return event times as whole Unix seconds and nanoseconds within the second, UTC.

    Parameters
    ----------
    seconds, nanoseconds : numpy.ndarray, shape (n,)
        UTC time of the event; nanoseconds from 0 to 999 999 999.
    offset : numpy.ndarray, shape (n,)
        Nanoseconds to add: the time of the track within the event; NaN adds nothing.
    rows : RowRange
        Where the values come from.

    Raises
    ------
    ingest.core.errors.InputError
        If a time is not a number, is before :data:`FIRST_LIGHT`, or a part of it is out of
        range.
    """
    whole = integers(seconds, "unix_seconds", rows)
    fraction = integers(nanoseconds, "unix_nanoseconds", rows)
    early = whole < FIRST_LIGHT
    if early.any():
        row = int(np.argmax(early))
        raise rows.error(
            row,
            "the event has no absolute time",
            f"{int(whole[row])} s since 1970",
            f"UTC seconds of data taking, {FIRST_LIGHT} or later",
            "deliver measured data; the times of simulated events start at zero, so they have"
            " no position on the sky",
        )
    with np.errstate(invalid="ignore"):
        checks = (
            (whole > np.iinfo(np.uint32).max, "the second of the event", whole,
             "unix seconds, in this century"),
            ((fraction < 0) | (fraction >= NANOSECONDS), "the nanosecond of the event", fraction,
             "0 to 999999999"),
            (np.abs(offset) > TRACK_TIME_LIMIT, "the time of the track within the event", offset,
             "at most 10 s, in nanoseconds"),
        )  # fmt: skip
    for bad, name, values, expected in checks:
        if bad.any():
            row = int(np.argmax(bad))
            raise rows.error(row, f"{name} is out of range", values[row].item(), expected)
    total = fraction + np.rint(np.nan_to_num(offset, nan=0.0)).astype(np.int64)
    carry = total // NANOSECONDS
    return whole + carry, total - carry * NANOSECONDS


def mjd_to_unix_time(mjd: Array, rows: RowRange) -> tuple[Array, Array]:
    """Return MJD (UTC, days) as Unix seconds and nanoseconds, to the precision of a double.

    Raises
    ------
    ingest.core.errors.InputError
        As in :func:`unix_time`.
    """
    seconds, nanoseconds = split_mjd(mjd)
    return unix_time(seconds, nanoseconds, np.zeros(len(mjd)), rows)


def propagation_direction(zenith: Array, azimuth: Array) -> tuple[Array, Array, Array]:
    """Return the unit vectors along which particles from (zenith, azimuth) propagate.

    Parameters
    ----------
    zenith, azimuth : numpy.ndarray
        Direction of origin, rad; the azimuth counts from the x axis towards the y axis.
    """
    sin_zenith = np.sin(zenith)
    return -sin_zenith * np.cos(azimuth), -sin_zenith * np.sin(azimuth), -np.cos(zenith)


def fill_tracks(
    chunk: Chunk,
    reconstructed: Array,
    direction: tuple[Array, Array, Array],
    values: dict[str, Array],
    rows: RowRange,
    topology: str = "track",
) -> None:
    """Set the fields of reconstructed tracks; events without a track have no values.

    Parameters
    ----------
    chunk : numpy.ndarray, shape (n,)
        The events.
    reconstructed : numpy.ndarray of bool, shape (n,)
        Which events have a track.
    direction : tuple of numpy.ndarray
        Unit vectors along the direction of propagation.
    values : dict of str to numpy.ndarray
        Further fields, in their units; arbitrary where there is no track.
    rows : RowRange
        Where the values come from.
    topology : str
        That of all tracks.

    Raises
    ------
    ingest.core.errors.InputError
        If an integer is not whole, or out of range.
    """
    for field, column in {**dict(zip(VECTOR, direction, strict=True)), **values}.items():
        if FIELDS[field].startswith("i"):
            chunk[field] = integers(column, field, rows, missing=~reconstructed)
        else:
            chunk[field] = np.where(reconstructed, column, np.nan)
    chunk["topology"] = np.where(reconstructed, topology, "")
