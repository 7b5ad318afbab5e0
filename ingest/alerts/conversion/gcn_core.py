"""Notices of any collaboration in JSON, with the fields that all of GCN's notices share."""

from __future__ import annotations

import base64
from typing import Any, Final

from ingest.alerts.notices import Notice, Role
from ingest.core.timescales import mjd_to_datetime

_SCHEMA: Final = "https://gcn.nasa.gov/schema/main/gcn/notices/{}/Alert.schema.json"
_NEUTRINO_TELESCOPES: Final = {
    "amon": "AMON",
    "antares": "ANTARES",
    "icecube": "IceCube",
    "km3net": "KM3NeT",
}
"""Missions by the first part of the name of the stream."""

_TOPOLOGIES: Final = ("Track", "Shower", "Multiplet")


def core_notice(notice: Notice) -> dict[str, Any]:
    """Return the JSON document of a notice, with the fields that GCN's notices share.

    Parameters
    ----------
    notice : ingest.alerts.notices.model.Notice
        The notice.

    Returns
    -------
    dict
        A document that conforms to GCN's schema for neutrino alerts, or to its core schema. An
        error radius of unknown containment appears only in ``additional_info``, because 90 %
        is the default containment of the schema.
    """
    # a stream without a profile is named by its ivorn
    family = notice.stream.removeprefix("ivo://").split("/")[0]
    neutrino = family in _NEUTRINO_TELESCOPES
    document: dict[str, Any] = {
        "$schema": _SCHEMA.format("neutrino" if neutrino else "core"),
        "messenger": "Neutrino" if neutrino else None,
        "mission": _NEUTRINO_TELESCOPES.get(family, family),
        "instrument": notice.instrument,
        "pipeline": notice.pipeline,
        "alert_tense": _tense(notice),
        "alert_type": notice.notice_type.value,
        "record_number": notice.revision if notice.record_number is None else notice.record_number,
        "alert_datetime": _iso(notice.notice_mjd),
        "id": _one_or_all(notice.ids or (_local_part(notice.ivorn),)),
        "event_name": notice.event_name,
        "trigger_time": _iso(notice.event_mjd),
        **_position(notice),
        "healpix_url": notice.sky_map_urls[0] if notice.sky_map_urls else None,
        "healpix_file": _base64(notice.sky_map),
        "far": notice.far and notice.far.hertz,
        "p_value": notice.p_value,
        "p_astro": notice.signalness,
        "alert_topology": notice.topology if notice.topology in _TOPOLOGIES else None,
        "number_of_events": notice.n_events,
        "additional_info": _remainder(notice),
    }
    return {key: value for key, value in document.items() if value is not None}


def _tense(notice: Notice) -> str:
    if notice.is_injection:
        return "injection"
    if notice.is_test:
        return "test"
    return "planned" if notice.role is Role.PREDICTION else "current"


def _position(notice: Notice) -> dict[str, Any]:
    position = notice.position
    if position is None:
        return {}
    found: dict[str, Any] = {"ra": position.ra, "dec": position.dec}
    if position.radius is not None and position.containment is not None:
        found["ra_dec_error"] = position.radius
        found["containment_probability"] = position.containment
        found["systematic_included"] = position.systematic
    return found


def _remainder(notice: Notice) -> str:
    """Return in words what the fields cannot express."""
    sentences = [f"Converted from {notice.ivorn}."]
    position = notice.position
    if position is not None and position.radius is not None and position.containment is None:
        sentences.append(f"Error radius {position.radius} deg, of unknown containment.")
    if notice.energy is not None:
        sentences.append(
            f"Energy {notice.energy:.10g} GeV ({notice.energy_kind or 'of unknown kind'})."
        )
    sentences += [f"{remark.rstrip('.')}." for remark in notice.remarks]
    return " ".join(sentences)


def _local_part(ivorn: str) -> str:
    """Return the part of an ivorn that identifies the packet within its stream."""
    return ivorn.partition("#")[2] or ivorn.rpartition("/")[2]


def _one_or_all(names: tuple[str, ...]) -> str | list[str]:
    return names[0] if len(names) == 1 else list(names)


def _base64(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _iso(mjd: float | None) -> str | None:
    """Return a time in UTC with microseconds, nearly the precision of an MJD in a double."""
    if mjd is None:
        return None
    return f"{mjd_to_datetime(mjd).replace(tzinfo=None).isoformat()}Z"
