"""Patches of requests that wait for a database that says nothing: they end after seconds.

A server that was stopped refuses connections, and requests fail at once. One that hangs, or whose
machine lost its power, leaves them without an answer, for hours if nobody looks. So a thread asks
the database every second. If it does not answer for seconds, all connections are cut, which ends
the requests that wait for them, and further ones are refused until it answers again.

This runs in the Python of DaCHS.
"""

import contextlib
import os
import select
import socket
import sys
import threading
import time
import weakref

import psycopg2
from gavo import base
from gavo.base import config, sqlsupport
from psycopg2 import extensions
from twisted.internet import reactor

from . import database, query_processes

INTERVAL = 1.0  # s between two questions
SILENCE = 4.0
"""For how long, in s, a database may be silent."""

_TIMES = {
    "connect_timeout": 4,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""For each connection, in s; the latter are for the processes of jobs, which nobody watches."""

_connections = weakref.WeakSet()
_lock = threading.Lock()


def cut_connections_to_a_silent_database():
    """Let requests fail within seconds if the database does not answer.

    For DaCHS 2.7 and 2.11.

    A query that was sent waits for an answer without a limit, also in the main thread, so that all
    services stand still. We suggest to ask the database regularly on a connection that does not
    block, and to shut the sockets of the others down if it is silent.
    """
    connect = sqlsupport.getDBConnection
    if getattr(connect, "is_watched", False):
        return

    def watched_connect(*arguments, **named):
        database.refuse_if_silent()
        connection = connect(*arguments, **named)
        with _lock:
            _connections.add(connection)
        return connection

    get_pooled = sqlsupport.CustomConnectionPool.getconn

    def get_watched(self, key=None):
        connection = get_pooled(self, key)
        with _lock:  # it may have been opened before this patch was applied
            _connections.add(connection)
        return connection

    sqlsupport.CustomConnectionPool.getconn = get_watched
    watched_connect.is_watched = True
    get_arguments = config.DBProfile.getArgs
    config.DBProfile.getArgs = lambda self: get_arguments(self) | _TIMES
    sqlsupport.getDBConnection = base.getDBConnection = watched_connect
    if sys.argv[1:2] == ["serve"]:
        reactor.callWhenRunning(threading.Thread(target=_watch, daemon=True).start)


def _watch():
    connection, last = None, time.monotonic()
    while True:
        try:
            if connection is None:
                profile = base.getDBProfile("trustedquery")
                connection = psycopg2.connect(async_=True, **profile.getArgs())
            else:
                connection.cursor().execute("SELECT 1")
            answers = _wait(connection, time.monotonic() + SILENCE)
        except (psycopg2.Error, OSError) as error:
            # a server that gives a reason is not silent
            answers = not database.is_away(error)
            connection = None
        if answers:
            last = time.monotonic()
            if database.silent_since is not None:
                database.silent_since = None
                base.ui.notifyWarning("The database answers again.")
        else:
            with contextlib.suppress(AttributeError, psycopg2.Error):
                connection.close()
            connection = None
            if database.silent_since is None and time.monotonic() - last > SILENCE:
                database.silent_since = last
                base.ui.notifyError("The database is silent; all connections to it are cut.")
                _cut()
        time.sleep(INTERVAL)


def _wait(connection, deadline):
    """Return whether the database answers in time."""
    while (state := connection.poll()) != extensions.POLL_OK:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        here = [connection.fileno()]
        reads = state == extensions.POLL_READ
        select.select(here if reads else [], [] if reads else here, [], left)
    return True


def _cut():
    """End all that waits for the database in this process, and the processes of queries."""
    with _lock:
        known = list(_connections)
    for connection in known:
        with contextlib.suppress(psycopg2.Error, OSError):
            descriptor = os.dup(connection.fileno())
            with socket.socket(fileno=descriptor) as one:
                one.shutdown(socket.SHUT_RDWR)
    query_processes.stop_all()
