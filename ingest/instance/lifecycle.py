"""Bringing an instance up and down again, as often as one likes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ingest.core.errors import InputError, InstanceError
from ingest.instance import layout as layouts
from ingest.instance.dachs import Dachs, publication
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from ingest.instance.site import Site, load_site

DEFAULT_PORT = 8080


@dataclass(frozen=True)
class Status:
    """What is the matter with an instance."""

    created: bool
    database_runs: bool
    server_runs: bool
    server_answers: bool
    url: str
    postgres_port: int | None

    @property
    def is_up(self) -> bool:
        """Whether astronomers get answers."""
        return self.database_runs and self.server_answers


def up(layout: Layout, port: int | None = None) -> str:
    """Bring the instance up and return its URL when the server answers.

    What runs already is left alone. What is missing is made, what was killed is started, what
    a power cut interrupted is done again.

    Parameters
    ----------
    layout : Layout
        The instance.
    port : int, optional
        The port of the web server; where None, the one it had before, or 8080.

    Raises
    ------
    InstanceError
        If something in the way has to be removed by a person first.
    """
    site = load_site()
    with layout.locked():
        state = _bring_database_up(layout)
        dachs = Dachs(layout)
        if port is not None and port != state.web_port:
            dachs.stop()
            state.web_port = port
        _take_over(site, state)
        if dachs.configure(site, state):
            dachs.stop()  # a running server reads its settings only once
        _set_up_or_upgrade(layout, dachs, state)
        publication.settle(layout, state)
        if not (dachs.is_running and dachs.answers(state)):
            dachs.stop()
            dachs.start(state)
        state.write(layout)
    return state.server_url


def down(layout: Layout) -> None:
    """Stop the server and the database; nothing of the instance keeps running."""
    if not layout.var.exists():
        layouts.end_strays(layout.place)
        return
    with layout.locked():
        Dachs(layout).stop()
        Cluster(layout).stop()


def reset(layout: Layout, with_archive: bool = False) -> None:
    """Stop the instance and delete it, with all that was imported.

    Parameters
    ----------
    layout : Layout
        The instance.
    with_archive : bool, optional
        Delete the archive of alerts, too, where it is a part of the instance.

    Raises
    ------
    InputError
        If there is such an archive with packets, and it was not said to go; nothing is
        deleted then.
    """
    archive = layouts.archive_below(layout)
    if archive is not None and not with_archive:
        raise InputError(
            "the archive of alerts would be deleted; its packets cannot be had again",
            file=archive,
            remedy=f"move it out of the instance and name its place in {layouts.ARCHIVE_VARIABLE};"
            " or delete it, too: km3vo instance reset --with-archive",
        )
    down(layout)
    layouts.remove(layout)


def status(layout: Layout) -> Status:
    """Look at the instance without changing it."""
    state = InstanceState.read(layout)
    if state is None:
        return Status(False, False, False, False, "", None)
    dachs = Dachs(layout)
    return Status(
        created=state.complete,
        database_runs=Cluster(layout).is_running,
        server_runs=dachs.is_running,
        server_answers=dachs.is_running and dachs.answers(state),
        url=state.server_url,
        postgres_port=state.postgres_port,
    )


@contextmanager
def database(layout: Layout) -> Iterator[InstanceState]:
    """Lock an instance, see to it that its database runs, and yield its state.

    For commands such as an import, which need the database but not the server.
    """
    site = load_site()
    with layout.locked():
        state = _bring_database_up(layout)
        dachs = Dachs(layout)
        _take_over(site, state)
        dachs.configure(site, state)
        _set_up_or_upgrade(layout, dachs, state)
        publication.settle(layout, state)
        yield state


def _take_over(site: Site, state: InstanceState) -> None:
    """Remember what the site's facts say about how to reach the server."""
    address = ipaddress.ip_address(site.site.bind_address)
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    state.host = everywhere.get(str(address), str(address))
    state.server_url = site.site.url or f"http://localhost:{state.web_port}"


def _bring_database_up(layout: Layout) -> InstanceState:
    """Create and start the database cluster as needed; return the state."""
    cluster = Cluster(layout)
    runs = cluster.is_running and cluster.wait(cluster.port)
    if not runs:
        cluster.stop()
    state = InstanceState.read(layout)
    if state is None or not cluster.is_created:
        if cluster.is_created:
            raise InstanceError(
                "there is a database, but what belongs to it was lost",
                where=str(layout.state_file),
                remedy="start anew: km3vo instance reset && make import",
            )
        state = state or InstanceState(postgres_port=0, web_port=DEFAULT_PORT)
        state.complete = False
        state.write(layout)
        cluster.create()
    state.postgres_port = cluster.port if runs else cluster.start(state.postgres_port)
    state.write(layout)
    return state


def _set_up_or_upgrade(layout: Layout, dachs: Dachs, state: InstanceState) -> None:
    """Let DaCHS fill an empty database, or adapt an old one to a new DaCHS."""
    version = dachs.version()
    cluster = Cluster(layout)
    if not state.complete:
        dachs.stop()
        cluster.drop_database(state.postgres_port)
        cluster.create_database(state.postgres_port)
        dachs.set_up(state, cluster.password)
        state.complete = True
    elif state.dachs_version != version:
        dachs.stop()
        dachs.check("upgrade")
    state.dachs_version = version
    state.write(layout)
