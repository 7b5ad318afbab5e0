"""The published tables and their columns, from their descriptors.

This runs in the Python of DaCHS.
"""

import functools
from dataclasses import dataclass

from gavo import base
from gavo.adql import grammar

from ..database import rows
from .adql import Column

_PUBLISHED = """
    SELECT table_name, sourcerd FROM tap_schema.tables
    WHERE table_name NOT LIKE 'tap_schema.%%' ORDER BY table_name"""
_FIRST = ("km3net.events", "alerts.latest", "alerts.circulars")
"""The tables that most look for; the others follow by name."""
_KINDS = {
    "double precision": "number",
    "real": "number",
    "float": "number",
    "integer": "integer",
    "smallint": "integer",
    "bigint": "integer",
    "text": "text",
    "smoc": "region",
    "scircle": "region",
    "spoly": "region",
}


@dataclass(frozen=True)
class Table:
    """A published table.

    Attributes
    ----------
    name, title, description : str
        What its descriptor says.
    columns : tuple of Column
        Its columns.
    """

    name: str
    title: str
    description: str
    columns: tuple

    def column(self, name):
        """Return a column; None if there is none of this name."""
        return next((one for one in self.columns if one.name == name), None)

    @property
    def schema(self):
        return self.name.partition(".")[0]

    @property
    def files(self):
        """The path of the page that lists files with all rows, or None."""
        if self.name == "km3net.events":
            return "/#download"
        return f"/{self.schema}#downloads" if self.name.endswith(".main") else None

    @property
    def position(self):
        """The columns with right ascension and declination, or None."""
        found = [self._first("pos.eq.ra", "number"), self._first("pos.eq.dec", "number")]
        return tuple(found) if all(found) else None

    @property
    def time(self):
        """The column with the time of a row, or None."""
        for ucd in ("time.epoch", "time.start", "time.creation", "time"):
            if found := self._first(ucd, "time"):
                return found
        return None

    @property
    def regions(self):
        """The columns with regions of the sky."""
        return [one for one in self.columns if one.kind == "region" and one.level < 30]

    @property
    def usual(self):
        """The columns that are shown if nothing else is wanted."""
        shown = [one for one in self.columns if one.level <= 1]
        if len(shown) < 3:
            shown = [one for one in self.columns if one.level <= 10]
        return shown or list(self.columns)

    def _first(self, ucd, kind):
        found = [one for one in self.columns if one.kind == kind and one.ucd.startswith(ucd)]
        return min(found, key=lambda one: "meta.main" not in one.ucd, default=None)


def tables():
    """Return the published tables, those that most look for first."""
    published = {row["table_name"]: row["sourcerd"] for row in rows(_PUBLISHED)}
    names = sorted(published, key=lambda name: (name not in _FIRST, _rank(name), name))
    found = (_table(name, published[name]) for name in names)
    return [one for one in found if one]


def _rank(name):
    return _FIRST.index(name) if name in _FIRST else 0


def _table(name, rd_id):
    """Return a table, or None if an import replaces it just now."""
    try:
        rd = base.caches.getRD(rd_id)
    except base.RDNotFound:
        return None
    # the descriptor of ivoa.obscore spells it ObsCore
    found = (one for one in rd.tables if one.id.lower() == name.partition(".")[2])
    return next((_described(name, one) for one in found), None)


@functools.lru_cache(200)  # a new descriptor has new tables
def _described(name, definition):
    title = _meta(definition, "title") if definition.getMeta("title", propagate=False) else ""
    if not title and definition.id == "main":
        title = _meta(definition.rd, "title")
    description = _meta(definition, "description")
    columns = tuple(_column(one) for one in definition.columns)
    return Table(name, title or name, description, columns)


def _column(column):
    unit, ucd = column.unit or "", column.ucd or ""
    kind = _KINDS.get(column.type, "other")
    if kind == "number" and unit == "d" and ucd.startswith("time.") and "duration" not in ucd:
        kind = "time"
    name = str(column.name)
    return Column(
        name=name,
        kind=kind,
        heading=str(column.tablehead or name),
        unit=unit,
        ucd=ucd,
        description=" ".join((column.description or "").split()),
        level=column.verbLevel,
        is_reserved=name.upper() in grammar.ALL_RESERVED_WORDS,
    )


def _meta(carrier, key):
    return " ".join(str(carrier.getMeta(key, default="") or "").split())
