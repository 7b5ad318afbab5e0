"""Notices in JSON that GCN distributes over Kafka: those of KM3NeT, IceCube, LVK and others.

The schema is that of nasa-gcn/gcn-schema, on npm as ``@nasa-gcn/schema``. This module follows
its version 7.2.3, and accepts the keys of earlier versions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ingest.alerts.notices import common_fields, profiles
from ingest.alerts.notices.field_parser import FieldParser, is_true
from ingest.alerts.notices.gcn import parts
from ingest.alerts.notices.gcn.identity import ids_of, ivorn_from, names_of, schema_path
from ingest.alerts.notices.gcn.parameters import Object, parameters_of, texts_of
from ingest.alerts.notices.model import InvolvedEvent, Notice, NoticeType, Role
from ingest.alerts.notices.profiles import MAX_IDENTIFIER, Profile

_TEST_SCHEMA: Final = re.compile(r"(^|[/_.])test([/_.]|$)", re.I)


def notice_of(document: Object, parser: FieldParser, topic: str | None = None) -> Notice:
    """Return the content of a notice in JSON.

    Parameters
    ----------
    document : Object
        The notice, as :func:`.parameters.load_notice` returns it.
    parser : FieldParser
        Holds the remarks so far, and collects further ones.
    topic : str, optional
        The Kafka topic from which it was received.

    Raises
    ------
    PacketError
        If it is nested too deeply, or has nothing to identify it.
    """
    texts = texts_of(document)
    event = texts_of(document.get("event"))
    path = schema_path(texts, topic)
    profile = profiles.for_json(path, _words(texts))
    names, ids = names_of(document), ids_of(document)
    ivorn = ivorn_from(texts, names, ids, path)
    is_test = _is_test(texts, event, path) or profiles.is_test_topic(topic)
    role = Role.TEST if is_test else common_fields.role_of(texts.get("alert_tense"), profile)
    record = parser.integer("record_number", texts.get("record_number"), 0)
    events = parts.events(document, parser, profile)
    energy, energy_kind = _energy(texts, events, profile, parser)
    sky_map, sky_map_path = parts.sky_map(document, parser)
    replacements = parts.other_maps(document, parser)
    if sky_map is not None:
        replacements[sky_map_path] = parts.checksum(sky_map)
    instruments = parts.instruments(document)
    event_key = None
    if role is not Role.UTILITY:
        event_key = profile.event_key(_lookup(texts, names, ids), ivorn, is_test=is_test)
    revision = None
    if record is not None and profile.revision:
        revision = max(record - profile.first_record, 0)
    return Notice(
        ivorn=ivorn,
        media_format="gcn-json",
        stream=profile.stream_of(instruments[0] if instruments else None),
        event_name=names[0] if names else None,
        ids=tuple(dict.fromkeys(one for one in ids if len(one) <= MAX_IDENTIFIER)),
        event_key=event_key,
        record_number=record,
        revision=revision,
        role=role,
        is_test=is_test,
        is_injection=(texts.get("alert_tense") or "").strip().lower() == "injection",
        notice_type=_notice_type(texts, record),
        alert_type=texts.get("alert_type"),
        event_mjd=_event_time(texts, event, parser),
        notice_mjd=parser.mjd(
            "alert_datetime", texts.get("alert_datetime") or texts.get("time_created")
        ),
        position=parts.position(document, parser, profile),
        energy=energy,
        energy_kind=energy_kind,
        far=parser.rate(
            "far",
            texts.get("far") or event.get("far"),
            "Hz",
            zero_is_missing=profile.zero_is_missing,
        ),
        p_value=parser.probability("p_value", texts.get("p_value") or texts.get("pval_generic")),
        signalness=parser.probability("p_astro", texts.get("p_astro") or texts.get("signalness")),
        topology=texts.get("alert_topology"),
        pipeline=texts.get("pipeline") or event.get("pipeline") or texts.get("notice_type"),
        instrument=",".join(instruments) or None,
        n_events=parser.integer(
            "number_of_events",
            texts.get("number_of_events")
            or texts.get("n_events")
            or texts.get("n_events_coincident"),
            0,
        ),
        events=events,
        counterparts=parts.counterparts(document, parser),
        citations=parts.citations(document),
        sky_map_urls=parts.sky_map_urls(document),
        sky_map=sky_map,
        parameters=tuple(parameters_of(document, parser, replacements)),
        remarks=tuple(parser.remarks),
    )


def _words(texts: common_fields.Texts) -> str:
    """Return the words that distinguish streams with the same schema."""
    words = f"{texts.get('pipeline') or ''} {texts.get('notice_type') or ''}".strip()
    return (words or texts.get("additional_info") or "")[:200]


def _lookup(
    texts: common_fields.Texts, names: list[str], ids: list[str]
) -> Callable[[str], str | None]:
    """Return a function that returns the value of a key in :attr:`.Profile.key`."""
    identifier = ids[0] if ids else None
    if len(ids) == 2 and all(text.isdecimal() for text in ids):
        # IceCube's notices before 2024 have run and event as two items
        identifier = "_".join(ids)
    first = {"id": identifier, "event_name": names[0] if names else None}

    def value_of(name: str) -> str | None:
        return first.get(name.lower()) or texts.get(name.lower())

    return value_of


def _is_test(texts: common_fields.Texts, event: common_fields.Texts, path: str) -> bool:
    return (
        (texts.get("alert_tense") or "").strip().lower() == "test"
        or common_fields.is_test_superevent(texts.get("superevent_id"))
        or (event.get("search") or "").upper() == "MDC"
        or _TEST_SCHEMA.search(path) is not None
    )


def _notice_type(texts: common_fields.Texts, record: int | None) -> NoticeType:
    word = (texts.get("alert_type") or "").strip().lower()
    if word == "retraction" or is_true(texts.get("retraction")):
        return NoticeType.RETRACTION
    if word == "update":
        return NoticeType.UPDATE
    # "subsequent" is another detection of a source: the initial notice of that detection
    later = not word and record is not None and record > 1
    return NoticeType.UPDATE if later else NoticeType.INITIAL


def _event_time(
    texts: common_fields.Texts, event: common_fields.Texts, parser: FieldParser
) -> float | None:
    if text := texts.get("trigger_time") or event.get("time"):
        return parser.mjd("trigger_time", text)
    start = parser.mjd("observation_start", texts.get("observation_start"))
    if start is not None:
        parser.remark("observation_start: used as the time of the event, as no other is given")
    return start


def _energy(
    texts: common_fields.Texts,
    events: tuple[InvolvedEvent, ...],
    profile: Profile,
    parser: FieldParser,
) -> tuple[float | None, str | None]:
    key = "nu_energy" if texts.get("nu_energy") else "energy"
    energy = None
    if profile.energy_unit is not None:
        energy = parser.energy(key, texts.get(key), profile.energy_unit)
    return common_fields.energy_of(events, energy, profile)
