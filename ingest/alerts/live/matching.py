"""Matches of new notices, computed when they arrive."""

from __future__ import annotations

import contextlib
import threading

from ingest.alerts.archive import Archive
from ingest.alerts.live.follower import connect
from ingest.alerts.live.source import Health
from ingest.alerts.matching import MatchConfig, Matcher, count_waiting, match_waiting, matchers
from ingest.alerts.tables import Store
from ingest.instance import Layout


class MatchFollower:
    """Computes matches; the table of waiting notices shows how far it has got.

    Parameters
    ----------
    layout, archive : Layout, Archive
        The instance and its archive.
    config : MatchConfig
        What is matched with what.
    """

    name = "matches"

    def __init__(self, layout: Layout, archive: Archive, config: MatchConfig) -> None:
        self.health = Health()
        self._layout = layout
        self._archive = archive
        self._config = config
        self._finders: list[Matcher] = []
        self._connections = contextlib.ExitStack()
        self._store: Store | None = None

    def work(self, stop: threading.Event) -> None:
        """Compute what is due; see :meth:`.Follower.work`.

        Raises
        ------
        InputError
            If a catalogue cannot be read.
        """
        if not self._finders:
            self._finders = matchers(self._config, self._archive, self._layout.inputs)
        if self._store is None:
            self._store = connect(self._layout, self._connections)
        waiting = count_waiting(self._store)
        lag = self.health.lag

        def show(done: int) -> None:
            lag["notices"] = max(0, waiting - done)

        show(0)
        self.health.messages += match_waiting(self._store, self._finders, stop, show)

    def close(self) -> None:
        """Close the connection."""
        self._store = None
        self._connections.close()
