"""Published events of ours in the region of an alert. This runs in the Python of DaCHS."""

import functools
import os
import urllib.parse
from dataclasses import dataclass

from gavo import base, utils

from .. import database
from ..releases import release
from .changes import separation

MOST = 25
"""How many events a page lists."""
_DRAWN = 300
_SECONDS = 3
"""The time for the query, which a page can do without."""
_EVENTS = """
    SELECT e.event_id, e.release, e.mjd, e.ra, e.dec, e.ang_err, e.energy, e.n_hits, e.topology,
        count(*) OVER () AS n_events, e.event_id = ANY(%(own)s) AS is_own
    FROM km3net.events AS e {join}
    WHERE {condition}
    ORDER BY is_own DESC, {distance} LIMIT %(most)s"""


@dataclass(frozen=True)
class Nearby:
    """The events in the region of an alert.

    Attributes
    ----------
    events : list of dict
        Those next to its position, at most :data:`MOST`; with their ``separation`` in deg and the
        ``delay`` in s after the alert.
    drawn : list of dict
        More of them, for a picture.
    n_events : int
        How many there are.
    is_slow : bool
        Whether the database took too long, so that nothing is known.
    query : str
        A query in ADQL for all of them; empty if they have no region.
    limits : list of dict
        The services that say how many are expected, and limits on the flux.
    """

    events: list
    drawn: list
    n_events: int
    is_slow: bool
    query: str
    limits: list


def nearby(notice, region, own, visit):
    """Return the published events in the 90 % region of an alert.

    Parameters
    ----------
    notice : dict
        Its newest notice with values.
    region : Region
        Its region.
    own : list of str
        Identifiers of the event behind the alert, which comes first.
    visit : Visit
        The request: a visitor may know of some releases only.
    """
    if not region.radius:
        return Nearby([], [], 0, False, "", [])
    query = _adql(notice, region)
    limits = _limits(notice, visit)
    try:
        found = [dict(one) for one in _select(notice["notice_id"], region, tuple(own), _version())]
    except database.Unavailable:
        return Nearby([], [], 0, True, query, limits)
    for one in found:
        one["separation"] = region.position and separation(region.position, (one["ra"], one["dec"]))
        has_times = None not in (notice["event_mjd"], one["mjd"])
        one["delay"] = (one["mjd"] - notice["event_mjd"]) * 86400 if has_times else None
    number = found[0]["n_events"] if found else 0
    return Nearby(found[:MOST], found, number, False, query, limits)


def _version():
    """Return what changes whenever the published events do: the releases that are there."""
    folder = base.getConfig("inputsDir")
    states = []
    for name in sorted(os.listdir(folder)):
        try:
            state = os.stat(os.path.join(folder, name, "release.json"))
            states.append((name, state.st_mtime_ns, state.st_ino))
        except OSError:  # it has no events
            continue
    return tuple(states)


@functools.lru_cache(100)
def _select(notice_id, region, own, _version):
    """Return the events in a region from the database, which takes long to plan the query."""
    where, asked = region.contains_sql("e.ra", "e.dec")
    distance = "e.mjd"
    if region.position:
        asked |= {"ra": region.position[0], "dec": region.position[1]}
        distance = "q3c_sindist(e.ra, e.dec, %(ra)s, %(dec)s)"
    join = "" if region.radii else "JOIN alerts.notices AS n ON n.notice_id = %(notice_id)s"
    query = _EVENTS.format(join=join, condition=where.replace("region_90", "n.region_90"),
                           distance=distance)  # fmt: skip
    asked |= {"own": list(own), "notice_id": notice_id, "most": _DRAWN}
    there = database.row("SELECT to_regclass('km3net.events') AS view")["view"]
    return database.rows(query, asked, _SECONDS) if there else []


def _adql(notice, region):
    """Return the address of the query for all events, as a table."""
    if region.radii:
        ra, dec = region.centre
        where = f"1 = CONTAINS(POINT(ra, dec), CIRCLE({ra!r}, {dec!r}, {region.radius!r}))"
        return f"SELECT * FROM km3net.events WHERE {where}"
    return (
        "SELECT e.* FROM km3net.events AS e, alerts.notices AS n"
        f" WHERE n.notice_id = {notice['notice_id']}"
        " AND 1 = CONTAINS(POINT(e.ra, e.dec), n.region_90)"
    )


def _limits(notice, visit):
    if not notice["has_region"]:
        return []
    found = []
    for name, one in _with_limits(visit):
        asked = urllib.parse.urlencode({"ALERT": notice["notice_id"]})
        found.append({"title": one.title, "address": f"/{name}/nu/region/form?{asked}"})
    return found


def _with_limits(visit):
    module = os.path.join(base.getConfig("inputsDir"), "km3net", "facts")
    if not os.path.exists(f"{module}.py"):  # it comes with the first release
        return
    for name in utils.loadPythonModule(module)[0].with_limits():
        if one := release(name, visit):
            yield name, one
