"""ADQL from what a visitor chose in a form.

Values become literals, and names are those of published columns, so that nothing a visitor writes
can be read as anything but a value. This needs only the standard library.
"""

import math
import re
from dataclasses import dataclass

OPERATORS = {
    "eq": ("=", "equals"),
    "ne": ("<>", "does not equal"),
    "lt": ("<", "is less than"),
    "le": ("<=", "is at most"),
    "gt": (">", "is greater than"),
    "ge": (">=", "is at least"),
    "has": ("ILIKE", "contains the text"),
    "null": ("IS NULL", "is empty"),
    "notnull": ("IS NOT NULL", "is not empty"),
}
"""The comparisons of conditions: what they are in ADQL, and in words."""
SEPARATION = "separation"
"""The name of the column with the distance from the position."""
_REGULAR = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_IMPOSSIBLE = re.compile("[\x00\ud800-\udfff]")
"""Characters that no text in a database has."""


class WrongValue(Exception):
    """A value cannot be compared with a column; the message says why."""


@dataclass(frozen=True)
class Column:
    """A column of a published table.

    Attributes
    ----------
    name : str
        Its name.
    kind : str
        ``number``, ``integer``, ``text``, ``time`` (MJD), ``region`` or ``other``.
    heading, unit, ucd, description : str
        What its descriptor says.
    level : int
        The level of detail at which it is shown (``verbLevel``), from 1.
    is_reserved : bool
        Whether its name is a word of ADQL.
    """

    name: str
    kind: str
    heading: str = ""
    unit: str = ""
    ucd: str = ""
    description: str = ""
    level: int = 1
    is_reserved: bool = False

    @property
    def identifier(self):
        """Its name in ADQL, in quotes if need be."""
        if _REGULAR.fullmatch(self.name) and not self.is_reserved:
            return self.name
        return '"{}"'.format(self.name.replace('"', '""'))


@dataclass(frozen=True)
class Request:
    """What a visitor looks for.

    Attributes
    ----------
    table : str
        The name of a published table.
    columns : tuple of Column
        The columns to show; all if there is none.
    near : tuple of float or None
        Right ascension, declination and radius (deg).
    position : tuple of Column or None
        The columns with the position of rows.
    region : Column or None
        The column whose region has to contain the position; then the radius is not used.
    time : Column or None
        The column with the time of rows.
    since, until : str or float or None
        The limits of the time: dates as ISO 8601 has them, or MJD.
    conditions : tuple of (Column, str, str)
        Columns, keys of :data:`OPERATORS`, and values.
    order : Column, str or None
        The column by which rows are ordered, or :data:`SEPARATION`.
    is_descending : bool
        Whether the largest values come first.
    rows : int
        How many rows at most.
    """

    table: str
    columns: tuple = ()
    near: object = None
    position: object = None
    region: object = None
    time: object = None
    since: object = None
    until: object = None
    conditions: tuple = ()
    order: object = None
    is_descending: bool = False
    rows: int = 100


def query(request):
    """Return the ADQL query of a request."""
    distance = _distance(request)
    shown = [one.identifier for one in request.columns] or ["*"]
    if distance:
        shown.append(f"{distance} AS {SEPARATION}")
    lines = [f"SELECT TOP {request.rows}", *_wrapped(shown), f"FROM {request.table}"]
    conditions = _conditions(request, distance)
    lines += [f"{'AND' if n else 'WHERE'} {one}" for n, one in enumerate(conditions)]
    order = request.order
    if order == SEPARATION and not distance:
        order = None
    if order:
        name = order if order == SEPARATION else order.identifier
        lines.append(f"ORDER BY {name}{' DESC' if request.is_descending else ''}")
    return "\n".join("  " + line if line.startswith("AND") else line for line in lines)


def text(value):
    """Return a string literal.

    Raises
    ------
    WrongValue
        If no text in a database can have these characters.
    """
    if _IMPOSSIBLE.search(value):
        raise WrongValue("The value has a character that no text here can have.")
    return "'{}'".format(value.replace("'", "''"))


def number(value):
    """Return a numeric literal; raise WrongValue if the value is no finite number."""
    try:
        converted = float(value) if str(value).isascii() and "_" not in str(value) else math.nan
    except ValueError:
        converted = math.nan
    if not math.isfinite(converted):
        raise WrongValue(f"“{str(value)[:60]}” is not a number.")
    whole = converted.is_integer() and abs(converted) < 1e15
    return str(int(converted)) if whole else repr(converted)


def condition(column, operator, value):
    """Return the comparison of a column with a value.

    Parameters
    ----------
    column : Column
        The column.
    operator : str
        A key of :data:`OPERATORS`.
    value : str
        What the visitor wrote.

    Raises
    ------
    WrongValue
        If the column cannot be compared with this value.
    """
    symbol = OPERATORS[operator][0]
    name = column.identifier
    if operator in ("null", "notnull"):
        return f"{name} {symbol}"
    if column.kind in ("region", "other"):
        raise WrongValue(f"{column.name} can be empty or not; it has no order.")
    if operator == "has":
        if column.kind != "text":
            raise WrongValue(f"{column.name} is a number, which contains no text.")
        # in a pattern, these characters have a meaning of their own
        pattern = re.sub(r"([\\%_])", r"\\\1", value)
        return f"{name} {symbol} {text('%' + pattern + '%')}"
    if column.kind == "text":
        return f"{name} {symbol} {text(value)}"
    if column.kind == "time" and re.match(r"\d{4}-", value):
        return f"{name} {symbol} {moment(value)}"
    return f"{name} {symbol} {number(value)}"


def moment(value):
    """Return a time as an expression: an MJD as it is, a date as one that people can read."""
    if isinstance(value, float):
        return number(value)
    return f"gavo_to_mjd({text(value.strip())})"


def _distance(request):
    if not request.near or not request.position:
        return ""
    ra, dec = (one.identifier for one in request.position)
    return f"DISTANCE({ra}, {dec}, {number(request.near[0])}, {number(request.near[1])})"


def _conditions(request, distance):
    found = []
    if request.near and request.region:
        point = f"POINT({number(request.near[0])}, {number(request.near[1])})"
        found.append(f"1 = CONTAINS({point}, {request.region.identifier})")
    elif distance:
        found.append(f"{distance} < {number(request.near[2])}")
    if request.time and request.since is not None:
        found.append(f"{request.time.identifier} >= {moment(request.since)}")
    if request.time and request.until is not None:
        found.append(f"{request.time.identifier} < {moment(request.until)}")
    return found + [condition(*one) for one in request.conditions]


def _wrapped(items, width=64):
    """Return lines with a list, each not longer than need be."""
    lines = [""]
    for n, item in enumerate(items):
        piece = item + ("," if n < len(items) - 1 else "")
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "  ") + piece
    return lines
