"""Bringing an instance up and down again, as often as one likes."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.errors import InstanceError
from ingest.instance import layout as layouts
from ingest.instance import postgres
from ingest.instance.dachs import Dachs
from ingest.instance.layout import Layout, Memory
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
        memory = _bring_database_up(layout)
        dachs = Dachs(layout)
        if port is not None and port != memory.web_port:
            dachs.stop()
            memory.web_port = port
        memory.server_url = site.site.url or f"http://localhost:{memory.web_port}"
        if dachs.configure(site, memory):
            dachs.stop()  # a running server reads its settings only once
        _set_up_or_upgrade(layout, dachs, memory)
        if not (dachs.is_running and dachs.answers(memory.web_port)):
            dachs.stop()
            dachs.start(memory.web_port)
        memory.write(layout)
    return memory.server_url


def down(layout: Layout) -> None:
    """Stop the server and the database; nothing of the instance keeps running."""
    if not layout.exists:
        return
    with layout.locked():
        Dachs(layout).stop()
        Cluster(layout).stop()


def reset(layout: Layout) -> None:
    """Stop the instance and delete it, with all that was imported."""
    down(layout)
    layouts.remove(layout)


def status(layout: Layout) -> Status:
    """Look at the instance without changing it."""
    memory = Memory.read(layout)
    if memory is None:
        return Status(False, False, False, False, "", None)
    dachs = Dachs(layout)
    return Status(
        created=memory.complete,
        database_runs=Cluster(layout).is_running,
        server_runs=dachs.is_running,
        server_answers=dachs.is_running and dachs.answers(memory.web_port),
        url=memory.server_url,
        postgres_port=memory.postgres_port,
    )


def require_database(layout: Layout) -> Memory:
    """Return the memory of an instance whose database runs; start it where it was killed.

    For commands such as an import, which need the database but not the server.
    """
    site = load_site()
    with layout.locked():
        memory = _bring_database_up(layout)
        dachs = Dachs(layout)
        _fill_url(memory, site)
        dachs.configure(site, memory)
        _set_up_or_upgrade(layout, dachs, memory)
        memory.write(layout)
    return memory


def _fill_url(memory: Memory, site: Site) -> None:
    memory.server_url = site.site.url or f"http://localhost:{memory.web_port}"


def _bring_database_up(layout: Layout) -> Memory:
    """Create and start the database cluster as needed; return the memory."""
    cluster = Cluster(layout)
    memory = Memory.read(layout)
    if memory is None or not cluster.is_created:
        if cluster.is_created:
            raise InstanceError(
                "there is a database, but what belongs to it was lost",
                where=str(layout.memory),
                remedy="start anew: km3vo instance reset && make import",
            )
        memory = memory or Memory(postgres_port=0, web_port=DEFAULT_PORT)
        memory.complete = False
        memory.write(layout)
        cluster.create()
    if not cluster.is_running:
        if not memory.postgres_port or not postgres.port_is_free(memory.postgres_port):
            memory.postgres_port = postgres.free_port()
        memory.write(layout)
        cluster.start(memory.postgres_port)
    return memory


def _set_up_or_upgrade(layout: Layout, dachs: Dachs, memory: Memory) -> None:
    """Let DaCHS fill an empty database, or adapt an old one to a new DaCHS."""
    version = dachs.version()
    cluster = Cluster(layout)
    if not memory.complete:
        dachs.stop()
        cluster.drop_database(memory.postgres_port)
        cluster.create_database(memory.postgres_port)
        dachs.set_up(memory, cluster.password)
        memory.complete = True
    elif memory.dachs_version != version:
        dachs.stop()
        dachs.check("upgrade")
    memory.dachs_version = version
    memory.write(layout)
