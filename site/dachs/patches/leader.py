"""The leader: the worker that starts jobs and does timed work, such as deleting expired jobs.

It holds an advisory lock of the database. PostgreSQL releases the lock when the connection ends,
whatever happened to the worker, and another worker takes it within a second or two. Whoever queues
a job, or finds that one has ended, notifies the leader through the database.

This runs in the Python of DaCHS.
"""

import os
import select
import sys
import threading

from gavo import base, utils
from gavo.base import cron
from twisted.internet import reactor

from .settings import settings

_LOCK = int.from_bytes(b"km3vo", "big")
_CHANNEL = "km3vo_jobs"
_INTERVAL = 1.0  # s between two attempts to become the leader
_NO_NEWS = 5.0  # s between two looks whether the connection of the leader still works


def lead_one_worker():
    """Let only one of several workers do timed work.

    For DaCHS 2.7 and 2.11.

    Each process of a server processes the queue and deletes expired jobs, and two that do so at
    the same time start a job twice. We suggest an advisory lock of the database.
    """
    cron.AbstractJob.run = _run_timed_job
    if sys.argv[1:2] == ["serve"]:
        reactor.callWhenRunning(candidate.start)


def is_leader():
    """Return whether this process may start jobs."""
    return candidate.leads


def notify():
    """Let the leader look at the queue of jobs; return at once."""
    if sys.argv[1:2] == ["serve"]:
        reactor.callInThread(_notify)


def resign():
    """Let another worker become the leader; called in the main thread."""
    candidate.resign()


def _notify():
    try:
        with base.getWritableTableConn() as connection:
            connection.execute(f"NOTIFY {_CHANNEL}")
    except Exception as problem:  # the leader looks at the queue now and then anyway
        base.ui.notifyWarning(f"The leader could not be notified: {problem}")


def _run_timed_job(self):
    """Run a timed job if this worker leads; whatever happens, it is run again."""
    if not is_leader():
        return
    try:
        self.callable()
    except BaseException as failure:
        if isinstance(failure, (KeyboardInterrupt, SystemExit)):
            raise
        utils.sendUIEvent("Error", f"Failure in timed job {self.name}: {failure!r}")


def _run_jobs_of_queues(*words):
    """Run at once the timed jobs whose name has one of these words; in the main thread."""
    for _, job in sorted(cron._queue.jobs):
        if job.name.startswith("UWS ") and any(word in job.name for word in words):
            job.run()


class Candidate(threading.Thread):
    """Tries to become the leader, and remains it as long as it can; a single worker leads."""

    def __init__(self):
        super().__init__(name="leader", daemon=True)
        self.is_alone = settings("server")["workers"] == 1
        self.leads = self.is_alone
        self.is_willing = True
        self.wake, self._woken = os.pipe()
        self.pause = threading.Event()

    def start(self):
        """Start the thread, unless there is no other worker."""
        if not self.is_alone:
            super().start()

    def resign(self):
        """Lead no more, and never again."""
        self.is_willing = self.leads = False
        self.pause.set()
        os.write(self._woken, b".")

    def run(self):
        """Hold a connection, and connect again if it is lost."""
        while self.is_willing:
            try:
                connection = base.getDBConnection("trustedquery", autocommitted=True)
                try:
                    self._stay_connected(connection)
                finally:
                    self.leads = False
                    connection.close()
            except Exception as problem:
                base.ui.notifyWarning(f"Lost the connection of the leader: {problem}")
            self.pause.wait(_INTERVAL)

    def _stay_connected(self, connection):
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {_CHANNEL}")
            while self.is_willing:
                if self.leads:
                    cursor.execute("SELECT 1")
                elif self._takes_the_lock(cursor):
                    base.ui.notifyInfo("This worker leads: it starts jobs and does timed work.")
                    self.leads = self.is_willing
                    reactor.callFromThread(_run_jobs_of_queues, "processor", "reaper")
                self._wait_for_news(connection)

    @staticmethod
    def _takes_the_lock(cursor):
        cursor.execute("SELECT pg_try_advisory_lock(%(lock)s)", {"lock": _LOCK})
        return cursor.fetchone()[0]

    def _wait_for_news(self, connection):
        seconds = _NO_NEWS if self.leads else _INTERVAL
        select.select([connection, self.wake], [], [], seconds)
        connection.poll()
        if connection.notifies:
            connection.notifies.clear()
            if self.leads:
                reactor.callFromThread(_run_jobs_of_queues, "processor")


candidate = Candidate()
