"""How many connections to the database the processes of an instance may open."""

from __future__ import annotations

from ingest.core.errors import InputError
from ingest.instance.layout import InstanceState
from ingest.instance.postgres import Cluster
from ingest.instance.site import Site

_PER_SERVICE = 2
"""A thread that runs a service has a connection for its query, and one for what surrounds it."""
_PER_QUERY = 5
"""Those of a synchronous query: of its thread two, of its process two, and that of the query."""
_PER_JOB = 4
_PAGE_THREADS = 10
"""The threads of twisted, with at most one connection each, which several workers share; each has
at least two."""
_IDLE = 12
"""What the pools of a worker keep: six with two connections each."""
_TIMED = 5
"""The leader's lock, the heartbeat, the role of visitors, and what looks after jobs."""
_OTHERS = 20
"""Commands, the listener of alerts and probes."""
_RESERVED = 3
"""Connections that PostgreSQL keeps for superusers."""


def connections_needed(site: Site) -> int:
    """Return the largest number of connections that an instance may have open.

    Parameters
    ----------
    site : Site
        The settings of the site. The limits of what runs at the same time hold for all workers
        together, the pools are those of each.
    """
    limits, workers = site.limits, site.server.workers
    running = (
        _PER_SERVICE * limits.service_threads
        + _PER_QUERY * limits.sync_running
        + _PER_JOB * site.jobs.max_running
    )
    pages = max(_PAGE_THREADS, 2 * workers)
    return running + pages + workers * (_IDLE + _TIMED) + _OTHERS


def check_connections(site: Site, cluster: Cluster, state: InstanceState) -> None:
    """Check that the limits of the site fit the database.

    Raises
    ------
    InputError
        If there are more workers than queries that may run at the same time, or if the workers
        may need more connections than the database accepts.
    """
    for name in ("sync_running", "service_threads"):
        if getattr(site.limits, name) < site.server.workers:
            raise InputError(
                "each worker needs a thread of its own",
                value=f"limits.{name} = {getattr(site.limits, name)}",
                expected=f"at least server.workers, {site.server.workers}",
                remedy="set either of them in the file that KM3VO_SITE names",
            )
    needed = connections_needed(site)
    with cluster.connect(state.postgres_port, "postgres") as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW max_connections")
        ((allowed,),) = cursor.fetchall()
    if needed > int(allowed) - _RESERVED:
        raise InputError(
            f"{site.server.workers} workers with these limits may need {needed} connections to"
            f" the database, which accepts {int(allowed) - _RESERVED}",
            remedy=f"set limits.database_connections to {needed + _RESERVED} or more, then make"
            " down and make up; or reduce server.workers, limits.service_threads or"
            " limits.sync_running",
        )
