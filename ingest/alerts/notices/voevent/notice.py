"""VOEvents of version 1.1, 2.0 and 2.1, as notices."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from lxml import etree

from ingest.alerts.notices import profiles, shared
from ingest.alerts.notices.fields import Reader, is_false, is_true, shown
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
from ingest.alerts.notices.voevent.parameters import local_name, rows_of
from ingest.alerts.notices.voevent.what import What, flags
from ingest.alerts.notices.voevent.where_when import Where

_VERSION: Final = re.compile(r"\d\.\d")
_TEST_FLAGS: Final = flags("test", "internaltest", "test_submission")
_RETRACTION_FLAGS: Final = flags("retraction", "retractflag", "retract_flag", "isretraction")
_EXPECTED_IVORN: Final = f"an identifier of at most {MAX_IDENTIFIER} characters"


def notice_of(root: Any, reader: Reader) -> Notice:
    """Return what a VOEvent says.

    Parameters
    ----------
    root : lxml.etree._Element
        The packet without comments.
    reader : Reader
        Has the remarks so far, and gets further ones.

    Raises
    ------
    PacketError
        If it is no VOEvent, has no identifier, or is nested too deeply.
    """
    if local_name(root.tag) != "VOEvent":
        raise PacketError(
            "the XML document is not a VOEvent",
            where="/*",
            value=root.tag,
            expected="a root element VOEvent, in whatever namespace",
            remedy="leave it in quarantine, or take it out of what is imported",
        )
    ivorn = (root.get("ivorn") or "").strip()
    if not ivorn or len(ivorn) > MAX_IDENTIFIER:
        raise PacketError(
            "the VOEvent has no usable identifier",
            where="/VOEvent/@ivorn",
            value=ivorn,
            expected=_EXPECTED_IVORN,
            remedy="ask its author; without one it cannot be cited or told from others",
        )
    rows = rows_of(root)
    what = What(rows, reader)
    profile = profiles.for_voevent(ivorn, what.text("Packet_Type"))
    role = _role(root, reader)
    is_test = _is_test(role, what, profile)
    citations = _citations(root, reader)
    where = Where(rows, reader)
    events = what.events(profile)
    energy, energy_kind = what.energy(profile, events)
    return Notice.model_validate(
        {
            "ivorn": ivorn,
            "media_format": _media_format(root, reader),
            "stream": profile.stream,
            "event_name": _event_name(what, root, profile, ivorn),
            "ids": what.identifiers(profile),
            "event_key": None
            if role is Role.UTILITY
            else profile.event_key(what.text, ivorn, is_test=is_test),
            "record_number": reader.integer(
                "What/record_number", what.text("record_number", "Record_Num")
            ),
            "revision": what.revision(profile),
            "role": role,
            "is_test": is_test,
            "is_injection": is_true(what.text("HardwareInj"))
            or (what.text("alert_tense") or "").lower() == "injection",
            "notice_type": _notice_type(what, citations),
            "alert_type": what.text("AlertType", "Alert_Type"),
            "event_mjd": where.time(),
            "notice_mjd": reader.time("Who/Date", _first(rows, "Who", "Date")),
            "position": where.position(profile, what.rows),
            "energy": energy,
            "energy_kind": energy_kind,
            "far": what.rate(profile),
            "p_value": what.p_value(profile),
            "signalness": what.signalness(),
            "topology": what.text("alert_topology", "topology"),
            "pipeline": what.text("pipeline"),
            "instrument": what.text("instrument", "instruments"),
            "n_events": reader.integer(
                "What/N_events",
                what.text("N_events", "Nevents", "number_of_events"),
                0,
            ),
            "events": events,
            "counterparts": (*what.counterparts(), *_associated(root)),
            "citations": citations,
            "sky_map_urls": what.sky_maps(),
            "parameters": rows,
            "remarks": reader.remarks,
        }
    )


def _media_format(root: Any, reader: Reader) -> str:
    version = (root.get("version") or "").strip()
    if not _VERSION.fullmatch(version):
        found = re.search(r"/v(\d\.\d)", etree.QName(root).namespace or "")
        reader.refuse("VOEvent/@version", version, "a version such as 2.0")
        version = found[1] if found else "2.0"
    return f"voevent-{version}"


def _role(root: Any, reader: Reader) -> Role:
    text = (root.get("role") or "observation").strip().lower()
    try:
        return Role(text)
    except ValueError:
        reader.refuse("VOEvent/@role", text, "observation, prediction, utility or test")
        return Role.OBSERVATION


def _is_test(role: Role, what: What, profile: Profile) -> bool:
    return (
        role is Role.TEST
        or what.flag(_TEST_FLAGS)
        or is_false(what.text("isRealAlert"))
        or (what.text("alert_tense") or "").lower() == "test"
        or (what.text("Search") or "").upper() == "MDC"
        or (
            profile.family == "ligo-virgo-kagra" and shared.is_test_superevent(what.text("GraceID"))
        )
    )


def _notice_type(what: What, citations: tuple[Citation, ...]) -> NoticeType:
    """Return where the packet stands, from every way to say so; a retraction beats the rest."""
    kinds = {citation.kind for citation in citations}
    word = (what.text("AlertType", "Alert_Type") or "").lower()
    if "retraction" in kinds or word == "retraction" or what.flag(_RETRACTION_FLAGS):
        return NoticeType.RETRACTION
    if word == "update" or "supersedes" in kinds or is_true(what.text("misc_flags/updated_notice")):
        return NoticeType.UPDATE
    if word:
        return NoticeType.INITIAL
    revision = what.text("Rev")
    number = what.text("record_number")
    later = (is_true(revision) and not (revision or "").startswith("-")) or (
        number is not None and number.isdecimal() and len(number) < 10 and int(number) > 1
    )
    return NoticeType.UPDATE if later else NoticeType.INITIAL


def _event_name(what: What, root: Any, profile: Profile, ivorn: str) -> str | None:
    name = what.text("event_name", "GraceID", "Identifier", "alert_name", "alertname")
    if name is None and profile.name and profile.family not in ("icecube",):
        name = profile.name_in(ivorn)
    if name is None and profile.family == "swift":
        # the name of the burst or of the known source stands among the inferences
        name = next(
            (e.text.strip() for e in _of(root, "Why", "Inference", "Name") if _has_text(e)), None
        )
    return name


def _citations(root: Any, reader: Reader) -> tuple[Citation, ...]:
    citations = []
    for child in _of(root, "Citations"):
        if local_name(child.tag) in ("EventIVORN", "EventID"):
            ivorn = (child.text or "").strip()
            kind = (child.get("cite") or "unspecified").strip().lower()
            if ivorn:
                citations.append(Citation(ivorn=ivorn, kind=kind))
            else:
                reader.remark(f"Citations/EventIVORN: {shown(kind)} of nothing is left out")
    return tuple(citations)


def _associated(root: Any) -> Iterable[Counterpart]:
    """Yield what the author relates the event to; a Name without relation is the event's own."""
    for name in _of(root, "Why", "Inference", "Name"):
        relation = name.getparent().get("relation")
        if relation and _has_text(name):
            yield Counterpart(name=name.text.strip(), description=relation)


def _of(root: Any, section: str, *names: str) -> Iterable[Any]:
    """Yield the elements on a path below a section, or its children."""
    for top in root:
        if local_name(top.tag) == section:
            level = list(top)
            for depth, name in enumerate(names):
                level = [element for element in level if local_name(element.tag) == name]
                if depth < len(names) - 1:
                    level = [child for element in level for child in element]
            yield from level


def _has_text(element: Any) -> bool:
    return bool(element.text and element.text.strip())


def _first(rows: list[Parameter], section: str, path: str) -> str | None:
    for row in rows:
        if row.section == section and row.path == path:
            return row.value
    return None
