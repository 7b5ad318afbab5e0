"""Patches of the processes that run jobs, and of the queue in which jobs wait for them.

Only the leader starts them; see ``leader.py``. It looks after them every few seconds, and whenever
one ends. They go on if the worker that started them ends.

This runs in the Python of DaCHS.
"""

import collections
import contextlib
import datetime
import os
import signal
import sys
import time
from pathlib import Path

from gavo import base
from gavo.base import cron
from gavo.protocols import dlasync, tap, taprunner, useruws, uws, uwsactions
from gavo.utils import stanxml
from twisted.internet import reactor
from twisted.python import threadable

from . import columns, job_clients, leader, query_limits
from .settings import settings

_LAUNCHER = Path(__file__).parent.parent / "launch.py"
_CHECK_INTERVAL = 5  # s
_CLEANUP_INTERVAL = 600  # s
_GRACE = 5.0  # s
"""How long after its execution duration a job has time to end by itself."""
_LOCK_TIMEOUT = 5.0  # s
_LEFT = 60.0  # s
"""How much longer than allowed a synchronous query may exist."""
_START = 10.0  # s
"""How long a process may take until its command line names its job."""
_VANISHED = (
    "The process of this job ended unexpectedly: the server or the database was restarted, or"
    " the job needed too much memory. Please start the query again."
)


# -- processes -------------------------------------------------------------------------------


def start_job_processes_with_patches():
    """Let the processes of jobs start with our patches, behind the server, and with less memory.

    For DaCHS 2.7 and 2.11.

    DaCHS starts the program ``gavo`` from the search path, with the priority of the server and
    without bounds. We suggest settings for the program, the priority and the memory of jobs.
    """
    for kind, words in (
        (tap.TAPTransitions, ("--ui", "stingy", "taprun")),
        (useruws.UserUWSTransitions, ("uwsrun",)),
        (dlasync.DLTransitions, ("dlrun",)),
    ):
        kind.getCommandLine = _command_line(words)
    for module in (taprunner, useruws, dlasync):
        module.main = _bounded(module.main)
    uws.ProcessBasedUWSTransitions._startJobTwisted = _start_process
    taprunner.runTAPJobNoState = _with_memory_errors(taprunner.runTAPJobNoState)
    # Two texts, meant for tests of DaCHS, that anybody may send as a query.
    taprunner._hangIfMagic = lambda jobId, parameters, timeout: None
    # The plan of a query, which is not part of TAP, is made by a thread of the server.
    tap.WORKER_SYSTEM.jobActions.actions.pop(tap.PlanAction.name, None)


def _start_process(self, wjob):
    """Start the process of a job, which writes into the log of the server by itself.

    Through a pipe to the server it could not write any more when the server has ended.
    """
    program, words = self.getCommandLine(wjob)
    started = reactor.spawnProcess(
        uws._UWSBackendProtocol(wjob.jobId, wjob.uws),
        program,
        args=words,
        env=os.environ,
        childFDs={0: "w", 1: 1, 2: 2},
    )
    wjob.change(pid=started.pid, phase=uws.EXECUTING)


def _command_line(words):
    command = [sys.executable, str(_LAUNCHER), *words, "--"]
    return lambda self, wjob: (sys.executable, [*command, str(wjob.jobId)])


def _bounded(main):
    def bounded_main():
        query_limits.limit_this_process()
        return main()

    return bounded_main


def _with_memory_errors(run):
    def run_job(*arguments):
        try:
            return run(*arguments)
        except MemoryError:
            raise base.ReportableError(
                "This query needs more memory than the service allows.",
                hint=f"Select fewer columns or rows. {columns.files_with_all_rows()}".strip(),
            ) from None

    return run_job


def end_processes_with_their_jobs():
    """End the process of a job that is aborted or deleted.

    For DaCHS 2.7 and 2.11.

    The process of a deleted job continues with its query. That of an aborted one gets a signal that
    it handles only between two calls of C functions. We suggest to kill the process in both
    cases. PostgreSQL ends its query as soon as it finds the connection closed, see
    ``client_connection_check_interval``.
    """
    uws.ProcessBasedUWSTransitions.killJob = _kill_job
    uws.UWS.destroy = _destroy


def _kill_job(self, newState, wjob, ignored):
    if not wjob.pid or wjob.pid < 2:
        raise uws.UWSError("This job cannot be aborted.", wjob.jobId)
    _end_process(wjob.pid, wjob.jobId)
    self.markAborted(uws.ABORTED, wjob, ignored)


