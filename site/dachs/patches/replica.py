"""Patches of asynchronous TAP jobs: those without uploads go to a standby, if there is one.

An upload needs a temporary table, which is impossible on a standby. This runs in the Python of
DaCHS.
"""

import contextlib
import functools
import time

import psycopg2
from gavo import base
from gavo.protocols import taprunner

from . import query_limits
from .settings import settings

_CONNECT_TIME = 4  # s
_CATCH_UP = 1.0  # s
"""How long a job waits for a standby that is only just behind."""
_CONFLICTS = {"40001", "40P01", "57P01", "57P02", "57P03", "57P04"}
"""PostgreSQL's codes for a query that was ended by recovery, or by the end of the standby."""
_PRIMARY = """
SELECT pg_current_wal_lsn()::text, clock_timestamp(),
    (SELECT system_identifier FROM pg_control_system())
"""
_STANDBY = """
SELECT pg_is_in_recovery(), (SELECT system_identifier FROM pg_control_system()) = %s,
    coalesce(pg_last_wal_replay_lsn() >= %s::pg_lsn, false),
    extract(epoch FROM %s - pg_last_xact_replay_timestamp())
"""


class _Unusable(Exception):
    """The standby is away, too far behind, or none."""


class _Elsewhere:
    """A profile of DaCHS, for the same role on the standby."""

    def __init__(self, profile):
        self.profile = profile
        self.name = f"{profile.name} on the standby"
        self.roleName = profile.roleName

    def getArgs(self):
        host, _, port = settings("database")["replica"].rpartition(":")
        address = {"host": host.strip("[]"), "port": int(port), "connect_timeout": _CONNECT_TIME}
        return self.profile.getArgs() | address


def send_jobs_to_the_standby():
    """Let DaCHS run asynchronous queries without uploads on a hot standby.

    For DaCHS 2.7 and 2.11.

    Long queries compete with short ones for one server. We suggest a profile for a second server,
    which is used by jobs without uploads if it is not too far behind.
    """
    if settings("database")["replica"]:
        taprunner.runTAPJobNoState = _on_standby(taprunner.runTAPJobNoState)


def _on_standby(run):
    @functools.wraps(run)
    def run_on_standby(parameters, jobId, queryProfile, timeout):
        if query_limits.is_synchronous or parameters.get("upload"):
            return run(parameters, jobId, queryProfile, timeout)
        try:
            check_standby()
        except (_Unusable, psycopg2.Error, base.Error) as reason:
            _report(f"Job {jobId} runs on the primary: {reason}")
            return run(parameters, jobId, queryProfile, timeout)
        base.ui.notifyInfo(f"Job {jobId} runs on the standby.")
        try:
            profile = _Elsewhere(base.getDBProfile(queryProfile))
            return run(parameters, jobId, profile, timeout)
        except Exception as error:
            if not _is_fault_of_standby(error):
                raise
            _report(f"Job {jobId} runs once more, on the primary: {error}")
            query_limits.close_connections()
        return run(parameters, jobId, queryProfile, timeout)

    return run_on_standby


def _report(text):
    base.ui.notifyWarning(" ".join(text.split()))


def check_standby():
    """Raise an exception unless the standby can be used."""
    with base.getTableConn() as primary:
        ((position, now, identifier),) = primary.query(_PRIMARY)
    arguments = _Elsewhere(base.getDBProfile("trustedquery")).getArgs()
    deadline = time.monotonic() + _CATCH_UP
    with contextlib.closing(psycopg2.connect(**arguments)) as standby:
        standby.autocommit = True
        cursor = standby.cursor()
        while True:
            cursor.execute(_STANDBY, [identifier, position, now])
            is_standby, is_same, is_complete, lag = cursor.fetchone()
            if not (is_standby and is_same):
                raise _Unusable("the server in [database] replica is no standby of the primary")
            if is_complete:
                return
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
    if lag is None or lag > settings("database")["replica_lag"]:
        raise _Unusable(f"the standby is {'far' if lag is None else f'{lag:.0f} s'} behind")


def _is_fault_of_standby(error):
    """Return whether the standby ended a query, or is away, and not the query itself was wrong."""
    while error is not None:
        if isinstance(error, psycopg2.Error):
            text = str(error)
            return (
                error.pgcode in _CONFLICTS
                or "conflict with recovery" in text
                or error.pgcode is None
            )
        if isinstance(error, base.ReportableError) and "database server" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
