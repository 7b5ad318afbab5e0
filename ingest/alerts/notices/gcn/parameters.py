"""Everything a notice in JSON says, one row for each value, in the order of the notice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ingest.alerts.notices.fields import Reader, shown
from ingest.alerts.notices.model import PacketError, Parameter
from ingest.alerts.notices.voevent.parameters import MAX_DEPTH, MAX_PARAMETERS, MAX_SIZE

_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")
_MAY_BE_UNWRITABLE: Final = re.compile(r"\\u0000|\\u[dD][89a-fA-F]|\0")


class Number(str):
    """A number as it stands in the notice: 8.029e-8 stays that, whatever its digits."""

    __slots__ = ()


class Object(dict[str, Any]):
    """A JSON object that remembers keys which are there twice; looked up, the last one counts."""

    __slots__ = ("pairs",)

    pairs: list[tuple[str, Any]]


def _object(pairs: list[tuple[str, Any]]) -> Object:
    made = Object(pairs)
    made.pairs = pairs
    return made


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=Number,
    parse_int=Number,
    parse_constant=Number,
    # line breaks within strings are no reason to lose an alert
    strict=False,
)


def loaded(text: str, reader: Reader) -> Object:
    """Return the object that a JSON document is.

    Raises
    ------
    PacketError
        If it is no JSON, or no object.
    RecursionError
        If it is nested beyond Python's limit.
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
            "the JSON document is no notice",
            where="/",
            value=shown(text[:60]),
            expected="one JSON object",
            remedy="of several notices, give each as a packet of its own, such as JSON lines",
        )
    if rest:
        reader.remark(f"{len(rest)} characters after the end of the notice are left out")
    if _MAY_BE_UNWRITABLE.search(text):
        cleaned: Object = _cleaned(value)
        return cleaned
    return value


def _cleaned(value: Any) -> Any:
    """Return a value without characters that no database can hold."""
    if isinstance(value, Object):
        return _object([(_cleaned(key), _cleaned(below)) for key, below in value.pairs])
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, str) and not isinstance(value, Number):
        return _UNWRITABLE.sub("�", value)
    return value


def text_of(value: Any) -> str | None:
    """Return a scalar as text, or None for null, objects and lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def texts_of(value: Any) -> dict[str, str | None]:
    """Return the scalars of an object by their keys in lower case; of a list its first item."""
    if not isinstance(value, Object):
        return {}
    return {
        key.lower(): text_of(below[0] if isinstance(below, list) and below else below)
        for key, below in value.items()
    }


def strings_of(value: Any) -> list[str]:
    """Return what may be one scalar or a list of them as a list of texts."""
    items = value if isinstance(value, list) else [value]
    return [text.strip() for item in items if (text := text_of(item)) and text.strip()]


def rows_of(notice: Object, reader: Reader, instead: Mapping[str, str]) -> list[Parameter]:
    """Return every value of a notice with its place.

    Parameters
    ----------
    notice : Object
        The notice.
    reader : Reader
        Gets a remark for keys that are there twice.
    instead : mapping
        Values to be written in the place of what is kept elsewhere, by their paths.

    Returns
    -------
    list of Parameter
        The data types are JSON's. Items of a list share its path.

    Raises
    ------
    PacketError
        If the notice is nested too deeply or has too many values.
    """
    rows: list[Parameter] = []
    size = 0
    for path, value in _leaves(notice, "", 1, reader):
        size += len(path)
        if len(rows) >= MAX_PARAMETERS or size > MAX_SIZE:
            raise PacketError(
                "the notice has too many values, or too long names",
                expected=f"at most {MAX_PARAMETERS} values",
                remedy="ask the sender; no alert needs that many",
            )
        text = instead.get(path) or _written(value)
        rows.append(Parameter("json", path, text, data_type=_type(value)))
    return rows


def _leaves(value: Any, path: str, depth: int, reader: Reader) -> Iterator[tuple[str, Any]]:
    if depth > MAX_DEPTH:
        raise PacketError(
            "the notice is nested too deeply",
            where=path[:200],
            expected=f"at most {MAX_DEPTH} levels",
            remedy="ask the sender; no alert needs that many",
        )
    if isinstance(value, Object) and value.pairs:
        if len(value) < len(value.pairs):
            reader.remark(f"{path or '/'}: a key is there twice; the last one counts")
        for key, below in value.pairs:
            yield from _leaves(below, f"{path}/{key}" if path else key, depth + 1, reader)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _leaves(item, path, depth + 1, reader)
    else:
        yield path, value


def _written(value: Any) -> str | None:
    if isinstance(value, Object):
        return "{}"
    return "[]" if isinstance(value, list) else text_of(value)


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, Number):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
