"""Conversion of GCN notices in JSON to VOEvents and back, and validation of both."""

from ingest.alerts.conversion.documents import format_of, load_json, save_json
from ingest.alerts.conversion.field_mapping import KM3NET_CONSTANTS, KM3NET_REFERENCE
from ingest.alerts.conversion.json_to_voevent import VERSIONS, to_voevent
from ingest.alerts.conversion.validation import (
    published_schemas,
    validate_json,
    validate_voevent,
    verdict,
)
from ingest.alerts.conversion.voevent_to_json import to_json

__all__ = [
    "KM3NET_CONSTANTS",
    "KM3NET_REFERENCE",
    "VERSIONS",
    "format_of",
    "load_json",
    "published_schemas",
    "save_json",
    "to_json",
    "to_voevent",
    "validate_json",
    "validate_voevent",
    "verdict",
]
