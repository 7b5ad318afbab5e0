"""Start, stop and reset of an instance."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import psycopg2.extensions

from ingest.core import privileges
from ingest.core.checkout import RD
from ingest.core.errors import InputError, InstanceError
from ingest.instance import claim, probes, roles, supervisor
from ingest.instance import layout as layouts
from ingest.instance.address import write_address
from ingest.instance.connections import check_connections
from ingest.instance.dachs import Dachs, Worker, recover
from ingest.instance.dump import load_database
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster, Owner, RefusedError
from ingest.instance.private import PrivateCluster
from ingest.instance.remote import RemoteCluster
from ingest.instance.replica import Replica, look_at_replica
from ingest.instance.site import Site, load_site

DEFAULT_PORT = 8080
_SHORT_DRAIN = 5.0  # s for a worker of which there is one too many
_GRACE = 120  # s; DaCHS' own timeouts come first
_FUNCTIONS = RD / "km3net" / "circles.sql"


@dataclass(frozen=True)
class Status:
    """The status of an instance.

    Attributes
    ----------
    created : bool
        Whether its database was set up completely.
    database_runs, server_runs : bool
        Whether the processes are running.
    server_answers : bool
        Whether the server, each of its processes, answers a TAP query and a cone search.
    workers, workers_running : int
        How many processes the server has, and how many of them are running.
    supervised : bool
        Whether servers that die are started again by a supervisor.
    url : str
        The server's public URL.
    postgres_port : int or None
        The port of the database; None if there is no instance.
    database_host : str
        Its host if others manage it; otherwise empty.
    replica : str
        Its standby, as the settings name it.
    replica_lag : float or None
        How many s the standby is behind; None if that is not known.
    replica_problem : str
        Why the standby is not used, if it is not.
    """

    created: bool
    database_runs: bool
    server_runs: bool
    server_answers: bool
    workers: int
    workers_running: int
    supervised: bool
    url: str
    postgres_port: int | None
    database_host: str = ""
    replica: str = ""
    replica_lag: float | None = None
    replica_problem: str = ""

    @property
    def is_up(self) -> bool:
        """Whether the instance can be queried."""
        return self.database_runs and self.server_answers


def up(
    layout: Layout, port: int | None = None, supervised: bool = True, restart: bool = False
) -> str:
    """Start an instance, and return its URL as soon as the server answers.

    Parts that are already running are left alone. A missing instance is created, and work that
    was interrupted by a power cut is completed.

    Parameters
    ----------
    layout : Layout
        The instance.
    port : int, optional
        The port of the web server. Default: the one it had before, or :data:`DEFAULT_PORT`.
    supervised : bool, optional
        Whether to start a supervisor as well.
    restart : bool, optional
        Whether to restart the workers, one by one, even if that is not necessary.

    Returns
    -------
    str
        The public URL of the server.

    Raises
    ------
    InstanceError
        If a port is taken, or the database or the server does not start, or a service fails.
    """
    site = load_site()
    with layout.locked(), layout.holding_servers():
        state = _bring_database_up(layout)
        dachs, cluster = Dachs(layout), Cluster(layout)
        check_connections(site, cluster, state)
        _number_workers(dachs, state, port or state.web_port, site.server.workers)
        _update_address(site, state)
        has_changed = dachs.configure(site, state) or restart
        state.write(layout)
        if has_changed and state.workers == 1 and not restart:
            dachs.stop()  # it reads its settings only when it starts
        _set_up_or_upgrade(layout, dachs, state)
        recover(layout, state)
        if has_changed and any(worker.is_running for worker in dachs.workers):
            dachs.restart(state, site.server.drain_time)
        works = _start_what_is_missing(dachs, cluster, state) and not has_changed
        state.write(layout)
        if supervised:
            supervisor.start(layout)
        if not works and (problem := _problem(dachs, cluster, state)):
            raise InstanceError(
                "the server was started, but does not work",
                value=problem,
                remedy=f"see {dachs.workers[0].log} and the logs of DaCHS in"
                f" {layout.dachs / 'logs'}",
            )
    return state.server_url


def _number_workers(dachs: Dachs, state: InstanceState, port: int, workers: int) -> None:
    """Set the number and the ports of the workers; stop those that this concerns.

    Raises
    ------
    InstanceError
        If a port is taken.
    """
    if (port, workers) == (state.web_port, state.workers):
        return
    if port != state.web_port or 1 in (workers, state.workers):
        dachs.stop()
    for worker in dachs.known_workers[workers:]:
        worker.drain(_SHORT_DRAIN)
    state.web_port, state.workers = port, workers
    for number in range(1, workers + 1):
        Worker(dachs.layout, number).check_port(state)


def _start_what_is_missing(dachs: Dachs, cluster: Cluster, state: InstanceState) -> bool:
    """Start the workers that do not run or do not work; return whether all did."""
    missing = [
        worker
        for worker in dachs.workers
        if not worker.is_running
        or not worker.answers(state)
        or probes.problem(cluster, state.of_worker(worker.number))
    ]
    if len(missing) == state.workers:
        dachs.stop()
    for worker in missing:
        worker.stop()
    if missing:
        dachs.start(state, *missing)
    return not missing


def _problem(dachs: Dachs, cluster: Cluster, state: InstanceState) -> str | None:
    """Return the first problem that requests to the workers show, or None."""
    for worker in dachs.workers:
        if problem := probes.problem(cluster, state.of_worker(worker.number)):
            return problem if state.workers == 1 else f"worker {worker.number}: {problem}"
    return None


def down(layout: Layout) -> None:
    """Stop the server and the database of an instance."""
    if not layout.var.exists():
        layouts.terminate_orphans(layout.path)
        return
    with layout.locked():
        supervisor.process_file(layout).stop()
        with layout.holding_servers():
            Dachs(layout).stop()
            PrivateCluster(layout).stop()


def reset(layout: Layout, with_archive: bool = False) -> None:
    """Stop an instance and delete it with all imported data.

    Parameters
    ----------
    layout : Layout
        The instance.
    with_archive : bool, optional
        Whether to delete the archive of alerts as well, if it is inside the instance.

    Raises
    ------
    InputError
        If there is such an archive with packets and `with_archive` is false. Nothing is
        deleted then.
    """
    if not with_archive:
        refuse_to_delete_archive(layout)
    remote = remote_database(layout)
    if remote is not None:
        claim.check_owner(remote, InstanceState.read(layout))
    down(layout)
    if remote is not None:
        remote.drop_database(remote.port)
    layouts.remove(layout)


def remote_database(layout: Layout) -> RemoteCluster | None:
    """Return the database of an instance if it is on a server that others manage."""
    state = InstanceState.read(layout) if layout.state_file.exists() else None
    if state is None or not state.database_host:
        return None
    cluster = Cluster(layout)
    if isinstance(cluster, RemoteCluster):
        return cluster
    raise RefusedError(
        f"the database of the instance is at {state.database_host}, and [database] names no server",
        file=layout.state_file,
        remedy="set [database] host in the file that KM3VO_SITE names",
    )


def refuse_to_delete_archive(layout: Layout) -> None:
    """Raise InputError if the archive of alerts is inside the instance and has packets."""
    if archive := layouts.archive_inside(layout):
        raise InputError(
            "the archive of alerts would be deleted, and its packets cannot be obtained again",
            file=archive,
            remedy="move it out of the instance and set"
            f" {layouts.ARCHIVE_VARIABLE} to its new path;"
            " or delete it as well: km3vo instance reset --with-archive",
        )


def status(layout: Layout) -> Status:
    """Return the status of an instance without changing it."""
    state = InstanceState.read(layout)
    if state is None:
        return Status(False, False, False, False, 0, 0, False, "", None)
    dachs, cluster = Dachs(layout), Cluster(layout)
    database_runs = cluster.is_running
    found = Replica(None)
    if database_runs and isinstance(cluster, RemoteCluster):
        found = look_at_replica(cluster) or found
    return Status(
        created=state.complete,
        database_runs=database_runs,
        server_runs=dachs.is_running,
        server_answers=dachs.is_running
        and database_runs
        and dachs.answers(state)
        and _problem(dachs, cluster, state) is None,
        workers=state.workers,
        workers_running=sum(worker.is_running for worker in dachs.workers),
        supervised=supervisor.process_file(layout).pid() is not None,
        url=state.server_url,
        postgres_port=state.postgres_port,
        database_host=state.database_host,
        replica=cluster.database.replica if isinstance(cluster, RemoteCluster) else "",
        replica_lag=found.lag,
        replica_problem=found.problem,
    )


def create_from(layout: Layout, dump: IO[bytes], dachs_version: str, port: int) -> None:
    """Create the database of an instance from a dump, with new passwords.

    Parameters
    ----------
    layout : Layout
        The instance, which does not exist yet.
    dump : binary file
        What :func:`~ingest.instance.dump.dump_database` yielded.
    dachs_version : str
        The version of DaCHS at that time; the next start upgrades the tables if it is older.
    port : int
        The port of the web server.
    """
    site = load_site()
    with layout.locked():
        state = _bring_database_up(layout)
        state.web_port = port
        dachs = Dachs(layout)
        _update_address(site, state)
        dachs.configure(site, state)
        _set_up_or_upgrade(layout, dachs, state)
        # an interruption here leaves an instance that is created again
        state.complete = False
        state.write(layout)
        load_database(Cluster(layout), state.postgres_port, dump)
        state.complete, state.dachs_version = True, dachs_version
        state.write(layout)


@contextmanager
def database(layout: Layout) -> Iterator[InstanceState]:
    """Lock an instance, start its database if necessary, and yield the instance's state.

    This is for commands such as an import, which need the database but not the server.
    """
    site = load_site()
    with layout.locked():
        with layout.holding_servers():
            state = _bring_database_up(layout)
            dachs = Dachs(layout)
            _update_address(site, state)
            dachs.configure(site, state)
            _set_up_or_upgrade(layout, dachs, state)
            recover(layout, state)
        yield state


def _update_address(site: Site, state: InstanceState) -> None:
    """Take the server's address from the settings of the site."""
    address = ipaddress.ip_address(site.site.bind_address)
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    state.host = everywhere.get(str(address), str(address))
    state.server_url = site.site.url or f"http://localhost:{state.web_port}"


