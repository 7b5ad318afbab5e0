"""Where something is that a visitor names. This runs in the Python of DaCHS."""

import os

from gavo import base, utils

from . import coordinates
from .answers import BadRequest
from .database import rows_if_online

_EVENT = "SELECT ra, dec FROM km3net.events WHERE event_id = %(name)s LIMIT 1"


def place(text):
    """Return the position that a text means.

    Parameters
    ----------
    text : str
        A position, as :func:`pages.coordinates.position` reads it, or the name of an event, of an
        alert, or of anything that the resolver of the CDS knows.

    Returns
    -------
    tuple of float
        Right ascension and declination (ICRS, deg).

    Raises
    ------
    BadRequest
        If the text is no position and nobody knows the name, or the resolver cannot be reached,
        or was asked for too many names in the last minute.
    """
    try:
        found = coordinates.position(text)
    except ValueError as problem:
        raise BadRequest(f"{problem} {coordinates.POSITION_FORMAT}") from None
    return found or _named(text)


def _named(text):
    module = os.path.join(base.getConfig("inputsDir"), "km3net", "names")
    if not os.path.exists(f"{module}.py"):  # it comes with the first release
        raise BadRequest(f"This server knows no names yet. {coordinates.POSITION_FORMAT}")
    names, _ = utils.loadPythonModule(module)
    try:
        name = names.cleaned(text)
        for event in rows_if_online(_EVENT, {"name": name}):
            return event["ra"], event["dec"]
        return names.resolve_elsewhere(name)
    except (base.ValidationError, base.ReportableError) as problem:
        raise BadRequest(f"{problem.msg} {coordinates.POSITION_FORMAT}") from None
