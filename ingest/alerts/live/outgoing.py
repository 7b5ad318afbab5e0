"""Followers that send: one for each sink, and one that fills the outbox for subscribers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection, Sequence

from ingest.alerts import pipeline
from ingest.alerts.archive import Archive, Outbox
from ingest.alerts.live.follower import connect
from ingest.alerts.live.source import Health
from ingest.alerts.publishing import Sink, SinkClient, SinkError, complete_archive, deliver, relay
from ingest.alerts.publishing import connect as connect_sink
from ingest.alerts.tables import Store
from ingest.core.moments import isoformat, now
from ingest.instance import Layout


class SinkFollower:
    """Sends one sink what is due; a sink that fails does not affect the others.

    Parameters
    ----------
    archive : Archive
        The archive.
    settings : Sink
        Its table in ``live.toml``.
    """

    def __init__(self, archive: Archive, settings: Sink) -> None:
        self.name = settings.name
        self.health = Health()
        self._settings = settings
        self._outbox = Outbox(archive)
        self._client: SinkClient | None = None

    def work(self, stop: threading.Event) -> None:
        """Send what is due.

        Raises
        ------
        SinkError
            If something waits because it was not taken.
        """
        try:
            if self._outbox.refresh().waiting(self.name):
                self._client = self._client or connect_sink(self._settings)
                sent = deliver(self._outbox, self.name, self._client, stop)
                self.health.messages += sent
                if sent:
                    self.health.last[self.name] = isoformat(now())
        except BlockingIOError:
            pass  # km3vo alerts publish is sending
        finally:
            waiting = self._outbox.waiting(self.name)
            self.health.lag = {"outbox": len(waiting)}
        for one in waiting:
            if one.problem:  # it is tried again after a pause
                raise SinkError(one.problem)

    def close(self) -> None:
        """Give up the connection."""
        if self._client is not None:
            self._client.close()


class OutboxFollower:
    """Puts notices of others into the outbox for subscribers, and copies it to its table.

    It also completes what ``km3vo alerts publish`` was interrupted at.

    Parameters
    ----------
    layout, archive : Layout, Archive
        The instance and its archive.
    sinks : sequence of Sink
        The sinks.
    sources : collection of str
        Names of the live sources, whose notices are relayed.
    """

    name = "outbox"

    def __init__(
        self, layout: Layout, archive: Archive, sinks: Sequence[Sink], sources: Collection[str]
    ) -> None:
        self.health = Health()
        self._layout = layout
        self._archive = archive
        self._sinks = sinks
        self._sources = sources
        self._outbox = Outbox(archive)
        self._without_rows: set[int] = set()
        self._connections = contextlib.ExitStack()
        self._store: Store | None = None

    def work(self, stop: threading.Event) -> None:
        """Fill and copy the outbox."""
        done = complete_archive(self._archive, self._outbox)
        numbers = self._outbox.numbers
        self._without_rows.update(numbers[one.sha256] for one in done)
        store = self._store = self._store or connect(self._layout, self._connections)
        self._make_rows(store, {numbers[one] for one in self._outbox.changed & numbers.keys()})
        more = True
        while more and not stop.is_set():
            more = relay(self._outbox, store, self._sinks, self._sources, time.time())
        pipeline.reflect_outbox(store, self._outbox)

    def _make_rows(self, store: Store, changed: set[int]) -> None:
        """Make rows of packets that have none at the second look: a command was interrupted."""
        missing = store.missing(sorted(changed | self._without_rows))
        if self._without_rows.intersection(missing):
            pipeline.update_tables(self._layout, self._archive)
            missing = []  # what has no rows now is in quarantine, or withheld
        self._without_rows = set(missing)

    def close(self) -> None:
        """Give up the connection to the database."""
        self._store = None
        self._connections.close()