def _bring_database_up(layout: Layout) -> InstanceState:
    """Create and start the database cluster if necessary; return the state."""
    cluster = Cluster(layout)
    if isinstance(cluster, RemoteCluster):
        met = claim.meet(layout, cluster, DEFAULT_PORT)
        claim.refuse_newer(layout, cluster, met)
        return met
    assert isinstance(cluster, PrivateCluster)
    claim.refuse_private(layout, InstanceState.read(layout))
    runs = cluster.is_running and cluster.wait(cluster.port)
    if not runs:
        cluster.stop()
    state = InstanceState.read(layout)
    if state is None or not cluster.is_created:
        if cluster.is_created:
            raise InstanceError(
                "the database exists, but the file with the state of the instance is missing"
                " or damaged",
                file=layout.state_file,
                remedy="delete the instance and import again: km3vo instance reset && make import",
            )
        state = state or InstanceState(postgres_port=0, web_port=DEFAULT_PORT)
        state.complete = False
        state.write(layout)
        cluster.create()
    state.postgres_port = cluster.port if runs else cluster.start(state.postgres_port)
    claim.refuse_newer(layout, cluster, state)
    state.identifier = state.identifier or claim.new_identifier()
    state.database_host = ""
    state.write(layout)
    return state


def _set_up_or_upgrade(layout: Layout, dachs: Dachs, state: InstanceState) -> None:
    """Have DaCHS set up an empty database, or upgrade that of an older DaCHS."""
    version = dachs.version()
    cluster = Cluster(layout)
    if not state.complete:
        dachs.stop()
        cluster.drop_database(state.postgres_port)
        cluster.create_database(state.postgres_port, Owner(state.identifier))
        dachs.set_up(cluster, state.postgres_port)
        state.complete = True
    elif state.dachs_version != version:
        dachs.stop()
        dachs.run_checked("upgrade")
    state.dachs_version = version
    state.write(layout)
    # The job of the longest duration has to end by itself first.
    longest = load_site().jobs.max_duration + _GRACE
    with cluster.connect(state.postgres_port) as connection:
        roles.restrict(connection, dachs.visitors_password, longest)
        _define_functions(connection)
        write_address(connection, state.server_url)
    if cluster.owner(state.postgres_port) != (owner := Owner(state.identifier)):
        cluster.set_owner(state.postgres_port, owner)


def _define_functions(connection: psycopg2.extensions.connection) -> None:
    """Define what the indices of the releases need, as superuser."""
    with privileges.caller():
        definitions = _FUNCTIONS.read_bytes()
    with connection, connection.cursor() as cursor:
        cursor.execute(definitions)
