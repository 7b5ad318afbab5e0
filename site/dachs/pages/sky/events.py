"""The events of a release in a part of the sky, the brightest of them.

This runs in the Python of DaCHS.
"""

import functools
import math

from .. import database
from ..answers import json_answer
from .requests import cone, in_json, limit, number
from .samples import sample

MOST = 20_000
DEFAULT = 2000
_KEPT = 300
"""For how many seconds browsers may keep an answer."""
_KEYS = ("id", "ra", "dec", "mjd", "error", "value")


@in_json
def events(visit):
    """Return events in columns, with the description of the columns and how many there are.

    Parameters of the address: ``release``; ``ra``, ``dec`` and ``radius`` of a cone (deg);
    ``mjd_min`` and ``mjd_max``; ``minimum``, the least energy or number of hits; ``event``, an
    identifier; ``limit``.
    """
    found = sample(visit.get("release"), visit)
    wanted = limit(visit, DEFAULT, MOST)
    where, values = _conditions(visit, found)
    columns, total = _select(found, found.version, where, tuple(sorted(values.items())), wanted)
    return json_answer(
        {
            "release": found.name,
            "title": found.release.title,
            "total": total,
            "shown": len(columns["id"]),
            "events": columns,
            "columns": found.described(),
            "links": links(found),
        },
        _KEPT,
    )


def brightest(found, place, wanted):
    """Return the brightest events of a sample as rows, and how many there are in all.

    Parameters
    ----------
    found : Sample
        The sample.
    place : tuple of float or None
        Right ascension, declination and radius of a cone (deg); None for the whole sky.
    wanted : int
        How many events at most.
    """
    where, values = _in_cone(found, place) if place else ("TRUE", {})
    columns, total = _select(found, found.version, where, tuple(sorted(values.items())), wanted)
    return [
        dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
    ], total


def links(found):
    """Return labels and addresses that lead from an event further; they may contain {ra} etc."""
    made = [["about the release", found.release.address]]
    if "cone" in found.release.rd.serviceIndex:
        form = "/cone/form?hscs_pos={ra},{dec}&hscs_sr=60&__nevow_form__=genForm&submit=Go"
        made.append(["cone search here, 1°", f"/{found.release.rd.sourceId}{form}"])
    made.append(["what else is near", "/around?target={ra}%20{dec}"])
    made.append(["alerts near here", "/alerts?near={ra}%20{dec}&radius=3"])
    return made


def _conditions(visit, found):
    """Return the WHERE clause of a request and the values of its parameters."""
    terms, values = [], {}
    if place := cone(visit):
        term, values = _in_cone(found, place)
        terms.append(term)
    for name, key, comparison in (
        ("mjd_min", "mjd", ">="),
        ("mjd_max", "mjd", "<="),
        ("minimum", "value", ">="),
    ):
        if (bound := number(visit, name)) is not None:
            terms.append(f"{found.sql(key)} {comparison} %({name})s")
            values[name] = bound
    if event := visit.get("event"):
        terms.append(f"{found.sql('id')} = %(event)s")
        values["event"] = event
    return " AND ".join(terms) or "TRUE", values


def _in_cone(found, place):
    columns = f"{found.sql('ra')}, {found.sql('dec')}"
    term = f"q3c_radial_query({columns}, %(ra)s, %(dec)s, %(radius)s)"
    return term, dict(zip(("ra", "dec", "radius"), place, strict=True))


@functools.lru_cache(64)
def _select(found, _version, where, values, wanted):
    """Return the brightest events in columns, and how many there are in all."""
    chosen = ", ".join(f"{found.sql(key)} AS {key}" for key in _KEYS)
    query = f"SELECT {chosen} FROM {found.table} WHERE {where}"
    parameters = dict(values) | {"limit": wanted}
    rows, total = (_in_place if "radius" in parameters else _in_order)(
        found, query, where, parameters
    )
    return {key: [_rounded(row[key], key) for row in rows] for key in _KEYS}, total


def _in_place(_found, query, _where, parameters):
    """Find the events in a cone first, whatever the planner thinks, and order them then."""
    rows = database.rows(
        f"WITH here AS MATERIALIZED ({query}) SELECT *, count(*) OVER () AS total FROM here"
        " ORDER BY value DESC NULLS LAST LIMIT %(limit)s",
        parameters,
    )
    return rows, rows[0]["total"] if rows else 0


def _in_order(found, query, where, parameters):
    """Read the events in the order of an index, which has it only for those with a value."""
    value, wanted = found.sql("value"), parameters["limit"]
    rows = database.rows(
        f"{query} AND {value} IS NOT NULL ORDER BY {value} DESC LIMIT %(limit)s", parameters
    )
    if len(rows) < wanted:
        more = parameters | {"limit": wanted - len(rows)}
        rows += database.rows(f"{query} AND {value} IS NULL LIMIT %(limit)s", more)
    if len(rows) < wanted:
        return rows, len(rows)
    if where == "TRUE":
        return rows, found.facts["events"]
    count = f"SELECT count(*) AS n FROM {found.table} WHERE {where}"
    return rows, database.row(count, parameters)["n"]


def _rounded(value, key):
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return round(value, 6 if key != "value" else 9) if abs(value) < 1e9 else float(f"{value:.7g}")
