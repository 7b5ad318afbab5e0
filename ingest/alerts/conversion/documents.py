"""Reading and writing of documents: JSON without loss of information, and VOEvents."""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

from lxml import etree

from ingest.core.errors import InputError
from ingest.core.xml import parse_xml

_REMEDY: Final = "give a VOEvent packet or a GCN notice in JSON"


def load_json(content: bytes) -> dict[str, Any]:
    """Read a notice in JSON.

    Parameters
    ----------
    content : bytes
        UTF-8, with or without a byte order mark; UTF-16 and UTF-32 are recognised.

    Returns
    -------
    dict
        The object.

    Raises
    ------
    InputError
        If it is not a JSON object, or has content that a conversion would lose: a repeated
        key, a number beyond the range of double precision, NaN or Infinity.
    """
    try:
        document = json.loads(
            content,
            object_pairs_hook=_object,
            parse_float=_number,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as error:
        raise InputError(
            f"the JSON document is not well-formed: {error.msg}",
            where=f"line {error.lineno}, column {error.colno}",
            remedy=_REMEDY,
        ) from None
    except RecursionError:
        raise InputError(
            "the JSON document is nested too deeply", expected="a flat notice", remedy=_REMEDY
        ) from None
    except ValueError as error:
        # bytes that are not valid Unicode, and numbers of more than 4,300 digits
        raise InputError(f"the JSON document cannot be decoded: {error}", remedy=_REMEDY) from None
    if not isinstance(document, dict):
        raise InputError(
            "the JSON document is not a notice",
            value=document,
            expected="a JSON object",
            remedy=_REMEDY,
        )
    return document


def save_json(document: dict[str, Any]) -> bytes:
    """Return a notice as indented JSON with a newline at the end.

    Characters beyond ASCII are written in UTF-8, or all as escapes if there are lone surrogates,
    which UTF-8 cannot represent.
    """
    try:
        text = json.dumps(document, indent=2, ensure_ascii=False)
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(document, indent=2).encode() + b"\n"


def load_voevent(content: bytes) -> etree._Element:
    """Read a VOEvent packet.

    Parameters
    ----------
    content : bytes
        The packet.

    Returns
    -------
    lxml.etree._Element
        The root element, without comments and processing instructions.

    Raises
    ------
    InputError
        If the packet is not well-formed, declares entities, or its root element is not
        VOEvent; see :func:`ingest.core.xml.parse_xml`.
    """
    root = parse_xml(content)
    if etree.QName(root).localname != "VOEvent":
        raise InputError(
            "the XML document is not a VOEvent",
            where="/*",
            value=root.tag,
            expected="VOEvent as the root element",
            remedy=_REMEDY,
        )
    return root


def format_of(content: bytes) -> str:
    """Return ``voevent`` or ``json``, by the first character of a document.

    Raises
    ------
    InputError
        If the first character is neither ``<`` nor ``{`` nor ``[``.
    """
    start = content.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1]
    if start == b"<":
        return "voevent"
    if start in (b"{", b"["):
        return "json"
    raise InputError(
        "the file is neither a VOEvent nor a notice in JSON",
        value=content[:60],
        expected="< or { as the first character",
        remedy=_REMEDY,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise InputError(
            "a key occurs twice in one object",
            value=next(key for key in keys if keys.count(key) > 1),
            expected="each key once",
            remedy="ask its author which of the values is meant",
        )
    return found


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise InputError(
            "a number is out of range",
            value=text,
            expected="a number in the range of double precision",
            remedy="correct the number",
        )
    return number


def _no_constant(name: str) -> NoReturn:
    raise InputError(
        "the JSON document is not well-formed",
        value=name,
        expected="a number, or null",
        remedy="replace it by null, or omit its key",
    )
