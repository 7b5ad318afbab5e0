"""Patches of asynchronous jobs (UWS): who may do what to a job, and within which bounds.

Who knows the identifier of a job may read, change and delete it: jobs of anonymous users have no
other protection. What happens to the processes of jobs is in ``job_processes.py``.

This runs in the Python of DaCHS.
"""

import collections
import contextlib
import datetime
import math
import os
import secrets

from gavo import base, svcs, utils
from gavo.protocols import dali, uws, uwsactions
from gavo.utils import stanxml
from gavo.web import asyncrender, weberrors

from . import clients, job_clients
from .settings import settings

JOB_ID_BYTES = 16
_POLLS = 100
_POLLS_PER_CLIENT = 20
"""How many requests may wait for a change of a job (WAIT, UWS 1.1) at the same time in a worker."""


class TooManyJobs(base.Error):
    """A bound of the service, not of the job, does not admit another job."""

    def __init__(self, message, status):
        super().__init__(message, hint="Delete jobs that you no longer need, or try again later.")
        self.status = status


# -- identifiers and lists -------------------------------------------------------------------


def hide_jobs_of_others():
    """Let nobody find a job without knowing its identifier.

    For DaCHS 2.7 and 2.11.

    The list of jobs shows all jobs to anonymous users, who may then read and delete them, and
    identifiers have eight characters. We suggest to list nothing for anonymous users, as UWS 1.1
    allows, and to make identifiers of 128 random bits, with ``secrets``.
    """
    uws.BaseUWSJob.getNewId = classmethod(_random_id)
    uws.UWSJobWithWD.getNewId = classmethod(_random_directory)
    listed = uwsactions.getJobList

    def own_jobs(system, forOwner=None, **filters):
        if forOwner is None:
            return stanxml.xmlrender(uwsactions.UWS.jobs(), system.joblistPreamble)
        return listed(system, forOwner, **filters)

    uwsactions.getJobList = own_jobs


def _random_id(cls, system, connection):
    """Return the identifier of a new job, and reserve it in the table."""
    job_id = secrets.token_hex(JOB_ID_BYTES)
    connection.execute(
        f"INSERT INTO {cls.jobsTD.getQName()} (jobId) VALUES (%(jobId)s)", {"jobId": job_id}
    )
    connection.commit()
    return job_id


def _random_directory(cls, system, connection):
    """Return the identifier of a new job, and create its directory."""
    job_id = secrets.token_hex(JOB_ID_BYTES)
    parent = base.getConfig("uwsWD")
    utils.ensureDir(parent, mode=0o775, setGroupTo=base.getGroupId())
    os.mkdir(os.path.join(parent, job_id), 0o700)
    return job_id


# -- bounds of one job -----------------------------------------------------------------------


def bound_times_of_jobs():
    """Let clients choose the duration and the destruction of a job only within bounds.

    For DaCHS 2.7 and 2.11.

    ``executionduration`` takes any number, also negative ones and NaN, and ``destruction`` any
    date, so that a job may run and be kept for ever. UWS lets a service choose another value than
    the one requested; we suggest settings for the largest values, and errors for what is not a
    number of seconds or a date. An execution duration of 0, unlimited, becomes the largest.
    """
    uwsactions.ExecDAction.deserializeValue = staticmethod(_duration)
    uwsactions.DestructionAction.deserializeValue = staticmethod(_destruction)


def _duration(text):
    seconds = float(text)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(text)
    longest = settings("jobs")["max_duration"]
    return min(math.ceil(seconds), longest) or longest


def _destruction(text):
    now = datetime.datetime.utcnow()
    latest = now + datetime.timedelta(seconds=settings("jobs")["max_lifetime"])
    try:
        return max(now, min(utils.parseISODT(text), latest))
    except (OverflowError, TypeError) as problem:
        raise ValueError(text) from problem


_STATUS = (
    (uws.JobNotFound, 404),
    (svcs.UnknownURI, 404),
    (svcs.ForbiddenURI, 403),
    (svcs.BadMethod, 405),
    (base.Error, 400),
)


