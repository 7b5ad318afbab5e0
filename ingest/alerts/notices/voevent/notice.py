"""Conversion of VOEvents of versions 1.1, 2.0 and 2.1 to notices."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lxml import etree

from ingest.alerts.notices import common_fields, profiles
from ingest.alerts.notices.field_parser import FieldParser, is_false, is_true, shown
from ingest.alerts.notices.model import (
    Citation,
    Counterpart,
    Notice,
    NoticeType,
    PacketError,
    Parameter,
    Role,
)
from ingest.alerts.notices.profiles import MAX_IDENTIFIER, Profile
from ingest.alerts.notices.voevent.parameters import local_name, parameters_of
from ingest.alerts.notices.voevent.what import What, flags
from ingest.alerts.notices.voevent.where_when import WhereWhen

_VERSION: Final = re.compile(r"\d\.\d")
_TEST_FLAGS: Final = flags("test", "internaltest", "test_submission")
_RETRACTION_FLAGS: Final = flags("retraction", "retractflag", "retract_flag", "isretraction")


def notice_of(root: etree._Element, parser: FieldParser, topic: str | None = None) -> Notice:
    """Return the content of a VOEvent.

    Parameters
    ----------
    root : lxml.etree._Element
        The packet, without comments.
    parser : FieldParser
        Holds the remarks so far, and collects further ones.
    topic : str, optional
        The Kafka topic from which it was received.

    Raises
    ------
    PacketError
        If it is not a VOEvent, has no identifier, or is nested too deeply.
    """
    ivorn = _ivorn(root)
    parameters = parameters_of(root)
    what = What(parameters, parser)
    where_when = WhereWhen(parameters, parser)
    profile = profiles.for_voevent(ivorn, what.text("Packet_Type"), topic)
    role = _role(root, parser)
    is_test = _is_test(role, what, profile) or profiles.is_test_topic(topic)
    citations = _citations(root, parser)
    events = what.events(profile)
    energy, energy_kind = what.energy(profile, events)
    instrument = what.text("instrument", "instruments")
    event_key = None
    if role is not Role.UTILITY:
        event_key = profile.event_key(what.text, ivorn, is_test=is_test)
    return Notice(
        ivorn=ivorn,
        media_format=_media_format(root, parser),
        stream=profile.stream_of(instrument),
        event_name=_event_name(what, root, profile, ivorn),
        ids=what.identifiers(profile),
        event_key=event_key,
        record_number=parser.integer(
            "What/record_number", what.text("record_number", "Record_Num")
        ),
        revision=what.revision(profile),
        role=role,
        is_test=is_test,
        is_injection=is_true(what.text("HardwareInj"))
        or (what.text("alert_tense") or "").lower() == "injection",
        notice_type=_notice_type(what, citations, profile),
        alert_type=what.text("AlertType", "Alert_Type"),
        event_mjd=where_when.mjd(),
        notice_mjd=parser.mjd("Who/Date", _first(parameters, "Who", "Date")),
        position=where_when.position(profile, what.params),
        energy=energy,
        energy_kind=energy_kind,
        far=what.rate(profile),
        p_value=what.p_value(profile),
        signalness=what.signalness(),
        topology=what.text("alert_topology", "topology"),
        pipeline=what.text("pipeline"),
        instrument=instrument,
        n_events=parser.integer(
            "What/N_events", what.text("N_events", "Nevents", "number_of_events"), 0
        ),
        events=events,
        counterparts=(*what.counterparts(), *_associated(root)),
        citations=citations,
        sky_map_urls=what.sky_map_urls(),
        parameters=tuple(parameters),
        remarks=tuple(parser.remarks),
    )


def _ivorn(root: etree._Element) -> str:
    """Return the identifier of a packet whose root element is indeed VOEvent."""
    if local_name(root.tag) != "VOEvent":
        raise PacketError(
            "the XML document is not a VOEvent",
            where="/*",
            value=root.tag,
            expected="a root element VOEvent, in any namespace",
            remedy="leave it in quarantine, or remove it from what is imported",
        )
    ivorn = (root.get("ivorn") or "").strip()
    if not ivorn or len(ivorn) > MAX_IDENTIFIER:
        raise PacketError(
            "the VOEvent has no usable identifier",
            where="/VOEvent/@ivorn",
            value=ivorn,
            expected=f"an identifier of at most {MAX_IDENTIFIER} characters",
            remedy="ask its author; without an identifier a packet cannot be cited",
        )
    return ivorn


def _media_format(root: etree._Element, parser: FieldParser) -> str:
    version = (root.get("version") or "").strip()
    if not _VERSION.fullmatch(version):
        found = re.search(r"/v(\d\.\d)", etree.QName(root).namespace or "")
        parser.reject("VOEvent/@version", version, "a version such as 2.0")
        version = found[1] if found else "2.0"
    return f"voevent-{version}"


def _role(root: etree._Element, parser: FieldParser) -> Role:
    text = (root.get("role") or "observation").strip().lower()
    try:
        return Role(text)
    except ValueError:
        parser.reject("VOEvent/@role", text, "observation, prediction, utility or test")
        return Role.OBSERVATION


def _is_test(role: Role, what: What, profile: Profile) -> bool:
    return (
        role is Role.TEST
        or what.flag(_TEST_FLAGS)
        or is_false(what.text("isRealAlert"))
        or (what.text("alert_tense") or "").lower() == "test"
        or (what.text("Search") or "").upper() == "MDC"
        or (
            profile.family == "ligo-virgo-kagra"
            and common_fields.is_test_superevent(what.text("GraceID"))
        )
    )


def _notice_type(what: What, citations: tuple[Citation, ...], profile: Profile) -> NoticeType:
    """Return the kind of notice, however expressed; a retraction takes precedence."""
    kinds = {citation.kind for citation in citations}
    word = (what.text("AlertType", "Alert_Type") or "").lower()
    if "retraction" in kinds or word == "retraction" or what.flag(_RETRACTION_FLAGS):
        return NoticeType.RETRACTION
    if word == "update" or "supersedes" in kinds or is_true(what.text("misc_flags/updated_notice")):
        return NoticeType.UPDATE
    if what.text("Packet_Type") in profile.updates:
        return NoticeType.UPDATE
    if word:
        return NoticeType.INITIAL
    revision = what.text("Rev")
    number = what.text("record_number")
    later = (is_true(revision) and not (revision or "").startswith("-")) or (
        number is not None and number.isdecimal() and len(number) < 10 and int(number) > 1
    )
    return NoticeType.UPDATE if later else NoticeType.INITIAL


def _event_name(what: What, root: etree._Element, profile: Profile, ivorn: str) -> str | None:
    name = what.text("event_name", "GraceID", "Identifier", "alert_name", "alertname")
    # the ivorns of IceCube contain a pair of numbers, not a name
    if name is None and profile.name and profile.family != "icecube":
        name = profile.name_in(ivorn)
    if name is None and profile.family == "swift":
        # the burst or known source is named in the inferences
        name = next(filter(None, map(_text, _descendants(root, "Why", "Inference", "Name"))), None)
    return name


def _citations(root: etree._Element, parser: FieldParser) -> tuple[Citation, ...]:
    citations = []
    for child in _descendants(root, "Citations"):
        if local_name(child.tag) in ("EventIVORN", "EventID"):
            ivorn = _text(child)
            kind = (child.get("cite") or "unspecified").strip().lower()
            if ivorn:
                citations.append(Citation(ivorn=ivorn, kind=kind))
            else:
                parser.remark(f"Citations/EventIVORN: {shown(kind)} without an ivorn is ignored")
    return tuple(citations)


def _associated(root: etree._Element) -> Iterable[Counterpart]:
    """Yield the objects related to the event; a Name without a relation is that of the event."""
    for name in _descendants(root, "Why", "Inference", "Name"):
        relation = name.getparent().get("relation")
        if relation and (text := _text(name)):
            yield Counterpart(name=text, description=relation)


def _descendants(root: etree._Element, section: str, *names: str) -> Iterable[etree._Element]:
    """Yield the elements with a path of names below a section; without names, its children."""
    for top in root:
        if local_name(top.tag) == section:
            level = list(top)
            for depth, name in enumerate(names):
                level = [element for element in level if local_name(element.tag) == name]
                if depth < len(names) - 1:
                    level = [child for element in level for child in element]
            yield from level


def _text(element: etree._Element) -> str:
    return (element.text or "").strip()


def _first(parameters: list[Parameter], section: str, path: str) -> str | None:
    for parameter in parameters:
        if parameter.section == section and parameter.path == path:
            return parameter.value
    return None
