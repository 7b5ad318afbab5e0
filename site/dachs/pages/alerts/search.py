"""Searches for alerts: what a visitor asks for, and what it means.

This runs in the Python of DaCHS.
"""

import dataclasses
import math
import urllib.parse
from dataclasses import dataclass, field

from .. import coordinates, database
from ..answers import BadRequest
from ..places import place
from . import criteria, listing, streams
from .event_names import normalised
from .names import visible

FIELDS = ("name", "near", "radius", "since", "until", "stream", "far", "state", "tests", "order")
"""The parameters of a search."""
_RADIUS = "3"
_MOST_NAMES = 2000
_FIRST_DAY = 15020.0
"""1900-01-01 (MJD)."""


@dataclass
class Search:
    """A search for alerts.

    Attributes
    ----------
    texts : dict of str to str
        What the visitor wrote, by the names of :data:`FIELDS`.
    problems : dict of str to str
        What makes no sense, by the names of fields; the search is without it.
    criteria : list of Criterion
        What alerts have to fulfil.
    parameters : dict
        For :func:`pages.alerts.listing.find`.
    position : tuple of float, or None
        The place around which alerts are looked for: right ascension and declination in deg.
    radius : float
        How far from it, in deg.
    """

    texts: dict
    problems: dict = field(default_factory=dict)
    criteria: list = field(default_factory=list)
    parameters: dict = field(default_factory=dict)
    position: tuple | None = None
    radius: float = 0.0

    @property
    def is_empty(self):
        """Whether all alerts are wanted, as on the page without parameters."""
        return not any(self.texts.values())

    @property
    def condition(self):
        """The conditions in SQL."""
        injected = [] if self.with_tests else ["is_injection = 0"]
        return " AND ".join([*injected, *(one.sql for one in self.criteria)]) or "TRUE"

    @property
    def with_tests(self):
        return bool(self.texts["tests"])

    @property
    def is_wide(self):
        """Whether the radius is so large that nothing but the newest alerts is looked for."""
        return self.radius > criteria.WIDE

    @property
    def distance(self):
        """The distance from the place as an expression in SQL; None if there is no place."""
        return "coalesce(q3c_dist(ra, dec, %(ra)s, %(dec)s), 360)" if self.position else None

    @property
    def is_by_distance(self):
        """Whether the nearest alerts are first, not the newest."""
        return self.is_narrow and self.texts["order"] != "newest"

    @property
    def is_narrow(self):
        """Whether alerts of a small part of the sky are looked for."""
        return bool(self.position) and not self.is_wide

    @property
    def words(self):
        """What the search means, as a sentence without its full stop."""
        said = [one.words for one in self.criteria if one.words]
        states = [one for one in said if one.endswith("retracted")]
        text = " ".join(["Alerts", *(one for one in said if one not in states)])
        if self.with_tests:
            states.append("including tests and injected signals")
        return ", ".join([text, *states])

    @property
    def adql(self):
        """The same search as a query in ADQL."""
        conditions = [one.adql for one in self.criteria if one.adql]
        table = "alerts.latest"
        if self.with_tests:
            table = "alerts.notices"
            conditions = ["is_latest = 1", "role <> 'utility'", *conditions]
        order = "event_mjd DESC"
        if self.is_by_distance:
            ra, dec = self.position
            order = f"DISTANCE(POINT(ra, dec), POINT({ra:.6f}, {dec:.6f}))"
        where = "\nWHERE " + "\n  AND ".join(conditions) if conditions else ""
        return f"SELECT *\nFROM {table}{where}\nORDER BY {order}"

    def address(self, path, **more):
        """Return the address of a page with the same search."""
        given = {name: text for name, text in self.texts.items() if text}
        query = urllib.parse.urlencode(given | more)
        return f"{path}?{query}" if query else path

    @property
    def helper(self):
        """The address of the form for queries with the same search, as far as it can say it."""
        texts = self.texts
        pairs = [("table", "alerts.notices" if self.with_tests else "alerts.latest")]
        if self.position:
            pairs += [("near", texts["near"]), ("radius", f"{self.radius:g}")]
        pairs += [(name, texts[name]) for name in ("since", "until") if name not in self.problems]
        conditions = {"stream": ("eq", texts["stream"]), "far": ("le", "")}
        for one in self.criteria:
            if "far" in one.parameters:
                conditions["far"] = "le", f"{one.parameters['far']:.6g}"
        if texts["stream"] and len(self.parameters.get("streams", ())) != 1:
            conditions["stream"] = "has", texts["stream"]
        if texts["state"] and "state" not in self.problems:
            conditions["retracted"] = "eq", "1" if texts["state"] == "retracted" else "0"
        if self.with_tests:
            conditions["is_latest"] = "eq", "1"
        if texts["name"] and "name" not in self.problems:
            conditions["alert_id"] = "has", texts["name"]
        for name, (operator, value) in conditions.items():
            if value and value != streams.OTHERS:
                pairs += [("column", name), ("is", operator), ("value", value)]
        pairs += [("order", "event_mjd"), ("down", "1")]
        return "/query?" + urllib.parse.urlencode([pair for pair in pairs if pair[1]])


