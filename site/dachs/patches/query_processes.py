"""Patches of synchronous TAP queries: they run in processes of their own.

The server forks a small process before it has threads. That one forks the processes which run
queries, one after the other, as often as the server asks for another. A process can be killed,
whatever the code in C that it runs is doing, and others are answered meanwhile.

This runs in the Python of DaCHS.
"""

import contextlib
import ctypes
import functools
import os
import pathlib
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time

from gavo import base
from gavo.base import sqlsupport
from gavo.protocols import adqlglue, tap, taprunner, uws

from . import columns, database, query_limits, turns
from .settings import settings

_READY, _BACKEND = b"ready ", b"backend "
_DONE, _LAST = b"done", b"last"
"""A job is done; after the last one, the process ends."""
_LONGEST = 100
"""The length in bytes that no message has."""
_LAUNCHER = pathlib.Path(__file__).resolve().parents[1] / "launch.py"
_START = 60.0  # s for a process to start
_MOST_MEMORY = 400 * 1024  # kB
"""A process that needed so much memory is replaced, and one in which DaCHS failed."""
_PR_SET_PDEATHSIG = 1
_FACTORY = "fork-query-processes"
"""The command of the process that forks others, when it is started again."""


def run_queries_in_processes():
    """Let DaCHS run synchronous TAP queries in processes of their own.

    For DaCHS 2.7 and 2.11.

    Parsing ADQL, reading uploads and writing results are Python code, and run in threads of the
    server: an upload of 240,000 rows or a query of 3,000 terms delays all other requests by many
    seconds, and neither a timeout nor a client that hangs up ends it. The asynchronous jobs have
    processes already, but they take a second to start. We suggest to let a few processes that
    stay alive run ``taprunner.runTAPJob``, which needs nothing but the identifier of the job.
    """
    if sys.argv[1:2] == ["serve"]:
        taprunner.runSyncTAPJob = _run_sync


def fork_first_process():
    """Fork the process that forks those which run queries; see above."""
    if sys.argv[1:2] == [_FACTORY]:
        _load()
        _fork_on_demand(socket.socket(fileno=sys.stdin.fileno()))
        os._exit(0)
    if sys.argv[1:2] != ["serve"]:
        return
    serve = _load()
    _factory.fork()
    reload = serve._reloadConfig

    def reload_in_all_processes():
        # DaCHS 2.7 empties its caches and then calls a function that it no longer has.
        with contextlib.suppress(AttributeError):
            reload()
        _idle.clear()
        serve.reactor.callInThread(_warm_up)

    serve._reloadConfig = reload_in_all_processes
    serve.reactor.callWhenRunning(serve.reactor.callInThread, _warm_up)


def _load():
    """Import what the processes need, before they are forked, so that they share the memory."""
    from gavo.user import serve

    return serve


# -- in the server ----------------------------------------------------------------------------


class Factory:
    """The process that forks others; it is started again if it was killed."""

    def __init__(self):
        self.lock, self.channel = threading.Lock(), None

    def fork(self):
        """Start it as a copy of this process, which must not have threads yet."""
        self.channel, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        server = os.getpid()
        if os.fork() == 0:
            self.channel.close()
            _end_with(server)
            _fork_on_demand(there)
            os._exit(0)
        there.close()

    def make(self, there):
        """Have it fork a process that talks to us through the socket `there`."""
        with self.lock:
            try:
                socket.send_fds(self.channel, [b"."], [there.fileno()])
            except OSError:
                base.ui.notifyWarning("The process that forks those for queries is started again.")
                self.channel, its_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with its_end:
                    subprocess.Popen([sys.executable, _LAUNCHER, _FACTORY], stdin=its_end)
                socket.send_fds(self.channel, [b"."], [there.fileno()])


_factory = Factory()


class Idle:
    """The processes that wait for a query; the last one that became idle is the first to work."""

    def __init__(self):
        self.lock, self.processes, self.generation = threading.Lock(), [], 0

    def take(self):
        """Return a process, a new one if none is idle."""
        with self.lock:
            while self.processes:
                process = self.processes.pop()
                if process.is_alive:
                    return process
                process.close()
            generation = self.generation
        return Process(generation)

    def put(self, process):
        """Keep a process for the next query, unless it knows only former descriptors."""
        with self.lock:
            if process.generation == self.generation:
                self.processes.append(process)
                return
        process.close()

    def clear(self):
        """Replace all processes when they have finished."""
        with self.lock:
            self.generation += 1
            former, self.processes = self.processes, []
        for process in former:
            process.close()


_idle = Idle()
_busy, _starting = set(), set()


def stop_all():
    """Kill the processes that run queries; the others end by themselves."""
    _idle.clear()
    for channel in list(_starting):
        with contextlib.suppress(OSError):
            channel.shutdown(socket.SHUT_RDWR)
    for process in list(_busy):
        with process.lock:
            if process.job_id is not None:
                process.kill()


def _warm_up():
    """Start the first process, so that the first query need not wait for it."""
    _idle.put(_idle.take())


