"""Values of a notice in JSON as Params of a VOEvent, without loss of information.

A string is written as it is, and a number in decimal notation with ``dataType`` int or float.
Any other value is written as JSON in ASCII and marked by ``utype="json"``: null, lists, objects,
true and false in fields that are not boolean, numbers in fields of strings, and strings with
characters that XML forbids.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any, Final

from lxml import etree

from ingest.core.errors import InputError

JSON: Final = "json"
"""The utype of a Param, and the type of a Group, that is read as JSON."""

# not allowed in XML 1.0 (production 2), not even as character references
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INTEGER: Final = re.compile(r"-?[0-9]+")
_ESCAPE: Final = re.compile(r"\\(\\|u[0-9a-f]{4})")
_MAX_LENGTH: Final = 9_500_000
"""Characters; XML parsers refuse attributes of more than 10 million bytes."""

_DATA_TYPES: Final = {int: "int", float: "float"}


def same(one: object, other: object) -> bool:
    """Return whether two values are the same in JSON; 1, 1.0 and true are different."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def first_text(value: object) -> str:
    """Return a string, or the first of a list of strings; an empty one for any other value."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, str) else ""


def fits_xml(text: str) -> bool:
    """Return whether XML allows all characters of a text."""
    return _FORBIDDEN.search(text) is None


def legible(text: str) -> str:
    """Return a text with the characters that XML forbids replaced."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def escape_name(key: str) -> str:
    r"""Return a key as the name of a Param, with \uXXXX for what XML forbids and \ doubled."""
    return _FORBIDDEN.sub(_escaped, key.replace("\\", "\\\\"))


def unescape_name(name: str) -> str:
    """Return the key of a name made by :func:`escape_name`."""
    return _ESCAPE.sub(lambda m: "\\" if m[1] == "\\" else chr(int(m[1][1:], 16)), name)


def add_param(
    parent: etree._Element,
    name: str,
    value: object,
    kind: str | None = None,
    unit: str | None = None,
    ucd: str | None = None,
) -> None:
    """Append a Param, from which :func:`read_param` returns the same value.

    Parameters
    ----------
    parent : lxml.etree._Element
        The element What or a Group.
    name : str
        Name of the Param, already escaped.
    value : object
        Any JSON value.
    kind : {"string", "int", "float", "boolean", "object"}, optional
        Type of the field, which `read_param` must be given as well; None if it is unknown.
    unit, ucd : str, optional
        Attributes of the Param.

    Raises
    ------
    InputError
        If the value is longer than XML parsers accept.
    """
    text, data_type = _plain(value, kind)
    attributes = {"name": name, "value": text, "unit": unit, "ucd": ucd, "dataType": data_type}
    if not fits_xml(text) or not same(_read(text, kind or data_type), value):
        attributes |= {"value": json.dumps(value), "dataType": None, "utype": JSON}
    if len(attributes["value"] or "") > _MAX_LENGTH:
        raise InputError(
            "a value is too long for a VOEvent",
            where=name,
            expected=f"at most {_MAX_LENGTH:,} characters",
            remedy="publish a sky map at a URL, and give that as healpix_url",
        )
    present = {key: text for key, text in attributes.items() if text is not None}
    etree.SubElement(parent, "Param", present)


def read_param(param: etree._Element, kind: str | None = None) -> Any:
    """Return the value of a Param.

    Parameters
    ----------
    param : lxml.etree._Element
        The Param, with its value as an attribute or in the element Value.
    kind : str, optional
        See :func:`add_param`.

    Returns
    -------
    object
        A JSON value; the text if it cannot be converted to the kind.
    """
    text = param.get("value")
    if text is None:
        text = param.findtext("{*}Value")
    if text is None:
        return None
    if param.get("utype") == JSON:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return _read(text, kind or param.get("dataType") or "string")


def _plain(value: object, kind: str | None) -> tuple[str, str | None]:
    """Return the plain text of a value, and its data type."""
    if kind == "boolean":
        return str(value), "string"
    data_type = _DATA_TYPES.get(type(value))
    if data_type is None:
        return (value if isinstance(value, str) else ""), None
    # an integer is valid in a field of floats, but not the reverse
    return repr(value), "float" if kind == "float" else data_type


def _read(text: str, kind: str | None) -> Any:
    try:
        if kind in ("int", "float"):
            return int(text) if _INTEGER.fullmatch(text) else float(text)
        if kind == "object" and text.startswith("{"):
            # KM3NeT's own VOEvents contain dictionaries in Python's notation
            return _as_json(ast.literal_eval(text))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return text
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    return text


def _as_json(value: object) -> object:
    return json.loads(json.dumps(value, allow_nan=False))


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
