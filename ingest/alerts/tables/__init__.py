"""The published tables of alerts: rows, grouping of notices into alerts, and the store."""

from ingest.alerts.tables.descriptors import DESCRIPTOR, ensure, opened, renew
from ingest.alerts.tables.rows import PacketRows, rows_of
from ingest.alerts.tables.store import SCHEMA, Store

__all__ = ["DESCRIPTOR", "SCHEMA", "PacketRows", "Store", "ensure", "opened", "renew", "rows_of"]
