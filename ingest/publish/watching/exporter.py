"""What ``km3vo instance metrics`` serves.

Each part is asked on its own, and what fails is left out and named in
``km3vo_metrics_failed``, so that one damaged file hides nothing else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.alerts.live import HealthCollector, StatusFile
from ingest.instance import InstanceState, Layout, web_server_answers
from ingest.publish.watching import database, files
from ingest.publish.watching.requests import RequestCollector

_KEPT: Final = 5.0
"""For how many seconds an answer is kept, however often others ask."""

logger = logging.getLogger(__name__)


class _Parts(Collector):
    """Collects from several functions, and keeps the answer for a moment."""

    def __init__(self, parts: Mapping[str, Callable[[], Iterable[Metric]]]) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._last: list[Metric] = []
        self._until = 0.0

    def describe(self) -> Iterable[Metric]:
        """Return nothing: what there is depends on the instance."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of all parts."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._last = list(self._collect())
                self._until = time.monotonic() + _KEPT
            return self._last

    def _collect(self) -> Iterable[Metric]:
        failed = GaugeMetricFamily(
            "km3vo_metrics_failed", "1 if a part of the metrics cannot be read", labels=["part"]
        )
        for name, part in self._parts.items():
            try:
                yield from list(part())
                failed.add_metric([name], 0)
            except Exception:  # whatever the content of files is
                logger.exception("metrics of %s", name)
                failed.add_metric([name], 1)
        yield failed


def collectors(layout: Layout) -> list[Collector]:
    """Return the collectors of all that is known about an instance.

    Parameters
    ----------
    layout : Layout
        The instance.
    """

    def health() -> tuple[Mapping[str, Mapping[str, Any]], Mapping[str, int]]:
        content = StatusFile(layout).read(elsewhere=True) or {}
        return content.get("sources", {}), content.get("gaps", {})

    return [
        _Parts(
            {
                "server": lambda: _server(layout),
                "requests": RequestCollector(layout.metrics).collect,
                "files": lambda: files.metrics(layout),
                # which often only root can read
                "certificate": files.certificate,
                "database": lambda: database.metrics(layout),
                "listener": HealthCollector(health).collect,
            }
        )
    ]


def _server(layout: Layout) -> Iterable[Metric]:
    state = InstanceState.read(layout)
    answers = state is not None and web_server_answers(state)
    yield GaugeMetricFamily("km3vo_server_up", "1 if the web server answers", float(answers))
    runs = StatusFile(layout).read(elsewhere=True) is not None
    yield GaugeMetricFamily("km3vo_alerts_listener_up", "1 if a listener runs", float(runs))
