"""Distributions of the events of a release, counted by the database once per version of it.

This runs in the Python of DaCHS.
"""

import itertools
import os
from dataclasses import dataclass

from gavo import base

from .. import database
from ..keeping import Locks
from . import bins, drawing

_FEW = 10
"""So many events have no distribution."""
_RARE = 0.05
"""The fraction of zeros that a logarithmic axis may leave out."""
_WIDE = 30
"""Ratio of the largest to the smallest value from which bins are logarithmic."""


@dataclass(frozen=True)
class Histogram:
    """A distribution.

    Attributes
    ----------
    name : str
        The name of the column.
    title : str
        What is shown, such as ``Time``.
    x : dict
        The axis, as ``charts.js`` takes it: label, unit and kind.
    edges : list of float
        The edges of the bins; those of times are MJD (UTC).
    counts : list of int
        The number of events in each bin.
    missing, zero : int
        The numbers of events without a value and, on a logarithmic axis, with the value 0.
    summary : str
        What the diagram shows, in a sentence.
    """

    name: str
    title: str
    x: dict
    edges: list
    counts: list
    missing: int
    zero: int
    summary: str

    @property
    def data(self):
        """What ``charts.js`` needs."""
        y = {"label": "Events"}
        return {
            "edges": self.edges, "counts": self.counts, "x": self.x, "y": y,
            "summary": self.summary,
        }  # fmt: skip

    @property
    def drawing(self):
        """The diagram for browsers without scripts."""
        return drawing.histogram(self.edges, self.counts, self.x["kind"])

    @property
    def rows(self):
        """The bins in words, each with its number of events."""
        return [
            (*(drawing.written(edge, self.x["kind"]) for edge in pair), count)
            for pair, count in zip(itertools.pairwise(self.edges), self.counts, strict=True)
        ]


@dataclass(frozen=True)
class _Quantity:
    """What is counted: a column, the expression for SQL, and the axis."""

    column: object
    expression: str
    title: str
    label: str
    unit: str
    kind: str = "linear"


_known = {}
_locks = Locks()


def histograms(release):
    """Return the distributions of the events of a release.

    Parameters
    ----------
    release : Release
        A release with events, whose data are public.

    Returns
    -------
    list of Histogram
        Empty if it has few events.

    Raises
    ------
    pages.database.Unavailable
        If the database does not answer in time.
    """
    state = os.stat(os.path.join(base.getConfig("inputsDir"), release.name, "release.json"))
    version = state.st_mtime_ns, state.st_ino
    # once for each release: others wait for the same numbers, rather than ask for them as well
    with _locks.of(release.name):
        if _known.get(release.name, (None,))[0] != version:
            _known[release.name] = version, _count(release.rd.getById("main"))
        return _known[release.name][1]


def _count(table):
    quantities = sorted(_quantities(table), key=lambda one: _ORDER.index(one.title))
    found = (_histogram(table, one) for one in quantities)
    return [one for one in found if one is not None]


def _quantities(table):
    """Yield what is worth a diagram, by the UCDs of the columns; the first column of each."""
    seen = set()
    for column in table:
        name, ucd, unit = str(column.name), column.ucd or "", column.unit or ""
        title, kind = _TITLES.get(ucd, ("", ""))
        if not title or title in seen:
            continue
        seen.add(title)
        if kind == "time":
            yield _Quantity(column, name, title, title, "UTC", kind)
        elif kind == "sine":
            yield _Quantity(
                column, f"sin(radians({name}))", title, f"Sine of the {title.lower()}", "", kind
            )
        else:
            yield _Quantity(column, name, title, title, unit, kind)


_TITLES = {
    "time.epoch": ("Time", "time"),
    "pos.eq.dec;meta.main": ("Declination", "sine"),
    "phys.energy": ("Energy", "linear"),
    "meta.number;instr.det": ("Number of hits", "linear"),
    "stat.error;pos": ("Angular error", "linear"),
}
"""Titles and kinds of diagrams, in their order, by the UCDs of columns."""
_ORDER = [title for title, _ in _TITLES.values()]


def _histogram(table, quantity):
    name = table.getQName()
    value = f"({quantity.expression})::double precision"
    seen = database.row(
        f"SELECT count(*) AS events, count({value}) AS n, min({value}) AS low,"
        f" max({value}) AS high, min({value}) FILTER (WHERE {value} > 0) AS positive,"
        f" count({value}) FILTER (WHERE {value} = 0) AS zero FROM {name}"
    )
    if seen["n"] < _FEW or seen["low"] == seen["high"]:
        return None
    # a few zeros must not prevent a logarithmic axis
    is_zero_apart = seen["low"] == 0 and 0 < seen["zero"] < _RARE * seen["n"]
    zero = seen["zero"] if is_zero_apart and quantity.kind == "linear" else 0
    kind, edges = _edges(quantity, seen["positive"] if zero else seen["low"], seen["high"])
    if kind != "log" and zero:
        zero, (kind, edges) = 0, _edges(quantity, seen["low"], seen["high"])
    found = database.rows(
        f"SELECT width_bucket({value}, %(edges)s::double precision[]) AS bin, count(*) AS n"
        f" FROM {name} WHERE {value} >= %(first)s GROUP BY bin",
        {"edges": edges, "first": edges[0]},
    )
    counts = [0] * (len(edges) - 1)
    for one in found:
        counts[one["bin"] - 1] = one["n"]
    largest = max(range(len(counts)), key=counts.__getitem__)
    low, high = (drawing.written(edge, kind) for edge in edges[largest : largest + 2])
    unit = f" {quantity.unit}" if quantity.unit else ""
    summary = (
        f"{quantity.label} of {seen['n']:,} events, from {drawing.written(seen['low'], kind)} to"
        f" {drawing.written(seen['high'], kind)}{unit}. The fullest of {len(counts)} bins has"
        f" {counts[largest]:,}, from {low} to {high}{unit}."
    )
    axis = {"label": quantity.label, "unit": quantity.unit, "kind": kind}
    missing = seen["events"] - seen["n"]
    return Histogram(
        str(quantity.column.name), quantity.title, axis, edges, counts, missing, zero, summary
    )


def _edges(quantity, low, high):
    """Return the kind of axis, and the edges of the bins."""
    if quantity.kind == "sine":
        return "linear", [round(-1 + i * 0.05, 2) for i in range(40)] + [1.0000001]
    if quantity.kind == "time":
        return "time", bins.times(low, high)
    whole = quantity.column.type in ("integer", "bigint", "smallint")
    if low > 0 and high / low > _WIDE:
        return "log", bins.logarithmic(low, high, whole=whole)
    digits = quantity.column.displayHint.get("sf")
    step = 1.0 if whole else 10.0 ** -int(digits) if digits else 0.0
    return "linear", bins.linear(low, high, step=step)
