"""What the form of ``/query`` says. This runs in the Python of DaCHS."""

import math
import urllib.parse
from dataclasses import dataclass, field

from .. import coordinates
from ..answers import BadRequest
from ..places import place
from . import adql

_RADIUS = 3.0
_ROWS = 100
_MOST_ROWS = 1_000_000
_MOST_CONDITIONS = 10


@dataclass
class Form:
    """The form, as far as it makes sense.

    Attributes
    ----------
    table : Table
        What the visitor looks for.
    request : adql.Request
        The query.
    problems : dict of str to str
        What is wrong, by the names of fields; the query is without it.
    near, since, until, inside, order : str
        What the visitor wrote or chose.
    radius, rows : str
        Numbers as the visitor wrote them.
    conditions : list of tuple of str
        Columns, operators and values as the visitor wrote them.
    shown : list of Column
        The columns to show.
    is_descending : bool
        Whether the largest values come first.
    """

    table: object
    near: str = ""
    radius: str = ""
    inside: str = ""
    since: str = ""
    until: str = ""
    order: str = ""
    rows: str = ""
    is_descending: bool = False
    conditions: list = field(default_factory=list)
    shown: list = field(default_factory=list)
    problems: dict = field(default_factory=dict)
    request: object = None

    @property
    def query(self):
        """The query in ADQL."""
        return adql.query(self.request)

    @property
    def address(self):
        """The address of the page with this form filled in, without what is usual."""
        pairs = [("table", self.table.name), ("near", self.near)]
        if self.near:
            pairs += [("radius", self.radius), ("inside", self.inside)]
        pairs += [("since", self.since), ("until", self.until)]
        if self.shown != self.table.usual:
            pairs += [("show", one.name) for one in self.shown]
        pairs += [("order", self.order), ("down", "1" if self.is_descending else "")]
        pairs = [pair for pair in (*pairs, ("rows", self.rows)) if pair[1]]
        # also values that are empty, because the n-th column, comparison and value belong together
        names = ("column", "is", "value")
        pairs += [pair for one in self.conditions for pair in zip(names, one, strict=True)]
        return "/query?" + urllib.parse.urlencode(pairs)


def read(visit, tables):
    """Return the form that the parameters of an address fill in.

    Parameters
    ----------
    visit : Visit
        The request.
    tables : list of Table
        The published tables; the first one is meant if none is named.

    Raises
    ------
    BadRequest
        If there is no such table.
    """
    name = visit.get("table")
    table = next((one for one in tables if one.name == name), None if name else tables[0])
    if table is None:
        raise BadRequest(f"There is no published table “{name[:60]}”; the list has all.")
    form = Form(
        table,
        near=visit.get("near"),
        radius=visit.get("radius") or f"{_RADIUS:g}",
        inside=visit.get("inside"),
        since=visit.get("since"),
        until=visit.get("until"),
        order=visit.get("order"),
        rows=visit.get("rows") or str(_ROWS),
        is_descending=bool(visit.get("down")),
        conditions=_conditions(visit),
    )
    wanted = visit.parameters.get("show") or []
    form.shown = [one for one in table.columns if one.name in wanted] or table.usual
    form.request = _request(form)
    return form


def _conditions(visit):
    columns, operators, values = (
        visit.parameters.get(name) or [] for name in ("column", "is", "value")
    )
    triples = zip(columns, operators, values, strict=False)
    return [one for one in triples if one[0]][:_MOST_CONDITIONS]


def _request(form):
    table = form.table
    near = _try(form, "near", _near, form)
    return adql.Request(
        table.name,
        tuple(form.shown),
        near=near,
        position=table.position,
        region=next((one for one in table.regions if one.name == form.inside), None),
        time=table.time,
        since=_try(form, "since", _time, form.since, False),
        until=_try(form, "until", _time, form.until, True),
        conditions=tuple(_valid_conditions(form)),
        order=_order(form, near),
        is_descending=form.is_descending,
        rows=_try(form, "rows", _rows, form.rows) or _ROWS,
    )


def _try(form, name, read_field, *arguments):
    """Return what a field says; None, with its problem, if it makes no sense."""
    try:
        return read_field(*arguments)
    except (ValueError, BadRequest, adql.WrongValue) as problem:
        form.problems[name] = str(problem)
        return None


def _near(form):
    if not form.near:
        return None
    if not form.table.position:
        raise ValueError("This table has no positions.")
    try:
        radius = float(form.radius)
    except ValueError:
        radius = math.nan
    if not 0 < radius <= 180:
        raise ValueError("The radius is a number of degrees, more than 0 and at most 180.")
    return (*place(form.near), radius)


def _time(text, is_end):
    if not text:
        return None
    value = coordinates.mjd(text, is_end)
    # a date stays one, so that the query can be read
    if not text[:5].endswith("-"):
        return value
    try:
        return coordinates.iso(value)
    except OverflowError:  # the day after the last one of the calendar
        return value


def _rows(text):
    if not text.isdecimal() or not 0 < int(text) <= _MOST_ROWS:
        raise ValueError(f"The number of rows is from 1 to {_MOST_ROWS:,}.")
    return int(text)


def _valid_conditions(form):
    for n, (name, operator, value) in enumerate(form.conditions):
        column = form.table.column(name)
        if column is None or operator not in adql.OPERATORS:
            form.problems[f"condition{n}"] = "This table has no such column or comparison."
        elif value == "" and operator not in ("null", "notnull", "eq", "ne"):
            continue  # not filled in yet
        else:
            if column.kind == "time" and value[:5].endswith("-"):
                made = _try(form, f"condition{n}", _time, value, False)
                value = made or value
                if made is None:
                    continue
            if _try(form, f"condition{n}", adql.condition, column, operator, value):
                yield column, operator, value


def _order(form, near):
    if form.order == adql.SEPARATION or (not form.order and near):
        return adql.SEPARATION if near else None
    return form.table.column(form.order)
