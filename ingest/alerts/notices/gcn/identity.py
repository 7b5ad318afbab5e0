"""Identifiers of notices in JSON, for the archive and for the conversion to VOEvents."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from ingest.alerts.notices.common_fields import Texts
from ingest.alerts.notices.gcn.parameters import strings_of, texts_of
from ingest.alerts.notices.model import PacketError
from ingest.alerts.notices.profiles import MAX_IDENTIFIER, path_of_topic

KM3NET_STREAM: Final = "ivo://KM3NeT_Neutrino"
"""The ivorn of KM3NeT's VOEvents without its local part."""

_SCHEMA: Final = re.compile(r"/gcn/(?:notices/)?([^?#]+?)(?:\.schema)?\.json$", re.ASCII)
_WHITESPACE: Final = re.compile(r"\s+")
_SAFE: Final = "/:+?@!$&'()*,;="
"""Characters that are not percent-encoded in an ivorn, in addition to letters and digits."""


def schema_path(texts: Texts, topic: str | None = None) -> str:
    """Return the path of a notice's schema below ``notices/``, such as ``km3net/alert``.

    For a notice that does not name its schema, it is derived from the topic, the mission or the
    name.

    Parameters
    ----------
    texts : mapping
        The notice's values, as :func:`.parameters.texts_of` returns them.
    topic : str, optional
        The Kafka topic from which it was received.
    """
    if match := _SCHEMA.search((texts.get("$schema") or "")[:300]):
        return match[1]
    if texts.get("superevent_id"):
        # LIGO/Virgo/KAGRA's own topic, igwn.gwalert, names no schema
        return "igwn/gwalert"
    if path := path_of_topic(topic):
        return path
    if mission := texts.get("mission"):
        return _WHITESPACE.sub("_", mission.strip().lower()) + "/notice"
    names = f"{texts.get('event_name') or ''} {texts.get('id') or ''}"
    return "km3net/notice" if names.lstrip().upper().startswith("KM3") else "notice"


def is_km3net(notice: dict[str, Any]) -> bool:
    """Return whether a notice is KM3NeT's, by its schema or else by its mission or name."""
    return _is_km3net(schema_path(texts_of(notice)))


def names_of(notice: dict[str, Any]) -> list[str]:
    """Return the names of a notice's event."""
    return strings_of(notice.get("event_name")) + strings_of(notice.get("superevent_id"))


def ids_of(notice: dict[str, Any]) -> list[str]:
    """Return the identifiers of a notice's event."""
    return strings_of(notice.get("id")) + strings_of(notice.get("superevent_id"))


def ivorn_of(notice: dict[str, Any]) -> str:
    """Return the IVOA identifier of a notice, made of the values that identify it.

    Parameters
    ----------
    notice : dict
        A notice in JSON.

    Returns
    -------
    str
        For KM3NeT ``ivo://KM3NeT_Neutrino#<event_name>_<id>_<alert_datetime>``, as in its
        VOEvents. For others ``ivo://gcn.nasa.gov/<path of the schema>#`` with the name or id,
        ``record_number`` and ``alert_datetime``. Missing values are omitted; of several names
        the first one counts.

    Raises
    ------
    PacketError
        If the notice has none of these values, or the identifier would be too long.
    """
    texts = texts_of(notice)
    return ivorn_from(texts, names_of(notice), ids_of(notice), schema_path(texts))


def ivorn_from(texts: Texts, names: list[str], ids: list[str], path: str) -> str:
    """Return the identifier of a notice from its values; see :func:`ivorn_of`."""
    when = texts.get("alert_datetime") or texts.get("time_created")
    others = [] if when else [texts.get("ref_id"), texts.get("obs_id")]
    name = next((text for text in (*names, *ids, *others) if text), None)
    if _is_km3net(path):
        stream = KM3NET_STREAM
        parts = [*names[:1], *ids[:1], when]
    else:
        stream = f"ivo://gcn.nasa.gov/{_quoted(path)}"
        number = texts.get("record_number")
        # without number and date, only its kind distinguishes a retraction from the alert
        parts = [name, number, when or (None if number else texts.get("alert_type"))]
    if not (name or when):
        parts = [texts.get("trigger_time")]
    local = _quoted(
        "_".join(_WHITESPACE.sub("_", part.strip()) for part in parts if part and part.strip())
    )
    if not local or len(stream) + len(local) >= MAX_IDENTIFIER:
        raise PacketError(
            "the notice has no usable identifier",
            where="event_name, id, alert_datetime, trigger_time",
            value=local or None,
            expected=f"at least one of these values, with at most {MAX_IDENTIFIER} characters",
            remedy="ask its author; without an identifier a notice cannot be cited",
        )
    return f"{stream}#{local}"


def _is_km3net(path: str) -> bool:
    return path.lower().startswith("km3net/")


def _quoted(text: str) -> str:
    return quote(text, safe=_SAFE, errors="replace")
