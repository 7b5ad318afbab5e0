"""What the listener shows of itself: a file for ``km3vo alerts status``, and metrics."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.alerts.live.few_clients import FewClients
from ingest.alerts.live.housekeeping import Gaps
from ingest.alerts.live.source import Health
from ingest.core.errors import InputError
from ingest.core.files import read_regular
from ingest.core.moments import isoformat, now
from ingest.instance import Layout

_HOST: Final = "127.0.0.1"
_FRESH: Final = 10.0
"""Age in s up to which the file describes a running listener."""


class StatusFile:
    """The file ``listener.json`` of an instance, which the listener rewrites every second.

    Parameters
    ----------
    layout : Layout
        The instance.
    """

    def __init__(self, layout: Layout) -> None:
        self.path: Path = layout.var / "listener.json"

    def write(self, healths: Mapping[str, Health], clock_jumps: int) -> None:
        """Replace the content."""
        content = {
            "pid": os.getpid(),
            "written": isoformat(now()),
            "clock_jumps": clock_jumps,
            "sources": {name: health.snapshot() for name, health in healths.items()},
        }
        draft = self.path.with_name(f".{self.path.name}.part")
        draft.unlink(missing_ok=True)  # whatever it is: writing into a pipe would block forever
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(json.dumps(content, indent=1))
        draft.replace(self.path)

    def read(self) -> dict[str, Any] | None:
        """Return what the running listener wrote; None if no listener runs."""
        try:
            content = json.loads(read_regular(self.path))
            age = time.time() - self.path.stat().st_mtime
            is_alive = os.path.exists(f"/proc/{int(content['pid'])}")
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return dict(content) if is_alive and age < _FRESH else None

    def remove(self) -> None:
        """Remove the file: the listener has ended."""
        self.path.unlink(missing_ok=True)


class HealthCollector(Collector):
    """The health of all sources and followers as Prometheus reads it.

    Parameters
    ----------
    healths : mapping of str to Health
        By their names.
    gaps : Gaps
        Counts the gaps.
    """

    def __init__(self, healths: Mapping[str, Health], gaps: Gaps) -> None:
        self._healths = healths
        self._gaps = gaps

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        up = GaugeMetricFamily(
            "km3vo_alerts_source_up",
            "1 if the source or follower works without a problem",
            labels=["source"],
        )
        lag = GaugeMetricFamily(
            "km3vo_alerts_lag",
            "Messages not received yet, or notices that wait for a follower",
            labels=["source", "partition"],
        )
        last = GaugeMetricFamily(
            "km3vo_alerts_last_message_seconds",
            "When the last message of a topic was received, in Unix time",
            labels=["source", "topic"],
        )
        gaps = GaugeMetricFamily(
            "km3vo_alerts_gaps",
            "Gaps in offsets, record numbers and heartbeats; counted every few minutes",
            labels=["type"],
        )
        for kind, count in self._gaps.counts.items():
            gaps.add_metric([kind], count)
        counters = {
            name: CounterMetricFamily(f"km3vo_alerts_{name}", text, labels=["source"])
            for name, text in (
                ("messages", "Messages received"),
                ("bytes", "Bytes received"),
                ("new", "Packets not received before"),
                ("quarantined", "Packets that were not understood"),
                ("errors", "Problems of the source"),
                ("silences", "Times without heartbeat"),
            )
        }
        for name, health in self._healths.items():
            up.add_metric([name], float(health.state == "connected" and not health.problem))
            for counter, family in counters.items():
                family.add_metric([name], getattr(health, counter))
            for partition, count in list(health.lag.items()):
                lag.add_metric([name, partition], count)
            for topic, moment in list(health.last.items()):
                last.add_metric([name, topic], _unix(moment))
        return [up, lag, last, gaps, *counters.values()]


class _Handler(WSGIRequestHandler):
    timeout = 5
    """Time in s that a client may be silent."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing."""


class _Server(FewClients, WSGIServer):
    """Serves few at a time: other users' connections must not use up the listener's files."""

    most = 8


class MetricsServer:
    """Serves metrics by HTTP on this machine only.

    Parameters
    ----------
    port : int
        The port; 0 for no server.
    healths : mapping of str to Health
        By the name of the source or follower.
    gaps : Gaps
        Counts the gaps.

    Raises
    ------
    InputError
        If the port is taken.
    """

    def __init__(self, port: int, healths: Mapping[str, Health], gaps: Gaps) -> None:
        self._server = None
        if port:
            registry = CollectorRegistry()
            registry.register(HealthCollector(healths, gaps))
            try:
                self._server = make_server(_HOST, port, make_wsgi_app(registry), _Server, _Handler)
            except OSError as error:
                raise InputError(
                    f"metrics cannot be served ({error.strerror})",
                    where="metrics.port",
                    value=port,
                    remedy="name another port, or 0 for no metrics",
                ) from None
            threading.Thread(target=self._server.serve_forever, daemon=True, name="metrics").start()

    def stop(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _unix(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
