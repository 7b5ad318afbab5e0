"""The page to learn from. This runs in the Python of DaCHS."""

import functools
import glob
import os
import urllib.parse

from astropy.io import fits
from gavo import base

from ..alerts.addresses import address_of
from ..database import Unavailable, row
from ..releases import release, releases
from ..templates import page
from . import answers
from .sources import blazars

_FAMOUS = "KM3-230213A"
_NOTEBOOKS = "static/notebooks/index.html"
_BRIGHTEST = """SELECT TOP 10 id, nhit, ra, decl, beta, mjd
FROM ant20_01.main
ORDER BY nhit DESC"""
_NEAR = """SELECT id, nhit, beta,
  DISTANCE(ra, decl, {ra}, {dec}) AS separation
FROM ant20_01.main
WHERE DISTANCE(ra, decl, {ra}, {dec}) < {radius:g}
ORDER BY nhit DESC"""
_CHANCE = """SELECT COUNT(*) AS observed,
  gavo_background_events('ant20_01', {dec}, {radius:g}) AS expected
FROM ant20_01.main
WHERE DISTANCE(ra, decl, {ra}, {dec}) < {radius:g}"""
"""The queries of the exercises, in ADQL."""
CORNERS = {"ra1": (0, 360), "dec1": (-90, 90), "ra2": (0, 360), "dec2": (-90, 90)}


def learn_page(visit):
    """Return the page."""
    sample = release(answers.RELEASE, visit)
    is_open = sample is not None and not sample.is_closed and not sample.facts["simulated"]
    found, problem = _answers() if is_open else (None, "")
    example = found["best"] if found and "best" in found else next(iter(blazars()), None)
    return page(
        "learn.html",
        visit,
        telescopes=_telescopes(visit),
        sample=sample if is_open else None,
        answers=found,
        problem=problem,
        blazars=[_near(one) for one in blazars()],
        example=example,
        radius=answers.RADIUS,
        n_skies=answers.SKIES,
        many_hits=answers.MANY_HITS,
        brightest=answers.BRIGHTEST,
        queries=_queries(example),
        separation=_separation(visit),
        famous=_famous(visit),
        notebooks=_notebooks(),
    )


def _answers():
    try:
        return answers.answers(), ""
    except Unavailable as error:
        return None, str(error)


def _queries(example):
    found = {"brightest": _BRIGHTEST}
    if example:
        found["near"] = _NEAR.format(**example, radius=answers.RADIUS)
        found["chance"] = _CHANCE.format(**example, radius=answers.RADIUS)
    return found


def _near(blazar):
    """Return a blazar with the address of the events near it."""
    adql = " ".join(_NEAR.format(**blazar, radius=answers.RADIUS).split())
    sent = urllib.parse.urlencode({"LANG": "ADQL", "FORMAT": "text/html", "QUERY": adql})
    return blazar | {"address": f"/tap/sync?{sent}"}


def _separation(visit):
    """Return the corners that a visitor has filled in, as text, and the angle between them."""
    given = {name: visit.get(name) for name in CORNERS}
    if not all(given.values()):
        return {"given": given, "angle": None, "problem": ""}
    try:
        values = {name: float(text) for name, text in given.items()}
    except ValueError:
        return {"given": given, "angle": None, "problem": "Please enter four numbers, in degrees."}
    if not all(low <= values[name] <= high for name, (low, high) in CORNERS.items()):
        problem = "Right ascensions are from 0° to 360°, declinations from −90° to 90°."
        return {"given": given, "angle": None, "problem": problem}
    angle = answers.separation(*(values[name] for name in ("ra1", "dec1", "ra2", "dec2")))
    return {"given": given, "angle": float(angle), "problem": ""}


def _telescopes(visit):
    """Return where the telescopes are, from the headers of the event lists, the deepest last."""
    found = {}
    for one in releases(visit):
        place = os.path.join(base.getConfig("inputsDir"), one.name, "data", "*.fits")
        for path in sorted(glob.glob(place))[:1] if one.has_events and not one.is_closed else ():
            telescope = _telescope(path, os.stat(path).st_mtime_ns)
            if telescope["name"]:
                found[telescope["name"]] = telescope
    return sorted(found.values(), key=lambda one: one["depth"])


@functools.lru_cache(50)
def _telescope(path, _modified):
    header = fits.getheader(path, "EVENTS")
    return {
        "name": header.get("TELESCOP", ""),
        "latitude": float(header.get("GEOLAT", "nan")),
        "longitude": float(header.get("GEOLON", "nan")),
        "depth": -round(header.get("ALTITUDE", 0)),
    }


def _famous(visit):
    """Return the address of the page about the most energetic event; None if there is none."""
    try:
        found = row(
            "SELECT alert_id FROM alerts.latest WHERE event_name = %(name)s", {"name": _FAMOUS}
        )
    except Unavailable:
        found = None
    if found:
        return {"name": _FAMOUS, "address": address_of(found["alert_id"])}
    one = release("evts23_01", visit)
    return one and {"name": _FAMOUS, "address": one.address}


def _notebooks():
    """Return the address of the notebooks; None if they have not been published here."""
    place = os.path.join(base.getConfig("webDir"), "nv_static", "notebooks", "index.html")
    return f"/{_NOTEBOOKS}" if os.path.exists(place) else None
