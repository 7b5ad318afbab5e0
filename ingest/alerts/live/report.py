"""What the listener shows of itself: a file for ``km3vo alerts status``, and metrics."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.alerts.live.source import Health
from ingest.core.files import read_regular
from ingest.core.moments import isoformat, now
from ingest.instance import Layout

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

    def write(
        self, healths: Mapping[str, Health], clock_jumps: int, gaps: Mapping[str, int] | None = None
    ) -> None:
        """Replace the content."""
        content = {
            "pid": os.getpid(),
            "written": isoformat(now()),
            "clock_jumps": clock_jumps,
            "gaps": dict(gaps or {}),
            "sources": {name: health.snapshot() for name, health in healths.items()},
        }
        draft = self.path.with_name(f".{self.path.name}.part")
        draft.unlink(missing_ok=True)  # whatever it is: writing into a pipe would block forever
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(json.dumps(content, indent=1))
        draft.replace(self.path)

    def read(self, elsewhere: bool = False) -> dict[str, Any] | None:
        """Return what the running listener wrote; None if no listener runs.

        Parameters
        ----------
        elsewhere : bool, optional
            Whether it may run in another container, where its process cannot be seen.
        """
        try:
            content = json.loads(read_regular(self.path))
            age = time.time() - self.path.stat().st_mtime
            is_alive = elsewhere or os.path.exists(f"/proc/{int(content['pid'])}")
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
    read : callable
        Returns the health of each source and follower by its name, as in the file, and the number
        of gaps by type.
    """

    def __init__(
        self, read: Callable[[], tuple[Mapping[str, Mapping[str, Any]], Mapping[str, int]]]
    ) -> None:
        self._read = read

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
        healths, counted = self._read()
        for kind, count in counted.items():
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
        for name, health in healths.items():
            up.add_metric([name], float(health["state"] == "connected" and not health["problem"]))
            for counter, family in counters.items():
                family.add_metric([name], health[counter])
            for partition, count in health["lag"].items():
                lag.add_metric([name, partition], count)
            for topic, moment in health["last"].items():
                last.add_metric([name, topic], _unix(moment))
        return [up, lag, last, gaps, *counters.values()]


def _unix(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
