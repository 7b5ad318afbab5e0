"""Kinds of recipients, each a module behind one interface."""

from ingest.alerts.publishing.configuration import EmailSink, KafkaSink, Sink, VtpSink
from ingest.alerts.publishing.sinks.sink import Outgoing, Receipt, SinkClient, SinkError

__all__ = ["Outgoing", "Receipt", "SinkClient", "SinkError", "connect"]


def connect(settings: Sink) -> SinkClient:
    """Return the client for a table of the configuration; a new kind has a line here.

    Raises
    ------
    InputError
        If credentials are missing.
    """
    # each loads its own library
    if isinstance(settings, KafkaSink):
        from ingest.alerts.publishing.sinks.kafka import KafkaClient

        return KafkaClient(settings)
    if isinstance(settings, EmailSink):
        from ingest.alerts.publishing.sinks.email import EmailClient

        return EmailClient(settings)
    if isinstance(settings, VtpSink):
        from ingest.alerts.publishing.sinks.vtp import VtpClient

        return VtpClient(settings)
    from ingest.alerts.publishing.sinks.webhook import WebhookClient

    return WebhookClient(settings)
