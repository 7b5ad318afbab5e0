"""The raw archive: bytes of packets, their index, quarantine, and the sources of packets."""

from ingest.alerts.archive.archive import Archive, ArchiveError
from ingest.alerts.archive.attachments import attach, attached_map
from ingest.alerts.archive.audit import unlisted, verify
from ingest.alerts.archive.index import Entry, printable
from ingest.alerts.archive.packet import Packet
from ingest.alerts.archive.packet_sources import (
    LIMIT,
    Delivery,
    DeliveryError,
    check_paths,
    packets_in,
)

__all__ = [
    "LIMIT",
    "Archive",
    "ArchiveError",
    "Delivery",
    "DeliveryError",
    "Entry",
    "Packet",
    "attach",
    "attached_map",
    "check_paths",
    "packets_in",
    "printable",
    "unlisted",
    "verify",
]
