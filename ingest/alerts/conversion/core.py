"""The fields that GCN's notices share, of a notice from any collaboration."""

from __future__ import annotations

import base64
import datetime
from typing import Any, Final

from ingest.alerts.notices import Notice, Role

_SCHEMA: Final = "https://gcn.nasa.gov/schema/main/gcn/notices/{}/Alert.schema.json"
_NEUTRINO_TELESCOPES: Final = {
    "amon": "AMON",
    "antares": "ANTARES",
    "icecube": "IceCube",
    "km3net": "KM3NeT",
}
"""Missions by the first part of the stream."""

_TOPOLOGIES: Final = ("Track", "Shower", "Multiplet")
_EPOCH: Final = datetime.datetime(1858, 11, 17)
"""Of the Modified Julian Date."""


def core_notice(notice: Notice) -> dict[str, Any]:
    """Return a notice as one in JSON with the fields that GCN's notices share.

    Parameters
    ----------
    notice : ingest.alerts.notices.model.Notice
        The notice.

    Returns
    -------
    dict
        A document that conforms to GCN's schema for neutrino alerts, or to its core. An error
        radius without known containment is told in ``additional_info`` alone, because GCN
        takes a radius without one as that of 90 %.
    """
    # streams without rules of their own are named by their ivorn
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
    """Return what the fields cannot say, in words."""
    said = [f"Converted from {notice.ivorn}."]
    position = notice.position
    if position is not None and position.radius is not None and position.containment is None:
        said.append(f"Error radius {position.radius} deg, of unknown containment.")
    if notice.energy is not None:
        said.append(f"Energy {notice.energy:.10g} GeV ({notice.energy_kind or 'of unknown kind'}).")
    said += [f"{remark.rstrip('.')}." for remark in notice.remarks]
    return " ".join(said)


def _local_part(ivorn: str) -> str:
    """Return what tells the packet from others of its stream."""
    return ivorn.partition("#")[2] or ivorn.rpartition("/")[2]


def _one_or_all(names: tuple[str, ...]) -> str | list[str]:
    return names[0] if len(names) == 1 else list(names)


def _base64(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _iso(mjd: float | None) -> str | None:
    """Return a time in UTC; to the microsecond, which a double of MJD holds nearly."""
    if mjd is None:
        return None
    return (_EPOCH + datetime.timedelta(days=mjd)).isoformat() + "Z"
