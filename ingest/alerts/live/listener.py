"""The listener: a thread for each source, one intake for all of them, a thread for each follower.

The follower that computes matches has a process, too: its work is heavy, and must not take the
time that the intake needs.

It can be killed at any moment: whatever was not confirmed is delivered again, and recognised.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import FrameType
from typing import Any, Final

from ingest.alerts import pipeline
from ingest.alerts.archive import Archive
from ingest.alerts.live.configuration import VTP, Directory, Hop, Kafka, LiveConfig
from ingest.alerts.live.directory import DirectorySource
from ingest.alerts.live.follower import Follower, FollowerThread
from ingest.alerts.live.follower_process import FollowerProcess
from ingest.alerts.live.hop import HopSource
from ingest.alerts.live.housekeeping import Gaps, Seals
from ingest.alerts.live.intake import Intake, Stopped
from ingest.alerts.live.kafka import KafkaSource
from ingest.alerts.live.matching import MatchFollower
from ingest.alerts.live.outgoing import OutboxFollower, SinkFollower
from ingest.alerts.live.report import HealthCollector, StatusFile
from ingest.alerts.live.source import Source
from ingest.alerts.live.vtp_receiver import VTPReceiver
from ingest.alerts.live.vtp_subscriber import VTPSubscriber
from ingest.alerts.matching import load_matches
from ingest.core.errors import InputError
from ingest.core.metrics_server import MetricsServer
from ingest.instance import Layout

_STATUS: Final = 1.0
"""Time in s between two reports."""
_LOOK: Final = 0.05
"""Time in s after which a signal is noticed."""
_GRACE: Final = 1.2
"""Time in s that threads have to end after a signal."""
_JUMP: Final = 2.0
"""Difference in s between two clocks that is a jump of one of them."""

logger = logging.getLogger(__name__)


def listen(layout: Layout, archive: Archive, config: LiveConfig) -> None:
    """Receive messages until a signal arrives.

    Parameters
    ----------
    layout, archive : Layout, Archive
        The instance and its archive.
    config : LiveConfig
        The sources.

    Raises
    ------
    InputError
        If another listener is at work, or credentials are missing.
    IngestError
        If the archive is damaged, or a thread fails.
    """
    sources = [_source(settings) for settings in config.source]
    matches = load_matches()
    with _only_listener(archive):
        processed = len(archive)
        pipeline.update_tables(layout, archive)
        with _Stop() as stop, Intake(layout, archive, processed, stop.event) as intake:
            gaps = Gaps(layout)
            light = [*_followers(layout, archive, config), Seals(layout, archive), gaps]
            make = partial(MatchFollower, layout, archive, matches)
            followers: list[FollowerThread | FollowerProcess] = [
                *(FollowerThread(follower, stop.event) for follower in light),
                FollowerProcess(MatchFollower.name, make, layout.account, stop.event),
            ]
            metrics = (config.metrics.port, gaps)
            _Listener(layout, sources, followers, intake, stop.event, metrics).run()


def _source(settings: Kafka | Hop | Directory | VTP) -> Source:
    """Return the source for a table of the configuration; a new kind has a line here."""
    match settings:
        case Kafka():
            return KafkaSource(settings)
        case Hop():
            return HopSource(settings)
        case Directory():
            return DirectorySource(settings)
        case VTP(port=None):
            return VTPSubscriber(settings)
        case VTP():
            return VTPReceiver(settings)


def _followers(layout: Layout, archive: Archive, config: LiveConfig) -> list[Follower]:
    """Return what follows from stored notices; a new kind has a line here."""
    followers: list[Follower] = [SinkFollower(archive, settings) for settings in config.sink]
    if config.sink:
        sources = {source.name for source in config.source}
        followers.append(OutboxFollower(layout, archive, config.sink, sources))
    return followers


class _Listener:
    def __init__(
        self,
        layout: Layout,
        sources: list[Source],
        followers: list[FollowerThread | FollowerProcess],
        intake: Intake,
        stop: threading.Event,
        metrics: tuple[int, Gaps],
    ) -> None:
        self._sources = sources
        self._intake = intake
        self._stop = stop
        self._failure: Exception | None = None
        self._followers = followers
        self._healths = {source.name: source.health for source in sources}
        self._healths |= {follower.name: follower.health for follower in followers}
        self._status = StatusFile(layout)
        port, self._gaps = metrics
        self._metrics = MetricsServer(port, HealthCollector(self._health))
        self._clock = _Clock()

    def run(self) -> None:
        """Run the threads of all sources until `stop` is set, or one of them fails."""
        threads: list[threading.Thread] = [
            threading.Thread(target=self._follow, args=(source,), daemon=True, name=source.name)
            for source in self._sources
        ]
        threads += self._followers
        for thread in threads:
            thread.start()
        self._metrics.start()
        logger.info("listening to %s", ", ".join(source.name for source in self._sources))
        while not self._stop.is_set():
            self._clock.watch()
            self._show()
            self._pause()
        self._intake.interrupt()
        for follower in self._followers:
            follower.wake()
        deadline = time.monotonic() + _GRACE
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._metrics.stop()
        self._status.remove()
        logger.info("stopped")
        if self._failure is not None:
            raise self._failure

    def _pause(self) -> None:
        """Wait for the next report, or for the end."""
        # Not in the event's own wait: its lock is taken there now and then, and the handler of a
        # signal, which runs in this thread, would wait for it forever.
        end = time.monotonic() + _STATUS
        while not self._stop.is_set() and time.monotonic() < end:
            time.sleep(_LOOK)

    def _follow(self, source: Source) -> None:
        """Take all batches of a source, and confirm each one when it is stored."""
        try:
            for batch in source.batches(self._stop):
                self._intake.take(batch, source.health, source.name)
                source.commit(batch)
                for follower in self._followers:
                    follower.wake()
        except Stopped:
            pass
        except Exception as error:
            # All stops, visibly, rather than one stream in silence; systemd starts it again.
            logger.exception("%s: failed", source.name)
            self._failure = error
            self._stop.set()
        finally:
            source.close()

    def _health(self) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
        snapshots = {name: health.snapshot() for name, health in self._healths.items()}
        return snapshots, self._gaps.counts

    def _show(self) -> None:
        try:
            self._status.write(self._healths, self._clock.jumps, self._gaps.counts)
        except OSError as error:  # a full disk must not stop it
            logger.warning("%s cannot be written: %s", self._status.path, error.strerror)


class _Clock:
    """Notices when the clock of this machine is set, and counts it."""

    def __init__(self) -> None:
        self.jumps = 0
        self._difference = time.time() - time.monotonic()

    def watch(self) -> None:
        """Compare the clock with one that cannot be set."""
        difference = time.time() - time.monotonic()
        jump = difference - self._difference
        if abs(jump) > _JUMP:
            self.jumps += 1
            logger.warning(
                "the clock of this machine was set by %+.1f s; times of receipt follow it", jump
            )
        self._difference = difference


@contextmanager
def _only_listener(archive: Archive) -> Iterator[None]:
    archive.create()
    with ExitStack() as stack:
        try:
            stack.enter_context(archive.locked("listen", wait=False))
        except BlockingIOError:
            raise InputError(
                "another listener fills this archive",
                file=archive.root,
                expected="one listener per archive",
                remedy="stop the other one first; km3vo alerts status shows its process",
            ) from None
        yield


class _Stop:
    """Turns the signals that end a service into an event."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def __enter__(self) -> _Stop:
        self._before = {
            number: signal.signal(number, self._set) for number in (signal.SIGTERM, signal.SIGINT)
        }
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _set(self, number: int, frame: FrameType | None) -> None:
        self.event.set()
