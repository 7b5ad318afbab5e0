"""The published tables of alerts: rows, grouping of notices into alerts, store and schema."""

from ingest.alerts.tables.circulars import CircularRows, circular_rows
from ingest.alerts.tables.lookups import Row
from ingest.alerts.tables.outbox import outbox_rows, read_outbox, write_outbox
from ingest.alerts.tables.receptions import HIDDEN_VERDICT, Stream
from ingest.alerts.tables.records import (
    RECORDS,
    read_records,
    seal_row,
    silence_rows,
    withheld_row,
    write_records,
)
from ingest.alerts.tables.rows import CLAIMED, GroupingKeys, PacketRows, received_mjd, table_rows
from ingest.alerts.tables.schema import DESCRIPTOR, ensure_tables, open_store, refresh_tables
from ingest.alerts.tables.store import CHANNEL, SCHEMA, TABLES, Store

__all__ = [
    "CHANNEL",
    "CLAIMED",
    "DESCRIPTOR",
    "HIDDEN_VERDICT",
    "RECORDS",
    "SCHEMA",
    "TABLES",
    "CircularRows",
    "GroupingKeys",
    "PacketRows",
    "Row",
    "Store",
    "Stream",
    "circular_rows",
    "ensure_tables",
    "open_store",
    "outbox_rows",
    "read_outbox",
    "read_records",
    "received_mjd",
    "refresh_tables",
    "seal_row",
    "silence_rows",
    "table_rows",
    "withheld_row",
    "write_outbox",
    "write_records",
]
