"""Notices as rows of the published tables, in the text that PostgreSQL's COPY reads.

``rd/alerts/nu.rd`` defines the tables. This module only says which value goes into which column,
and a test compares the two.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingest.alerts.notices import (
    MAX_INTEGER,
    Notice,
    NoticeType,
    Parameter,
    Regions,
    names_of_notice,
    path_of_topic,
)
from ingest.alerts.tables.circle_polygon import circle_polygon
from ingest.core.timescales import iso_to_mjd

if TYPE_CHECKING:
    from ingest.alerts.archive import Entry, Reception

Value = str | float | int | bool | None

GROUPING_COLUMNS: Final = ("version", "alert_id", "is_latest", "retracted", "superseded")
"""Columns of ``notices`` that depend on other notices; see :mod:`ingest.alerts.tables.grouping`."""
NOTICE_COLUMNS: Final = (
    "notice_id", "ivorn", "stream", "event_name", "record_number", "revision", "role",
    "notice_type", "alert_type", "is_test", "is_injection", "event_mjd", "notice_mjd", "received",
    "ra", "dec", "pos_err", "pos_err_cl", "pos_err_50", "pos_err_90", "pos_err_stat",
    "pos_err_sys", "far", "far_original", "far_unit", "far_doubtful", "energy", "energy_kind",
    "signalness", "p_value", "topology", "pipeline", "instrument", "n_events", "region_50",
    "region_90", "region_origin", "outline", "sky_map_url", "sky_map", "media_format", "sha256",
    "packet_size", "origin", "remarks",
)  # fmt: skip
PART_COLUMNS: Final = {
    "events": (
        "notice_id", "event_no", "event_id", "event_mjd", "ra", "dec", "pos_err", "pos_err_cl",
        "cos_zenith", "topology", "energy",
    ),
    "counterparts": (
        "notice_id", "counterpart_no", "counterpart_name", "ra", "dec", "pos_err",
        "counterpart_mjd", "angular_distance", "reference", "description",
    ),
    "params": (
        "notice_id", "param_no", "part", "param_path", "param_value", "param_unit", "param_ucd",
        "data_type", "description",
    ),
    "citations": ("notice_id", "citation_no", "cited_ivorn", "cite"),
    "event_names": ("notice_id", "name_no", "event_name"),
}  # fmt: skip
"""Columns of the other tables, which have one row for each part of a notice."""
RECEPTION_COLUMNS: Final = (
    "notice_id", "source", "broker", "topic", "topic_partition", "topic_offset", "produced",
    "received", "schema_verdict",
)  # fmt: skip
"""Columns of ``receptions`` that are filled from the log of receptions; ``stored`` is not."""

GROUPING_CITATIONS: Final = frozenset({"supersedes", "retraction"})
"""Kinds of citations that make two packets notices of one alert."""
CLAIMED: Final = "claimed"
"""First part of the names of alerts that claim to be KM3NeT's, but came from topics of others."""
_MAX_KEY_BYTES: Final = 1000
"""PostgreSQL cannot index texts much longer than twice that."""
_NULL: Final = "\\N"
_NOT_IN_XML: Final = [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]
"""Characters that no VOTable can have, and the first of them no text of PostgreSQL."""
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    | {chr(code): f"\\\\u{code:04x}" for code in _NOT_IN_XML}
)


@dataclass(frozen=True, slots=True)
class GroupingKeys:
    """The values of a notice that decide to which alert it belongs, and which notice is the newest.

    Attributes
    ----------
    number : int
        Number of the packet in the archive.
    ivorn : str
        Identifier of the packet.
    alert_name : str
        Name of the alert according to this packet alone: the key of the event, else the ivorn.
    cited : tuple of str
        Identifiers of packets of the same alert.
    revision : int or None
        As in the packet.
    notice_mjd : float or None
        When the notice was written, MJD in UTC.
    received : float
        When the packet was received, MJD in UTC.
    is_retraction : bool
        Whether the notice retracts its alert.
    """

    number: int
    ivorn: str
    alert_name: str
    cited: tuple[str, ...]
    revision: int | None
    notice_mjd: float | None
    received: float
    is_retraction: bool


