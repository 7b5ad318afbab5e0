"""What the supervisor does: it looks after the database and the server of an instance.

The workers are watched one by one.
"""

from __future__ import annotations

import logging
import os
import select
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from ingest.core.errors import InstanceError, in_one_line
from ingest.instance import probes
from ingest.instance.dachs import Dachs, Worker
from ingest.instance.layout import InstanceState, Layout, NewerError
from ingest.instance.postgres import Cluster
from ingest.instance.private import PrivateCluster
from ingest.instance.remote import RemoteCluster
from ingest.instance.site import Site
from ingest.instance.starts import count_start

INTERVAL = 1.0  # s between two looks at the servers
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # s between two attempts to start a server
REMOTE_INTERVAL, AWAY_INTERVAL = 15.0, 2.0  # s between looks at a database elsewhere
MISSES = 5
"""A server that leaves so many requests in a row unanswered hangs."""
START_TIME = 60.0  # s in which a server need not answer after its start
PROBE_INTERVAL, PROBE_AGAIN = 300.0, 30.0  # s between two probes, after a success or a failure
PROBE_LATER = 3600.0  # s after a restart for failed probes, which may not have helped

logger = logging.getLogger("km3vo.supervisor")


@dataclass
class _Server:
    """What the watcher knows about the database or a worker.

    Attributes
    ----------
    name : str
        Its name in the log.
    process : int
        Its process as a file descriptor, which becomes readable when it ends; -1 if there is none.
    pause, not_before : float
        Time in s before the next attempt to start it, and its earliest moment.
    """

    name: str
    process: int = -1
    pause: float = 0.0
    not_before: float = 0.0

    def adopt(self, pid: int | None) -> bool:
        """Watch the process `pid`; return whether there is one."""
        if self.process >= 0:
            os.close(self.process)
            self.process = -1
        if pid is not None:
            try:
                self.process = os.pidfd_open(pid)
            except OSError:  # it has just ended
                return False
        return pid is not None

    @property
    def runs(self) -> bool:
        """Whether the adopted process has not ended."""
        return self.process >= 0 and not _readable([self.process], 0)


@dataclass
class _WatchedWorker(_Server):
    """What the watcher knows about a worker.

    Attributes
    ----------
    worker : Worker or None
        The process.
    misses : int
        How many requests in a row it has not answered.
    started : float
        When it was started.
    failed_probes : int
        How many probes in a row have failed.
    next_probe : float
        When the next probe is due.
    """

    worker: Worker | None = None
    misses: int = 0
    started: float = field(default_factory=time.monotonic)
    failed_probes: int = 0
    next_probe: float = field(default_factory=lambda: time.monotonic() + PROBE_AGAIN)


