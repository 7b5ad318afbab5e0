"""The alert archive: the bytes of packets, their index, the quarantine, and packet sources."""

from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.attachments import attach, attached_map
from ingest.alerts.archive.audit import find_unindexed, verify
from ingest.alerts.archive.durability import replace_durably
from ingest.alerts.archive.index import ArchiveError, Entry, Index, printable
from ingest.alerts.archive.outbox import Accepted, Delivery, Outbox, Recipient
from ingest.alerts.archive.packet import Packet
from ingest.alerts.archive.packet_sources import MAX_PARSED_BYTES, check_paths, packets_in
from ingest.alerts.archive.receptions import Reception, Receptions
from ingest.alerts.archive.replaying import Replayed, moment, replay
from ingest.alerts.archive.silences import Silence, Silences
from ingest.alerts.archive.source_report import SourceError, SourceReport
from ingest.alerts.archive.withholding import Withheld, show_again, withheld_packets, withhold

__all__ = [
    "MAX_PARSED_BYTES",
    "Accepted",
    "Archive",
    "ArchiveError",
    "Delivery",
    "Entry",
    "Index",
    "Outbox",
    "Packet",
    "Reception",
    "Receptions",
    "Recipient",
    "Replayed",
    "Silence",
    "Silences",
    "SourceError",
    "SourceReport",
    "Withheld",
    "attach",
    "attached_map",
    "check_paths",
    "find_unindexed",
    "moment",
    "packets_in",
    "printable",
    "replace_durably",
    "replay",
    "show_again",
    "verify",
    "withheld_packets",
    "withhold",
]
