"""Patches of TAP queries: what one query may use.

The database and the processes that run queries are on the same machine and belong to the same
account. The kernel therefore limits the memory of both, whatever code they run.

This runs in the Python of DaCHS.
"""

import functools
import os
import pathlib
import resource
import signal
import sys
import threading
import time

import psycopg2.extensions
from gavo import base
from gavo.formats import votableread
from gavo.protocols import taprunner
from gavo.rsc import qtable
from gavo.svcs import common
from twisted.internet import reactor, task, threads

from . import columns, leader
from .settings import settings

MEBIBYTE = 2**20
_NICE = 10
"""Queries of visitors leave the processors to everything else."""
_BATCH = 5000
_GRACE = 60.0  # s between asking a query to end and killing its process
_INTERVAL = 15.0  # s

is_synchronous = "taprun" not in sys.argv
"""Whether this process runs synchronous queries."""


def report_backend(pid):
    """Take note of the database process that runs the query; replaced where one is interested."""


# -- memory and time ----------------------------------------------------------------------------


def limit_queries():
    """Let DaCHS limit memory, processor and estimated cost of the queries that users write.

    For DaCHS 2.7 and 2.11.

    A statement that runs code in C is deaf to ``statement_timeout``, and may need all memory of
    the machine before it ends. A query whose estimated cost is that of weeks is started in spite
    of it. We suggest settings for the largest cost, and to limit the memory of PostgreSQL by the
    system.
    """
    taprunner._noteWorkerPID = _note_and_confine
    initialise = qtable.QueryTable.__init__

    @functools.wraps(initialise)
    def initialise_if_cheap(self, tableDef, query, connection, **more):
        if _is_untrusted(connection):
            _check_cost(query, connection)
        initialise(self, tableDef, query, connection, **more)

    qtable.QueryTable.__init__ = initialise_if_cheap
    if sys.argv[1:2] == ["serve"]:
        bytes_allowed = settings("limits")["server_process"] * MEBIBYTE
        resource.setrlimit(resource.RLIMIT_AS, (bytes_allowed, bytes_allowed))
        reactor.callWhenRunning(task.LoopingCall(_watch_backends).start, _INTERVAL)


_connections = []


def _note_and_confine(connection):
    """Limit the process of the database that runs the query of a job."""
    _connections.append(connection)
    connection.cursor_factory = _CursorInBatches
    taprunner._WORKER_PID = pid = connection.get_backend_pid()
    _confine_backend(pid)
    report_backend(pid)


class _CursorInBatches(psycopg2.extensions.cursor):
    """Fetches fewer rows at once than DaCHS asks for, 100,000, which may take 300 MB."""

    def fetchmany(self, size=_BATCH):
        return super().fetchmany(min(size, _BATCH))


def close_connections():
    """Close the connections of queries that have ended; DaCHS forgets those of failed ones."""
    while _connections:
        _connections.pop().close()


def limit_this_process():
    """Limit this process, which runs queries with their uploads and results."""
    number = settings("limits")["query_process"] * MEBIBYTE
    resource.setrlimit(resource.RLIMIT_AS, (number, number))
    os.nice(max(_NICE - os.nice(0), 0))  # it may have been started with less priority
    # If memory of the machine is short, the kernel shall end queries first.
    pathlib.Path("/proc/self/oom_score_adj").write_text("700")


def _confine_backend(pid):
    """Limit the process of the database that runs a query."""
    if not _role_of(pid):
        return
    number = settings("limits")["query_backend"] * MEBIBYTE
    try:
        resource.prlimit(pid, resource.RLIMIT_AS, (number, number))
        os.setpriority(os.PRIO_PROCESS, pid, _NICE)
    except (PermissionError, ProcessLookupError) as error:
        base.ui.notifyWarning(f"The process {pid} of the database could not be limited: {error}")


# -- processes of the database ----------------------------------------------------------------


def terminate_backend(pid):
    """End a database process that runs a query of a visitor: first politely, then by force."""
    began = _start_time(pid)
    if began is None or _role_of(pid) != _untrusted_role():
        return
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    killer = threading.Timer(_GRACE, _kill_backend, (pid, began))
    killer.daemon = True
    killer.start()


def _kill_backend(pid, began):
    """Kill a process that did not end; PostgreSQL then restarts, within a second or so."""
    if _start_time(pid) == began:
        base.ui.notifyError(f"The process {pid} of the database did not end, and is killed.")
        os.kill(pid, signal.SIGKILL)


_busy_since = {}


def _watch_backends():
    """End the database processes whose query has been running for longer than any job may."""
    return threads.deferToThread(_end_backends).addErrback(base.ui.notifyFailure)


