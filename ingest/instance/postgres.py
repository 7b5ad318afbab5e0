"""The PostgreSQL of an instance, wherever it runs: ports, connections, the database itself.

:class:`.private.PrivateCluster` has a cluster of its own below ``var/``, which is started and
stopped with the instance. :class:`.remote.RemoteCluster` uses a server that others manage.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psycopg2

from ingest import __version__
from ingest.core.errors import ExitCode, InstanceError
from ingest.core.files import read_regular
from ingest.instance.layout import STATE_FORMAT, Layout
from ingest.instance.site import DatabaseSection, Site, load_site, render

SUPERUSER = "dachsroot"
"""The superuser of a private cluster."""
DATABASE = "gavo"
CERTIFICATE = "database-ca.pem"
"""Below ``var/``: the authority that signed the certificate of a server elsewhere."""
HOST = "127.0.0.1"
"""Where a private cluster listens."""
PROGRAMS = Path("/usr/lib/postgresql")
PATCHED_VERSION = "1.2.0km3vo"
"""The version of pgSphere that ``setup.sh`` installs beside Debian's."""
EXTENSIONS = ("q3c", "pg_sphere")
SETTINGS_TEMPLATE = "postgresql.conf"
_FIRST_PORT = 54_320
_PORTS = 200
_CREATE = f"""
CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8' LC_CTYPE 'C.UTF-8'
    -- sorts text in the same order as C.UTF-8, but in a third of the time
    LC_COLLATE 'C'
"""
_PRIVATE_SETTINGS: Final = {
    "listen": "127.0.0.1",
    "sockets": "unix_socket_directories = ''",
    # Without replication, rows that are loaded in the transaction that creates their table need
    # not be logged: the table's file is synchronised at commit.
    "replication": "wal_level = minimal\nmax_wal_senders = 0",
}

logger = logging.getLogger(__name__)


class RefusedError(InstanceError):
    """The database refuses us, or is not one that this software may use; nothing was changed."""

    exit_code = ExitCode.BAD_INPUT


@dataclass(frozen=True)
class Owner:
    """Whose database it is; stored as its comment, which dumps do not contain.

    Attributes
    ----------
    instance : str
        The identifier of the instance.
    format : int
        What older software does not understand has a larger number, see
        :data:`~ingest.instance.layout.STATE_FORMAT`.
    software : str
        The version of this software that used it last.
    """

    instance: str
    format: int = STATE_FORMAT
    software: str = __version__


def free_port(first: int = _FIRST_PORT, count: int = _PORTS) -> int:
    """Return an unused port of this machine.

    Raises
    ------
    InstanceError
        If none of the `count` ports from `first` on is free.
    """
    for port in range(first, first + count):
        if port_is_free(port):
            return port
    raise InstanceError(f"no free port between {first} and {first + count - 1}")


