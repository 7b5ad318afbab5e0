"""The page of an alert. This runs in the Python of DaCHS."""

import os
import urllib.parse
from dataclasses import dataclass

from gavo import base

from .. import database
from ..answers import redirect
from ..releases import releases
from ..sky.policy import sky_policy
from ..templates import page
from . import finding, records, status, streams, words
from .addresses import address_of
from .changes import changes
from .facts import columns, facts_of, meaning
from .names import is_unverified, readable_name, short, stream_label, visible
from .nearby import nearby
from .packet import parameters, path, text_of
from .picture import picture_of
from .region import region_of
from .sky import address_of_sky, sky_of

_MOST_SOURCES = 30
_FOUND, _FORBIDDEN = 302, 403
PARAMETERS = ("id", "notice_id", "ivorn", "notice")


def alert_page(visit):
    """Return the page of an alert, or of what its address asks for instead."""
    kind, value = finding.asked_for(visit)
    if not streams.exist():
        raise finding.unknown(str(value))
    if kind != "id":
        return _page_of_notice(visit, kind, value)
    history = [] if "\0" in value else records.history(value)
    if not history:
        return _page_of_name(visit, value)
    address = address_of(value)
    if visit.path == "alerts/show" and not address.startswith("/alerts/show"):
        return redirect(address)
    return _page(visit, history, address)


def _page_of_notice(visit, column, value):
    found = finding.notice(column, value)
    if "reason" in found:
        return page("alert_withheld.html", visit, status=_FORBIDDEN, notice=found, short=short)
    number = found["notice_id"]
    return redirect(_with_notice(address_of(found["alert_id"]), number), _FOUND)


def _page_of_name(visit, name):
    found = finding.named(name) or finding.former(name)
    if not found:
        raise finding.unknown(name)
    if len(found) == 1:
        return redirect(address_of(found[0]), _FOUND)
    return page("alert_choice.html", visit, name=short(name), alerts=found, address_of=address_of)


def _with_notice(address, number):
    return f"{address}{'&' if '?' in address else '?'}notice={number}#packet"


@dataclass(frozen=True)
class _Notice:
    """A notice in the timeline: its row, what changed, and what its author wrote."""

    row: dict
    changes: list
    comment: str
    address: str


def _page(visit, history, address):
    newest, described = history[-1], status.with_values(history)
    asked = visit.get("notice")
    chosen = next((one for one in history if str(one["notice_id"]) == asked), newest)
    events = records.of_notice("events", described, "event_no")
    own = _own_events(history, events)
    region = region_of(described)
    here = nearby(described, region, own, visit)
    linked = _release_of(history, visit)
    sources = _sources(linked)
    name = readable_name(described)
    context = {
        "name": name,
        "newest": newest,
        "described": described,
        "history": _timeline(history, address),
        "n_notices": newest["n_notices"],
        "state": status.state(history),
        "nature": status.nature(newest),
        "retractions": status.retractions(history),
        "revivals": status.revivals(history),
        "is_unverified": is_unverified(newest["alert_id"]),
        "facts": facts_of(described),
        "region": region,
        "picture": picture_of(region, here.drawn, sources["rows"] if sources else ()),
        "sky": sky_of(name, region, here.drawn, sources["rows"] if sources else ()),
        "sky_address": address_of_sky(region),
        "here": here,
        "events": events,
        "matches": records.matches(newest["alert_id"]),
        "circulars": records.circulars(newest["alert_id"]),
        "release": linked,
        "sources": sources,
        "notebook": _notebook({newest["event_name"], described["event_name"]}),
        "address": address,
        "public_address": _public(visit, address),
        "preview": _preview(history),
        "counterparts": records.of_notice("counterparts", described, "counterpart_no"),
        **_packet(chosen),
    }
    context["summary"] = _summary(context)
    return page("alert.html", visit, policy=sky_policy(), **context, **_TOOLS)


