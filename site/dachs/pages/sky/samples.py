"""The tables of events that the sky view draws, as their descriptors describe them.

This runs in the Python of DaCHS.
"""

import functools
from dataclasses import dataclass

from .. import database
from ..answers import NotFound
from ..releases import release, releases

_UCDS = {
    "id": ("meta.id;meta.main",),
    "mjd": ("time.epoch",),
    "value": ("phys.energy", "meta.number;instr.det"),
    "ra": ("pos.eq.ra;meta.main",),
    "dec": ("pos.eq.dec;meta.main",),
    "error": ("stat.error;pos",),
}
"""The columns by what they are for; the first UCD that a table has is taken."""
_KINDS = {"mjd": "time", "ra": "angle", "dec": "angle", "error": "angle"}


@dataclass(frozen=True, eq=False)
class Sample:
    """The events of a release.

    Attributes
    ----------
    release : Release
        The release.
    columns : dict of str to gavo.rscdef.Column
        Its columns by what they are for: ``id``, ``ra``, ``dec``, ``mjd``, ``error`` and ``value``,
        which says how bright an event is, an energy or a number of hits.
    """

    release: object
    columns: dict

    @property
    def name(self):
        return self.release.name

    def __eq__(self, other):
        return isinstance(other, Sample) and self.name == other.name

    def __hash__(self):
        return hash(self.name)

    @property
    def table(self):
        """The name of the table in the database."""
        return self.release.rd.getById("main").getQName()

    def sql(self, key):
        """Return a column as an expression in SQL."""
        return self.columns[key].name if key in self.columns else "NULL::real"

    def described(self):
        """Return what the scripts have to know of the columns, for the legend and for cards."""
        return [
            {
                "key": key,
                "label": column.tablehead or column.name,
                "unit": column.unit or "",
                "description": " ".join((column.description or "").split()),
                "kind": _KINDS.get(key, "value"),
            }
            | _digits(column)
            for key, column in self.columns.items()
            if key != "id"
        ]

    @property
    def facts(self):
        """Number of events, ranges of time (MJD) and of the value; computed once per version."""
        return _facts(self.table, _version(self.table), self.sql("mjd"), self.sql("value"))

    @property
    def version(self):
        """What changes with each import of the table."""
        return _version(self.table)


def samples(visit):
    """Return the samples that a visitor may see, in the order of their releases."""
    found = [_sample(one) for one in releases(visit) if one.has_events and not one.is_closed]
    return [one for one in found if one is not None]


def sample(name, visit):
    """Return the sample of a release.

    Raises
    ------
    NotFound
        If there is none, as far as the visitor may know, or if it is not public yet.
    """
    found = release(name, visit)
    if found is None or not found.has_events:
        raise NotFound(f"There is no release of events with the name “{name[:60]}”.")
    if found.is_closed:
        raise NotFound(f"The events of {found.title} are not public yet.")
    made = _sample(found)
    if made is None:
        raise NotFound(f"The events of {found.title} have no positions.")
    return made


def _sample(one):
    by_ucd = {}
    for column in one.rd.getById("main").columns:
        by_ucd.setdefault(column.ucd, column)
    found = {key: [by_ucd[ucd] for ucd in ucds if ucd in by_ucd] for key, ucds in _UCDS.items()}
    best = {key: columns[0] for key, columns in found.items() if columns}
    return Sample(one, best) if {"id", "ra", "dec", "mjd"} <= set(best) else None


def _digits(column):
    hint = (column.displayHint or {}).get("sf")
    return {"digits": int(hint)} if hint else {}


def _version(table):
    """Return the number of a table in the database, which each import makes again."""
    found = database.row("SELECT to_regclass(%(table)s)::oid::bigint AS version", {"table": table})
    if found["version"] is None:
        raise NotFound("The events of this release are not online at the moment.")
    return found["version"]


@functools.lru_cache(100)
def _facts(table, _, mjd, value):
    return database.row(
        f"SELECT count(*) AS events, min({mjd}) AS mjd_min, max({mjd}) AS mjd_max,"
        f" min({value}) AS value_min, max({value}) AS value_max FROM {table}"
    )