def port_is_free(port: int, host: str = HOST) -> bool:
    """Return whether a server can listen on `port` of `host`, an address of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def postgres_settings(site: Site) -> str:
    """Return the settings of a private cluster."""
    return render(site, SETTINGS_TEMPLATE, **_PRIVATE_SETTINGS)


class Cluster:
    """The database cluster of an instance: a private one, or that of a server elsewhere.

    Parameters
    ----------
    layout : Layout
        The instance.
    settings : DatabaseSection, optional
        Where the database is. Default: as the settings of the site say.
    """

    is_remote = False
    """Whether others start and stop the server."""

    def __new__(cls, layout: Layout, settings: DatabaseSection | None = None) -> Cluster:
        """Return an object of the class for this kind of database."""
        if cls is not Cluster:
            return super().__new__(cls)
        # here, because both are made of this class
        from ingest.instance.private import PrivateCluster
        from ingest.instance.remote import RemoteCluster

        settings = settings or load_site().database
        return super().__new__(RemoteCluster if settings.host else PrivateCluster)

    def __init__(self, layout: Layout, settings: DatabaseSection | None = None) -> None:
        self.layout = layout
        self.account = layout.account
        self.password_file = layout.var / "superuser.password"

    # -- what differs ------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What messages call the server."""
        raise NotImplementedError

    @property
    def superuser(self) -> str:
        """The name of the superuser."""
        raise NotImplementedError

    def address(self, port: int) -> dict[str, str | int]:
        """Return where the server is, as the database library takes it."""
        raise NotImplementedError

    @property
    def is_created(self) -> bool:
        """Whether the cluster exists, as far as is known here."""
        raise NotImplementedError

    @property
    def is_running(self) -> bool:
        """Whether the cluster's server is running."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        """The port of the running server."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """The id of the running server's main process."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stop the server if it is ours to stop."""
        raise NotImplementedError

    @property
    def major(self) -> str:
        """The major version of PostgreSQL of the cluster."""
        raise NotImplementedError

    @property
    def next_major(self) -> str:
        """The version that a database restored from a backup would have."""
        raise NotImplementedError

    @property
    def programs(self) -> Path:
        """The folder with the programs that fit the version of the cluster."""
        raise NotImplementedError

    # -- what does not -----------------------------------------------------------------------

    def create_database(self, port: int, owner: Owner) -> None:
        """Create the empty database with the extensions for geometry on the sphere."""
        with self.connect(port, "postgres") as connection:
            connection.autocommit = True
            try:
                connection.cursor().execute(_CREATE)
            except psycopg2.errors.WrongObjectType as refusal:
                raise RefusedError(
                    "the server does not have the locale of the database",
                    where=self.name,
                    value=str(refusal).strip(),
                    expected="C.UTF-8, which Debian and its images have",
                    remedy="use another image or machine",
                ) from None
        self.set_owner(port, owner)
        with self.connect(port) as connection:
            connection.autocommit = True
            for extension in EXTENSIONS:
                _create_extension(connection, extension)

    def drop_database(self, port: int) -> None:
        """Delete the database, of which the caller knows that it is ours."""
        with self.connect(port, "postgres") as connection:
            connection.autocommit = True
            connection.cursor().execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")

    def owner(self, port: int) -> Owner | None:
        """Return whose database it is; None if there is no database.

        That of others, or of earlier versions of this software, has an owner without a name.
        """
        with self.connect(port, "postgres") as connection:
            cursor = connection.cursor()
            cursor.execute(
                "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
                [DATABASE],
            )
            found = cursor.fetchone()
        if found is None:
            return None
        try:
            stored = json.loads(found[0] or "")
            return Owner(str(stored["instance"]), int(stored["format"]), str(stored["software"]))
        except (ValueError, TypeError, KeyError):
            return Owner("", 0, "")

    def set_owner(self, port: int, owner: Owner) -> None:
        """Store whose database it is."""
        with self.connect(port, "postgres") as connection:
            connection.autocommit = True
            connection.cursor().execute(
                f"COMMENT ON DATABASE {DATABASE} IS %s", [json.dumps(asdict(owner))]
            )

    @contextlib.contextmanager
    def connect(
        self, port: int, database: str = DATABASE
    ) -> Iterator[psycopg2.extensions.connection]:
        """Yield a connection as superuser, which is closed at the end.

        Raises
        ------
        InstanceError
            If the server does not accept the connection.
        """
        try:
            connection = psycopg2.connect(
                **self.address(port), dbname=database, user=self.superuser, password=self.password
            )
        except psycopg2.OperationalError as error:
            raise self.unreachable(str(error).strip(), port) from None
        try:
            yield connection
        finally:
            connection.close()

    def unreachable(self, reason: str, port: int) -> InstanceError:
        """Return the error for a connection that failed."""
        return InstanceError(
            "the database cannot be reached",
            where=f"port {port}",
            value=reason,
            remedy="run km3vo instance up; see the directory logs of the instance",
        )

    @property
    def password(self) -> str:
        """The superuser's password."""
        return read_regular(self.password_file).decode()

    def client(self, port: int) -> tuple[str, ...]:
        """Return the options with which PostgreSQL's programs connect as superuser."""
        address = self.address(port)
        return (
            f"--host={address['host']}",
            f"--port={address['port']}",
            f"--username={self.superuser}",
        )

    @property
    def client_environment(self) -> dict[str, str]:
        """The environment in which they do."""
        # in the environment, because other users of the machine can read command lines
        return {"PGPASSWORD": self.password}


def _create_extension(connection: psycopg2.extensions.connection, name: str) -> None:
    """Create an extension, in the patched version if PostgreSQL refuses Debian's."""
    cursor = connection.cursor()
    try:
        cursor.execute(f"CREATE EXTENSION {name}")
    except psycopg2.errors.InvalidFunctionDefinition as refusal:
        try:
            cursor.execute(f"CREATE EXTENSION {name} VERSION '{PATCHED_VERSION}'")
        except psycopg2.Error:
            raise InstanceError(
                f"PostgreSQL refuses Debian's extension {name}",
                value=str(refusal).strip(),
                remedy="run make setup as root or with sudo, which installs a patched version",
            ) from None
