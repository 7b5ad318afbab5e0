"""Alerts on their way out: drafted, accepted, archived, and sent to brokers and subscribers."""

from ingest.alerts.publishing.configuration import Publish, Sink, Sinks
from ingest.alerts.publishing.delivery import deliver
from ingest.alerts.publishing.document import LARGEST, Document, read_document, settings
from ingest.alerts.publishing.drafting import Draft, Request, draft
from ingest.alerts.publishing.publisher import accept, complete_archive, find
from ingest.alerts.publishing.relaying import relay
from ingest.alerts.publishing.sending import send_waiting, summary
from ingest.alerts.publishing.sinks import SinkClient, SinkError, connect

__all__ = [
    "LARGEST",
    "Document",
    "Draft",
    "Publish",
    "Request",
    "Sink",
    "SinkClient",
    "SinkError",
    "Sinks",
    "accept",
    "complete_archive",
    "connect",
    "deliver",
    "draft",
    "find",
    "read_document",
    "relay",
    "send_waiting",
    "settings",
    "summary",
]
