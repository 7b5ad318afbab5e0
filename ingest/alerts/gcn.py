"""Notices that GCN sends over Kafka in JSON: KM3NeT, IceCube, LVK, and all by the core schema.

The schema is that of nasa-gcn/gcn-schema, on npm as ``@nasa-gcn/schema``; what follows is read
from version 7.2.3, and from earlier ones whose notices are around.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from typing import Any, Final

from ingest.alerts import parts, profiles
from ingest.alerts.gcn_parameters import (
    Object,
    loaded,
    rows_of,
    strings_of,
    text_of,
    texts_of,
)
from ingest.alerts.notice import (
    Citation,
    Counterpart,
    InvolvedEvent,
    Notice,
    NoticeType,
    PacketError,
    Position,
    Role,
)
from ingest.alerts.profiles import MAX_IDENTIFIER, Profile
from ingest.alerts.values import Reader, is_true

_SCHEMA: Final = re.compile(r"/gcn/(?:notices/)?([^?#]+?)(?:\.schema)?\.json$", re.ASCII)
_TEST_SCHEMA: Final = re.compile(r"(^|[/_.])test([/_.]|$)", re.I)
_BLANKS: Final = re.compile(r"\s+")
_DEFAULT_CONTAINMENT: Final = 0.9
"""Of the core schema, where ``containment_probability`` is absent."""
_FITS: Final = b"SIMPLE  ="
_LVK_ALERT: Final = "ivo://gwnet/LVC#"


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
    role = Role.TEST if is_test else parts.role_of(top.get("alert_tense"), profile)
    record = reader.integer("record_number", top.get("record_number"), 0)
    events = _events(notice, reader, profile)
    energy, energy_kind = _energy(top, events, profile, reader)
    sky_map, map_path = _sky_map(notice, reader)
    instead = {} if sky_map is None else {map_path: _checksum(sky_map)}
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
            "is_injection": (top.get("alert_tense") or "").lower() == "injection",
            "notice_type": _notice_type(top, record),
            "alert_type": top.get("alert_type"),
            "event_mjd": _event_time(top, event, reader),
            "notice_mjd": reader.time(
                "alert_datetime", top.get("alert_datetime") or top.get("time_created")
            ),
            "position": _position(notice, reader),
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
            "instrument": ",".join(strings_of(notice.get("instrument")) or _instruments(notice))
            or None,
            "n_events": reader.integer(
                "number_of_events",
                top.get("number_of_events")
                or top.get("n_events")
                or top.get("n_events_coincident"),
                0,
            ),
            "events": events,
            "counterparts": _counterparts(notice, reader),
            "citations": _citations(notice),
            "sky_map_urls": _links(notice),
            "sky_map": sky_map,
            "parameters": rows_of(notice, reader, instead),
            "remarks": reader.remarks,
        }
    )


def _path(top: parts.Texts) -> str:
    """Return the path of the schema below ``notices/``, or what comes near it."""
    if match := _SCHEMA.search(top.get("$schema") or ""):
        return match[1]
    if top.get("superevent_id"):
        # the LVK's own topic, igwn.gwalert, names no schema
        return "igwn/gwalert"
    names = f"{top.get('event_name') or ''} {top.get('id') or ''}".upper()
    if top.get("mission"):
        return _BLANKS.sub("_", (top["mission"] or "").strip().lower()) + "/notice"
    return "km3net/notice" if names.startswith(("KM3-", " KM3.")) else "notice"


def _words(top: parts.Texts) -> str:
    """Return what tells apart the streams that share a schema."""
    words = f"{top.get('pipeline') or ''} {top.get('notice_type') or ''}".strip()
    return (words or top.get("additional_info") or "")[:200]


def _ivorn(top: parts.Texts, path: str, profile: Profile, names: list[str], ids: list[str]) -> str:
    """Return the identifier of the notice, made of what identifies it.

    KM3NeT's is that of its own VOEvents. A notice without number and date has its kind
    instead, since the alert and its retraction are two notices.
    """
    when = top.get("alert_datetime") or top.get("time_created")
    own = [top.get("ref_id"), top.get("obs_id")]
    name = next((text for text in (*names, *ids, *own) if text), None)
    if profile.stream == "km3net":
        told = [*names[:1], *ids[:1], when]
        base = "ivo://KM3NeT_Neutrino"
    else:
        number = top.get("record_number")
        kind = None if when or number else top.get("alert_type")
        told = [name, number, when or kind]
        base = f"ivo://gcn.nasa.gov/{path}"
    if not (name or when):
        told = [top.get("trigger_time")]
    local = "_".join(_BLANKS.sub("_", text.strip()) for text in told if text and text.strip())
    if not local or len(base) + len(local) >= MAX_IDENTIFIER:
        raise PacketError(
            "the notice has nothing to identify it",
            where="event_name, id, alert_datetime, trigger_time",
            value=local or None,
            expected=f"at least one of these, at most {MAX_IDENTIFIER} characters",
            remedy="ask its author; without one it cannot be cited or told from others",
        )
    return f"{base}#{local}"


def _values(top: parts.Texts, names: list[str], ids: list[str]) -> Any:
    """Return a function that looks up what an event key is made of."""
    identifier = ids[0] if ids else None
    if len(ids) == 2 and all(text.isdecimal() for text in ids):
        # notices of IceCube before 2024 have run and event apart
        identifier = "_".join(ids)
    known = {"id": identifier, "event_name": names[0] if names else None}

    def value_of(name: str) -> str | None:
        return known.get(name.lower()) or top.get(name.lower())

    return value_of


def _is_test(top: parts.Texts, event: parts.Texts, path: str) -> bool:
    return (
        (top.get("alert_tense") or "").lower() == "test"
        or parts.is_test_superevent(top.get("superevent_id"))
        or (event.get("search") or "").upper() == "MDC"
        or _TEST_SCHEMA.search(path) is not None
    )


def _notice_type(top: parts.Texts, record: int | None) -> NoticeType:
    word = (top.get("alert_type") or "").lower()
    if word == "retraction" or is_true(top.get("retraction")):
        return NoticeType.RETRACTION
    if word == "update":
        return NoticeType.UPDATE
    # "subsequent" is another detection of a source, and so the first notice of that one
    later = not word and record is not None and record > 1
    return NoticeType.UPDATE if later else NoticeType.INITIAL


def _event_time(top: parts.Texts, event: parts.Texts, reader: Reader) -> float | None:
    if text := top.get("trigger_time") or event.get("time"):
        return reader.time("trigger_time", text)
    start = reader.time("observation_start", top.get("observation_start"))
    if start is not None:
        reader.remark("observation_start: taken as the time of the event, since no other is given")
    return start


def _position(notice: Object, reader: Reader) -> Position | None:
    place, where = notice, ""
    if notice.get("ra") is None and isinstance(notice.get("most_probable_direction"), Object):
        place, where = notice["most_probable_direction"], "most_probable_direction/"
    texts = texts_of(place)
    circles: dict[float, float] = {}
    for name, level in (("src_error_50", 0.5), ("ra_dec_error_50", 0.5), ("ra_dec_error_90", 0.9)):
        if (circle := reader.radius(f"{where}{name}", texts.get(name))) is not None:
            circles.setdefault(level, circle)
    radius = _radius(place, f"{where}ra_dec_error", reader)
    systematic = place.get("systematic_included")
    errors = (True, systematic) if isinstance(systematic, bool) else (None, None)
    return parts.position(
        reader,
        (f"{where}ra", f"{where}dec"),
        (texts.get("ra"), texts.get("dec")),
        radius,
        circles,
        _containment(texts, f"{where}containment_probability", reader),
        errors,
    )


def _radius(place: Object, where: str, reader: Reader) -> float | None:
    """Return the radius of the circle, or the larger semi-axis of an ellipse."""
    error = place.get("ra_dec_error")
    if error is None and place.get("uncertainty_shape") == "circle":
        # the schema before version 2
        error = place.get("ra_uncertainty")
    axes = error[:2] if isinstance(error, list) else [error]
    radii = [r for axis in axes if (r := reader.radius(where, text_of(axis))) is not None]
    if len(axes) == 2 and radii:
        reader.remark(f"{where}: an ellipse; its larger semi-axis is taken as the radius")
    return max(radii, default=None)


def _containment(texts: parts.Texts, where: str, reader: Reader) -> float:
    text = texts.get("containment_probability")
    value = reader.number(where, text, "a probability", 0, 100)
    if value is not None and value > 1:
        reader.remark(f"{where}: {text} is taken as per cent")
        value /= 100
    return _DEFAULT_CONTAINMENT if value is None else value


def _energy(
    top: parts.Texts, events: tuple[InvolvedEvent, ...], profile: Profile, reader: Reader
) -> tuple[float | None, str | None]:
    key = "nu_energy" if top.get("nu_energy") else "energy"
    energy = None
    if profile.energy_unit is not None:
        energy = reader.energy(key, top.get(key), profile.energy_unit)
    return parts.energy_of(events, energy, profile)


def _events(notice: Object, reader: Reader, profile: Profile) -> tuple[InvolvedEvent, ...]:
    found = []
    for key in ("event_details", "coincident_events"):
        items = notice.get(key)
        for number, item in enumerate(items if isinstance(items, list) else [], start=1):
            if isinstance(item, Object):
                texts = {**texts_of(item.get("localization")), **texts_of(item)}
                level = profile.containment or _DEFAULT_CONTAINMENT
                where = f"{key}[{number}]"
                found.append(parts.involved_event(reader, where, texts, number, level))
    return tuple(found)


def _counterparts(notice: Object, reader: Reader) -> tuple[Counterpart, ...]:
    found = []
    items = notice.get("counterpart_info")
    for number, item in enumerate(items if isinstance(items, list) else [], start=1):
        if isinstance(item, Object):
            reference = item.get("reference")
            texts = texts_of(item)
            if isinstance(reference, Object):
                pairs = [(key, text) for key, text in texts_of(reference).items() if text]
                texts["reference"] = (
                    pairs[0][1]
                    if len(pairs) == 1
                    else "; ".join(f"{key}: {text}" for key, text in pairs) or None
                )
            found.append(parts.counterpart(reader, f"counterpart_info[{number}]", texts))
    if known := text_of(notice.get("known_source")):
        found.append(Counterpart(name=known, description="known source"))
    return tuple(found)


def _citations(notice: Object) -> tuple[Citation, ...]:
    """Return the LVK's notices and the coincident ones that are referred to."""
    found = []
    for key, text in texts_of(notice.get("reference")).items():
        if "lvk" in key and text:
            found.append(Citation(ivorn=f"{_LVK_ALERT}{text}", kind="followup"))
    if ivorn := texts_of(notice.get("external_coinc")).get("ivorn"):
        found.append(Citation(ivorn=ivorn, kind="external_coinc"))
    return tuple(found)


