"""Parts of ADQL queries, made of values that users give."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from astropy import units
from astropy.time import Time

from km3vo.errors import BadRequestError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def text(value: str) -> str:
    """Return a string literal.

    Raises
    ------
    BadRequestError
        If the value has a backslash, which servers do not agree on, or a control character.
    """
    if "\\" in value or any(ord(one) < 32 for one in value):
        raise BadRequestError(f"{value!r} contains a backslash or a control character")
    return "'{}'".format(value.replace("'", "''"))


def number(value: Any, what: str) -> str:
    """Return a numeric literal.

    Raises
    ------
    BadRequestError
        If the value is not a finite number; the message calls it `what`.
    """
    try:
        converted = float(value)
    except (TypeError, ValueError):
        converted = math.nan
    if not math.isfinite(converted):
        raise BadRequestError(f"{what} is {value!r}, not a finite number")
    return repr(converted)


def name(value: str, what: str) -> str:
    """Return the name of a schema or column.

    Raises
    ------
    BadRequestError
        If it is not a regular identifier of ADQL; the message calls it `what`.
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise BadRequestError(f"{what} is {value!r}, not a name of letters, digits and _")
    return value


def pattern(column: str, value: str) -> str:
    """Return the condition that a column equals a text, in which ``*`` stands for anything."""
    if "*" not in value:
        return f"{column} = {text(value)}"
    if "%" in value:
        raise BadRequestError(f"{value!r} contains %: use * for any characters")
    return f"{column} LIKE {text(value.replace('*', '%'))}"


def between(column: str, bounds: Iterable[Any], unit: units.UnitBase, what: str) -> list[str]:
    """Return the conditions that a column lies between two values, either of which may be None.

    Parameters
    ----------
    column : str
        The column.
    bounds : pair of astropy.units.Quantity, astropy.time.Time or None
        The limits, both inclusive.
    unit : astropy.units.UnitBase
        The unit of the column; times are MJD in UTC.
    what : str
        What messages call the bounds.

    Raises
    ------
    BadRequestError
        If these are not two limits in order, or have other units.
    """
    try:
        low, high = bounds
    except (TypeError, ValueError):
        raise BadRequestError(f"{what} has to be a pair (from, until)") from None
    limits = [None if one is None else _converted(one, unit, what) for one in (low, high)]
    if None not in limits and limits[0] > limits[1]:  # type: ignore[operator]
        raise BadRequestError(f"{what} begins after its end: {low}, {high}")
    return [
        f"{column} {sign} {number(one, what)}"
        for sign, one in zip((">=", "<="), limits, strict=True)
        if one is not None
    ]


def degrees(value: Any, what: str) -> float:
    """Return an angle in degrees; a number without unit is taken as degrees."""
    if not isinstance(value, units.Quantity) and not isinstance(value, str):
        value = units.Quantity(value, units.deg)
    return _converted(value, units.deg, what)


def _converted(value: Any, unit: units.UnitBase, what: str) -> float:
    try:
        if isinstance(value, Time):
            return float(value.utc.mjd)
        return float(units.Quantity(value).to_value(unit))
    except (TypeError, ValueError, units.UnitConversionError):
        expected = "an astropy Time" if unit == units.d else f"a quantity in {unit}"
        raise BadRequestError(f"{what} has {value!r}; expected is {expected}") from None
