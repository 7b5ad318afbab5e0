"""Patches of how DaCHS reads and writes VOTables: null values, names of fields, time systems.

This runs in the Python of DaCHS.
"""

import functools
import re

from gavo import base
from gavo.formats import votablewrite
from gavo.votable import coding
from gavo.votable.model import VOTable

_TEXTS = ("char", "unicodeChar")
_NUMBER = r"[-+]?(?:0x[0-9a-f]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|nan|inf)"
_NUMBERS = re.compile(rf"{_NUMBER}(?: {_NUMBER})?", re.IGNORECASE)
"""A number, or the two of a complex number."""


def check_null_values():
    """Let DaCHS accept a number as the null value of a numeric field, and nothing else.

    For DaCHS 2.7 and 2.11.

    ``common.validateVOTInt`` looks at a part of the text only, and ``float`` and ``int`` accept
    more than VOTable's numbers, while ``dec_tabledata`` relies on them. We suggest to compare
    the whole text with a pattern.
    """
    if coding.getNullvalue.__name__ != "_null_value":
        coding.getNullvalue = _make_checked(coding.getNullvalue)


def _make_checked(get):
    def _null_value(field, validator, default=None):
        found = get(field, validator, default)
        if found and field.datatype not in _TEXTS and not _NUMBERS.fullmatch(str(found)):
            raise base.ValidationError(
                f"The null value {found!r} of an uploaded column is not a number. Correct the"
                " table and upload it again.",
                "UPLOAD",
            )
        return found

    return _null_value


def name_fields_plainly():
    """Let DaCHS name fields in errors about their values with letters, digits and spaces only.

    For DaCHS 2.7 and later.

    The functions that write rows contain the names of fields as literals for their errors, and
    are not valid if a name has a quote or a backslash. We suggest ``%r`` instead of ``'%s'``.
    """
    # the first name is that of DaCHS 2.13
    element = getattr(VOTable, "DescribedElement", None) or VOTable._DescribedElement
    if element.getDesignation.__name__ != "_plain_name":
        element.getDesignation = _make_plain(element.getDesignation)


def _make_plain(designation):
    def _plain_name(self):
        return re.sub(r"[^A-Za-z0-9_ ]", "_", str(designation(self)))

    return _plain_name


def refer_to_time_systems():
    """Let DaCHS state the time system of a column, with the origin of MJD.

    For DaCHS 2.11, which writes TIMESYS.

    A column of times that is declared together with positions already refers to the COOSYS, and
    nothing refers to the TIMESYS. Its origin is that of JD unless the name of the column has
    ``mjd`` in small letters. We suggest to let columns of times refer to the TIMESYS in any case,
    and to compare without case.
    """
    refer = votablewrite._addStupidRefByAnnotation
    guess = votablewrite._guessTimeOrigin

    @functools.wraps(refer)
    def refer_to_system(ctx, annotation, serManager, destId):
        column = getattr(annotation, "value", None)
        if destId.startswith("ts") and column is not None:
            found = serManager.getColumnByName(column.name)
            if found.get("ref"):
                found["ref"] = destId
        return refer(ctx, annotation, serManager, destId)

    @functools.wraps(guess)
    def guess_origin(frame, column):
        origin = guess(frame, column)
        if origin == "JD-origin" and "mjd" in column.weakref().name.lower():
            return "MJD-origin"
        return origin

    votablewrite._addStupidRefByAnnotation = refer_to_system
    votablewrite._guessTimeOrigin = guess_origin