def _packet(notice):
    """Return what is known about the packet of a notice."""
    parts, has_more = parameters(notice)
    cited, citing = records.citations(notice)
    return {
        "chosen": notice,
        "parts": parts,
        "has_more_parameters": has_more,
        "raw": text_of(notice),
        "cited": cited,
        "citing": citing,
        "receptions": records.of_notice("receptions", notice, "received"),
        "sent": records.of_notice("outbox", notice, "queued, sink"),
        "seal": records.seal(notice),
    }


def _timeline(history, address):
    comments = records.comments(history)
    found = []
    for before, row in zip([None, *history[:-1]], history, strict=True):
        found.append(
            _Notice(
                row,
                changes(before, row) if before else [],
                comments.get(row["notice_id"], ""),
                _with_notice(address, row["notice_id"]),
            )
        )
    return found


def _own_events(history, events):
    """Return the identifiers of the published event that an alert is about."""
    names = {one["event_name"] for one in history} - {None}
    return sorted(names | {one["event_id"] for one in events})


def _release_of(history, visit):
    """Return the release with the data of the event, if there is one."""
    packets = {one["ivorn"] for one in history}
    return next((one for one in releases(visit) if one.facts.get("alert") in packets), None)


def _sources(release):
    """Return the sources that a release names as possible counterparts, if it does.

    Any further table of the release counts that has names of sources with their positions.
    """
    if release is None or release.is_closed:
        return None
    for name in dict.fromkeys(one["table"] for one in release.facts["tables"]):
        found = columns(name, f"{release.name}/nu")
        by_ucd = {one.ucd: one.name for one in found.values()}
        wanted = [by_ucd.get(ucd) for ucd in ("meta.id;src", "pos.eq.ra;meta.main",
                                              "pos.eq.dec;meta.main")]  # fmt: skip
        if None in wanted:
            continue
        table = base.caches.getRD(f"{release.name}/nu").getById(name)
        shown = [one for one in found.values() if one.verbLevel <= 10]
        rows = database.rows(
            f"SELECT {', '.join(one.name for one in shown)} FROM {release.name}.{name}"
            f" ORDER BY {table.primary[0]} LIMIT {_MOST_SOURCES}"
        )
        label, ra, dec = wanted
        for one in rows:
            one |= {"ra": one[ra], "dec": one[dec], "name": one[label]}
        return {
            "title": str(table.getMeta("title")),
            "about": " ".join(str(table.getMeta("description")).split()),
            "columns": shown,
            "rows": rows,
            "address": f"/tableinfo/{release.name}.{name}",
        }
    return None


def _notebook(names):
    """Return the address of the notebook that has the name of an event, if there is one."""
    folder = os.path.join(base.getConfig("webDir"), "nv_static", "notebooks")
    wanted = {_plain(name) for name in names if name}
    try:
        files = sorted(os.listdir(folder))
    except FileNotFoundError:
        return None
    for file in files:
        stem, suffix = os.path.splitext(file)
        if suffix == ".html" and _plain(stem) in wanted:
            return f"/static/notebooks/{urllib.parse.quote(file)}"
    return None


def _plain(name):
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _preview(history):
    """Return the newest notice for which the archive has a plot of its sky map."""
    return next((one for one in reversed(history) if path("preview", one)), None)


def _public(visit, address):
    return visit.url.removesuffix(urllib.parse.quote("/" + visit.path)) + address


def _summary(context):
    """Return the alert in a sentence, for search engines and links."""
    newest = context["newest"]
    facts = [f"{one.label}: {one.value}" for one in context["facts"][:4]]
    what = context["nature"][0] if context["nature"] else context["state"].label
    parts = [f"{what} alert of {stream_label(newest['stream'])}", *facts]
    return short(". ".join(parts) + ".", 300)


_TOOLS = {
    "angle": words.angle,
    "areas": words.areas,
    "rate": words.rate,
    "chance": words.chance,
    "interval": words.interval,
    "before_or_after": words.before_or_after,
    "address_of": address_of,
    "readable_name": readable_name,
    "stream_label": stream_label,
    "short": short,
    "visible": visible,
    "meaning": meaning,
}
