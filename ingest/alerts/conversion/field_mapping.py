"""Keys of KM3NeT's notices in JSON and the corresponding Params of KM3NeT's VOEvents.

Names and order are those of the VOEvents that KM3NeT itself sends, so that programs that read
those can also read ours. Units and UCDs are those of the quantities: KM3NeT's own VOEvents
give the false-alarm rate in Hz, but with the unit yr^-1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NOTICE: Final = "Notice"
"""The Group of the keys without a Param of their own; its ``type="json"`` marks our VOEvents."""

KM3NET_SCHEMA: Final = "https://gcn.nasa.gov/schema/main/gcn/notices/km3net/alert.schema.json"
KM3NET_CONSTANTS: Final = {
    "$schema": KM3NET_SCHEMA,
    "messenger": "Neutrino",
    "mission": "KM3NeT",
}
"""What all notices of KM3NeT have in common and its VOEvents do not contain."""

KM3NET_REFERENCE: Final = "gcn.notices.km3net.alert"
"""Key in ``reference`` of an update or a retraction, for the ivorn of the notice before."""

HIGHEST_FAR: Final = 3.9e-7
"""KM3NeT sends alerts below this false-alarm rate in Hz: one per month."""


@dataclass(frozen=True)
class Field:
    """A key of a notice and its Param; for the kinds see :func:`.values.add_param`."""

    key: str
    param: str
    kind: str = "string"
    unit: str | None = None
    ucd: str | None = None


IDENTITY: Final = (
    Field("id", "TrigID", ucd="meta.id"),
    Field("record_number", "record_number", "int", ucd="meta.id"),
    Field("event_name", "Event_Name", ucd="meta.id"),
    Field("instrument", "Instrument", ucd="instr"),
    Field("pipeline", "Pipeline"),
    Field("alert_type", "Alert_Type"),
    Field("alert_tense", "Alert_Tense"),
    Field("far", "FAR", "float", "Hz", "arith.rate"),
    Field("healpix_url", "healpix_url", ucd="meta.ref.url"),
)
RADIUS_90: Final = Field("ra_dec_error", "src_error_90", "float", "deg", "stat.error;pos")
RESULT: Final = (
    Field("src_error_50", "src_error_50", "float", "deg", "stat.error;pos"),
    Field("alert_topology", "alert_topology", ucd="meta"),
    Field("number_of_events", "N_events", "int", ucd="meta.number"),
)
COUNTERPART: Final = Field(
    "potential_counterpart", "potential_counterpart", "boolean", ucd="meta.code"
)
BY_PARAM: Final = {field.param: field for field in (*IDENTITY, RADIUS_90, *RESULT, COUNTERPART)}

GROUPS: Final = {"Nu_Event_": "event_details", "Counterpart_": "counterpart_info"}
"""Keys of lists, whose objects become Groups with these names and a number from 1."""

IN_GROUPS: Final = {
    field.key: field
    for field in (
        Field("id", "id", ucd="meta.id"),
        Field("name", "name", ucd="meta.id"),
        Field("reference", "reference", "object", ucd="meta.ref"),
        Field("trigger_time", "trigger_time", ucd="time.epoch"),
        Field("ra", "ra", "float", "deg", "pos.eq.ra"),
        Field("dec", "dec", "float", "deg", "pos.eq.dec"),
        Field("ra_dec_error", "ra_dec_error", "float", "deg", "stat.error;pos"),
        Field("angular_distance", "angular_distance", "float", "deg", "pos.angDistance"),
        Field(
            "containment_probability", "containment_probability", "float", None, "stat.probability"
        ),
        Field("cos_zenith", "cos_zenith", "float", None, "pos.az.zd"),
        Field("prob_evt_topology", "prob_evt_topology", ucd="meta.code.class"),
        Field("energy_measured", "energy_measured", "float", "GeV", "phys.energy"),
    )
}


def number_of(value: object) -> float | None:
    """Return a JSON value if it is a number; true and false are not numbers."""
    return None if isinstance(value, bool) or not isinstance(value, int | float) else value
