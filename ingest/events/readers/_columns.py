"""What all readers do with the columns of a file: exact integers, exact times, unit vectors.

Nothing is invented and nothing is rounded in silence: a value that does not fit the field it is
meant for is an :class:`~ingest.core.errors.InputError` that names the row.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.core.errors import InputError
from ingest.events.fields import FIELDS, MISSING_INTEGER

Array = npt.NDArray[Any]
Where = Callable[[int], str]
"""Names the place of a row, counted from 0 in the file."""

NS_PER_S: Final = 1_000_000_000
MJD_OF_UNIX_EPOCH: Final = 40_587
SECONDS_PER_DAY: Final = 86_400
FIRST_LIGHT: Final = 1_136_073_600
"""2006-01-01 UTC in unix seconds: the first line of ANTARES came later, KM3NeT later still."""
TRACK_TIME_LIMIT: Final = 10 * NS_PER_S
"""A track's time counts from its time slice of 0.1 s; beyond 10 s it is no such time."""


def integers(
    values: Array, field: str, path: Path, where: Where, missing: Array | None = None
) -> Array:
    """Return `values` as the integers the field `field` holds.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Integers, booleans or floating-point numbers that are whole. NaN becomes
        :data:`~ingest.events.fields.MISSING_INTEGER`.
    field : str
        The field, of :data:`~ingest.events.fields.FIELDS`.
    path : pathlib.Path
        The file, for messages.
    where : callable
        Names a row, for messages.
    missing : numpy.ndarray of bool, shape (n,), optional
        Rows that are known to have no value.

    Raises
    ------
    ingest.core.errors.InputError
        If a value is not whole, or does not fit the field.
    """
    target = np.dtype(FIELDS[field])
    limits = np.iinfo(target)
    absent = np.zeros(len(values), bool) if missing is None else missing.copy()
    if values.dtype.kind == "f":
        absent |= np.isnan(values)
        known = np.where(absent, 0, values)
        with np.errstate(invalid="ignore"):
            # the float next to 2**63 is 2**63 itself, which does not fit any more
            bad = (known != np.floor(known)) | (known < limits.min) | (known >= limits.max + 1.0)
    else:
        known = np.where(absent, values.dtype.type(0), values)
        bad = np.zeros(len(values), bool)
        if known.dtype.kind == "u" or known.dtype.itemsize > target.itemsize:
            bad = known > limits.max
            if known.dtype.kind == "i":
                bad |= known < limits.min
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"{field} is not an integer of {8 * target.itemsize} bits",
            file=path,
            where=where(row),
            value=values[row].item(),
            expected=f"a whole number from {limits.min} to {limits.max}",
            remedy="repair the file at its origin and deliver it again",
        )
    result: Array = known.astype(target)
    result[absent] = MISSING_INTEGER
    return result


def unix_time(
    seconds: Array, nanoseconds: Array, shift: Array, path: Path, where: Where
) -> tuple[Array, Array]:
    """Return event times as whole unix seconds and the nanoseconds of the second, UTC.

    Parameters
    ----------
    seconds, nanoseconds : numpy.ndarray, shape (n,)
        UTC time of the event; nanoseconds from 0 to 999 999 999.
    shift : numpy.ndarray, shape (n,)
        Nanoseconds to add: the track's own time within the event; NaN adds nothing.
    path, where
        For messages.

    Raises
    ------
    ingest.core.errors.InputError
        If a time is no number, is before either detector existed, or a part of it is out of
        its range.
    """
    whole = integers(seconds, "unix_seconds", path, where)
    parts = integers(nanoseconds, "unix_nanoseconds", path, where)
    early = whole < FIRST_LIGHT
    if early.any():
        row = int(np.argmax(early))
        raise InputError(
            "the event carries no absolute time",
            file=path,
            where=where(row),
            value=f"{int(whole[row])} s since 1970",
            expected=f"UTC seconds of data taking, {FIRST_LIGHT} or later",
            remedy="deliver measured data; simulated events count their time from zero and"
            " have no place on the sky",
        )
    late = whole > np.iinfo(np.uint32).max
    out = (parts < 0) | (parts >= NS_PER_S)
    with np.errstate(invalid="ignore"):
        far = np.abs(shift) > TRACK_TIME_LIMIT
    for bad, name, values, expected in (
        (late, "the second of the event", whole, "unix seconds, in this century"),
        (out, "the nanosecond of the event", parts, "0 to 999999999"),
        (far, "the time of the track within the event", shift, "at most 10 s, in nanoseconds"),
    ):
        if bad.any():
            row = int(np.argmax(bad))
            raise InputError(
                f"{name} is out of range",
                file=path,
                where=where(row),
                value=values[row].item(),
                expected=expected,
                remedy="repair the file at its origin and deliver it again",
            )
    total = parts + np.rint(np.nan_to_num(shift, nan=0.0)).astype(np.int64)
    carry = total // NS_PER_S
    return whole + carry, total - carry * NS_PER_S


def refuse_empty(rows: int, path: Path) -> None:
    """Refuse a file without events.

    Raises
    ------
    ingest.core.errors.InputError
        If `rows` is 0.
    """
    if rows == 0:
        raise InputError(
            "the file holds no events",
            file=path,
            expected="at least one event",
            remedy="fetch the file again, or leave it out of the release",
        )


def mjd_to_unix(mjd: Array, path: Path, where: Where) -> tuple[Array, Array]:
    """Split MJD (UTC, days) into unix seconds and nanoseconds, as exactly as a double has it.

    Raises
    ------
    ingest.core.errors.InputError
        As :func:`unix_time`.
    """
    day = np.floor(mjd)
    nanoseconds = np.nan_to_num(np.rint((mjd - day) * (SECONDS_PER_DAY * float(NS_PER_S))))
    second = nanoseconds // NS_PER_S
    seconds = (day - MJD_OF_UNIX_EPOCH) * SECONDS_PER_DAY + second
    parts = nanoseconds - second * NS_PER_S
    return unix_time(seconds, parts, np.zeros(len(mjd)), path, where)


def source_to_direction(zenith: Array, azimuth: Array) -> tuple[Array, Array, Array]:
    """Return the unit vector of the way a particle goes that comes from (zenith, azimuth).

    Parameters
    ----------
    zenith, azimuth : numpy.ndarray
        Of the particle's origin, rad; azimuth counts from the x axis over the y axis.
    """
    sin_zenith = np.sin(zenith)
    return -sin_zenith * np.cos(azimuth), -sin_zenith * np.sin(azimuth), -np.cos(zenith)
