"""Notices of one format as packets of the other: GCN's JSON and VOEvent."""

from __future__ import annotations

from ingest.alerts.conversion.documents import load_json, save_json
from ingest.alerts.conversion.identity import ivorn_of
from ingest.alerts.conversion.to_json import to_json
from ingest.alerts.conversion.to_voevent import to_voevent

__all__ = ["ivorn_of", "load_json", "save_json", "to_json", "to_voevent"]
