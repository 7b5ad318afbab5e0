"""A server of metrics for Prometheus, for few clients at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from ingest.core.errors import InputError
from ingest.core.few_clients import FewClients

LOOPBACK: Final = "127.0.0.1"


class _Handler(WSGIRequestHandler):
    timeout = 5
    """Time in s that a client may be silent."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing."""


class _Server(FewClients, WSGIServer):
    """Serves few at a time: other users' connections must not use up the files of the process."""

    most = 8


class MetricsServer:
    """Serves metrics by HTTP, by default on this machine only.

    Parameters
    ----------
    port : int
        The port; 0 for no server.
    *collectors : prometheus_client.registry.Collector
        What is served.
    address : str, optional
        The address of the interface.

    Raises
    ------
    InputError
        If the port is taken.
    """

    def __init__(self, port: int, *collectors: Collector, address: str = LOOPBACK) -> None:
        self._server = None
        if port:
            application = make_wsgi_app(registry_of(collectors))
            try:
                self._server = make_server(address, port, application, _Server, _Handler)
            except OSError as error:
                raise InputError(
                    f"metrics cannot be served ({error.strerror})",
                    where="metrics.port",
                    value=port,
                    remedy="name another port, or 0 for no metrics",
                ) from None

    def start(self) -> None:
        """Serve in a thread."""
        if self._server is not None:
            threading.Thread(target=self._server.serve_forever, daemon=True, name="metrics").start()

    def stop(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def registry_of(collectors: Iterable[Collector]) -> CollectorRegistry:
    """Return a registry with collectors."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return registry
