"""Followers that keep house: the seals of the days that are over, and the number of gaps."""

from __future__ import annotations

import threading
import time
from typing import Final

from ingest.alerts import pipeline
from ingest.alerts.archive import Archive
from ingest.alerts.live.source import Health
from ingest.instance import Layout

_INTERVAL: Final = 300.0
"""Time in s between two counts of gaps, for which the database reads all receptions."""


class Seals:
    """Seals each day when it is over, and at the start those before.

    Parameters
    ----------
    layout, archive : Layout, Archive
        The instance and its archive.
    """

    name = "seals"

    def __init__(self, layout: Layout, archive: Archive) -> None:
        self.health = Health()
        self._layout = layout
        self._archive = archive
        self._day = ""

    def work(self, stop: threading.Event) -> None:
        """Seal what is over, once a day."""
        today = time.strftime("%Y-%m-%d", time.gmtime())
        if today != self._day:
            pipeline.seal(self._layout, self._archive)
            self._day = today

    def close(self) -> None:
        """Do nothing: no connection is kept."""


class Gaps:
    """Counts the gaps from time to time.

    Parameters
    ----------
    layout : Layout
        The instance.

    Attributes
    ----------
    counts : dict of str to int
        Number of gaps by type, see the view ``alerts.gaps``.
    """

    name = "gaps"

    def __init__(self, layout: Layout) -> None:
        self.health = Health()
        self.counts: dict[str, int] = {}
        self._layout = layout
        self._due = 0.0

    def work(self, stop: threading.Event) -> None:
        """Count, if it is time."""
        if time.monotonic() >= self._due:
            self.counts = pipeline.count_gaps(self._layout)
            self._due = time.monotonic() + _INTERVAL

    def close(self) -> None:
        """Do nothing: no connection is kept."""
