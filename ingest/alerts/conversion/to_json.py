"""VOEvents as notices in the JSON of GCN."""

from __future__ import annotations

import importlib
import re
from typing import Any, Final

from ingest.alerts.conversion.core import core_notice
from ingest.alerts.conversion.documents import load_voevent
from ingest.alerts.conversion.fields import (
    BY_PARAM,
    GROUPS,
    IN_GROUPS,
    KM3NET_CONSTANTS,
    KM3NET_STREAM,
    NOTICE,
    RADIUS_90,
    number_of,
    rate_in_hertz,
)
from ingest.alerts.conversion.values import JSON, read_param, unescape_name

_NUMBERED: Final = re.compile(f"({'|'.join(GROUPS)})[0-9]+")
_POSITION: Final = "{*}WhereWhen/{*}ObsDataLocation/{*}ObservationLocation/{*}AstroCoords"
_OFFSET: Final = re.compile(r"Z|[+-][0-9]{2}:?[0-9]{2}$")


def to_json(content: bytes) -> dict[str, Any]:
    """Convert a VOEvent to a notice in the JSON of GCN.

    Parameters
    ----------
    content : bytes
        A packet of any version. What :func:`.to_voevent` made becomes exactly the notice
        that it was made of. KM3NeT's own packets become notices of KM3NeT's schema. Of all
        others the fields that all notices share are taken: who, when, where, how likely.

    Returns
    -------
    dict
        The notice.

    Raises
    ------
    InputError
        If the bytes are no VOEvent; PacketError, which is one, if it cannot be understood.
    """
    root = load_voevent(content)
    group = root.find(f"{{*}}What/{{*}}Group[@name='{NOTICE}'][@type='{JSON}']")
    if group is not None:
        document = read_shared(root)
        for param in group.iterchildren("{*}Param"):
            key = unescape_name(param.get("name", ""))
            # last, as in the packet: converted again it is the same packet
            document.pop(key, None)
            document[key] = read_param(param)
        return document
    if root.get("ivorn", "").lower().startswith(f"{KM3NET_STREAM}#".lower()):
        return KM3NET_CONSTANTS | read_shared(root)
    # loaded when it is wanted: the parsers of all streams take longer than most conversions
    notice = importlib.import_module("ingest.alerts.notices.parsing").parse(content)
    return core_notice(notice)


def read_shared(root: Any) -> dict[str, Any]:
    """Return what KM3NeT's VOEvents say in the places that KM3NeT gave it.

    Parameters
    ----------
    root : lxml.etree._Element
        The VOEvent. The Group for the rest is not looked at.

    Returns
    -------
    dict
        The keys of the notice that are there. Params without a place in the notice stand
        under their own names; of Params with the same name the first is taken.
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
                _take(found, "far", _rate(read_param(part, field.kind), part.get("unit")))
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


def _read_group(group: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for param in group.iterchildren("{*}Param"):
        key = unescape_name(param.get("name", ""))
        field = IN_GROUPS.get(key)
        found.setdefault(key, read_param(param, field.kind if field else None))
    return found


def _take(found: dict[str, Any], key: str, value: object) -> None:
    if value is not None:
        found.setdefault(key, value)


def _rate(value: object, unit: str | None) -> object:
    number = number_of(value)
    return value if number is None else rate_in_hertz(number, unit)[0]


def _number(text: str | None) -> float | None:
    """Return the number of an element; None where there is none, or NaN, which says so too."""
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    if not abs(value) < float("inf"):
        return None
    # keeps 13 and 13.0 apart
    return int(text) if re.fullmatch(r"-?[0-9]+", text or "") else value  # type: ignore[arg-type]


def _utc(text: str | None) -> str | None:
    """Return a time with its Z, which most packets leave out."""
    if not text or not text.strip():
        return None
    text = text.strip()
    if text.endswith(("+00:00", "+0000")):
        text = text.removesuffix("+00:00").removesuffix("+0000") + "Z"
    return text if _OFFSET.search(text) else text + "Z"