def _end_backends():
    longest = settings("jobs")["max_duration"] + _GRACE
    role, now = _untrusted_role(), time.monotonic()
    busy = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        pid = int(process.name)
        if _role_of(pid) == role and not _title(pid).endswith((b"idle", b"authentication")):
            key = (pid, _start_time(pid))
            busy[key] = _busy_since.get(key, now)
    _busy_since.clear()
    _busy_since.update(busy)
    for (pid, _), since in busy.items():
        if now - since > longest and leader.is_leader():
            terminate_backend(pid)


@functools.lru_cache(None)
def _cluster():
    return os.path.realpath(os.path.join(base.getConfig("rootDir"), os.pardir, "postgres"))


@functools.lru_cache(None)
def _untrusted_role():
    return base.getDBProfile("untrustedquery").roleName.encode()


def _role_of(pid):
    """Return the role for which a process of our database works, or None if it is not one."""
    words = _title(pid).split()
    try:
        if words[:1] == [b"postgres:"] and os.readlink(f"/proc/{pid}/cwd") == _cluster():
            return words[1]
    except (OSError, IndexError):  # it has ended, or belongs to another account
        pass
    return None


def _title(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0 ")
    except OSError:
        return b""


def _start_time(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


# -- estimated cost -----------------------------------------------------------------------------


def _is_untrusted(connection):
    profile = getattr(connection, "_getDBConnectionArgs", {}).get("profile")
    return profile is not None and profile.roleName.encode() == _untrusted_role()


def _check_cost(query, connection):
    """Raise an error if PostgreSQL's planner expects that a query needs very long."""
    bounds = settings("limits")
    largest = bounds["sync_cost"] if is_synchronous else bounds["async_cost"]
    cost = _estimated_cost(query, connection)
    if cost <= largest:
        return
    if cost <= bounds["async_cost"]:
        hint = "Please send it as an asynchronous job, for which the limit is higher."
    else:
        hint = "Check that each table of the query is joined by a condition."
    raise base.ValidationError(
        f"This query would take too long: its estimated cost is {cost:.1e}, and the limit for"
        f" {'synchronous' if is_synchronous else 'asynchronous'} queries is {largest:.1e}.",
        "query",
        hint=f"{hint} {columns.files_with_all_rows()}".strip(),
    )


def _estimated_cost(query, connection):
    """Return the cost of a query in the planner's units, of which a second has about 10⁵."""
    with connection.cursor() as cursor:
        # For these queries DaCHS sets it to "no", which adds 10¹⁰ to the cost of each table scan.
        is_switched_off = "q3c_" in query
        if is_switched_off:
            cursor.execute("SET enable_seqscan = yes")
        cursor.execute("EXPLAIN (FORMAT JSON) " + query)
        ((plan,),) = cursor.fetchall()
        if is_switched_off:
            cursor.execute("SET enable_seqscan = no")
    return plan[0]["Plan"]["Total Cost"]


# -- other services -----------------------------------------------------------------------------


def limit_time_of_services():
    """Let clients shorten the time of a query with ``_TIMEOUT``, but not extend it.

    For DaCHS 2.7 and 2.11.

    We suggest ``[web]sqlTimeout`` as the largest value, and to ignore what is not a number.
    """
    fill = common.QueryMeta._fillDbOptions

    @functools.wraps(fill)
    def fill_within_bounds(self, args):
        fill(self, args)
        longest = base.getConfig("web", "sqlTimeout")
        # a comparison that NaN does not pass
        if not self["timeout"] <= longest:
            self["timeout"] = longest

    common.QueryMeta._fillDbOptions = fill_within_bounds


# -- uploads ------------------------------------------------------------------------------------


def limit_uploads():
    """Let DaCHS limit the rows and columns of tables that users upload.

    For DaCHS 2.7 and 2.11.

    We suggest settings for both, and an error that says how many there may be.
    """
    make_row_maker = votableread._getRowMaker

    @functools.wraps(make_row_maker)
    def make_bounded_row_maker(table):
        bounds = settings("limits")
        columns, rows = len(table.tableDef.columns), 0
        if columns > bounds["upload_columns"]:
            raise base.ReportableError(
                f"the table has {columns} columns; at most {bounds['upload_columns']} are allowed"
            )
        make_row = make_row_maker(table)

        def make_bounded_row(row):
            nonlocal rows
            rows += 1
            if rows > bounds["upload_rows"]:
                raise base.ReportableError(
                    f"the table has more than {bounds['upload_rows']} rows, the largest number"
                    " allowed; please send it in parts"
                )
            return make_row(row)

        return make_bounded_row

    votableread._getRowMaker = make_bounded_row_maker