def report_errors_with_a_status():
    """Let requests about jobs that fail say so with the status of HTTP.

    For DaCHS 2.7 and 2.11.

    An invalid duration or phase is answered with the status 200, so that clients believe the change
    was made. We suggest a status for each kind of error.
    """
    asyncrender.UWSResource._deliverError = _deliver_error


def _deliver_error(self, failure, request, **status_of_dachs):
    error = failure.value
    if isinstance(error, (svcs.Authenticate, svcs.SeeOther)):
        return weberrors.renderDCErrorPage(failure, request)
    for kind, status in _STATUS:
        if isinstance(error, kind):
            if isinstance(error, TooManyJobs):
                status = error.status
                request.setHeader("retry-after", "60")
            return dali.serveDALIError(request, error, httpStatus=status)
    base.ui.notifyFailure(failure)
    return dali.serveDALIError(request, error, httpStatus=500)


def bound_polls():
    """Let only so many requests wait for a change of a job, and only so long.

    For DaCHS 2.7 and 2.11.

    A request with ``WAIT`` occupies a connection for as many seconds as it likes, and the server
    queries the database once a second for each. ``[async]maxSlowPollWait`` bounds only the
    negative values. We suggest to apply it to all values, to answer at once if many requests are
    waiting already, and to report values that are not numbers.
    """
    uwsactions.RootAction._delayIfWAIT = _bounded_wait


_wait = uwsactions.RootAction._delayIfWAIT
_polls = collections.Counter()


def _bounded_wait(self, job, request):
    arguments = request.uwsArgs
    if arguments.get("wait") is None:
        return None
    try:
        seconds = int(arguments["wait"])
    except ValueError:
        raise base.ValidationError("WAIT must be a whole number of seconds.", "WAIT") from None
    longest = base.getConfig("async", "maxslowpollwait")
    arguments["wait"] = str(longest if seconds < 0 else min(seconds, longest))
    client = clients.client_of(request)
    if _polls.total() >= _POLLS or _polls[client] >= _POLLS_PER_CLIENT:
        return None
    waiting = _wait(self, job, request)
    if waiting is not None:
        _polls[client] += 1

        def done(result):
            _polls[client] -= 1
            if not _polls[client]:
                del _polls[client]
            return result

        # whether the client hangs up or is answered
        request.notifyFinish().addBoth(done).addErrback(lambda failure: None)
    return waiting


# -- bounds of all jobs ----------------------------------------------------------------------


def bound_number_of_jobs():
    """Keep only so many jobs, in all and for each client, and only so many bytes.

    For DaCHS 2.7 and 2.11.

    Anybody can create jobs without end, each with uploads and a result that are kept for days.
    We suggest settings for the number of jobs of all clients and of one client, and for the space
    on the disk that jobs may take. A job too many is refused with the status 429 or 503.
    """
    asyncrender.JoblistResource.render_POST = _create_job


def _create_job(self, request):
    client = clients.client_of(request)
    _check_room(self.workerSystem, client)
    job_id = self.workerSystem.getNewIdFromRequest(request)
    job_clients.note_client(job_id, client)
    asyncrender.redirectUWS(self.service.getURL(self.renderer), job_id)


def _check_room(system, client):
    """Raise an error if there is no room for another job of a client."""
    bounds = settings("jobs")
    own, existing = job_clients.number_of_jobs(client, system.getJobIds)
    if own >= bounds["max_jobs_per_client"]:
        raise TooManyJobs(
            f"There are already {bounds['max_jobs_per_client']} jobs of your computer or network;"
            " this service keeps no more.",
            429,
        )
    if existing >= bounds["max_jobs"] or _bytes_used() >= bounds["max_disk"] << 20:
        raise TooManyJobs("This service cannot keep any more jobs at the moment.", 503)


def _bytes_used():
    """Return how many bytes the files of all jobs have."""
    total = 0
    for directory, _, names in os.walk(base.getConfig("uwsWD")):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                total += os.lstat(os.path.join(directory, name)).st_size
    return total
