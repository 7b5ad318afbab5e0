"""GCN notices in JSON and VOEvents converted into each other, and validated."""

from ingest.alerts.conversion.documents import format_of, load_json, save_json
from ingest.alerts.conversion.identity import ivorn_of
from ingest.alerts.conversion.to_json import to_json
from ingest.alerts.conversion.to_voevent import VERSIONS, to_voevent
from ingest.alerts.conversion.validation import validate_json, validate_voevent

__all__ = [
    "VERSIONS",
    "format_of",
    "ivorn_of",
    "load_json",
    "save_json",
    "to_json",
    "to_voevent",
    "validate_json",
    "validate_voevent",
]
