"""A VOEvent broker as a sink: packets are submitted as authors do, by the transport protocol."""

from __future__ import annotations

from ingest.alerts.conversion import load_json, to_voevent
from ingest.alerts.publishing.configuration import VtpSink
from ingest.alerts.publishing.sinks.sink import Outgoing, Receipt, SinkError
from ingest.alerts.vtp import Refused, submit


class VtpClient:
    """Submits each notice as a VOEvent.

    Parameters
    ----------
    settings : VtpSink
        Its table in ``live.toml``.
    """

    def __init__(self, settings: VtpSink) -> None:
        self._settings = settings

    def send(self, notice: Outgoing) -> Receipt:
        """Submit a VOEvent, and return when the broker has acknowledged it."""
        packet = to_voevent(load_json(notice.content))
        try:
            submit(packet, self._settings.host, self._settings.port)
        except Refused as error:
            raise SinkError(f"the broker refuses the packet: {error}", about_notice=True) from None
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            raise SinkError(f"the broker does not answer ({reason})") from None
        return Receipt()

    def close(self) -> None:
        """Do nothing: each packet has a connection of its own."""
