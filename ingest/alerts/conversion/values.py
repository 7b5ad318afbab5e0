"""How a value of a notice in JSON stands in a VOEvent's Param, so that it can be read back.

A text is the value itself; a number its digits, an integer without point and exponent, with
``dataType`` int or float. Whatever a Param has no form for (null, lists, objects, true and
false where the field is no switch, a number where a text belongs, a text with characters that
XML forbids) is JSON in ASCII, and ``utype="json"`` says so.
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

# XML 1.0, production 2: everything else cannot be in a document, not even escaped
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INTEGER: Final = re.compile(r"-?[0-9]+")
_ESCAPE: Final = re.compile(r"\\(\\|u[0-9a-f]{4})")
_LONGEST: Final = 9_500_000
"""Characters; XML parsers refuse an attribute of more than 10 million bytes."""

_DATA_TYPES: Final = {int: "int", float: "float"}


def same(one: object, other: object) -> bool:
    """Return whether two values are the same JSON, with 1, 1.0 and true apart."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def fits_xml(text: str) -> bool:
    """Return whether XML can hold a text."""
    return _FORBIDDEN.search(text) is None


def legible(text: str) -> str:
    """Return a text with the characters that XML cannot hold replaced, for people to read."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def escape_name(key: str) -> str:
    r"""Return a key as the name of a Param: what XML cannot hold as \uXXXX, \ doubled."""
    return _FORBIDDEN.sub(_escaped, key.replace("\\", "\\\\"))


def unescape_name(name: str) -> str:
    """Return the key that :func:`escape_name` made a name of."""
    return _ESCAPE.sub(lambda m: "\\" if m[1] == "\\" else chr(int(m[1][1:], 16)), name)


def add_param(
    parent: Any,
    name: str,
    value: object,
    kind: str | None = None,
    unit: str | None = None,
    ucd: str | None = None,
) -> None:
    """Append a Param that :func:`read_param` reads back as the same value.

    Parameters
    ----------
    parent : lxml.etree._Element
        What or a Group.
    name : str
        The Param's name, already escaped.
    value : object
        Any JSON value.
    kind : {"string", "int", "float", "boolean", "object"}, optional
        What the field is meant to be, to be told to `read_param` as well; None for fields
        that nothing is known of.
    unit, ucd : str, optional
        As in VOEvent.

    Raises
    ------
    InputError
        If the value is longer than XML parsers take.
    """
    text, data_type = _plain(value, kind)
    attributes = {"name": name, "value": text, "unit": unit, "ucd": ucd, "dataType": data_type}
    if not fits_xml(text) or not same(_read(text, kind or data_type), value):
        attributes |= {"value": json.dumps(value), "dataType": None, "utype": JSON}
    if len(attributes["value"] or "") > _LONGEST:
        raise InputError(
            "a value is too long for a VOEvent",
            where=name,
            expected=f"at most {_LONGEST:,} characters",
            remedy="put a sky map at a URL, and its address into healpix_url",
        )
    present = {key: text for key, text in attributes.items() if text is not None}
    etree.SubElement(parent, "Param", present)


def read_param(param: Any, kind: str | None = None) -> Any:
    """Return the value of a Param.

    Parameters
    ----------
    param : lxml.etree._Element
        With the value as attribute or as the element Value.
    kind : str, optional
        See :func:`add_param`.

    Returns
    -------
    object
        A JSON value; the text where it is not of the kind it should be.
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
    """Return the text of a value without marks, and its data type."""
    if kind == "boolean":
        return str(value), "string"
    data_type = _DATA_TYPES.get(type(value))
    if data_type is None:
        return (value if isinstance(value, str) else ""), None
    # 120000 is right for a field of floats, 1.5 is not for one of integers
    return repr(value), "float" if kind == "float" else data_type


def _read(text: str, kind: str | None) -> Any:
    try:
        if kind in ("int", "float"):
            return int(text) if _INTEGER.fullmatch(text) else float(text)
        if kind == "object" and text.startswith("{"):
            # KM3NeT's own VOEvents have Python's form of a dictionary
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
