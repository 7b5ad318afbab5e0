"""What follows from stored notices, such as e-mails: each in a thread of its own.

A follower never delays the intake, and its failure stops nothing else. It keeps in the database
or the archive how far it has got, so that it goes on there after a restart. One with heavy work
has a process as well, see :mod:`ingest.alerts.live.follower_process`.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import Final, Protocol

import psycopg2

from ingest.alerts.live.source import Health, Pause
from ingest.alerts.tables import Store
from ingest.core.errors import IngestError, InstanceError, in_one_line
from ingest.instance import Cluster, InstanceState, Layout

_INTERVAL: Final = 1.0
"""Time in s after which a follower looks again without new notices."""

logger = logging.getLogger(__name__)


class Follower(Protocol):
    """A task after the intake. A new one is a class of this form and a line in the listener."""

    name: str
    health: Health

    def work(self, stop: threading.Event) -> None:
        """Do everything that is due, and return; return soon when `stop` is set.

        It is called after each batch of notices and from time to time. When it raises one of the
        errors that may pass by themselves, it is called again after a pause.
        """

    def close(self) -> None:
        """Give up connections; :meth:`work` may be called again afterwards."""


class FollowerThread(threading.Thread):
    """Runs a follower until the listener stops.

    Parameters
    ----------
    follower : Follower
        The task.
    stop : threading.Event
        Ends the thread.

    Attributes
    ----------
    health : Health
        The health of the follower.
    """

    def __init__(self, follower: Follower, stop: threading.Event) -> None:
        super().__init__(name=follower.name, daemon=True)
        self.health = follower.health
        self._follower = follower
        self._stop_event = stop
        self._wake = threading.Event()

    def wake(self) -> None:
        """Say that there is something new."""
        self._wake.set()

    def run(self) -> None:
        """Call the follower repeatedly; wait longer after each failure."""
        name, health = self.name, self.health
        pause = Pause(self._stop_event)
        while not self._stop_event.is_set():
            self._wake.clear()
            try:
                self._follower.work(self._stop_event)
            except (OSError, psycopg2.Error, IngestError) as error:
                self._fails(in_one_line(error))
                pause.wait()
            except Exception as error:
                logger.exception("%s: failed", name)
                self._fails(f"{type(error).__name__}: {error}")
                pause.wait()
            else:
                if health.problem:
                    logger.info("%s: works again", name)
                health.works()
                pause.reset()
                if not self._stop_event.is_set():
                    self._wake.wait(_INTERVAL)
        self._follower.close()

    def _fails(self, problem: str) -> None:
        self.health.state = "waiting"
        if self.health.fails(problem):
            logger.warning("%s: %s", self.name, problem)
        self._follower.close()


def connect(layout: Layout, connections: contextlib.ExitStack) -> Store:
    """Return the tables of an instance, by a connection that `connections` closes.

    Raises
    ------
    InstanceError
        If there is no instance, or its database does not answer.
    """
    state = InstanceState.read(layout)
    if state is None:
        raise InstanceError("the instance does not exist")
    return Store(connections.enter_context(Cluster(layout).connect(state.postgres_port)))