def _instruments(notice: Object) -> list[str]:
    event = notice.get("event")
    return strings_of(event.get("instruments")) if isinstance(event, Object) else []


def _links(notice: Object) -> tuple[str, ...]:
    candidates = [*texts_of(notice).items(), *texts_of(notice.get("urls")).items()]
    return tuple(
        dict.fromkeys(
            text.strip()
            for key, text in candidates
            if ("healpix" in key or "skymap" in key)
            and text
            and text.strip().lower().startswith(("http://", "https://", "ftp://"))
        )
    )


def _sky_map(notice: Object, reader: Reader) -> tuple[bytes | None, str]:
    """Return the sky map that came in the notice, and its path."""
    event = notice.get("event")
    for path, place, key in (
        ("healpix_file", notice, "healpix_file"),
        ("event/skymap", event if isinstance(event, Object) else Object(), "skymap"),
    ):
        text = text_of(place.get(key))
        if not text:
            continue
        try:
            content = base64.b64decode(_BLANKS.sub("", text), validate=True)
        except (binascii.Error, ValueError):
            reader.refuse(path, text, "a FITS file in base64")
            continue
        if _is_fits(content):
            return content, path
        reader.refuse(path, text, "a FITS file in base64")
    return None, ""


def _is_fits(content: bytes) -> bool:
    """Return whether bytes are a FITS file, compressed by gzip or not; nothing is unpacked."""
    if content.startswith(b"\x1f\x8b"):
        try:
            content = zlib.decompressobj(31).decompress(content[:65536], len(_FITS))
        except zlib.error:
            return False
    return content.startswith(_FITS)


def _checksum(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
