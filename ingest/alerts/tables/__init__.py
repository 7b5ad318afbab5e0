"""The published tables of alerts: rows, grouping of notices into alerts, and the store."""

from ingest.alerts.tables.descriptors import DESCRIPTOR
from ingest.alerts.tables.rows import rows_of
from ingest.alerts.tables.store import SCHEMA, Store

__all__ = ["DESCRIPTOR", "SCHEMA", "Store", "rows_of"]