_delete = uws.UWS.destroy


def _destroy(self, jobId):
    with contextlib.suppress(uws.JobNotFound):
        job = self.getJob(jobId)
        if job.phase == uws.EXECUTING and job.pid:
            _end_process(job.pid, jobId)
    job_clients.forget(jobId)
    return _delete(self, jobId)


def signal_no_groups_of_processes():
    """Let DaCHS send no signal when a job is deleted; see above for what ends its process.

    From DaCHS 2.11 on: ``TAPJob.prepareForDestruction`` sends SIGTERM to ``self.pid`` of a running
    job without a look at it. That of a synchronous query is not the number of a process: with -1,
    the signal goes to all processes of the account. We suggest to check that the number is
    greater than 1, and that the process is that of the job.
    """
    tap.TAPJob.prepareForDestruction = uws.UWSJobWithWD.prepareForDestruction


def _end_process(pid, job_id):
    if _age(pid, job_id) is not None:
        # it has just ended, and its number may already be that of another account's process
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _age(pid, job_id):
    """Return for how many seconds the process of a job has been running; None if it is not."""
    if pid < 2:
        return None
    process = Path("/proc", str(pid))
    try:
        state, *fields = process.joinpath("stat").read_text().rpartition(")")[2].split()
        command = process.joinpath("cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    started = int(fields[18]) / os.sysconf("SC_CLK_TCK")
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - started
    # Another process may have the number of an earlier one. A new one has the command line of
    # the server for a moment, and then none.
    return age if state not in "ZX" and (job_id.encode() in command or age < _START) else None


# -- the queue -------------------------------------------------------------------------------


def keep_the_queue_moving():
    """Let the queue of jobs go on after any failure, and give each client its turn.

    For DaCHS 2.7 and 2.11.

    When the database or the server ends abruptly, its jobs stay in the phase EXECUTING. DaCHS
    looks for dead processes only if nothing else can be started, never for synchronous queries,
    which are counted as well, and takes any process with the same number for the job's. Two such
    queries block the queue for good, also after a restart. A job of which the process neglects
    its execution duration blocks it, too. Moreover, clients can overtake by an early destruction
    time, and one client can occupy all places.

    We suggest to look at the processes of all jobs each time the queue is processed, in the
    server only; to count only asynchronous jobs; and to let clients take turns, each with its
    oldest job, within a bound for each client.
    """
    uws.UWSWithQueueing._processQueue = _process_queue
    uws.UWSWithQueueing.queueCheckInterval = _CHECK_INTERVAL
    uws.UWS.cleanupInterval = _CLEANUP_INTERVAL
    uws._UWSBackendProtocol.processEnded = _process_ended
    # The worker system of TAP was made when its module was loaded.
    system = tap.WORKER_SYSTEM
    for name, interval, run in (
        ("timed queue processor", _CHECK_INTERVAL, system._processQueue),
        ("jobs table reaper", _CLEANUP_INTERVAL, system.cleanupJobsTable),
    ):
        cron.runEvery(-interval, f"UWS {system} {name}", run)


def wait_for_the_table_of_jobs():
    """Let requests wait for the table of jobs for seconds, and not for a tenth of one.

    For DaCHS 2.7 and 2.11.

    The time-out of statements on the table, 0.1 s, is for locks, but also strikes on a machine
    that is merely busy: a query then fails with the advice to notify the operators. We suggest
    ``lock_timeout`` for locks, or a longer time.
    """
    uws._DEFAULT_LOCK_TIMEOUT = _LOCK_TIMEOUT
    uws.UWS.changeableJob.__wrapped__.__defaults__ = (_LOCK_TIMEOUT,)


def _process_ended(self, reason):
    """End the job of a process if it has not done so itself, and start the next one."""
    if hasattr(self.workerSystem, "_processQueue"):
        self.workerSystem._processQueue()
    else:
        _ended(self, reason)


_ended = uws._UWSBackendProtocol.processEnded


def _process_queue(self):
    if not base.IS_DACHS_SERVER:
        return
    if not leader.is_leader():
        leader.notify()
        return
    if not threadable.isInIOThread():  # which alone may start processes
        reactor.callFromThread(self._processQueue)
        return
    if not self._processQueueLock.acquire(False):
        return
    try:
        running = _running(self)
        for job_id in _next(self, running):
            try:
                self.changeToPhase(job_id, uws.EXECUTING)
            except Exception as failure:
                base.ui.notifyError(f"Job {job_id} could not be started: {failure!r}")
    except Exception as failure:
        base.ui.notifyError(f"The queue of jobs was not processed: {failure!r}")
    finally:
        self._processQueueLock.release()


def _rows(system, phase):
    """Return jobs in one phase in the order of their creation."""
    kind = system.jobClass
    condition, values = "phase = %(phase)s", {"phase": phase}
    if hasattr(kind, "_default_jobClass"):  # several services share one table
        condition += " AND jobClass = %(kind)s"
        values["kind"] = kind._default_jobClass()
    query = (
        f"SELECT jobId, pid, executionDuration, creationTime FROM {kind.jobsTD.getQName()}"
        f" WHERE {condition} ORDER BY creationTime, jobId"
    )
    with base.getTableConn() as connection:
        return list(connection.query(query, values))


def _running(system):
    """Return the asynchronous jobs that are running, and end those that should not."""
    running = []
    for job_id, pid, duration, created in _rows(system, uws.EXECUTING):
        if pid is not None and pid < 2:
            _delete_if_left(system, job_id, created)
            continue
        age = None if pid is None else _age(pid, job_id)
        if age is None:
            problem = _VANISHED
        elif duration is not None and age > duration + _GRACE:
            _end_process(pid, job_id)
            query = system.getJob(job_id).parameters.get("query") or ""
            problem = (
                f"This job was ended: it took longer than its {duration} seconds."
                f" {columns.files_with_all_rows(query)}"
            ).strip()
        else:
            running.append(job_id)
            continue
        with contextlib.suppress(uws.JobNotFound):  # deleted meanwhile
            system.changeToPhase(job_id, uws.ERROR, uws.UWSError(problem, job_id))
    return running


def _delete_if_left(system, job_id, created):
    """Delete a synchronous query, which DaCHS keeps in the same table, if it cannot be running."""
    longest = datetime.timedelta(seconds=settings("limits")["sync_total"] + _LEFT)
    if created is None or datetime.datetime.utcnow() - created > longest:
        base.ui.notifyWarning(f"Deleting the synchronous query {job_id}, which was left behind")
        system.destroy(job_id)


def _next(system, running):
    """Return the jobs to be started now."""
    most = settings("jobs")["max_running_per_client"]
    places = max(0, system.runcountGoal - len(running))
    return [job_id for turn, _, job_id in _in_turns(system, running) if turn < most][:places]


def _in_turns(system, running):
    """Return the queued jobs, clients taking turns: the first of each, then the second, and so on.

    Each comes with its turn, in which the client's running jobs are counted, and its place in the
    order of creation. Jobs whose client is not known count as jobs of different clients.
    """
    taken = collections.Counter(job_clients.client_of_job(job_id) for job_id in running)
    queued = []
    for place, (job_id, *_) in enumerate(_rows(system, uws.QUEUED)):
        client = job_clients.client_of_job(job_id)
        queued.append((taken[client], place, job_id))
        taken[client] += 1
    return sorted(queued)


# -- what waiting clients learn --------------------------------------------------------------

stanxml.registerPrefix("xhtml", "http://www.w3.org/1999/xhtml", None)


class _Paragraph(stanxml.Element):
    name_ = "p"
    _prefix = "xhtml"


def tell_the_place_in_the_queue():
    """Let the document of a queued job say how many jobs will be started before it.

    For DaCHS 2.7 and 2.11.

    The only hint is the quote, for which each earlier job counts as ten minutes, and jobs are
    ordered by their destruction time. We suggest the element ``jobInfo``, in which UWS 1.1
    allows any element.
    """
    describe_error = uwsactions.getErrorSummary
    uwsactions.getErrorSummary = lambda job: [describe_error(job), _place_of(job)]
    tap.TAPJob.quote = property(_quote)


def _jobs_before(job):
    rows = _rows(job.uws, uws.EXECUTING)
    running = [job_id for job_id, pid, *_ in rows if pid is None or pid > 1]
    queued = [job_id for _, _, job_id in _in_turns(job.uws, running)]
    return queued.index(job.jobId) if job.jobId in queued else 0


def _place_of(job):
    if job.phase != uws.QUEUED:
        return None
    before = _jobs_before(job)
    text = (
        f"This job is in the queue; {before} {'job is' if before == 1 else 'jobs are'} before it."
    )
    return uwsactions.UWS.jobInfo[_Paragraph[text]]


def _quote(job):
    before = _jobs_before(job) if job.phase == uws.QUEUED else 0
    return datetime.datetime.utcnow() + before * tap.EST_TIME_PER_JOB
