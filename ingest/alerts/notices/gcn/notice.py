"""Notices that GCN sends over Kafka in JSON: KM3NeT, IceCube, LVK, and all by the core schema.

The schema is that of nasa-gcn/gcn-schema, on npm as ``@nasa-gcn/schema``; what follows is read
from version 7.2.3, and from earlier ones whose notices are around.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from ingest.alerts.notices import profiles, shared
from ingest.alerts.notices.fields import Reader, is_true
from ingest.alerts.notices.gcn import parts
from ingest.alerts.notices.gcn.parameters import loaded, rows_of, strings_of, texts_of
from ingest.alerts.notices.model import InvolvedEvent, Notice, NoticeType, PacketError, Role
from ingest.alerts.notices.profiles import MAX_IDENTIFIER, Profile

_SCHEMA: Final = re.compile(r"/gcn/(?:notices/)?([^?#]+?)(?:\.schema)?\.json$", re.ASCII)
_TEST_SCHEMA: Final = re.compile(r"(^|[/_.])test([/_.]|$)", re.I)
_BLANKS: Final = re.compile(r"\s+")
_URI: Final = "/:+?@!$&'()*,;="
"""What stands for itself in an ivorn, beside letters and digits; the converter's are the same."""


def notice_of(text: str, reader: Reader) -> Notice:
    """Return what a notice in JSON says.

    Parameters
    ----------
    text : str
        The notice.
    reader : Reader
        Has the remarks so far, and gets further ones.

    Raises
    ------
    PacketError
        If it is no JSON object, is nested too deeply, or has nothing to identify it.
    """
    notice = loaded(text, reader)
    top = texts_of(notice)
    event = texts_of(notice.get("event"))
    path = _path(top)
    profile = profiles.for_json(path, _words(top))
    names = strings_of(notice.get("event_name")) + strings_of(notice.get("superevent_id"))
    ids = strings_of(notice.get("id")) + strings_of(notice.get("superevent_id"))
    ivorn = _ivorn(top, path, profile, names, ids)
    is_test = _is_test(top, event, path)
    role = Role.TEST if is_test else shared.role_of(top.get("alert_tense"), profile)
    record = reader.integer("record_number", top.get("record_number"), 0)
    events = parts.events(notice, reader, profile)
    energy, energy_kind = _energy(top, events, profile, reader)
    sky_map, map_path = parts.sky_map(notice, reader)
    instead = {} if sky_map is None else {map_path: parts.checksum(sky_map)}
    return Notice.model_validate(
        {
            "ivorn": ivorn,
            "media_format": "gcn-json",
            "stream": profile.stream,
            "event_name": names[0] if names else None,
            "ids": tuple(dict.fromkeys(i for i in ids if len(i) <= MAX_IDENTIFIER)),
            "event_key": None
            if role is Role.UTILITY
            else profile.event_key(_values(top, names, ids), ivorn, is_test=is_test),
            "record_number": record,
            "revision": None
            if record is None or not profile.revision
            else max(record - profile.first_record, 0),
            "role": role,
            "is_test": is_test,
            "is_injection": (top.get("alert_tense") or "").strip().lower() == "injection",
            "notice_type": _notice_type(top, record),
            "alert_type": top.get("alert_type"),
            "event_mjd": _event_time(top, event, reader),
            "notice_mjd": reader.time(
                "alert_datetime", top.get("alert_datetime") or top.get("time_created")
            ),
            "position": parts.position(notice, reader),
            "energy": energy,
            "energy_kind": energy_kind,
            "far": reader.rate(
                "far",
                top.get("far") or event.get("far"),
                "Hz",
                zero_is_missing=profile.zero_is_missing,
            ),
            "p_value": reader.fraction("p_value", top.get("p_value") or top.get("pval_generic")),
            "signalness": reader.fraction("p_astro", top.get("p_astro") or top.get("signalness")),
            "topology": top.get("alert_topology"),
            "pipeline": top.get("pipeline") or event.get("pipeline") or top.get("notice_type"),
            "instrument": ",".join(
                strings_of(notice.get("instrument")) or parts.instruments(notice)
            )
            or None,
            "n_events": reader.integer(
                "number_of_events",
                top.get("number_of_events")
                or top.get("n_events")
                or top.get("n_events_coincident"),
                0,
            ),
            "events": events,
            "counterparts": parts.counterparts(notice, reader),
            "citations": parts.citations(notice),
            "sky_map_urls": parts.links(notice),
            "sky_map": sky_map,
            "parameters": rows_of(notice, reader, instead),
            "remarks": reader.remarks,
        }
    )


