"""Places in the sky by name or position. This runs in the Python of DaCHS."""

import functools
import os
import re

import numpy as np
from gavo import base
from gavo.utils import loadPythonModule

from .. import database
from ..answers import BadRequest
from .samples import samples

_POSITION = re.compile(r"([+-]?\d+(?:\.\d*)?)[\s,]+([+-]?\d+(?:\.\d*)?)")


@functools.cache
def _names():
    path = os.path.join(base.getConfig("inputsDir"), "km3net", "names")
    return loadPythonModule(path)[0]


class _NoEvents:
    """A sample without events: those of all releases are looked up in the database."""

    event_id = np.array([], dtype=str)


def find(text, visit):
    """Return right ascension and declination (ICRS, deg) of a target.

    Parameters
    ----------
    text : str
        Two numbers in degrees; or a name of an event, of an alert, or of a source that the CDS'
        resolver knows.
    visit : Visit
        The request.

    Raises
    ------
    BadRequest
        If nobody knows the name, or if the numbers are no position.
    """
    if numbers := _POSITION.fullmatch(text):
        ra, dec = map(float, numbers.groups())
        if not (-360 <= ra <= 360 and -90 <= dec <= 90):
            raise BadRequest(
                "A position is a right ascension from 0 to 360 and a declination from -90 to 90,"
                " in degrees."
            )
        return ra % 360, dec
    if place := _event(text, visit):
        return place
    try:
        return tuple(map(float, _names().resolve(text, _NoEvents)))
    except base.ValidationError as problem:
        raise BadRequest(_sentence(problem)) from None


def _event(name, visit):
    for one in samples(visit):
        found = database.row(
            f"SELECT {one.sql('ra')} AS ra, {one.sql('dec')} AS dec FROM {one.table}"
            f" WHERE {one.sql('id')} = %(name)s LIMIT 1",
            {"name": name},
        )
        if found:
            return found["ra"], found["dec"]
    return None


def _sentence(problem):
    text = str(getattr(problem, "msg", problem))
    return text.replace("give RA and DEC", "give a position in degrees, such as 94.3 -7.8")
