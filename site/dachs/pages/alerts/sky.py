"""What the interactive sky of an alert shows. This runs in the Python of DaCHS."""

import urllib.parse

from ..formats import quantity, utc
from ..sky.policy import survey
from .words import angle, before_or_after

_WIDEST, _NARROWEST, _MARGIN = 180.0, 0.01, 3.0
_NO_REGION = 10.0
"""The width of the view in deg around a position without a region."""


def sky_of(name, region, events, sources):
    """Return the options of ``skyview.js`` for an alert; None if nothing is known of its place.

    Parameters
    ----------
    name : str
        The name of the alert.
    region : Region
        Its region.
    events, sources : list of dict
        Our events in it, and sources that may be its counterparts.
    """
    where = region.centre or region.position
    if where is None:
        return None
    points = [_event(one) for one in events]
    layers = [
        *_outlines(region),
        {"kind": "points", "name": "Our neutrino candidates", "items": points},
    ]
    if sources:
        items = [{"ra": one["ra"], "dec": one["dec"], "title": one["name"]} for one in sources]
        layers.append(
            {
                "kind": "points",
                "name": "Candidate counterparts",
                "colour": "#f7a8c4",
                "items": items,
            }
        )
    if region.position:
        ra, dec = region.position
        best = {"ra": ra, "dec": dec, "title": name, "facts": [["Direction", _place(ra, dec)]]}
        layers.append({"kind": "points", "name": "Alert", "colour": "#ffffff", "items": [best]})
    return {"target": list(where), "fov": _width(region), "survey": survey(), "layers": layers}


def address_of_sky(region):
    """Return the address of the page with the sky around an alert; None without a place."""
    where = region.centre or region.position
    if where is None:
        return None
    target = f"{where[0]:.5f} {where[1]:+.5f}"
    return "/sky?" + urllib.parse.urlencode({"target": target, "fov": f"{_width(region):.3g}"})


def _width(region):
    width = _MARGIN * region.radius if region.radius else _NO_REGION
    return min(max(width, _NARROWEST), _WIDEST)


def _outlines(region):
    if region.radii:
        ra, dec = region.centre
        for name, radius, dashed in zip(("50 %", "90 %"), region.radii, (True, False), strict=True):
            circle = {"ra": ra, "dec": dec, "radius": radius}
            yield {"kind": "circles", "name": name, "dashed": dashed, "items": [circle]}
    for name, (order, cells) in zip(("90 %", "50 %"), region.cells, strict=False):
        yield {"kind": "region", "name": name, "moc": {str(order): cells.tolist()}}


def _event(one):
    facts = [
        ["Time", f"{utc(one['mjd'])} UTC"],
        ["From the alert", before_or_after(one["delay"])],
        ["Direction", _place(one["ra"], one["dec"])],
        ["Energy", quantity(one["energy"], 3, "GeV")],
        ["Hits", quantity(one["n_hits"])],
    ]
    if one["separation"] is not None:
        facts.insert(0, ["Separation", angle(one["separation"])])
    return {
        "ra": one["ra"],
        "dec": one["dec"],
        "title": one["event_id"],
        "error": one["ang_err"],
        "facts": [fact for fact in facts if not fact[1].startswith("–")],
        "links": [[f"Release {one['release']}", f"/{one['release']}"]],
    }


def _place(ra, dec):
    return f"RA {ra:.4f}°, Dec {dec:+.4f}°"
