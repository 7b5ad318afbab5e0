"""Which client created which job, in a file for each job, so that all workers know.

DaCHS' table of jobs has no place for it. A file is deleted with its job. This runs in the Python of
DaCHS.
"""

import contextlib
import os
from pathlib import Path

from gavo import base

_known = {}


def note_client(job_id, client):
    """Take note of the client of a new job."""
    path = _folder() / job_id
    draft = path.with_name(f".{job_id}")
    draft.write_text(client, "utf-8")
    draft.rename(path)


def client_of_job(job_id):
    """Return the client of a job; if it is not known, the identifier of the job."""
    if job_id not in _known:
        try:
            _known[job_id] = (_folder() / job_id).read_text("utf-8")
        except FileNotFoundError:  # of before an upgrade, or not by HTTP
            return job_id
    return _known[job_id]


def number_of_jobs(client, get_existing):
    """Return how many jobs of a client exist, and those of all clients.

    Parameters
    ----------
    client : str
        The client.
    get_existing : function
        Returns the identifiers of the jobs. It is called after the files were listed: the file of
        a job is written when the job exists, perhaps at this moment and by another worker.
    """
    noted = [name for name in os.listdir(_folder()) if not name.startswith(".")]
    existing = set(get_existing())
    for job_id in set(noted) - existing:
        forget(job_id)
    for job_id in set(_known) - existing:
        _known.pop(job_id, None)
    own = sum(client_of_job(job_id) == client for job_id in existing)
    return own, len(existing)


def forget(job_id):
    """Delete the file of a job."""
    _known.pop(job_id, None)
    with contextlib.suppress(FileNotFoundError):
        (_folder() / job_id).unlink()


def _folder():
    folder = Path(base.getConfig("stateDir")) / "job-clients"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
