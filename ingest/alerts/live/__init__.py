"""The listener: live streams of alerts into archive and tables, within a second."""

from ingest.alerts.live.configuration import CONFIG_VARIABLE, LiveConfig, load_live
from ingest.alerts.live.latency import plot_latency
from ingest.alerts.live.listener import listen
from ingest.alerts.live.report import HealthCollector, StatusFile
from ingest.alerts.live.sending import send_replay

__all__ = [
    "CONFIG_VARIABLE",
    "HealthCollector",
    "LiveConfig",
    "StatusFile",
    "listen",
    "load_live",
    "plot_latency",
    "send_replay",
]
