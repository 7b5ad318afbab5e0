"""Patches of how DaCHS describes the columns of uploaded tables to PostgreSQL."""

import re

from gavo import base
from gavo.formats import votableread
from gavo.utils import typeconversions

SHAPE = re.compile(r"(?:[0-9]+x)*(?:[0-9]+\*?|\*)")


def declare_arrays_by_length():
    """Let DaCHS translate an arraysize into SQL only if it is one.

    For DaCHS 2.7 and 2.11.

    ``FromVOTableConverter.mapComplex`` copies the attribute ``arraysize`` of an uploaded FIELD
    into the type of a column. PostgreSQL does not know the forms ``3*`` and ``2x3``, and other
    text is a problem of the uploaded table, to be reported before a table is created. We suggest
    to compare with the pattern of the VOTable schema, and to declare ``type[]`` unless the shape
    is a single number: PostgreSQL ignores the length anyway.
    """
    typeconversions.FromVOTableConverter.mapComplex = _map_complex


_BYTES = "unsignedByte"
_TEXTS = {"char": "text", "unicodeChar": "unicode"}


def _map_complex(self, type, arraysize):
    """Return DaCHS' name of the type of an array."""
    if not SHAPE.fullmatch(arraysize):
        raise base.ValidationError(
            f"The arraysize {arraysize!r} of an uploaded column is not of a form like 3, *, 3* or"
            " 2x3. Correct the table and upload it again.",
            "UPLOAD",
        )
    if type in _TEXTS:
        return _TEXTS[type]
    if type == _BYTES and arraysize != "1":
        return "bytea"
    try:
        atom = self.simpleMap[type, "1"]
    except KeyError:
        raise base.ConversionError(f"No SQL type for {type}, {arraysize}") from None
    return f"{atom}[{arraysize if arraysize.isdigit() else ''}]"


def check_names():
    """Let DaCHS report column names of uploaded tables that it cannot use.

    For DaCHS 2.7 and 2.11.

    The names become parts of SQL statements, which psycopg2 formats: a percent sign in the name
    of a FIELD ends in a KeyError. We suggest to double percent signs in DDL and INSERT. Here such
    names, and those with control characters, are reported to the user.
    """
    maker = votableread.AutoQuotedNameMaker
    if maker.makeName.__name__ != "_make_name":
        maker.makeName = _make_checked(maker.makeName)


def _make_checked(make):
    def _make_name(self, field):
        name = getattr(field, "name", None) or ""
        if "%" in name or not name.isprintable():
            raise base.ValidationError(
                f"The name {name!r} of an uploaded column has a percent sign or a character that"
                " cannot be printed. Rename the column and upload the table again.",
                "UPLOAD",
            )
        return make(self, field)

    return _make_name
