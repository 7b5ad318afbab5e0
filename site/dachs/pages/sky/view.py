"""The page with the sky. This runs in the Python of DaCHS."""

from .. import places
from ..answers import BadRequest, json_answer
from ..database import Unavailable
from ..templates import page
from . import density, events
from .policy import sky_policy, survey
from .requests import in_json, number
from .samples import samples

_ALL = 360
_TABLE = 25
"""Events in the table for those without scripts."""


def view(visit):
    """Return the page with the sky; what it shows at first is in its address."""
    problems = []
    found = sorted(samples(visit), key=lambda one: -one.facts["events"])
    target, place = visit.get("target"), None
    if target:
        try:
            place = places.place(target)
        except BadRequest as problem:
            problems.append(str(problem))
    fov = _fov(visit, place, problems)
    chosen = _chosen(visit, found, problems)
    first = _first_events(chosen, place, fov)
    data = {
        "target": place,
        "fov": fov,
        "survey": survey(),
        "samples": [_described(one, one in chosen) for one in found],
        "limit": events.DEFAULT,
        "problems": problems,
    }
    return page(
        "sky.html",
        visit,
        policy=sky_policy(),
        data=data,
        found=found,
        chosen=chosen,
        first=first,
        problems=problems,
        place=place,
        fov=fov,
    )


@in_json
def target(visit):
    """Return the position of a target."""
    ra, dec = places.place(visit.get("target"))
    return json_answer({"ra": ra, "dec": dec})


def _fov(visit, place, problems):
    try:
        value = number(visit, "fov", 0.01, 360)
    except BadRequest:
        problems.append("The field of view should be 0.01 to 360 degrees; the whole sky is shown.")
        return _ALL
    return value or (20 if place else _ALL)


def _chosen(visit, found, problems):
    wanted = [name for name in visit.get("release").split(",") if name]
    names = {one.name for one in found}
    for name in wanted:
        if name not in names:
            problems.append(f"There is no public release “{name[:40]}” with events.")
    if chosen := [one for one in found if one.name in wanted]:
        return chosen
    # by default the largest, and those that are about a few events
    return found[:1] + [one for one in found[1:] if one.facts["events"] < density.FEWEST]


def _described(one, is_chosen):
    facts = one.facts
    return {
        "name": one.name,
        "title": one.release.title + (" (simulated)" if one.release.facts.get("simulated") else ""),
        "address": one.release.address,
        "chosen": is_chosen,
        "events": facts["events"],
        "mjd": [facts["mjd_min"], facts["mjd_max"]],
        "values": [facts["value_min"], facts["value_max"]],
        "value": next((c for c in one.described() if c["key"] == "value"), None),
        "peak": density.peak(one),
        "table": one.table,
        "names": {key: column.name for key, column in one.columns.items()},
    }


def _first_events(chosen, place, fov):
    """Return the brightest events of the first sample in view, for those without scripts."""
    if not chosen:
        return None
    cone = (*place, fov / 2) if place and fov < 180 else None
    try:
        return events.brightest(chosen[0], cone, _TABLE)
    except Unavailable:
        return None
