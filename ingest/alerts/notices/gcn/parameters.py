"""The parameters of a notice in JSON: all its values with their paths, in their order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ingest.alerts.notices.common_fields import MAX_DEPTH, MAX_PARAMETERS, MAX_SIZE, Texts
from ingest.alerts.notices.field_parser import FieldParser, shown
from ingest.alerts.notices.model import PacketError, Parameter

_NOT_STORABLE: Final = re.compile("[\0\ud800-\udfff]")
_MAYBE_NOT_STORABLE: Final = re.compile(r"\\u0000|\\u[dD][89a-fA-F]|\0")


class Number(str):
    """A number exactly as written in the notice, such as 8.0290e-8."""

    __slots__ = ()


class Object(dict[str, Any]):
    """A JSON object with all its pairs; of a repeated key, a look-up returns the last value."""

    __slots__ = ("pairs",)

    pairs: list[tuple[str, Any]]


def _object(pairs: list[tuple[str, Any]]) -> Object:
    found = Object(pairs)
    found.pairs = pairs
    return found


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=Number,
    parse_int=Number,
    parse_constant=Number,
    # accept line breaks within strings
    strict=False,
)


def load_notice(text: str, parser: FieldParser) -> Object:
    """Decode a JSON document, with its numbers as texts.

    Raises
    ------
    PacketError
        If it is not well-formed, or not exactly one object.
    RecursionError
        If it is nested too deeply for Python's decoder.
    """
    try:
        value, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        raise PacketError(
            "the JSON document is not well-formed",
            where=f"line {error.lineno}, column {error.colno}",
            value=error.msg,
            expected="a GCN notice in JSON",
            remedy="leave it in quarantine, or ask its author",
        ) from None
    rest = text[end:].strip()
    if not isinstance(value, Object) or rest.startswith(("{", "[")):
        raise PacketError(
            "the JSON document is not a notice",
            where="/",
            value=shown(text[:60]),
            expected="one JSON object",
            remedy="give each notice as a packet of its own, for example as JSON lines",
        )
    if rest:
        parser.remark(f"{len(rest)} characters after the end of the notice are ignored")
    if _MAYBE_NOT_STORABLE.search(text):
        cleaned: Object = _cleaned(value)
        return cleaned
    return value


def _cleaned(value: Any) -> Any:
    """Replace the characters that PostgreSQL cannot store: NUL and lone surrogates."""
    if isinstance(value, Object):
        return _object([(_cleaned(key), _cleaned(below)) for key, below in value.pairs])
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, str) and not isinstance(value, Number):
        return _NOT_STORABLE.sub("�", value)
    return value


def text_of(value: Any) -> str | None:
    """Return a scalar as text, or None for null, objects and lists."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def texts_of(value: Any) -> Texts:
    """Return the scalars of an object by their keys in lower case; of a list its first item.

    For anything but an object the mapping is empty.
    """
    if not isinstance(value, dict):
        return {}
    return {
        key.lower(): text_of(below[0] if isinstance(below, list) and below else below)
        for key, below in value.items()
    }


def strings_of(value: Any) -> list[str]:
    """Return a scalar or a list of scalars as a list of texts, without empty ones."""
    items = value if isinstance(value, list) else [value]
    return [text.strip() for item in items if (text := text_of(item)) and text.strip()]


def parameters_of(
    notice: Object, parser: FieldParser, replacements: Mapping[str, str]
) -> list[Parameter]:
    """Return all values of a notice with their paths.

    Parameters
    ----------
    notice : Object
        The notice.
    parser : FieldParser
        Collects remarks on repeated keys.
    replacements : mapping
        Texts, by path, that replace values stored elsewhere.

    Returns
    -------
    list of Parameter
        The data types are those of JSON. The items of a list have the path of the list.

    Raises
    ------
    PacketError
        If the notice is nested too deeply or has too many values.
    """
    parameters: list[Parameter] = []
    size = 0
    for path, value in _leaves(notice, "", 1, parser):
        size += len(path)
        if len(parameters) >= MAX_PARAMETERS or size > MAX_SIZE:
            raise PacketError(
                "the notice has too many values or too long keys",
                expected=f"at most {MAX_PARAMETERS} values",
                remedy="ask its author; no alert needs that many",
            )
        text = replacements.get(path) or _text_as_parameter(value)
        parameters.append(Parameter("json", path, text, data_type=_json_type(value)))
    return parameters


def _leaves(value: Any, path: str, depth: int, parser: FieldParser) -> Iterator[tuple[str, Any]]:
    if depth > MAX_DEPTH:
        raise PacketError(
            "the notice is nested too deeply",
            where=path[:200],
            expected=f"at most {MAX_DEPTH} levels",
            remedy="ask its author; no alert needs that many",
        )
    if isinstance(value, Object) and value.pairs:
        if len(value) < len(value.pairs):
            parser.remark(f"{path or '/'}: a key occurs twice; the last value is used")
        for key, below in value.pairs:
            yield from _leaves(below, f"{path}/{key}" if path else key, depth + 1, parser)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _leaves(item, path, depth + 1, parser)
    else:
        yield path, value


def _text_as_parameter(value: Any) -> str | None:
    if isinstance(value, Object):
        return "{}"
    return "[]" if isinstance(value, list) else text_of(value)


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, Number):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