def _path(top: shared.Texts) -> str:
    """Return the path of the schema below ``notices/``, or what comes near it."""
    if match := _SCHEMA.search((top.get("$schema") or "")[:300]):
        return match[1]
    if top.get("superevent_id"):
        # the LVK's own topic, igwn.gwalert, names no schema
        return "igwn/gwalert"
    names = f"{top.get('event_name') or ''} {top.get('id') or ''}".upper()
    if top.get("mission"):
        return _BLANKS.sub("_", (top["mission"] or "").strip().lower()) + "/notice"
    return "km3net/notice" if names.startswith(("KM3", " KM3")) else "notice"


def _words(top: shared.Texts) -> str:
    """Return what tells apart the streams that share a schema."""
    words = f"{top.get('pipeline') or ''} {top.get('notice_type') or ''}".strip()
    return (words or top.get("additional_info") or "")[:200]


def _ivorn(top: shared.Texts, path: str, profile: Profile, names: list[str], ids: list[str]) -> str:
    """Return the identifier of the notice, made of what identifies it.

    KM3NeT's is that of its own VOEvents. A notice without number and date has its kind
    instead, since the alert and its retraction are two notices.
    """
    when = top.get("alert_datetime") or top.get("time_created")
    others = [] if when else [top.get("ref_id"), top.get("obs_id")]
    name = next((text for text in (*names, *ids, *others) if text), None)
    if profile.stream == "km3net":
        told = [*names[:1], *ids[:1], when]
        base = "ivo://KM3NeT_Neutrino"
    else:
        number = top.get("record_number")
        kind = None if when or number else top.get("alert_type")
        told = [name, number, when or kind]
        base = f"ivo://gcn.nasa.gov/{quote(path, safe=_URI)}"
    if not (name or when):
        told = [top.get("trigger_time")]
    local = "_".join(_BLANKS.sub("_", text.strip()) for text in told if text and text.strip())
    local = quote(local, safe=_URI)
    if not local or len(base) + len(local) >= MAX_IDENTIFIER:
        raise PacketError(
            "the notice has nothing to identify it",
            where="event_name, id, alert_datetime, trigger_time",
            value=local or None,
            expected=f"at least one of these, at most {MAX_IDENTIFIER} characters",
            remedy="ask its author; without one it cannot be cited or told from others",
        )
    return f"{base}#{local}"


def _values(top: shared.Texts, names: list[str], ids: list[str]) -> Any:
    """Return a function that looks up what an event key is made of."""
    identifier = ids[0] if ids else None
    if len(ids) == 2 and all(text.isdecimal() for text in ids):
        # notices of IceCube before 2024 have run and event apart
        identifier = "_".join(ids)
    known = {"id": identifier, "event_name": names[0] if names else None}

    def value_of(name: str) -> str | None:
        return known.get(name.lower()) or top.get(name.lower())

    return value_of


def _is_test(top: shared.Texts, event: shared.Texts, path: str) -> bool:
    return (
        (top.get("alert_tense") or "").strip().lower() == "test"
        or shared.is_test_superevent(top.get("superevent_id"))
        or (event.get("search") or "").upper() == "MDC"
        or _TEST_SCHEMA.search(path) is not None
    )


def _notice_type(top: shared.Texts, record: int | None) -> NoticeType:
    word = (top.get("alert_type") or "").strip().lower()
    if word == "retraction" or is_true(top.get("retraction")):
        return NoticeType.RETRACTION
    if word == "update":
        return NoticeType.UPDATE
    # "subsequent" is another detection of a source, and so the first notice of that one
    later = not word and record is not None and record > 1
    return NoticeType.UPDATE if later else NoticeType.INITIAL


def _event_time(top: shared.Texts, event: shared.Texts, reader: Reader) -> float | None:
    if text := top.get("trigger_time") or event.get("time"):
        return reader.time("trigger_time", text)
    start = reader.time("observation_start", top.get("observation_start"))
    if start is not None:
        reader.remark("observation_start: taken as the time of the event, since no other is given")
    return start


def _energy(
    top: shared.Texts, events: tuple[InvolvedEvent, ...], profile: Profile, reader: Reader
) -> tuple[float | None, str | None]:
    key = "nu_energy" if top.get("nu_energy") else "energy"
    energy = None
    if profile.energy_unit is not None:
        energy = reader.energy(key, top.get(key), profile.energy_unit)
    return shared.energy_of(events, energy, profile)
