"""Parameters of the data of the sky view, and refusals that its scripts understand.

This runs in the Python of DaCHS.
"""

import functools
import math

from ..answers import BadRequest, NotFound, json_answer
from ..database import NotOnline, Unavailable

_STATUS = {BadRequest: 400, NotFound: 404, Unavailable: 503, NotOnline: 503}


def in_json(function):
    """Let a function refuse a request in JSON: as an object with the reason as ``problem``."""

    @functools.wraps(function)
    def answer(visit):
        try:
            return function(visit)
        except tuple(_STATUS) as problem:
            return json_answer({"problem": str(problem)}, status=_STATUS[type(problem)])

    return answer


def number(visit, name, least=-math.inf, most=math.inf):
    """Return the number that a parameter gives; None if it is not there.

    Raises
    ------
    BadRequest
        If it is no number, or out of range.
    """
    text = visit.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and least <= value <= most):
        if math.isfinite(least) and math.isfinite(most):
            expected = f"a number from {least:g} to {most:g}"
        else:
            expected = "a number"
        raise BadRequest(f"The parameter {name} should be {expected}, not “{text[:40]}”.")
    return value


def limit(visit, default, most):
    """Return how many rows a request wants at most."""
    value = number(visit, "limit", 1, most)
    return default if value is None else int(value)


def cone(visit):
    """Return right ascension, declination and radius (deg) of a cone; None for the whole sky."""
    ra, dec = number(visit, "ra", -360, 360), number(visit, "dec", -90, 90)
    radius = number(visit, "radius", 0, 180)
    given = [one is not None for one in (ra, dec, radius)]
    if any(given) and not all(given):
        raise BadRequest("A cone needs all of ra, dec and radius, in degrees.")
    return (ra % 360, dec, radius) if all(given) and radius < 180 else None
