"""What a notice in JSON calls itself: its identifier, and whether it is one of KM3NeT."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from ingest.alerts.conversion.fields import KM3NET_STREAM, number_of
from ingest.core.errors import InputError

_PUBLISHED: Final = re.compile(r"/gcn/(?:notices/)?([^?#]+?)(?:\.schema)?\.json$")
_URI: Final = "/:+?@!$&'()*,;="
"""What stands for itself in an ivorn, beside letters and digits."""


def is_km3net(document: dict[str, Any]) -> bool:
    """Return whether a notice is one of KM3NeT, by its schema or else by mission or name."""
    return _path(document).startswith("km3net/")


def ivorn_of(document: dict[str, Any]) -> str:
    """Return the identifier of a notice as a VOEvent; the archive gives it the same.

    Parameters
    ----------
    document : dict
        The notice.

    Returns
    -------
    str
        For KM3NeT ``ivo://KM3NeT_Neutrino#<event_name>_<id>_<alert_datetime>``, as in its
        own VOEvents; for others the path of the schema with name or id, record number and
        time of the notice. What is missing is left out; of several names the first counts.

    Raises
    ------
    InputError
        If there is nothing of all that.
    """
    name, number = _text(document.get("event_name")), _text(document.get("id"))
    when = _text(document.get("alert_datetime"))
    if is_km3net(document):
        stream, parts = KM3NET_STREAM, [name, number, when]
    else:
        record = _text(document.get("record_number"))
        # without number and date the alert and its retraction would be the same
        kind = "" if record or when else _text(document.get("alert_type"))
        stream = f"ivo://gcn.nasa.gov/{quote(_path(document), safe=_URI, errors='replace')}"
        parts = [name or number, record, when or kind]
    if not (name or number or when):
        parts = [_text(document.get("trigger_time"))]
    local = "_".join("_".join(part.split()) for part in parts if part)
    if not local:
        keys = ("event_name", "id", "alert_datetime", "trigger_time")
        raise InputError(
            "nothing says which event the notice is about",
            where=", ".join(keys),
            value={key: document[key] for key in keys if key in document} or None,
            expected="a name or an identifier of the event, or a time at least",
            remedy="send at least event_name or id; the schema leaves them out, no alert can",
        )
    return f"{stream}#{quote(local, safe=_URI, errors='replace')}"


def _path(document: dict[str, Any]) -> str:
    """Return the path of the published schema, or what comes near it."""
    if found := _PUBLISHED.search(_text(document.get("$schema"))):
        return found[1]
    if mission := _text(document.get("mission")):
        return "_".join(mission.lower().split()) + "/notice"
    names = (_text(document.get(key)).upper() for key in ("event_name", "id"))
    return "km3net/notice" if any(name.startswith("KM3") for name in names) else "notice"


def first_text(value: object) -> str:
    """Return a text, or the first of a list of texts; an empty one for anything else."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, str) else ""


def _text(value: object) -> str:
    """Return a text, or the digits of a number; of a list the first of these; else nothing."""
    for item in value if isinstance(value, list) else [value]:
        number = number_of(item)
        text = str(number) if number is not None else item if isinstance(item, str) else ""
        if text.strip():
            return text.strip()
    return ""
