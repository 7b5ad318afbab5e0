"""Conversion of GCN notices in JSON to VOEvents and back, and validation of both."""

from ingest.alerts.conversion.documents import format_of, load_json, save_json
from ingest.alerts.conversion.json_to_voevent import VERSIONS, to_voevent
from ingest.alerts.conversion.validation import validate_json, validate_voevent, verdict
from ingest.alerts.conversion.voevent_to_json import to_json

__all__ = [
    "VERSIONS",
    "format_of",
    "load_json",
    "save_json",
    "to_json",
    "to_voevent",
    "validate_json",
    "validate_voevent",
    "verdict",
]