@dataclass(frozen=True, slots=True)
class PacketRows:
    """The rows of one packet.

    Attributes
    ----------
    keys : GroupingKeys
        What the columns :data:`GROUPING_COLUMNS` are derived from.
    notice : bytes
        The row of ``notices`` without these columns.
    parts : dict of str to bytes
        The rows of the other tables, by table.
    """

    keys: GroupingKeys
    notice: bytes
    parts: dict[str, bytes]

    @property
    def number(self) -> int:
        """Number of the packet in the archive."""
        return self.keys.number


def table_rows(entry: Entry, notice: Notice, regions: Regions, sky_map: str | None) -> PacketRows:
    """Return the rows of one notice.

    Parameters
    ----------
    entry : Entry
        The packet's entry in the archive.
    notice : Notice
        The notice in the packet.
    regions : Regions
        The notice's 50 % and 90 % regions.
    sky_map : str or None
        SHA-256 of the notice's sky map in the archive.
    """
    number = entry.number
    received = received_mjd(entry)
    ivorn = _key(notice.ivorn)
    parts: dict[str, Iterable[tuple[Value, ...]]] = {
        "events": (
            (_key(e.event_id), e.mjd, e.ra, e.dec, e.radius, e.containment, e.cos_zenith,
             e.topology, e.energy)
            for e in notice.events
        ),
        "counterparts": (
            (c.name, c.ra, c.dec, c.radius, c.mjd, c.angular_distance, c.reference, c.description)
            for c in notice.counterparts
        ),
        "citations": ((_key(c.ivorn), c.kind) for c in notice.citations),
        "event_names": ((_key(name),) for name in names_of_notice(notice)),
    }  # fmt: skip
    return PacketRows(
        keys=GroupingKeys(
            number=number,
            ivorn=ivorn,
            alert_name=_alert_name(notice, ivorn, entry.topic),
            cited=tuple(
                _key(citation.ivorn)
                for citation in notice.citations
                if citation.kind in GROUPING_CITATIONS
                and authority(citation.ivorn) == authority(ivorn)
            ),
            revision=_bounded(notice.revision),
            notice_mjd=notice.notice_mjd,
            received=received,
            is_retraction=notice.notice_type is NoticeType.RETRACTION,
        ),
        notice=text_line(_notice_row(entry, notice, regions, sky_map, ivorn, received)),
        parts={table: text_rows(number, rows) for table, rows in parts.items()}
        | {"params": _params(number, notice.parameters)},
    )


def received_mjd(entry: Entry) -> float:
    """Return when a packet was received, MJD in UTC."""
    return iso_to_mjd(entry.received)


def reception_row(number: int, reception: Reception) -> tuple[Value, ...]:
    """Return the values of :data:`RECEPTION_COLUMNS` for a message with this packet number."""
    produced = reception.produced
    return (
        number,
        reception.source,
        reception.broker,
        reception.topic,
        reception.partition,
        reception.offset,
        None if produced is None else iso_to_mjd(produced),
        iso_to_mjd(reception.received),
        reception.schema,
    )


def text_rows(number: int, rows: Iterable[tuple[Value, ...]]) -> bytes:
    """Return rows of a part of a packet for COPY, each after the packet's number and its own."""
    return b"".join(text_line((number, place, *row)) for place, row in enumerate(rows, 1))


def complete_row(grouping: Sequence[Value], notice: bytes) -> bytes:
    """Return a row of ``notices`` from its :data:`GROUPING_COLUMNS` and the rest of the row."""
    return b"\t".join((text_line(grouping)[:-1], notice))


def _notice_row(
    entry: Entry,
    notice: Notice,
    regions: Regions,
    sky_map: str | None,
    ivorn: str,
    received: float,
) -> tuple[Value, ...]:
    """Return the values of the columns :data:`NOTICE_COLUMNS`, in this order."""
    at, far = notice.position, notice.far
    return (
        entry.number,
        ivorn,
        _key(notice.stream),
        notice.event_name,
        _bounded(notice.record_number),
        _bounded(notice.revision),
        notice.role.value,
        notice.notice_type.value,
        notice.alert_type,
        notice.is_test,
        notice.is_injection,
        notice.event_mjd,
        notice.notice_mjd,
        received,
        *(
            (at.ra, at.dec, at.radius, at.containment, at.radius_50, at.radius_90, at.statistical,
             at.systematic)
            if at else (None,) * 8
        ),
        *((far.hertz, far.value, far.unit, far.doubtful) if far else (None,) * 4),
        notice.energy,
        notice.energy_kind,
        notice.signalness,
        notice.p_value,
        notice.topology,
        notice.pipeline,
        notice.instrument,
        _bounded(notice.n_events),
        regions.region_50,
        regions.region_90,
        regions.origin,
        circle_polygon(notice.position),
        notice.sky_map_urls[0] if notice.sky_map_urls else None,
        sky_map,
        notice.media_format,
        entry.sha256,
        _bounded(entry.size),
        entry.source,
        "; ".join(notice.remarks) or None,
    )  # fmt: skip


