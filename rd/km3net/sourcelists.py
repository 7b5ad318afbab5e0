"""Lists of sources that users upload, as VOTable or CSV. This runs in the Python of DaCHS."""

import csv
import io
import math
import os

from gavo import base, votable
from gavo.utils import loadPythonModule

limits, _ = loadPythonModule("limits", relativeTo=os.path.abspath(__file__))
MOST_SOURCES = 2000
"""A request with as many takes less than two seconds of the processor."""
_MOST_CHARACTERS = 200
_DEGREES = ("", "deg", "degree", "degrees")
_NAMES = {
    "name": ("name", "source", "source_name", "id", "main_id"),
    "ra": ("ra", "raj2000", "_raj2000", "ra_deg", "ra_icrs"),
    "dec": ("dec", "decl", "dej2000", "dec_deg", "_dej2000", "de_icrs", "dec_icrs"),
    "radius": ("radius", "sr"),
    "index": ("index", "gamma", "spectral_index"),
}
"""What the columns may be called, in lower case."""
_UCDS = {"ra": "pos.eq.ra", "dec": "pos.eq.dec", "name": "meta.id;meta.main"}
_DELIMITERS = ",;\t|"


def read(content):
    """Return the sources in an uploaded table.

    Parameters
    ----------
    content : bytes
        A VOTable, or text with values separated by commas and the names of the columns in the
        first line.

    Returns
    -------
    list of dict
        For each row: name (a text or None), and ra, dec, radius, index, of which the last two may
        be missing. These are numbers (deg), None for an empty cell, or the text if it is not a
        number.

    Raises
    ------
    gavo.base.ValidationError
        If it cannot be read, lacks a column, or has too many rows.
    """
    head = content.lstrip(b"\xef\xbb\xbf \r\n\t")[:500]
    rows = _votable(content) if head.startswith(b"<") else _text(content)
    names, units, ucds = next(rows)
    places = _places(names, units, ucds)
    found = []
    for row in rows:
        if len(found) == MOST_SOURCES:
            raise problem(
                f"has more than {MOST_SOURCES} rows, which is the limit for one request; please"
                " send it in parts"
            )
        found.append({key: _value(key, row, place) for key, place in places.items()})
    if not found:
        raise problem("has no rows")
    return found


def problem(text):
    """Return the error that the uploaded list has a problem."""
    return limits.invalid("SOURCES", f"The uploaded list {text}")


def _votable(content):
    """Yield names, units and UCDs of the columns of the first table, and then its rows."""
    try:
        for rows in votable.parse(io.BytesIO(content)):
            fields = rows.tableDefinition.getFields()
            yield tuple(
                [str(getattr(one, name, None) or "") for one in fields]
                for name in ("name", "unit", "ucd")
            )
            yield from rows
            return
    except base.ValidationError:
        raise
    except Exception as reason:  # the parser lets many kinds of errors through
        raise problem(f"is not a VOTable that can be read: {str(reason)[:200]}") from None
    raise problem("is a VOTable without a table")


def _text(content):
    """Yield names, units and UCDs of the columns of a text, and then its rows."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise problem("is neither a VOTable nor text in UTF-8") from None
    lines = [one for one in text.splitlines() if one.strip() and not one.startswith("#")]
    if not lines:
        raise problem("is empty")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        names = [one.strip() for one in next(rows)]
        yield names, [""] * len(names), [""] * len(names)
        yield from rows
    except csv.Error as reason:
        raise problem(f"is not a table in CSV: {reason}") from None


def _places(names, units, ucds):
    """Return where the columns are, by their names here."""
    places = {}
    lower = [one.strip().lower() for one in names]
    for key, known in _NAMES.items():
        by_name = [lower.index(one) for one in known if one in lower]
        ucd = _UCDS.get(key)
        main = [n for n, one in enumerate(ucds) if ucd and one.lower() == f"{ucd};meta.main"]
        same = [n for n, one in enumerate(ucds) if ucd and one.lower() == ucd]
        found = by_name or main or same
        if found:
            places[key] = found[0]
    for key in ("ra", "dec"):
        if key not in places:
            shown = ", ".join(one for one in names[:20] if one)[:_MOST_CHARACTERS]
            raise problem(
                f"has no column {key}; it has {shown or 'no names of columns in its first line'}"
            )
    for key in ("ra", "dec", "radius"):
        if key in places and units[places[key]].strip().lower() not in _DEGREES:
            raise problem(
                f"has the column {names[places[key]]} in {units[places[key]]}; positions and radii"
                " have to be in deg"
            )
    return places


def _value(key, row, place):
    value = row[place] if place < len(row) else None
    if key == "name":
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        text = "" if value is None else limits.printable(str(value)).strip()
        return text[:_MOST_CHARACTERS] or None
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            return limits.printable(text[:40])
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return limits.printable(str(value)[:40])
    return number if math.isfinite(number) else None
