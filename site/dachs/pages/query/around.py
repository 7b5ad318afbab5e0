"""What there is around a position, a time, or both. This runs in the Python of DaCHS."""

import math
import os

from gavo import base, utils

from .. import coordinates, database, formats
from ..alerts import listing
from ..answers import BadRequest
from ..places import place
from ..releases import releases
from ..sky.policy import sky_policy
from ..templates import page

_RADIUS, _WINDOW = 3.0, 1.0
_MOST_EVENTS, _MOST_ALERTS = 200, 100
_COLUMNS = "event_id, release, detector, mjd, ra, dec, ang_err, energy, count(*) OVER () AS total"
_CONE = "q3c_join(%(ra)s, %(dec)s, ra, dec, %(radius)s)"
_CONTAINED = "spoint(radians(%(ra)s), radians(%(dec)s)) <@ region_90"
_SEPARATION = "q3c_dist(ra, dec, %(ra)s, %(dec)s)"


def around_page(visit):
    """Return the events and alerts around a position, a time, or both."""
    problems = {}
    given = {
        "target": visit.get("target"),
        "radius": visit.get("radius") or f"{_RADIUS:g}",
        "time": visit.get("time"),
        "window": visit.get("window") or f"{_WINDOW:g}",
    }
    where = _read(problems, "target", _place, given)
    when = _read(problems, "time", _time, given)
    found = {"events": [], "alerts": [], "total": 0}
    if (where or when) and not problems:
        found = _look(where, when)
    return page(
        "around.html",
        visit,
        policy=sky_policy(),
        given=given,
        problems=problems,
        where=where,
        when=when,
        **found,
        limits=_limits(visit) if where else [],
        data=_data(where, found),
    )


def _read(problems, name, read, given):
    try:
        return read(given) if given[name] else None
    except (BadRequest, ValueError) as problem:
        problems[name] = str(problem)
        return None


def _place(given):
    ra, dec = place(given["target"])
    return {"ra": ra, "dec": dec, "radius": _number(given["radius"], "radius", "degrees", 180)}


def _time(given):
    mjd = coordinates.mjd(given["time"])
    return {"mjd": mjd, "window": _number(given["window"], "time window", "days", 10_000)}


def _number(text, what, unit, most):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= most:
        raise ValueError(f"The {what} is a number of {unit}, more than 0 and at most {most:,}.")
    return value


def _look(where, when):
    """Return events and alerts: by separation if there is a position, by time otherwise."""
    values = {**(where or {}), **(when or {})}
    shown, events, alerts = [_COLUMNS], [], ["is_injection = 0"]
    if where:
        shown.append(f"{_SEPARATION} AS separation")
        events.append(_CONE)
        alerts.append(_CONTAINED)
    if when:
        shown.append("mjd - %(mjd)s AS delay")
        events.append("mjd BETWEEN %(mjd)s - %(window)s AND %(mjd)s + %(window)s")
        alerts.append("event_mjd BETWEEN %(mjd)s - %(window)s AND %(mjd)s + %(window)s")
    order = "separation" if where else "abs(mjd - %(mjd)s)"
    rows = database.rows_if_online(
        f"SELECT {', '.join(shown)} FROM km3net.events WHERE {' AND '.join(events)}"
        f" ORDER BY {order}, event_id LIMIT {_MOST_EVENTS}",
        values,
    )
    return {
        "events": rows,
        "total": rows[0]["total"] if rows else 0,
        "alerts": listing.find(" AND ".join(alerts), {**values, "tests": [0]}, _MOST_ALERTS),
    }


def _limits(visit):
    """Return the releases that have services of limits."""
    module = os.path.join(base.getConfig("inputsDir"), "km3net", "facts")
    if not os.path.exists(f"{module}.py"):  # it comes with the first release
        return []
    known = utils.loadPythonModule(module)[0].with_limits()
    return [one for one in releases(visit) if one.name in known]


def _data(where, found):
    """Return what the script draws on the sky."""
    events = [
        {
            "ra": one["ra"],
            "dec": one["dec"],
            "error": one["ang_err"],
            "title": one["event_id"],
            "facts": [["Detector", one["detector"]], ["Time", formats.utc(one["mjd"]) + " UTC"]],
        }
        for one in found["events"]
    ]
    alerts = [
        {
            "ra": one["ra"],
            "dec": one["dec"],
            "title": one["name"],
            "facts": [["Time", formats.utc(one["event_mjd"]) + " UTC"]],
            "links": [["The alert's page", one["address"]]],
        }
        for one in found["alerts"]
        if one["ra"] is not None and one["dec"] is not None
    ]
    return {"where": where, "events": events, "alerts": alerts}
