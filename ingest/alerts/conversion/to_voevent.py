"""Notices in the JSON of GCN as VOEvents, in the form of those that KM3NeT sends.

The VOEvent has all that the notice says. What has a place in KM3NeT's VOEvents is put there,
for the programs that read those. What that place cannot say exactly, and what has none,
stands in the Group ``Notice``, one Param per key. Reading it back therefore gives the notice
itself: first the places are read, then the Group, whose values win.
"""

from __future__ import annotations

import datetime
import math
import re
from typing import Any, Final

from lxml import etree

from ingest.alerts.conversion.fields import (
    COUNTERPART,
    GROUPS,
    HIGHEST_FAR,
    IDENTITY,
    IN_GROUPS,
    NOTICE,
    RADIUS_90,
    RESULT,
    Field,
    number_of,
)
from ingest.alerts.conversion.identity import first_text, is_km3net, ivorn_of
from ingest.alerts.conversion.to_json import read_shared
from ingest.alerts.conversion.values import (
    JSON,
    add_param,
    escape_name,
    legible,
    same,
)
from ingest.core.errors import InputError

VERSIONS: Final = ("2.0", "2.1")

_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"

_UTC: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")
_NOT_OBSERVED: Final = {"test": "test", "injection": "test", "planned": "prediction"}
"""The VOEvent's role by the notice's tense; an injected signal must move no telescope."""


def to_voevent(document: dict[str, Any], version: str = "2.0") -> bytes:
    """Convert a notice in the JSON of GCN to a VOEvent.

    Parameters
    ----------
    document : dict
        A notice, usually one of KM3NeT. Those of other missions are taken, too; then all
        that the neutrino telescopes do not have in common is in the Group ``Notice``.
    version : {"2.0", "2.1"}
        Of VOEvent.

    Returns
    -------
    bytes
        The packet in UTF-8, valid against the schema of the version.

    Raises
    ------
    InputError
        If nothing in the notice says what it is about, or a value is longer than XML
        parsers take.
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
        _add_rest(what, document, read_shared(root))
    except RecursionError:
        raise InputError("the notice is nested too deeply", expected="a flat notice") from None
    packet: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return packet


def _role(document: dict[str, Any]) -> str:
    return _NOT_OBSERVED.get(first_text(document.get("alert_tense")), "observation")


def _add_who(root: Any, document: dict[str, Any]) -> None:
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


def _add_params(what: Any, document: dict[str, Any]) -> None:
    for field in IDENTITY:
        _add_field(what, field, document.get(field.key))
    _add_field(what, RADIUS_90, radius_90(document))
    for field in RESULT:
        _add_field(what, field, document.get(field.key))
    _add_groups(what, "Nu_Event_", document)
    _add_field(what, COUNTERPART, document.get(COUNTERPART.key))
    _add_groups(what, "Counterpart_", document)


def _add_field(what: Any, field: Field, value: object) -> None:
    """Append a Param that every reader understands; if it is not exact, the rest says more."""
    if field.kind == "string":
        value = legible(first_text(value)) or None
    elif field.kind == "boolean":
        value = value if isinstance(value, bool) else None
    else:
        value = number_of(value)
    if value is not None:
        add_param(what, field.param, value, field.kind, field.unit, field.ucd)


def _add_groups(what: Any, prefix: str, document: dict[str, Any]) -> None:
    entries = document.get(GROUPS[prefix])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return
    for number, entry in enumerate(entries, start=1):
        group = etree.SubElement(what, "Group", name=f"{prefix}{number}")
        for key, value in entry.items():
            field = IN_GROUPS.get(key, Field(key, key, ""))
            kind = field.kind or None
            add_param(group, escape_name(key), value, kind, field.unit, field.ucd)


def _add_where_when(root: Any, document: dict[str, Any], version: str) -> None:
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
        # the coordinate system says UTC; many readers stumble over a Z
        etree.SubElement(instant, "ISOTime").text = time.removesuffix("Z")
    if on_sky:
        position = etree.SubElement(coords, "Position2D", unit="deg")
        etree.SubElement(position, "Name1").text = "RA"
        etree.SubElement(position, "Name2").text = "Dec"
        value = etree.SubElement(position, "Value2")
        etree.SubElement(value, "C1").text = repr(ra)
        etree.SubElement(value, "C2").text = repr(dec)
        radius = radius_90(document)
        # version 2.0 wants the element; NaN says that the radius is not known
        if radius is not None or version == "2.0":
            text = "NaN" if radius is None else repr(radius)
            etree.SubElement(position, "Error2Radius").text = text
    if radius_90(document) != _radius(document):
        etree.SubElement(
            where, "Description"
        ).text = "The error radius was scaled to 90% containment as a two-dimensional Gaussian."


def radius_90(document: dict[str, Any]) -> float | None:
    """Return the radius in deg that contains the source with 90 %, which KM3NeT's VOEvents tell.

    Of an ellipse it is the semi-major axis. A radius at another containment is scaled as that
    of a two-dimensional Gaussian, r ∝ sqrt(-ln(1 - p)); None if that is more than the sky.
    """
    radius = _radius(document)
    containment = number_of(document.get("containment_probability", 0.9))
    if radius is None or containment is None or not 0 < containment < 1:
        return None
    if containment == 0.9:
        return radius
    scaled = radius * math.sqrt(math.log1p(-0.9) / math.log1p(-containment))
    return scaled if scaled <= 180 else None


def _radius(document: dict[str, Any]) -> float | None:
    error = document.get(RADIUS_90.key)
    radius = number_of(error[0] if isinstance(error, list) and error else error)
    return radius if radius is not None and 0 <= radius <= 180 else None


def _add_why(root: Any, document: dict[str, Any]) -> None:
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


def _add_rest(what: Any, document: dict[str, Any], told: dict[str, Any]) -> None:
    group = etree.SubElement(what, "Group", name=NOTICE, type=JSON)
    etree.SubElement(
        group, "Description"
    ).text = "What the notice in JSON says beyond the rest of this packet, or more exactly."
    for key, value in document.items():
        if key not in told or not same(told[key], value):
            add_param(group, escape_name(key), value)


def _time(value: object) -> str | None:
    """Return a time as UTC with Z, as it stands if it has that form; None if it is no time."""
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
