"""VOEvents of version 1.1, 2.0 and 2.1, as notices."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from lxml import etree

from ingest.alerts import parts, profiles
from ingest.alerts.notice import (
    Citation,
    Counterpart,
    InvolvedEvent,
    Notice,
    NoticeType,
    PacketError,
    Rate,
    Role,
)
from ingest.alerts.profiles import MAX_IDENTIFIER, Profile
from ingest.alerts.values import Reader, is_false, is_true, shown
from ingest.alerts.voevent_parameters import Row, local_name, rows_of
from ingest.alerts.voevent_where import Where

_VERSION: Final = re.compile(r"\d\.\d")
_EVENT_GROUP: Final = re.compile(r"nu_event_?\d+")
_COUNTERPART_GROUP: Final = re.compile(r"counterpart_?\d+")
_FLAG_GROUPS: Final = frozenset({"", "trigger_id", "misc_flags", "solution_status"})
_TEST_FLAGS: Final = frozenset({"test", "internaltest", "test_submission"})
_RETRACTION_FLAGS: Final = frozenset({"retraction", "retractflag", "retract_flag", "isretraction"})
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif", ".pdf", ".svg", ".txt", ".html")
_EXPECTED_IVORN: Final = f"an identifier of at most {MAX_IDENTIFIER} characters"


class _What:
    """The Params of a packet by their group paths; of several under one path, the first."""

    def __init__(self, rows: Iterable[Row], reader: Reader) -> None:
        self.reader = reader
        self.rows: dict[str, Row] = {}
        self.groups: dict[str, dict[str, str | None]] = {}
        for row in rows:
            if row["section"] == "What" and (path := row["path"]):
                self.rows.setdefault(lowered := path.lower(), row)
                group, _, name = lowered.rpartition("/")
                self.groups.setdefault(group, {}).setdefault(name, row["value"])

    def text(self, *names: str) -> str | None:
        """Return the first of the named Params that says something."""
        for name in names:
            row = self.rows.get(name.lower())
            if row is not None and (value := row["value"]) and (stripped := value.strip()):
                return stripped
        return None

    def row(self, *names: str) -> Row | None:
        return next((row for name in names if (row := self.rows.get(name)) is not None), None)

    def flag(self, names: frozenset[str]) -> bool:
        """Return whether one of the named flags is set, alone or in a group of flags."""
        return any(
            is_true(self.groups[group].get(name))
            for group in _FLAG_GROUPS & self.groups.keys()
            for name in names & self.groups[group].keys()
        )


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
            "the XML document is no VOEvent",
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
    what = _What(rows, reader)
    profile = profiles.for_voevent(ivorn, what.text("Packet_Type"))
    role = _role(root, reader)
    is_test = _is_test(role, what, profile)
    citations = _citations(root, reader)
    where = Where(rows, reader)
    events = _events(what, profile, reader)
    energy, energy_kind = _energy(what, events, profile, reader)
    return Notice.model_validate(
        {
            "ivorn": ivorn,
            "media_format": _media_format(root, reader),
            "stream": profile.stream,
            "event_name": _event_name(what, root, profile, ivorn),
            "ids": _identifiers(what, profile),
            "event_key": None
            if role is Role.UTILITY
            else profile.event_key(what.text, ivorn, is_test=is_test),
            "record_number": reader.integer(
                "What/record_number", what.text("record_number", "Record_Num")
            ),
            "revision": _revision(what, profile, reader),
            "role": role,
            "is_test": is_test,
            "is_injection": is_true(what.text("HardwareInj"))
            or what.text("alert_tense") == "injection",
            "notice_type": _notice_type(what, citations, profile, reader),
            "alert_type": what.text("AlertType", "Alert_Type"),
            "event_mjd": where.time(),
            "notice_mjd": reader.time("Who/Date", _first(rows, "Who", "Date")),
            "position": where.position(profile, what.rows),
            "energy": energy,
            "energy_kind": energy_kind,
            "far": _rate(what, profile, reader),
            "p_value": _p_value(what, profile, reader),
            "signalness": _signalness(what, reader),
            "topology": what.text("alert_topology", "topology"),
            "pipeline": what.text("pipeline"),
            "instrument": what.text("instrument", "instruments"),
            "n_events": reader.integer(
                "What/N_events",
                what.text("N_events", "Nevents", "number_of_events"),
                0,
            ),
            "events": events,
            "counterparts": _counterparts(what, root, reader),
            "citations": citations,
            "sky_map_urls": _sky_maps(what),
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


def _is_test(role: Role, what: _What, profile: Profile) -> bool:
    return (
        role is Role.TEST
        or what.flag(_TEST_FLAGS)
        or is_false(what.text("isRealAlert"))
        or (what.text("alert_tense") or "").lower() == "test"
        or (what.text("Search") or "").upper() == "MDC"
        or (profile.family == "ligo-virgo-kagra" and parts.is_test_superevent(what.text("GraceID")))
    )


def _notice_type(
    what: _What, citations: tuple[Citation, ...], profile: Profile, reader: Reader
) -> NoticeType:
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


def _revision(what: _What, profile: Profile, reader: Reader) -> int | None:
    for name in profile.revision:
        if (text := what.text(name)) is not None:
            return reader.integer(f"What/{name}", text)
    return None


def _event_name(what: _What, root: Any, profile: Profile, ivorn: str) -> str | None:
    name = what.text("event_name", "GraceID", "Identifier", "alert_name", "alertname")
    if name is None and profile.name and profile.family not in ("icecube",):
        name = profile.name_in(ivorn)
    if name is None and profile.family == "swift":
        # the name of the burst or of the known source stands among the inferences
        name = next(
            (e.text.strip() for e in _of(root, "Why", "Inference", "Name") if _has_text(e)), None
        )
    return name


def _identifiers(what: _What, profile: Profile) -> tuple[str, ...]:
    run, event = what.text("run_id"), what.text("event_id")
    found = [
        what.text("AMON_ID"),
        f"{run}_{event}" if run and event else None,
        what.text("TrigID", "Trigger_Number", "Trans_Num"),
        what.text("GraceID"),
        *(what.text(key) for key in profile.key if "+" not in key and "name" not in key.lower()),
    ]
    return tuple(dict.fromkeys(text for text in found if text and len(text) <= MAX_IDENTIFIER))


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


def _events(what: _What, profile: Profile, reader: Reader) -> tuple[InvolvedEvent, ...]:
    groups = [(g, texts) for g, texts in what.groups.items() if _EVENT_GROUP.fullmatch(g)]
    return tuple(
        parts.involved_event(reader, f"What/{group}", texts, number, profile.containment)
        for number, (group, texts) in enumerate(groups, start=1)
    )


def _counterparts(what: _What, root: Any, reader: Reader) -> tuple[Counterpart, ...]:
    found = [
        parts.counterpart(reader, f"What/{group}", texts)
        for group, texts in what.groups.items()
        if _COUNTERPART_GROUP.fullmatch(group)
    ]
    for name in _of(root, "Why", "Inference", "Name"):
        relation = name.getparent().get("relation")
        if relation and _has_text(name):
            found.append(Counterpart(name=name.text.strip(), description=relation))
    return tuple(found)


def _energy(
    what: _What, events: tuple[InvolvedEvent, ...], profile: Profile, reader: Reader
) -> tuple[float | None, str | None]:
    row = what.row("energy", "nu_energy")
    if row is None:
        return parts.energy_of(events, None, profile)
    energy = reader.energy(
        f"What/{row['path']}", row["value"], row.get("unit") or profile.energy_unit
    )
    if energy == 0 and profile.zero_is_missing:
        energy = None
    kind = profile.energy_kind or row.get("description") or "energy"
    return energy, None if energy is None else kind


def _rate(what: _What, profile: Profile, reader: Reader) -> Rate | None:
    row = what.row("far")
    if row is None:
        return None
    return reader.rate(
        f"What/{row['path']}",
        row["value"],
        (row.get("unit") or "").strip() or profile.far_unit,
        zero_is_missing=profile.zero_is_missing,
        hertz_up_to=profile.per_year_from,
    )


def _p_value(what: _What, profile: Profile, reader: Reader) -> float | None:
    value = reader.fraction("What/pvalue", what.text("p_value", "pvalue", "p-value"))
    if value == 0 and profile.zero_is_missing:
        reader.remark("What/pvalue: 0 is taken as not known")
        return None
    return value


def _signalness(what: _What, reader: Reader) -> float | None:
    if (text := what.text("signalness", "p_astro")) is not None:
        return reader.fraction("What/signalness", text)
    value = reader.fraction("What/signal_trackness", what.text("signal_trackness"))
    if value is not None:
        reader.remark(
            "What/signal_trackness: probability of an astrophysical origin and of a track;"
            " taken as signalness"
        )
    return value


def _sky_maps(what: _What) -> tuple[str, ...]:
    """Return the links to maps that are no pictures."""
    found = []
    for path, row in what.rows.items():
        name = path.rpartition("/")[2].replace("_", "")
        if ("skymap" in name or "healpix" in name) and not name.startswith("@"):
            url = (row["value"] or "").strip()
            if url.lower().startswith(
                ("http://", "https://", "ftp://")
            ) and not url.lower().endswith(_PICTURES):
                found.append(url)
    return tuple(dict.fromkeys(found))


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


def _first(rows: Iterable[Row], section: str, path: str) -> str | None:
    for row in rows:
        if row["section"] == section and row["path"] == path:
            return row["value"]
    return None
