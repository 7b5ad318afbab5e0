"""``km3vo instance metrics``."""

from __future__ import annotations

import logging
import signal
import threading

from prometheus_client import generate_latest

from ingest.commands.output import say
from ingest.core.metrics_server import MetricsServer, registry_of
from ingest.instance import Layout, load_site
from ingest.publish.watching import collectors

logger = logging.getLogger(__name__)


def serve_metrics(layout: Layout, once: bool) -> None:
    """Serve the metrics of an instance until a signal arrives, or print them once."""
    found = collectors(layout)
    if once:
        say(generate_latest(registry_of(found)).decode().rstrip())
        return
    settings = load_site().metrics
    server = MetricsServer(settings.port, *found, address=settings.address)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server.start()
    say(f"Prometheus reads http://{settings.address}:{settings.port}/metrics")
    while not stop.wait(1):
        pass  # a signal is handled between two of these
    server.stop()
