"""Conversion of GCN notices in JSON to VOEvents in the form of those that KM3NeT sends.

The VOEvent contains the whole notice. Values that have a place in KM3NeT's VOEvents are written
there, for the programs that read those. Values that this place cannot represent exactly, and
those without a place, are written to the Group ``Notice``, one Param per key. The conversion
back therefore gives the same notice: values in the Group take precedence.
"""

from __future__ import annotations

import datetime
import re
from typing import Any, Final

from lxml import etree

from ingest.alerts.conversion.field_mapping import (
    COUNTERPART,
    GROUPS,
    HIGHEST_FAR,
    IDENTITY,
    IN_GROUPS,
    KM3NET_REFERENCE,
    NOTICE,
    RADIUS_90,
    RESULT,
    Field,
    number_of,
)
from ingest.alerts.conversion.values import (
    JSON,
    add_param,
    escape_name,
    first_text,
    legible,
    same,
)
from ingest.alerts.conversion.voevent_to_json import read_shared
from ingest.alerts.notices import is_km3net, ivorn_of, scaled_radius
from ingest.core.errors import InputError

VERSIONS: Final = ("2.0", "2.1")

_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"

_UTC: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")
_IVORN: Final = re.compile(r"ivo://[^#\s]+#\S+")
_ROLES: Final = {"test": "test", "injection": "test", "planned": "prediction"}
"""Role of the VOEvent by ``alert_tense``; no telescope should follow up an injected signal."""


def to_voevent(document: dict[str, Any], version: str = "2.0") -> bytes:
    """Convert a GCN notice in JSON to a VOEvent.

    Parameters
    ----------
    document : dict
        A notice of KM3NeT or of another mission. Keys that KM3NeT's notices do not have are
        written to the Group ``Notice``.
    version : {"2.0", "2.1"}
        Version of VOEvent.

    Returns
    -------
    bytes
        The packet in UTF-8, valid against the schema of the version.

    Raises
    ------
    InputError
        If the notice has nothing to identify it, is nested too deeply, or has a value that is
        longer than XML parsers accept.
    """
    namespace = f"http://www.ivoa.net/xml/VOEvent/v{version}"
    schema = f"http://www.ivoa.net/xml/VOEvent/VOEvent-v{version}.xsd"
    root = etree.Element(f"{{{namespace}}}VOEvent", nsmap={"xsi": _XSI, "voe": namespace})
    root.set(f"{{{_XSI}}}schemaLocation", f"{namespace} {schema}")
    root.set("version", version)
    root.set("role", _role(document))
    root.set("ivorn", ivorn_of(document))
    try:
        _add_who(root, document)
        what = etree.SubElement(root, "What")
        _add_params(what, document)
        _add_where_when(root, document, version)
        _add_why(root, document)
        _add_citations(root, document)
        _add_rest(what, document, read_shared(root))
    except RecursionError:
        raise InputError(
            "the notice is nested too deeply",
            expected="a flat notice",
            remedy="ask its author; no alert needs that many levels",
        ) from None
    packet: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return packet


def _role(document: dict[str, Any]) -> str:
    return _ROLES.get(first_text(document.get("alert_tense")), "observation")


def _add_who(root: etree._Element, document: dict[str, Any]) -> None:
    who = etree.SubElement(root, "Who")
    etree.SubElement(who, "Description").text = "Made from a notice in JSON, as sent to GCN."
    if date := _time(document.get("alert_datetime")):
        etree.SubElement(who, "Date").text = date
    author = etree.SubElement(who, "Author")
    if is_km3net(document):
        etree.SubElement(author, "title").text = "KM3NeT real-time Alert System"
        etree.SubElement(author, "contactName").text = "KM3NeT Astro WG"
        etree.SubElement(author, "contactEmail").text = "online@km3net.de"
    else:
        mission = first_text(document.get("mission")) or "unknown"
        etree.SubElement(author, "title").text = legible(mission)


def _add_params(what: etree._Element, document: dict[str, Any]) -> None:
    for field in IDENTITY:
        _add_field(what, field, document.get(field.key))
    _add_field(what, RADIUS_90, radius_90(document))
    for field in RESULT:
        _add_field(what, field, document.get(field.key))
    _add_groups(what, "Nu_Event_", document)
    _add_field(what, COUNTERPART, document.get(COUNTERPART.key))
    _add_groups(what, "Counterpart_", document)


def _add_field(what: etree._Element, field: Field, value: object) -> None:
    """Append a Param of the common form; values it cannot represent go to the Group Notice."""
    if field.kind == "string":
        value = legible(first_text(value)) or None
    elif field.kind == "boolean":
        value = value if isinstance(value, bool) else None
    else:
        value = number_of(value)
    if value is not None:
        add_param(what, field.param, value, field.kind, field.unit, field.ucd)


def _add_groups(what: etree._Element, prefix: str, document: dict[str, Any]) -> None:
    entries = document.get(GROUPS[prefix])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return
    for number, entry in enumerate(entries, start=1):
        group = etree.SubElement(what, "Group", name=f"{prefix}{number}")
        for key, value in entry.items():
            field = IN_GROUPS.get(key, Field(key, key, ""))
            kind = field.kind or None
            add_param(group, escape_name(key), value, kind, field.unit, field.ucd)


