"""The VOEvent Transport Protocol (IVOA Recommendation 2.0): VOEvents over plain TCP."""

from ingest.alerts.vtp.frames import LARGEST, Connection, VTPError, connect
from ingest.alerts.vtp.messages import Transport, event_identifier, read_transport, transport
from ingest.alerts.vtp.submission import Refused, submit

__all__ = [
    "LARGEST",
    "Connection",
    "Refused",
    "Transport",
    "VTPError",
    "connect",
    "event_identifier",
    "read_transport",
    "submit",
    "transport",
]
