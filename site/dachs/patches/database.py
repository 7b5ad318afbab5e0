"""Patches of DaCHS' connections to the database, which survive a restart of PostgreSQL.

A request that meets the restart waits for a moment and runs once more, unless it brought an
upload, which has been read by then. If the database stays away, the request fails with
:class:`DatabaseAway`; see :mod:`patches.availability` for what the client gets.
"""

import functools
import select
import threading
import time

import psycopg2
from gavo import base, svcs
from gavo.base import caches, sqlsupport
from gavo.svcs import standardcores
from gavo.web import grend

MESSAGE = "The database restarts; please try again in a few seconds."
PATIENCE = 3.0
"""For how long, in s, requests wait for the database after it was first found missing."""
_RESTARTING = {"57P01", "57P02", "57P03"}
"""PostgreSQL's codes for a shutdown, a crash, and a server that does not accept queries yet."""
_NOT_YET = ("starting up", "shutting down", "recovery", "not accepting", "not yet accepting")


silent_since = None
"""Since when the database has not answered, if that is too long; see :mod:`patches.heartbeat`."""


class DatabaseAway(base.Error):
    """The database does not answer; it probably restarts."""

    def __init__(self):
        super().__init__(MESSAGE)


def refuse_if_silent():
    """Raise an error if the database is known not to answer, instead of waiting for it."""
    if silent_since is not None:
        raise DatabaseAway()


def is_away(error):
    """Return whether an error, or one that led to it, is a lost connection to the database."""
    while error is not None:
        if isinstance(error, DatabaseAway) or MESSAGE in str(error):
            return True
        if isinstance(error, psycopg2.InterfaceError):
            return "closed" in str(error)
        if isinstance(error, psycopg2.DatabaseError):
            if error.pgcode is None:
                # The reason is that of a refused connection, if the server gives one.
                text = str(error)
                return "FATAL" not in text or any(words in text for words in _NOT_YET)
            return error.pgcode in _RESTARTING
        error = error.__cause__ or error.__context__
    return False


# -- connections ---------------------------------------------------------------------------


def keep_pools_open():
    """Let DaCHS discard dead connections one by one, and never a whole pool.

    For DaCHS 2.7 and 2.11.

    After a lost connection, ``sqlsupport`` marks all pools as stale, and the next request closes
    its pool and replaces it. Two requests at the same time both do this: one of them fails, or
    ``pool.pop()`` removes the new pool and leaves the closed one, and each later query fails with
    "connection pool is closed" until DaCHS is restarted. We suggest that a pool examines a
    connection before it hands it out, which needs no query: an idle connection is readable only if
    the server has closed it. Pools then need not be replaced.
    """
    sqlsupport.CustomConnectionPool = _LastingPool


class _LastingPool(sqlsupport.CustomConnectionPool):
    @property
    def stale(self):
        return False

    @stale.setter
    def stale(self, value):
        pass

    @classmethod
    def serverRestarted(cls):
        base.ui.notifyWarning("A connection to the database was lost; dead ones are discarded.")

    def getconn(self, key=None):
        refuse_if_silent()
        while _is_dead(connection := super().getconn(key)):
            self.putconn(connection, close=True)
        return connection


def _is_dead(connection):
    """Return whether an idle connection was closed by either side."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def wait_for_restarts():
    """Let requests wait for a database that restarts, and run them again if it did.

    For DaCHS 2.7 and 2.11.

    When PostgreSQL restarts, which it does by itself after the crash of one of its processes, all
    running queries fail, and new ones until it has recovered, usually within a second. Users see
    messages of the database library. We suggest to wait in ``getDBConnection`` for a few seconds,
    and to repeat a query whose connection was lost before anything was sent to the client.
    """
    if getattr(grend.ServiceBasedPage.runSync, "waits", False):
        return
    connect = _waiting(sqlsupport.getDBConnection)
    sqlsupport.getDBConnection = base.getDBConnection = connect
    run_sync = _repeating(grend.ServiceBasedPage.runSync)
    run_sync.waits = True
    grend.ServiceBasedPage.runSync = run_sync
    svcs.mapDBErrors = standardcores.mapDBErrors = _explaining(standardcores.mapDBErrors)


def _waiting(connect):
    missing_since = None

    @functools.wraps(connect)
    def waiting_connect(*arguments, **named):
        nonlocal missing_since
        # The main thread of the server answers all requests and must not wait.
        is_reactor = threading.current_thread() is threading.main_thread()
        may_wait = not (is_reactor and getattr(base, "IS_DACHS_SERVER", False))
        while True:
            refuse_if_silent()
            try:
                connection = connect(*arguments, **named)
            except (base.ReportableError, psycopg2.Error) as error:
                if not is_away(error):
                    raise
                # a variable of its own, because another thread may have just connected
                since = missing_since = missing_since or time.monotonic()
                if not may_wait or time.monotonic() > since + PATIENCE:
                    raise DatabaseAway() from error
                time.sleep(0.1)
            else:
                missing_since = None
                return connection

    return waiting_connect


def _repeating(run):
    @functools.wraps(run)
    def repeating_run(self, data):
        try:
            return run(self, data)
        except Exception as error:
            if not is_away(error):
                raise
            if _has_upload(data):
                raise DatabaseAway() from error
        try:
            return run(self, data)
        except Exception as error:
            if is_away(error):
                raise DatabaseAway() from error
            raise

    return repeating_run


def _has_upload(data):
    try:
        return any(key.lower() == "upload" and data[key] for key in data)
    except (TypeError, AttributeError):
        return False


def _explaining(map_errors):
    @functools.wraps(map_errors)
    def explaining_map(kind, error, traceback):
        if is_away(error):
            raise DatabaseAway() from error
        map_errors(kind, error, traceback)

    return explaining_map


# -- caches --------------------------------------------------------------------------------


def forget_errors_of_restarts():
    """Let DaCHS forget errors that were cached because the database was away.

    For DaCHS 2.7 and 2.11.

    ``caches._makeCache`` and the cache of descriptors keep an exception in place of what could not
    be made, so that an object whose making needs the database stays broken after a restart. We
    suggest not to cache errors of the database.
    """
    for name in ("getRD", "getMTH", "getPageCache"):
        if hasattr(caches, name):
            setattr(caches, name, _forgetting(getattr(caches, name)))


def _forgetting(get):
    @functools.wraps(get)
    def forgetting_get(*arguments, **named):
        try:
            return get(*arguments, **named)
        except Exception as error:
            if is_away(error):
                _forget_errors()
            raise

    return forgetting_get


def _forget_errors():
    for cache in caches._cacheRegistry.knownCaches:
        for key, kept in list(cache.items()):
            if is_away(getattr(kept, "exception", kept if isinstance(kept, Exception) else None)):
                cache.pop(key, None)
