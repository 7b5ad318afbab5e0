"""Maps of the sky with all events of releases, drawn with SVG. This runs in the Python of DaCHS."""

import functools
from dataclasses import dataclass

import numpy as np

from . import database, projection

MOST = 9000
"""Dots on a map. Of more events, a part that depends on their identifiers only is drawn."""
_FEW = 5
"""A release with no more events has each of them marked with its name."""
_BRIGHT, _BRIGHTEST = 0.9, 0.99
"""The parts of the events of a release below those that are drawn brighter."""
_QUERY = """
    SELECT release, event_id, ra, dec, coalesce(n_hits, energy) AS brightness FROM km3net.events
    WHERE release = ANY(%(releases)s)
        AND (release = ANY(%(few)s) OR abs(hashtext(event_id)::bigint) %% %(step)s = 0)"""


@dataclass(frozen=True, eq=False)
class Layers:
    """The events on a map. Two of them are never equal, so that pictures of them can be kept.

    Attributes
    ----------
    faint, bright, brightest : str
        Paths with the dots of most events, and of those with the most hits.
    marks : list of dict
        Events that have a mark of their own: name, ``x`` and ``y``.
    step : int
        Of how many events one is drawn.
    positions : numpy.ndarray
        Right ascension, declination (deg) and rank within the release of each event drawn.
    """

    faint: str
    bright: str
    brightest: str
    marks: list
    step: int
    positions: np.ndarray


def on_the_map(releases, products):
    """Return the releases whose events are on the map of all: published and real, not for tests.

    Parameters
    ----------
    releases : list of Release
        What the visitor may know of.
    products : dict of str to Products
        Their products.
    """
    return [
        one
        for one in releases
        if one.has_events
        and not one.is_closed
        and one.facts["kind"] != "test"
        and not one.facts["superseded_by"]
        and one.name in products
        and products[one.name].events
    ]


def layers(releases, products):
    """Return the events of releases as layers of a map."""
    key = [
        (one.name, products[one.name].events, products[one.name].lists[0]["kid"])
        for one in releases
    ]
    return _layers(tuple(sorted(key)))


@functools.lru_cache(50)
def _layers(key):
    """Return the layers of releases, each with its number of events and the UUID of its list."""
    step = max(1, -(-sum(events for _, events, _ in key) // MOST))
    few = [name for name, events, _ in key if events <= _FEW]
    parameters = {"releases": [name for name, _, _ in key], "few": few, "step": step}
    # a node without releases has no such table
    rows = database.rows(_QUERY, parameters, seconds=30) if key else []
    marks = []
    for row in rows:
        if row["release"] in few:
            x, y = projection.place(row["ra"], row["dec"])
            marks.append({"name": row["event_id"], "x": x, "y": y, **row})
    rows = [row for row in rows if row["release"] not in few]
    drawn = np.array([(row["ra"], row["dec"]) for row in rows], float).reshape(-1, 2)
    ranks = _ranks(rows)
    x, y = projection.project(*drawn.T)
    faint, brightest = ranks < _BRIGHT, ranks >= _BRIGHTEST
    paths = (
        projection.dots(x[which], y[which]) for which in (faint, ~(faint | brightest), brightest)
    )
    return Layers(*paths, marks, step, np.column_stack([drawn, ranks]))


def _ranks(rows):
    """Return for each event the part of the events of its release that are fainter."""
    ranks = np.zeros(len(rows))
    names = np.array([row["release"] for row in rows])
    brightness = np.array([row["brightness"] or 0 for row in rows], float)
    for name in set(names.tolist()):
        own = names == name
        ordered = np.sort(brightness[own])
        ranks[own] = np.searchsorted(ordered, brightness[own]) / own.sum()
    return ranks


def alert_marks(alerts, taken=()):
    """Return the alerts that have a position as marks of the map.

    Parameters
    ----------
    alerts : list of dict
        As :func:`pages.alerts.listing.newest` returns them.
    taken : iterable of dict
        Marks that have labels already. A label that would cover another is left out, as is one
        with the same name.

    Returns
    -------
    list of dict
        Name, address, ``x``, ``y``, the path of the error circle (``outline``, empty if it is
        smaller than the mark) and the ``label``, which may be empty.
    """
    marks, labels = [], [(one["x"], one["y"], one["name"]) for one in taken]
    for alert in alerts:
        if alert["ra"] is None or alert["dec"] is None or not -90 <= alert["dec"] <= 90:
            continue
        x, y = projection.place(alert["ra"], alert["dec"])
        radius = alert["pos_err"] or 0
        crowded = any(
            name == alert["name"] or (abs(y - there) < 14 and abs(x - here) < 130)
            for here, there, name in labels
        )
        if not crowded:
            labels.append((x, y, alert["name"]))
        outline = projection.circle(alert["ra"], alert["dec"], radius) if 2 < radius <= 90 else None
        marks.append(
            {
                **alert,
                "x": x,
                "y": y,
                "outline": projection.line(*outline) if outline else "",
                "label": "" if crowded else alert["name"],
            }
        )
    return marks


@functools.cache
def frame():
    """Return what is on each map: the paths of the grid and of the galactic plane, and labels."""
    return {
        "grid": projection.grid(),
        "plane": projection.galactic_plane(),
        "centre": projection.place(*projection.galactic(0, 0)),
        "meridians": [(f"{ra}°", *projection.place(ra, 0)) for ra in (315, 225, 180, 135, 45)],
        "parallels": [
            (f"{dec:+d}°".replace("-", "−"), *projection.place(359.999, dec))
            for dec in (60, 30, -30, -60)
        ],
    }