class Watch:
    """Starts servers again that have died or hang."""

    def __init__(self, layout: Layout, site: Site) -> None:
        self.layout, self.memory = layout, site.limits.database_process
        self.cluster = Cluster(layout, site.database)
        self.away_since: float | None = None
        self.next_look = 0.0
        self.dachs = Dachs(layout)
        self.database = _Server("the database")
        self.servers: list[_WatchedWorker] = []
        self.state: InstanceState | None = None
        self.probe: int | None = None
        self.probed: _WatchedWorker | None = None

    def look(self) -> None:
        """Start what has died, unless a command holds the servers."""
        with suppress(NewerError):  # an upgrade that has not restarted this supervisor yet
            self.state = InstanceState.read(self.layout) or self.state
        self._collect()
        with self.layout.holding_servers(wait=False) as is_free:
            if not is_free or self.state is None:
                return
            if isinstance(self.cluster, RemoteCluster):
                self._look_at_remote(self.cluster)
            elif not self.database.runs and not self._adopt_database():
                self._attempt(self.database, self._start_database)
            self._count_workers(self.state.workers)
            for server in self.servers:
                self._look_after(server)

    def _count_workers(self, number: int) -> None:
        """Watch as many workers as the instance has now."""
        while len(self.servers) > number:
            self.servers.pop().adopt(None)
        for worker in self.dachs.workers[len(self.servers) : number]:
            name = "the server" if worker.number == 1 else f"worker {worker.number}"
            self.servers.append(_WatchedWorker(name, worker=worker))

    def _look_after(self, server: _WatchedWorker) -> None:
        assert server.worker is not None
        if not server.runs and not server.adopt(server.worker.process.pid()):
            self._attempt(server, lambda: self._start_server(server))
        elif reason := self._complaint(server):
            logger.info("%s %s; it is started again", server.name, reason)
            server.worker.stop()
            self._attempt(server, lambda: self._start_server(server))

    def sleep(self) -> None:
        """Wait until one of the servers ends, or for a moment."""
        living = [one.process for one in (self.database, *self.servers) if one.runs]
        _readable(living, INTERVAL)

    def _attempt(self, server: _Server, action: Callable[[], None]) -> None:
        """Start a server, at longer and longer intervals while that fails."""
        if time.monotonic() < server.not_before:
            return
        logger.info("%s does not run; it is started", server.name)
        count_start(self.layout, server.name.removeprefix("the "))
        try:
            action()
        except (InstanceError, OSError, subprocess.SubprocessError) as error:
            logger.info("%s cannot be started: %s", server.name, in_one_line(error))
        server.pause = min(max(FIRST_PAUSE, 2 * server.pause), LONGEST_PAUSE)
        server.not_before = time.monotonic() + server.pause

    def _look_at_remote(self, cluster: RemoteCluster) -> None:
        """Take note whether a database that others manage answers."""
        now = time.monotonic()
        if now < self.next_look:
            return
        problem = cluster.problem()
        if problem and self.away_since is None:
            self.away_since = now
            logger.info("%s is away (%s); it is not ours to start", cluster.name, problem)
        elif not problem and self.away_since is not None:
            logger.info("%s answers again, after %.0f s", cluster.name, now - self.away_since)
            self.away_since = None
            for server in self.servers:
                server.failed_probes, server.next_probe = 0, now + PROBE_AGAIN
        self.next_look = time.monotonic() + (AWAY_INTERVAL if problem else REMOTE_INTERVAL)

    def _adopt_database(self) -> bool:
        if not self.cluster.is_running:
            return False
        try:
            pid = self.cluster.pid
        except (OSError, ValueError, IndexError):  # it has just ended
            return False
        self.database.pause = 0.0
        return self.database.adopt(pid)

    def _start_database(self) -> None:
        assert self.state is not None and isinstance(self.cluster, PrivateCluster)
        self.cluster.stop()  # what is left of it
        port = self.cluster.restart(self.state.postgres_port, self.memory)
        self._adopt_database()
        logger.info("the database runs again")
        if port != self.state.postgres_port:
            logger.info("its former port is in use by another program, the new one is %d", port)
            self.state.postgres_port = port
            self.state.write(self.layout)
            self.dachs.write_database_port(self.state)
            self.dachs.stop()

    def _start_server(self, server: _WatchedWorker) -> None:
        assert self.state is not None and server.worker is not None
        server.worker.stop()  # what is left of it
        server.adopt(self.dachs.spawn(self.state, server.worker).pid)
        server.started, server.misses = time.monotonic(), 0

    def _complaint(self, server: _WatchedWorker) -> str | None:
        """Return why a worker that runs has to be replaced, if so."""
        assert self.state is not None and server.worker is not None
        if probes.web_server_answers(self.state.of_worker(server.worker.number)):
            if server.pause:
                logger.info("%s answers again", server.name)
            server.misses, server.pause, server.not_before = 0, 0.0, 0.0
        elif time.monotonic() > server.started + START_TIME or not server.pause:
            server.misses += 1
        if server.misses >= MISSES:
            return f"does not answer for {MISSES} requests"
        if server.failed_probes >= 2 and self.away_since is None:
            server.failed_probes, server.next_probe = 0, time.monotonic() + PROBE_LATER
            return "answers, but its services have failed twice"
        self._begin_probe(server)
        return None

    def _begin_probe(self, server: _WatchedWorker) -> None:
        """Use the services now and then, in a process of its own."""
        if self.away_since is not None:  # requests fail, and a restart of the server does not help
            return
        if self.probe is not None or time.monotonic() < server.next_probe or self.state is None:
            return
        assert server.worker is not None
        self.probed = server
        self.probe = os.fork()
        if self.probe == 0:
            state = self.state.of_worker(server.worker.number)
            problem = probes.problem(self.cluster, state)
            # Failing jobs are only reported: a restart would interrupt what works.
            if text := problem or probes.job_problem(state):
                logger.info("%s: %s", server.name, text)
            os._exit(problem is not None)

    def _collect(self) -> None:
        """Take note of children that have ended."""
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self.probe and self.probed is not None:
                    probed, self.probe = self.probed, None
                    probed.failed_probes = probed.failed_probes + 1 if ended[1] else 0
                    pause = PROBE_AGAIN if ended[1] else PROBE_INTERVAL
                    probed.next_probe = time.monotonic() + pause
        except ChildProcessError:
            pass


def _readable(descriptors: list[int], seconds: float) -> bool:
    """Wait until one of the descriptors is readable; return whether one is."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
