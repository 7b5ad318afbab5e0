"""The published tables of alerts: rows, grouping of notices into alerts, store and schema."""

from ingest.alerts.tables.receptions import Stream
from ingest.alerts.tables.rows import GroupingKeys, PacketRows, received_mjd, table_rows
from ingest.alerts.tables.schema import DESCRIPTOR, ensure_tables, open_store, refresh_tables
from ingest.alerts.tables.store import CHANNEL, SCHEMA, Row, Store

__all__ = [
    "CHANNEL",
    "DESCRIPTOR",
    "SCHEMA",
    "GroupingKeys",
    "PacketRows",
    "Row",
    "Store",
    "Stream",
    "ensure_tables",
    "open_store",
    "received_mjd",
    "refresh_tables",
    "table_rows",
]
