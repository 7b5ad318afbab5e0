"""What a notice in JSON must have beyond its schema, which requires nothing.

The published schemas give types, but ``{}`` conforms to them, and so does a right ascension
of 999. These checks say what a reader could not use.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from ingest.alerts.conversion.fields import HIGHEST_FAR, number_of
from ingest.alerts.conversion.identity import is_km3net

_RANGES: Final = {
    "ra": (0.0, 360.0, "0 to 360 deg"),
    "dec": (-90.0, 90.0, "-90 to 90 deg"),
    "src_error_50": (0.0, 180.0, "0 to 180 deg"),
    "src_error_90": (0.0, 180.0, "0 to 180 deg"),
    "angular_distance": (0.0, 180.0, "0 to 180 deg"),
    "containment_probability": (0.0, 1.0, "0 to 1"),
    "p_value": (0.0, 1.0, "0 to 1"),
    "p_astro": (0.0, 1.0, "0 to 1"),
    "cos_zenith": (-1.0, 1.0, "-1 to 1"),
    "far": (0.0, math.inf, "no negative rate"),
    "energy_measured": (0.0, math.inf, "no negative energy"),
    "record_number": (0.0, math.inf, "0, 1, 2 …"),
    "number_of_events": (0.0, math.inf, "0, 1, 2 …"),
}
_WHOLE: Final = ("record_number", "number_of_events")
_TIMES: Final = ("alert_datetime", "trigger_time", "observation_start", "observation_stop")
_EVENT_ID: Final = re.compile(r"km3(\.[0-9]+){4}")
_FITS: Final = (b"SIMPLE  =", b"\x1f\x8b")
"""How a FITS file starts, plain and compressed by gzip."""


def implausible(document: dict[str, Any]) -> list[str]:
    """Return what a notice lacks or cannot mean.

    Parameters
    ----------
    document : dict
        A notice in JSON; values of wrong types are left to the schema.

    Returns
    -------
    list of str
        Findings: where, what was found, what was expected.
    """
    return list(_findings(document))


def _findings(document: dict[str, Any]) -> Iterator[str]:
    if not any(_named(document.get(key)) for key in ("id", "event_name")):
        yield "id, event_name: missing, expected one of them at least"
    km3net = is_km3net(document)
    if km3net or "$schema" not in document:
        needed = ["alert_datetime"]
        if document.get("alert_type") != "retraction":
            needed += ["trigger_time", "ra", "dec"]
        for key in needed:
            if key not in document:
                yield f"{key}: missing"
    yield from _values(document, "")
    far = number_of(document.get("far"))
    if km3net:
        if far is not None and far > HIGHEST_FAR:
            yield f"far: found {far}, expected Hz below KM3NeT's threshold of {HIGHEST_FAR}"
        yield from _events(document)
    if "healpix_file" in document and not _is_fits(document["healpix_file"]):
        yield "healpix_file: expected a FITS file in base64"


def _events(document: dict[str, Any]) -> Iterator[str]:
    counterparts = document.get("counterpart_info")
    if document.get("potential_counterpart") is True and not isinstance(counterparts, list):
        yield "counterpart_info: expected a list, as there is a potential counterpart"
    for number, counterpart in enumerate(_objects(counterparts)):
        yield from _values(counterpart, f"counterpart_info[{number}].")
    events = _objects(document.get("event_details"))
    for number, event in enumerate(events):
        where = f"event_details[{number}]."
        name = event.get("id")
        if not isinstance(name, str) or not _EVENT_ID.fullmatch(name):
            yield (
                f"{where}id: found {name!r}, expected"
                " km3.<detector>.<run>.<frame index>.<trigger counter>"
            )
        yield from _values(event, where)
    told = number_of(document.get("number_of_events"))
    if events and told is not None and told != len(events):
        yield f"number_of_events: found {told}, but there are details of {len(events)}"


def _values(part: dict[str, Any], where: str) -> Iterator[str]:
    for key, (low, high, expected) in _RANGES.items():
        value = number_of(part.get(key))
        if value is None:
            continue
        whole = key not in _WHOLE or value % 1 == 0
        if not (low <= value <= high and whole):
            yield f"{where}{key}: found {value}, expected {expected}"
    if ("ra" in part) != ("dec" in part):
        yield f"{where}ra, dec: found one of them, expected both or none"
    error = part.get("ra_dec_error")
    # of an ellipse the third number is its position angle
    radii = error[:2] if isinstance(error, list) else [error]
    for radius in map(number_of, radii):
        if radius is not None and not 0 <= radius <= 180:
            yield f"{where}ra_dec_error: found {radius}, expected 0 to 180 deg"
    for key in _TIMES:
        if isinstance(part.get(key), str) and not _is_time(part[key]):
            yield f"{where}{key}: found {part[key]!r}, expected YYYY-MM-DDTHH:MM:SSZ"


def _named(value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(name, str) and name.strip() for name in values)


def _objects(value: object) -> list[dict[str, Any]]:
    return [x for x in value if isinstance(x, dict)] if isinstance(value, list) else []


def _is_time(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return "T" in text


def _is_fits(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return base64.b64decode("".join(value.split())).startswith(_FITS)
    except (binascii.Error, ValueError):
        return False
