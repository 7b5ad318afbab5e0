"""Conversion of VOEvents to GCN notices in JSON."""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree

from ingest.alerts.conversion.documents import load_voevent
from ingest.alerts.conversion.field_mapping import (
    BY_PARAM,
    GROUPS,
    HIGHEST_FAR,
    IN_GROUPS,
    KM3NET_CONSTANTS,
    NOTICE,
    RADIUS_90,
    number_of,
)
from ingest.alerts.conversion.gcn_core import core_notice
from ingest.alerts.conversion.values import JSON, read_param, unescape_name
from ingest.alerts.notices import KM3NET_STREAM, hertz_per_unit, parse

_NUMBERED: Final = re.compile(f"({'|'.join(GROUPS)})[0-9]+")
_POSITION: Final = "{*}WhereWhen/{*}ObsDataLocation/{*}ObservationLocation/{*}AstroCoords"
_OFFSET: Final = re.compile(r"Z|[+-][0-9]{2}:?[0-9]{2}$")


def to_json(content: bytes) -> dict[str, Any]:
    """Convert a VOEvent to a GCN notice in JSON.

    Parameters
    ----------
    content : bytes
        A packet of any version.

    Returns
    -------
    dict
        The notice. A VOEvent made by :func:`.to_voevent` is converted back to the original
        notice exactly. KM3NeT's own VOEvents become notices of KM3NeT's schema. All others
        become notices with the fields that GCN's notices share; see :func:`.core_notice`.

    Raises
    ------
    InputError
        If the bytes are not a VOEvent, or cannot be parsed.
    """
    root = load_voevent(content)
    group = root.find(f"{{*}}What/{{*}}Group[@name='{NOTICE}'][@type='{JSON}']")
    if group is not None:
        document = read_shared(root)
        for param in group.iterchildren("{*}Param"):
            key = unescape_name(param.get("name", ""))
            # in the order of the packet, so that converting it back gives the same packet
            document.pop(key, None)
            document[key] = read_param(param)
        return document
    if root.get("ivorn", "").lower().startswith(f"{KM3NET_STREAM}#".lower()):
        return KM3NET_CONSTANTS | read_shared(root)
    return core_notice(parse(content))


def read_shared(root: etree._Element) -> dict[str, Any]:
    """Return the values of a VOEvent in the form of KM3NeT's.

    Parameters
    ----------
    root : lxml.etree._Element
        The VOEvent. The Group ``Notice`` is ignored.

    Returns
    -------
    dict
        The keys of the notice that the VOEvent has. Params that correspond to no key keep their
        own names; of Params with the same name the first is used.
    """
    found: dict[str, Any] = {}
    _take(found, "alert_datetime", _utc(root.findtext("{*}Who/{*}Date")))
    for part in root.iterfind("{*}What/*"):
        name = part.get("name")
        if name is None or name == NOTICE:
            continue
        if part.tag.endswith("Group"):
            numbered = _NUMBERED.fullmatch(name)
            if numbered:
                found.setdefault(GROUPS[numbered[1]], []).append(_read_group(part))
            else:
                found.setdefault(name, _read_group(part))
        elif part.tag.endswith("Param"):
            field = BY_PARAM.get(name)
            if field is None:
                found.setdefault(name, read_param(part))
            elif field.key == "far":
                _take(found, "far", _hertz(read_param(part, field.kind), part.get("unit")))
            else:
                _take(found, field.key, read_param(part, field.kind))
    place = root.find(_POSITION)
    if place is not None:
        _take(found, "trigger_time", _utc(place.findtext("{*}Time/{*}TimeInstant/{*}ISOTime")))
        position = place.find("{*}Position2D")
        if position is not None:
            _take(found, "ra", _number(position.findtext("{*}Value2/{*}C1")))
            _take(found, "dec", _number(position.findtext("{*}Value2/{*}C2")))
            _take(found, RADIUS_90.key, _number(position.findtext("{*}Error2Radius")))
    return found


def _read_group(group: etree._Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for param in group.iterchildren("{*}Param"):
        key = unescape_name(param.get("name", ""))
        field = IN_GROUPS.get(key)
        found.setdefault(key, read_param(param, field.kind if field else None))
    return found


def _take(found: dict[str, Any], key: str, value: object) -> None:
    if value is not None:
        found.setdefault(key, value)


def _hertz(value: object, unit: str | None) -> object:
    """Return a false-alarm rate in Hz; KM3NeT's own VOEvents write Hz with the unit yr^-1."""
    number, factor = number_of(value), hertz_per_unit(unit or "Hz")
    if number is None or factor is None or factor == 1.0 or number <= HIGHEST_FAR:
        return value
    return number * factor


def _number(text: str | None) -> float | None:
    """Return the number of an element; None for an empty element and for NaN."""
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    if not abs(value) < float("inf"):
        return None
    # 13 remains an integer, and 13.0 a float
    return int(text) if re.fullmatch(r"-?[0-9]+", text or "") else value  # type: ignore[arg-type]


def _utc(text: str | None) -> str | None:
    """Return a time with its Z, which most packets omit."""
    if not text or not text.strip():
        return None
    text = text.strip()
    if text.endswith(("+00:00", "+0000")):
        text = text.removesuffix("+00:00").removesuffix("+0000") + "Z"
    return text if _OFFSET.search(text) else text + "Z"
