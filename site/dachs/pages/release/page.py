"""Puts the page of a release together. This runs in the Python of DaCHS."""

import functools
import os
import re
from dataclasses import dataclass

from gavo import base

from .. import database, formats, releases
from ..answers import NotFound
from ..templates import page
from ..visits import server_url
from . import citation, description, downloads
from .histograms import histograms
from .provenance import provenance

_DAY = 86_400
_ARCSEC = 3600
_EV_PER_GEV = 1e9
_NOTEBOOKS = os.path.join(base.getConfig("webDir"), "nv_static", "notebooks")
"""Where published notebooks are."""


def release_page(visit):
    """Return the page of a release, whose name is the path."""
    release = releases.release(visit.path, visit)
    if release is None:
        raise NotFound(f"There is no release {visit.path}.")
    others = {
        "before": _other(release, "supersedes", visit),
        "after": _other(release, "superseded_by", visit),
    }
    return _make(release, others, visit)


def _make(release, others, visit):
    common = {
        "release": release,
        "text": description.text_of(release),
        "coverage": description.coverage(release.facts),
        "licence": description.licence(release),
        "paper": citation.paper(release),
        **others,
    }
    products = downloads.products(release)
    common["observed"] = _observed(release, products)
    if release.is_closed and not visit.is_member:
        return page("release.html", visit, **common, is_open=False)
    return page("release.html", visit, **common, is_open=True, **_open(release, products))


def _open(release, products):
    """Return what only those learn who may have the data."""
    made = provenance(release)
    files = downloads.files(release, products, made.checksums if made else {})
    tables = description.tables(release)
    return {
        "made": made,
        "files": files,
        "tables": tables,
        "table_address": downloads.table_address,
        "responses": downloads.responses(release, files["responses"]),
        "services": _services(release),
        "notebooks": _notebooks(release),
        "row": _only_row(release),
        "documents": citation.documents(release),
        "structured_data": citation.structured_data(release),
    } | _distributions(release)


def _other(release, key, visit):
    name = release.facts.get(key)
    return releases.release(name, visit) if name else None


@dataclass(frozen=True)
class Observed:
    """What the observations of a release have in common; None for what is unknown."""

    events: int
    livetime: str
    resolution: float
    """In degrees."""
    resolution_energy: str
    instrument: str
    topology: str
    observations: int
    embargo: object


def _observed(release, products):
    lists = downloads.event_lists(products) or products
    if not lists:
        return None
    first = lists[0]
    counts = [one["ev_xel"] for one in lists]
    livetimes = [one["livetime"] for one in lists]
    energy = first["s_ref_energy"]
    return Observed(
        events=sum(counts) if None not in counts else None,
        livetime=_duration(sum(livetimes)) if None not in livetimes else "",
        resolution=first["s_resolution"] and first["s_resolution"] / _ARCSEC,
        resolution_energy=description.energy(energy / _EV_PER_GEV) if energy else "",
        instrument=first["instrument"],
        topology=first["event_type"] or "",
        observations=len({one["obs_id"] for one in lists}),
        embargo=first["embargo"],
    )


def _duration(seconds):
    """Return a time in the unit in which it is a short number; empty if it is zero."""
    for unit, length in (("days", _DAY), ("hours", 3600), ("minutes", 60), ("s", 1)):
        if seconds >= 2 * length:
            return formats.quantity(seconds / length, 4 if unit == "days" else 2, unit)
    return ""


def _distributions(release):
    """Return the distributions, and why there are none."""
    if not release.has_events or release.is_closed:
        return {"distributions": [], "problem": ""}
    try:
        return {"distributions": histograms(release), "problem": ""}
    except database.Unavailable as problem:
        return {"distributions": [], "problem": str(problem)}


def _only_row(release):
    """Return the event of a release that has only one, by the names of the columns."""
    if not release.has_events or release.is_closed:
        return None
    table = release.rd.getById("main")
    columns = ", ".join(str(one.name) for one in table)
    rows = database.rows(f"SELECT {columns} FROM {table.getQName()} LIMIT 2")
    if len(rows) != 1:
        return None
    return {str(one.name): _value(rows[0][str(one.name)], one.ucd or "") for one in table}


def _value(value, ucd):
    """Return a cell of a table as text."""
    if value is None:
        return formats.NOTHING
    if isinstance(value, float):
        if ucd.startswith("time.epoch"):
            return f"{value:.8f} ({formats.utc(value)} UTC)"
        is_long = value != 0 and not 1e-4 < abs(value) < 1e6
        return formats.quantity(value, 4) if is_long else f"{value:.10g}"
    return str(value) if isinstance(value, (int, str)) else ""


@dataclass(frozen=True)
class Service:
    """A service with a form."""

    title: str
    is_cone: bool
    address: str


def _services(release):
    return [
        Service(
            str(one.getMeta("title")),
            "scs.xml" in one.allowed,
            one.getURL("form").removeprefix(server_url()),
        )
        for one in release.rd.services
        if "form" in one.allowed and one.publications
    ]


@dataclass(frozen=True)
class Notebook:
    """A published notebook."""

    title: str
    address: str


def _notebooks(release):
    """Return the published notebooks that query a release."""
    try:
        names = sorted(one for one in os.listdir(_NOTEBOOKS) if one.endswith(".html"))
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        path = os.path.join(_NOTEBOOKS, name)
        title, words = _read_notebook(path, os.stat(path).st_mtime_ns)
        if name != "index.html" and release.name in words:
            found.append(Notebook(title, f"/static/notebooks/{name}"))
    return found


@functools.lru_cache(100)
def _read_notebook(path, _modified):
    """Return the title of a notebook, and the words that may be names of releases."""
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    title = re.search(r"<title>(.*?)</title>", text, re.S)
    words = frozenset(re.findall(r"\b[a-z]+_?\w*\d\b", re.sub(r"<[^>]*>", " ", text)))
    return (title[1].strip() if title else os.path.basename(path)), words