class Process:
    """A process that runs queries."""

    def __init__(self, generation):
        self.generation = generation
        self.job_id = self.backend = None
        self.lock = threading.Lock()
        self.channel, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with there:
            _factory.make(there)
        self.channel.settimeout(_START)
        _starting.add(self.channel)
        try:
            message = self.channel.recv(_LONGEST)
        finally:
            _starting.discard(self.channel)
        if not message.startswith(_READY):
            database.refuse_if_silent()
            raise uws.UWSError("The process for this query did not start.")
        self.pid = int(message[len(_READY) :])

    @property
    def is_alive(self):
        """Whether an idle process still waits for a query; a killed one has closed its socket."""
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        return not poll.poll(0)

    def assign(self, job_id):
        """Take note of the job to be run next; from now on it can be stopped."""
        self.job_id, self.backend = job_id, None
        _busy.add(self)

    def run(self, deadline):
        """Run the job, and return whether it was done before `deadline`, on the monotonic clock.

        Otherwise the process has been killed.
        """
        message = b""
        try:
            self.channel.send(self.job_id.encode())
            while message not in (_DONE, _LAST):
                self.channel.settimeout(max(0.001, deadline - time.monotonic()))
                message = self.channel.recv(_LONGEST)
                if message.startswith(_BACKEND):
                    self.backend = int(message[len(_BACKEND) :])
                elif not message:
                    break
        except OSError:  # a timeout, or it has been killed
            message = b""
        with self.lock:
            self.job_id = None
        _busy.discard(self)
        if not message:
            self.kill()
            self.close()
        elif message == _LAST:
            self.close()
        else:
            _idle.put(self)
        return bool(message)

    def stop(self, job_id):
        """Kill the process if it still runs this job; by now it may run that of another client."""
        with self.lock:
            if self.job_id == job_id:
                self.kill()

    def kill(self):
        """Kill the process, and end its query in the database."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        if self.backend is not None:
            query_limits.terminate_backend(self.backend)

    def close(self):
        """Let the process end."""
        self.channel.close()


def _run_sync(jobId, queryMeta=None):
    """Run a synchronous job in another process; at the return, it is in one of the end states."""
    seconds = base.getConfig("async", "defaultExecTimeSync")
    with tap.WORKER_SYSTEM.changeableJob(jobId) as job:
        job.change(executionDuration=seconds, phase=uws.EXECUTING, pid=-1)
        query = job.parameters.get("query") or ""
    turn = turns.current_turn()
    process = _idle.take()
    process.assign(jobId)
    if turn is not None:
        turn.stop = functools.partial(process.stop, jobId)
        if turn.is_abandoned:
            process.kill()
    deadline = time.monotonic() + settings("limits")["sync_total"]
    if process.run(deadline):
        return
    if time.monotonic() < deadline:
        problem = "needed more memory than a query may use, or ended unexpectedly"
    else:
        problem = f"was not finished after {settings('limits')['sync_total']} s"
    tap.WORKER_SYSTEM.changeToPhase(
        jobId,
        uws.ERROR,
        base.ReportableError(
            f"Your query, with its upload and its result, {problem}.",
            hint=(
                "Please send it as an asynchronous job, or ask for less."
                f" {columns.files_with_all_rows(query)}"
            ).strip(),
        ),
    )


# -- in the other processes -------------------------------------------------------------------


def _end_with(parent):
    """Let the kernel kill this process when its parent ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _fork_on_demand(requests):
    """Fork a process for each socket that the server sends."""
    _forget_connections()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that no zombies are left
    factory = os.getpid()
    while True:
        message, descriptors, *_ = socket.recv_fds(requests, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            requests.close()
            _end_with(factory)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                _run_queries(socket.socket(fileno=descriptors[0]))
            finally:
                os._exit(0)
        os.close(descriptors[0])


def _forget_connections():
    """Remove the connections to the database that were opened before the fork from their pools.

    They belong to the server. The database library closes a connection only in the process that
    opened it.
    """
    for reference in sqlsupport.CustomConnectionPool.knownPools:
        pool = reference()
        if pool is not None:
            for connections in (pool._pool, pool._used, pool._rused):
                connections.clear()


def _run_queries(channel):
    """Run the jobs whose identifiers come from the server."""
    from gavo.user import logui

    os.umask(0o02)
    logui.LoggingUI(base.ui)
    query_limits.limit_this_process()
    query_limits.report_backend = lambda pid: channel.send(_BACKEND + str(pid).encode())
    run = taprunner.runTAPJobNoState
    has_failed = False

    def run_and_note_failures(*arguments):
        nonlocal has_failed
        try:
            run(*arguments)
        except base.Error:
            raise
        except Exception:
            has_failed = True
            raise

    taprunner.runTAPJobNoState = run_and_note_failures
    try:
        _fill_caches()
    except Exception as error:
        base.ui.notifyWarning(f"A process for queries could not fill its caches: {error!r}")
        base.caches.clearCaches()
        has_failed = True
    channel.send(_READY + str(os.getpid()).encode())
    message = b""
    while message != _LAST and (job_id := channel.recv(_LONGEST)):
        try:
            taprunner.runTAPJob(job_id.decode())
        except Exception as error:
            base.ui.notifyError(f"While executing TAP job {job_id}: {error}")
            return
        query_limits.close_connections()
        needed = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        message = _LAST if has_failed or needed > _MOST_MEMORY else _DONE
        channel.send(message)


def _fill_caches():
    """Prepare what each query needs: the grammar, the descriptors, the table of jobs."""
    adqlglue.morphADQL("SELECT TOP 1 table_name FROM tap_schema.tables")
    tap.WORKER_SYSTEM.getJobIds()