def _add_where_when(root: etree._Element, document: dict[str, Any], version: str) -> None:
    time = _time(document.get("trigger_time"))
    ra, dec = number_of(document.get("ra")), number_of(document.get("dec"))
    on_sky = ra is not None and dec is not None and 0 <= ra <= 360 and -90 <= dec <= 90
    if time is None and not on_sky:
        return
    where = etree.SubElement(root, "WhereWhen")
    location = etree.SubElement(where, "ObsDataLocation")
    etree.SubElement(location, "ObservatoryLocation", id="GEOLUN")
    observation = etree.SubElement(location, "ObservationLocation")
    etree.SubElement(observation, "AstroCoordSystem", id="UTC-ICRS-GEO")
    coords = etree.SubElement(observation, "AstroCoords", coord_system_id="UTC-ICRS-GEO")
    if time is not None:
        instant = etree.SubElement(etree.SubElement(coords, "Time", unit="s"), "TimeInstant")
        # without Z, which many programs do not accept; the coordinate system declares UTC
        etree.SubElement(instant, "ISOTime").text = time.removesuffix("Z")
    if on_sky:
        position = etree.SubElement(coords, "Position2D", unit="deg")
        etree.SubElement(position, "Name1").text = "RA"
        etree.SubElement(position, "Name2").text = "Dec"
        value = etree.SubElement(position, "Value2")
        etree.SubElement(value, "C1").text = repr(ra)
        etree.SubElement(value, "C2").text = repr(dec)
        radius = radius_90(document)
        # version 2.0 requires the element; NaN stands for an unknown radius
        if radius is not None or version == "2.0":
            text = "NaN" if radius is None else repr(radius)
            etree.SubElement(position, "Error2Radius").text = text
    if radius_90(document) != _radius(document):
        etree.SubElement(
            where, "Description"
        ).text = "The error radius was scaled to 90% containment as a two-dimensional Gaussian."


def radius_90(document: dict[str, Any]) -> float | None:
    """Return the radius in deg at 90 % containment, as KM3NeT's VOEvents give it.

    For an ellipse it is that of the semi-major axis. A radius at another containment is scaled
    by :func:`~ingest.alerts.notices.containment.scaled_radius`. None if there is no radius, or
    if it is larger than the sky.
    """
    radius = _radius(document)
    containment = number_of(document.get("containment_probability", 0.9))
    if radius is None or containment is None or not 0 < containment < 1:
        return None
    if containment == 0.9:
        return radius
    scaled = scaled_radius(radius, containment, 0.9)
    return scaled if scaled < 180 else None


def _radius(document: dict[str, Any]) -> float | None:
    error = document.get(RADIUS_90.key)
    radius = number_of(error[0] if isinstance(error, list) and error else error)
    return radius if radius is not None and 0 <= radius <= 180 else None


def _add_why(root: etree._Element, document: dict[str, Any]) -> None:
    if is_km3net(document):
        how = etree.SubElement(root, "How")
        etree.SubElement(how, "Description").text = "GCN"
        etree.SubElement(how, "Reference", uri="https://gcn.nasa.gov/missions/km3net")
    far = number_of(document.get("far"))
    reason = None
    if document.get("alert_type") == "retraction":
        reason = "The alert is retracted."
    elif is_km3net(document) and far is not None and 0 <= far <= HIGHEST_FAR:
        reason = "Event with FAR below the KM3NeT alert publication threshold."
    if reason:
        etree.SubElement(etree.SubElement(root, "Why"), "Description").text = reason


def _add_citations(root: etree._Element, document: dict[str, Any]) -> None:
    """Cite the notice that an update or a retraction of KM3NeT replaces."""
    reference = document.get("reference")
    cited = reference.get(KM3NET_REFERENCE) if isinstance(reference, dict) else None
    if isinstance(cited, str) and _IVORN.fullmatch(cited):
        kind = "retraction" if document.get("alert_type") == "retraction" else "supersedes"
        etree.SubElement(
            etree.SubElement(root, "Citations"), "EventIVORN", cite=kind
        ).text = legible(cited)


def _add_rest(what: etree._Element, document: dict[str, Any], written: dict[str, Any]) -> None:
    group = etree.SubElement(what, "Group", name=NOTICE, type=JSON)
    etree.SubElement(
        group, "Description"
    ).text = "What the notice in JSON says beyond the rest of this packet, or more exactly."
    for key, value in document.items():
        if key not in written or not same(written[key], value):
            add_param(group, escape_name(key), value)


def _time(value: object) -> str | None:
    """Return a time in UTC with Z, unchanged if it has that form; None if it is not a time."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.datetime.fromisoformat(value)
        if _UTC.fullmatch(value):
            return value
        if "T" not in value and " " not in value:
            return None
        if moment.tzinfo is not None:
            moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return moment.isoformat() + "Z"