def read(visit):
    """Return the search that the parameters of an address describe."""
    texts = {name: _cleaned(visit.get(name)) for name in FIELDS}
    search = Search(texts)
    search.parameters["tests"] = [0, 1] if search.with_tests else [0]
    for name, reader in _READERS.items():
        if texts[name]:
            try:
                reader(search, texts[name])
            except (BadRequest, ValueError) as problem:
                search.problems[name] = str(problem)
    for one in search.criteria:
        search.parameters |= one.parameters
    return search


def _cleaned(text):
    return visible(text.encode("utf-8", "replace").decode())


def _read_name(search, text):
    if len(normalised(text)) < 3:
        raise ValueError("Please give at least three letters or digits of a name.")
    families = sorted({name.split("/")[0] for name in streams.names()} - {"ivo:"})
    if search.with_tests:
        families += [f"{kind}/{name}" for kind in ("test", "injection") for name in families]
    found = criteria.named(text, families)
    rows = []
    if streams.exist():
        rows = database.rows(found.sql, found.parameters | {"most": _MOST_NAMES + 1})
    if len(rows) > _MOST_NAMES:
        raise ValueError("Too many names begin with this. Please give more of the name.")
    ids = {"alert_ids": [row["alert_id"] for row in rows]}
    found = dataclasses.replace(found, sql="alert_id = ANY(%(alert_ids)s)", parameters=ids)
    search.criteria.append(found)


def _read_stream(search, text):
    if text == streams.OTHERS or streams.is_other(text):
        search.criteria.append(criteria.stream(text, streams.label_of(text), streams.BOUNDS))
        return
    if text not in {value for value, _ in streams.choices()}:
        raise ValueError("There are no alerts of such a stream. Please choose one of the list.")
    search.criteria.append(criteria.stream(text, streams.label_of(text)))
    search.parameters["streams"] = streams.members(text)


def _read_near(search, text):
    radius = _number(search.texts["radius"] or _RADIUS)
    if radius is None or not 0 < radius <= 90:
        search.problems["radius"] = "The radius is more than 0 and at most 90 degrees."
        radius = float(_RADIUS)
    search.position, search.radius = place(text), max(radius, 1e-6)
    search.criteria.append(criteria.place(text, *search.position, search.radius))


def _read_since(search, text):
    search.criteria.append(criteria.since(_moment(text), _time(text, False)))


def _read_until(search, text):
    end = _time(text, True)
    begins = [one.parameters["since"] for one in search.criteria if "since" in one.parameters]
    if begins and begins[0] >= end:
        raise ValueError("This is before the beginning of the time range.")
    search.criteria.append(criteria.until(_moment(text), end, listing.TIME))


def _read_rate(search, text):
    rate = _number(text)
    if rate is None or rate <= 0:
        raise ValueError("Please give a number of false alarms per year, such as 0.5 or 1e-3.")
    search.criteria.append(criteria.rate(rate))


def _read_state(search, text):
    if text not in ("valid", "retracted"):
        raise ValueError("Please choose one of the list.")
    search.criteria.append(criteria.retracted(text == "retracted"))


_READERS = {
    "name": _read_name,
    "stream": _read_stream,
    "near": _read_near,
    "since": _read_since,
    "until": _read_until,
    "far": _read_rate,
    "state": _read_state,
}


def _number(text):
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _time(text, is_end):
    time = coordinates.mjd(text, is_end)
    if time < _FIRST_DAY:
        raise ValueError(
            "There are no alerts from before 1900. Please give a later date, such as 2020-12-31."
        )
    return time


def _moment(text):
    return text if "-" in text[1:] else f"MJD {text}"