def _params(number: int, parameters: Sequence[Parameter]) -> bytes:
    """Return the rows of ``params``, by far the most, without a function call for each value."""
    texts = "".join([text for parameter in parameters for text in parameter if text])
    if texts.isprintable() and "\\" not in texts:
        rows = [
            f"{number}\t{place}\t{section}\t{path}\t{_NULL if value is None else value}"
            f"\t{_NULL if unit is None else unit}\t{_NULL if ucd is None else ucd}"
            f"\t{_NULL if data_type is None else data_type}"
            f"\t{_NULL if description is None else description}\n"
            for place, (section, path, value, unit, ucd, data_type, description) in enumerate(
                parameters, 1
            )
        ]
        return "".join(rows).encode()
    return "".join(
        [
            f"{number}\t{place}\t{_text(section)}\t{_text(path)}"
            f"\t{_NULL if value is None else _text(value)}"
            f"\t{_NULL if unit is None else _text(unit)}"
            f"\t{_NULL if ucd is None else _text(ucd)}"
            f"\t{_NULL if data_type is None else _text(data_type)}"
            f"\t{_NULL if description is None else _text(description)}\n"
            for place, (section, path, value, unit, ucd, data_type, description) in enumerate(
                parameters, 1
            )
        ]
    ).encode("utf-8", "backslashreplace")


def _alert_name(notice: Notice, ivorn: str, topic: str | None) -> str:
    if _is_claimed(notice, ivorn, topic):
        return _key(f"{CLAIMED}/{topic}/{notice.event_key or ivorn}")
    name = _key(notice.event_key or ivorn)
    if notice.is_test:
        return name if name.startswith("test/") else f"test/{name}"
    return f"injection/{name}" if notice.is_injection else name


def _is_claimed(notice: Notice, ivorn: str, topic: str | None) -> bool:
    """Return whether a notice that says it is KM3NeT's came from the topic of somebody else."""
    path = path_of_topic(topic)
    if path is None or path.lower().startswith("km3net"):
        return False
    key = (notice.event_key or "").removeprefix("test/")
    return (
        notice.stream == "km3net"
        or authority(ivorn).startswith("km3net")
        or key.startswith("km3net/")
    )


def authority(ivorn: str) -> str:
    """Return the naming authority of an identifier, in lower case."""
    return ivorn.lower().removeprefix("ivo://").partition("#")[0].partition("/")[0]


def _key(text: str) -> str:
    """Return a text short enough for an index; the end of a long one becomes its checksum."""
    encoded = text.replace("\0", "\\u0000").encode("utf-8", "backslashreplace")
    if len(encoded) <= _MAX_KEY_BYTES:
        return encoded.decode()
    start = encoded[: _MAX_KEY_BYTES - 80].decode("utf-8", "ignore")
    return f"{start}… sha256:{hashlib.sha256(encoded).hexdigest()}"


def _bounded(number: int | None) -> int | None:
    """Return a number that fits in the column, else None; ``params`` has it as it was sent."""
    return None if number is None or abs(number) > MAX_INTEGER else number


def text_line(values: Iterable[Value]) -> bytes:
    """Return a row for COPY."""
    return ("\t".join([_cell(value) for value in values]) + "\n").encode(
        "utf-8", "backslashreplace"
    )


def _text(value: str) -> str:
    # nearly all texts are printable, and the test is faster than the translation
    return value if value.isprintable() and "\\" not in value else value.translate(_ESCAPES)


def _cell(value: Value) -> str:
    if value is None:
        return _NULL
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and not math.isfinite(value):
        return _NULL
    return repr(value)
