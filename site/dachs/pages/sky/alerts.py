"""The newest alerts with the regions that contain their sources.

This runs in the Python of DaCHS.
"""

from gavo import base

from .. import database
from ..alerts.addresses import address_of
from ..alerts.names import readable_name, stream_label
from ..answers import json_answer
from .coverage import cells
from .middle import middle
from .requests import cone, in_json, limit, number

MOST = 500
DEFAULT = 50
_MOST_CELLS = 1500
"""Of a region; of more, larger ones are drawn."""
_COLUMNS = ("event_mjd", "ra", "dec", "pos_err_50", "pos_err_90", "energy", "signalness", "far")
"""What a card says, with the words and units of the descriptor."""
_QUERY = """
    SELECT alert_id, event_name, stream, event_mjd, notice_mjd, ra, dec, pos_err_50, pos_err_90,
        energy, signalness, far, retracted,
        CASE WHEN region_origin = 'map' THEN region_50::text END AS region_50,
        CASE WHEN region_origin = 'map' THEN region_90::text END AS region_90
    FROM alerts.latest
    WHERE (ra IS NOT NULL AND dec IS NOT NULL OR region_origin = 'map') AND {where}
    ORDER BY least(coalesce(event_mjd, notice_mjd), received) DESC, notice_id DESC
    LIMIT %(limit)s"""


@in_json
def alerts(visit):
    """Return alerts, newest first.

    Parameters of the address: ``ra``, ``dec`` and ``radius`` of a cone (deg); ``mjd_min`` and
    ``mjd_max``; ``alert``, an identifier; ``limit``.
    """
    terms, values = ["TRUE"], {"limit": limit(visit, DEFAULT, MOST)}
    if place := cone(visit):
        terms.append("q3c_radial_query(ra, dec, %(ra)s, %(dec)s, %(radius)s)")
        values |= dict(zip(("ra", "dec", "radius"), place, strict=True))
    for name, comparison in (("mjd_min", ">="), ("mjd_max", "<=")):
        if (bound := number(visit, name)) is not None:
            terms.append(f"event_mjd {comparison} %({name})s")
            values[name] = bound
    if alert := visit.get("alert"):
        terms.append("alert_id = %(alert)s")
        values["alert"] = alert
    rows = []
    if database.row("SELECT to_regclass('alerts.latest') AS there")["there"]:
        rows = database.rows(_QUERY.format(where=" AND ".join(terms)), values)
    columns = (
        {one.name: one for one in base.caches.getRD("alerts/nu").getById("latest")} if rows else {}
    )
    described = (_described(row, columns) for row in rows)
    return json_answer({"alerts": [one for one in described if one["ra"] is not None]}, 60)


def _described(row, columns):
    facts = [
        [columns[name].tablehead or name, row[name], _about(columns[name])]
        for name in _COLUMNS
        if row[name] is not None
    ]
    if row["retracted"]:
        facts.insert(0, ["Retracted", "yes: its collaboration has withdrawn it", {}])
    large, small = (
        cells(row["region_90"], most=_MOST_CELLS),
        cells(row["region_50"], most=_MOST_CELLS),
    )
    ra, dec = row["ra"], row["dec"]
    if None in (ra, dec):
        ra, dec = middle(small or large)
        facts.append(["Direction", "somewhere in its region", {}])
    return {
        "id": row["alert_id"],
        "title": readable_name(row),
        "subtitle": stream_label(row["stream"]),
        "ra": ra,
        "dec": dec,
        "mjd": row["event_mjd"],
        "radius_50": row["pos_err_50"],
        "radius_90": row["pos_err_90"],
        "moc_50": small,
        "moc_90": large,
        "retracted": bool(row["retracted"]),
        "facts": facts,
        "links": [["about the alert", address_of(row["alert_id"])]],
    }


def _about(column):
    kind = "time" if column.ucd == "time.epoch" else "value"
    text = " ".join((column.description or "").split())
    return {"unit": column.unit or "", "description": text, "kind": kind}
