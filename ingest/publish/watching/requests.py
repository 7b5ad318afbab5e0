"""Metrics of requests, from the counters that the workers keep in files."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from ingest.instance import metering

_FRESH: Final = 30.0
"""Age in s up to which the file of a process says what it does now; it is written every 5 s."""


class RequestCollector(Collector):
    """The requests of all workers.

    Parameters
    ----------
    directory : pathlib.Path
        Where the counters are.
    """

    def __init__(self, directory: Path) -> None:
        self._store = metering.Store(directory)

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        totals, running, damaged = self._store.read()
        now = time.time()
        fresh = [one for one in running if now - float(one.get("written", 0)) < _FRESH]
        yield GaugeMetricFamily(
            "km3vo_server_processes", "Workers that count requests now", len(fresh)
        )
        yield GaugeMetricFamily(
            "km3vo_metrics_damaged_files", "Files of counters that cannot be read", damaged
        )
        counters = totals["counters"]
        yield from _of_services(counters.get("services", {}))
        refused = CounterMetricFamily(
            "km3vo_requests_refused", "Requests refused, by HTTP status", labels=["status"]
        )
        for status, count in counters.get("refused", {}).items():
            refused.add_metric([status], count)
        cache = CounterMetricFamily(
            "km3vo_pages_asked", "Requests for pages that may be kept", labels=["result"]
        )
        for result, count in counters.get("cache", {}).items():
            cache.add_metric([result], count)
        yield from (refused, cache)
        yield from _now(fresh)
        harvest = totals["latest"].get("harvest")
        if harvest is not None:
            yield GaugeMetricFamily(
                "km3vo_registry_harvest_timestamp_seconds",
                "When a registry elsewhere harvested our records last",
                harvest,
            )


def _of_services(services: dict[str, dict[str, Any]]) -> Iterable[Metric]:
    requests = CounterMetricFamily(
        "km3vo_requests",
        "Requests, by service and class of HTTP status; aborted if the client did not wait",
        labels=["service", "status"],
    )
    seconds = HistogramMetricFamily(
        "km3vo_request_duration_seconds",
        "Time from the end of a request to the end of its answer",
        labels=["service"],
    )
    sent = CounterMetricFamily("km3vo_sent_bytes", "Bytes of answers", labels=["service"])
    rows = CounterMetricFamily("km3vo_sent_rows", "Rows of tables in answers", labels=["service"])
    edges = [*(str(edge) for edge in metering.EDGES), "+Inf"]
    for service, counts in services.items():
        for status, count in counts["status"].items():
            requests.add_metric([service, status], count)
        below, total = [], 0
        for edge, count in zip(edges, counts["durations"], strict=True):
            total += count
            below.append((edge, total))
        seconds.add_metric([service], below, counts["seconds"])
        sent.add_metric([service], counts["bytes"])
        rows.add_metric([service], counts["rows"])
    return requests, seconds, sent, rows


def _now(fresh: list[dict[str, Any]]) -> Iterable[Metric]:
    for state, name, text in (
        ("running", "km3vo_requests_running", "Requests that have a thread now"),
        ("waiting", "km3vo_requests_waiting", "Requests that wait for a thread now"),
    ):
        family = GaugeMetricFamily(name, text, labels=["kind"])
        for kind in ("queries", "services"):
            found = (one.get("now", {}).get(kind, {}).get(state, 0) for one in fresh)
            family.add_metric([kind], sum(found))
        yield family
