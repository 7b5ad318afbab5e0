"""Plausibility of a notice in JSON, which the published schemas do not ensure.

The schemas define types, but require no keys and few ranges: ``{}`` conforms to them, and so
does a right ascension of 999.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from ingest.alerts.conversion.field_mapping import HIGHEST_FAR, number_of
from ingest.alerts.notices import decode_fits, is_km3net

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
    "far": (0.0, math.inf, "a non-negative rate"),
    "energy_measured": (0.0, math.inf, "a non-negative energy"),
    "record_number": (0.0, math.inf, "0, 1, 2 …"),
    "number_of_events": (0.0, math.inf, "0, 1, 2 …"),
}
_INTEGERS: Final = ("record_number", "number_of_events")
_TIMES: Final = ("alert_datetime", "trigger_time", "observation_start", "observation_stop")
_EVENT_ID: Final = re.compile(r"km3(\.[0-9]+){4}")


def implausible(document: dict[str, Any]) -> list[str]:
    """Return what is missing in a notice, and which values cannot be correct.

    Parameters
    ----------
    document : dict
        A notice in JSON. Wrong types are found by the validation against the schema, not here.

    Returns
    -------
    list of str
        Findings: where, what was found, what was expected.
    """
    return list(_findings(document))


def _findings(document: dict[str, Any]) -> Iterator[str]:
    if not any(_has_text(document.get(key)) for key in ("id", "event_name")):
        yield "id, event_name: missing, expected at least one of them"
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
    sky_map = document.get("healpix_file", "")
    if "healpix_file" in document and not (isinstance(sky_map, str) and decode_fits(sky_map)):
        yield "healpix_file: expected a FITS file in base64"


def _events(document: dict[str, Any]) -> Iterator[str]:
    counterparts = document.get("counterpart_info")
    if document.get("potential_counterpart") is True and not isinstance(counterparts, list):
        yield "counterpart_info: expected a list, because potential_counterpart is true"
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
    stated = number_of(document.get("number_of_events"))
    if events and stated is not None and stated != len(events):
        yield f"number_of_events: found {stated}, expected {len(events)} as in event_details"


def _values(part: dict[str, Any], where: str) -> Iterator[str]:
    for key, (low, high, expected) in _RANGES.items():
        value = number_of(part.get(key))
        if value is None:
            continue
        integral = key not in _INTEGERS or value % 1 == 0
        if not (low <= value <= high and integral):
            yield f"{where}{key}: found {value}, expected {expected}"
    if ("ra" in part) != ("dec" in part):
        yield f"{where}ra, dec: found only one of them, expected both or neither"
    error = part.get("ra_dec_error")
    # the third number of an ellipse is its position angle
    radii = error[:2] if isinstance(error, list) else [error]
    for radius in map(number_of, radii):
        if radius is not None and not 0 <= radius <= 180:
            yield f"{where}ra_dec_error: found {radius}, expected 0 to 180 deg"
    for key in _TIMES:
        if isinstance(part.get(key), str) and not _is_time(part[key]):
            yield f"{where}{key}: found {part[key]!r}, expected YYYY-MM-DDTHH:MM:SSZ"


def _has_text(value: object) -> bool:
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
