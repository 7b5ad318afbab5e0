"""The private PostgreSQL cluster of an instance.

It listens on 127.0.0.1 only, on a port of its own, and asks everyone for a password. The
superuser's password stays in a file that only the instance's account reads.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2

from ingest.errors import InstanceError
from ingest.instance.layout import Layout

SUPERUSER = "dachsroot"
DATABASE = "gavo"
HOST = "127.0.0.1"
_PROGRAMS = Path("/usr/lib/postgresql")
_EXTENSIONS = ("q3c", "pg_sphere")
_FIRST_PORT = 54_320
_PORTS = 200


def free_port(first: int = _FIRST_PORT, count: int = _PORTS) -> int:
    """Return a port of this machine that nobody listens on.

    Raises
    ------
    InstanceError
        If none of the `count` ports from `first` on is free.
    """
    for port in range(first, first + count):
        if port_is_free(port):
            return port
    raise InstanceError(f"no free port between {first} and {first + count - 1}")


def port_is_free(port: int) -> bool:
    """Say whether a server could listen on `port` of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


class Cluster:
    """The database cluster of an instance.

    Parameters
    ----------
    layout : Layout
        The instance.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.account = layout.account
        self.data = layout.postgres
        self.password_file = layout.var / "superuser.password"

    @property
    def is_created(self) -> bool:
        """Whether the cluster's files exist."""
        return (self.data / "PG_VERSION").exists()

    @property
    def is_running(self) -> bool:
        """Whether the cluster's server runs."""
        return self.is_created and self._pg_ctl("status").returncode == 0

    def create(self) -> None:
        """Make the cluster.

        Raises
        ------
        InstanceError
            If PostgreSQL or its sky extensions are not installed, or the disk is full.
        """
        programs = _programs(None)
        # Made beside its place and moved there when whole: a cut leaves no half cluster.
        draft = self.data.with_name(self.data.name + ".new")
        for leftover in (draft, self.data):
            shutil.rmtree(leftover, ignore_errors=True)
        self.account.make_directory(draft)
        self.password_file.write_text(secrets.token_urlsafe(32))
        self.password_file.chmod(0o600)
        self.account.own(self.password_file)
        done = self.account.run(
            [
                programs / "initdb",
                f"--pgdata={draft}",
                f"--username={SUPERUSER}",
                f"--pwfile={self.password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                # The same order of texts as C.UTF-8, and sorted in a third of the time.
                "--lc-collate=C",
            ],
            home=self.layout.var,
        )
        if done.returncode:
            raise _failure("PostgreSQL could not make its cluster", done, draft)
        with (draft / "postgresql.conf").open("a") as stream:
            stream.write(
                "\n# Set by km3vo\n"
                f"listen_addresses = '{HOST}'\n"
                "unix_socket_directories = ''\n"
                "timezone = 'UTC'\n"
                "log_timezone = 'UTC'\n"
                # DaCHS compiles nothing: the just-in-time compiler only slows short queries.
                "jit = off\n"
                # Nobody replicates this cluster, so what is loaded in the transaction that made
                # its table need not go into the log as well: at commit the table itself is
                # synchronised, and after a power cut it is there or not, as always.
                "wal_level = minimal\n"
                "max_wal_senders = 0\n"
                # A whole import between two checkpoints, and a table's recent pages in memory.
                "max_wal_size = 2GB\n"
                "shared_buffers = 256MB\n"
            )
        draft.rename(self.data)

    def start(self, port: int) -> None:
        """Start the server on `port`, and return when it takes connections."""
        if self.is_running:
            return
        log = self.layout.logs / "postgresql.log"
        done = self._pg_ctl("start", "-w", "-t", "60", "-l", str(log), "-o", f"-p {port}")
        if done.returncode:
            raise _failure("PostgreSQL did not start", done, log)

    def stop(self) -> None:
        """Stop the server if it runs; open transactions are rolled back."""
        if self.is_running:
            done = self._pg_ctl("stop", "-w", "-m", "fast")
            if done.returncode:
                raise _failure("PostgreSQL did not stop", done, self.data)

    def create_database(self, port: int) -> None:
        """Make the empty database with the sky extensions."""
        with self.connect(port, "postgres") as connection:
            connection.autocommit = True
            connection.cursor().execute(f"CREATE DATABASE {DATABASE}")
        with self.connect(port) as connection:
            connection.autocommit = True
            for extension in _EXTENSIONS:
                connection.cursor().execute(f"CREATE EXTENSION {extension}")

    def drop_database(self, port: int) -> None:
        """Remove the database, if a set-up was interrupted half-way."""
        with self.connect(port, "postgres") as connection:
            connection.autocommit = True
            connection.cursor().execute(f"DROP DATABASE IF EXISTS {DATABASE}")

    @contextlib.contextmanager
    def connect(
        self, port: int, database: str = DATABASE
    ) -> Iterator[psycopg2.extensions.connection]:
        """Yield a superuser's connection, for the set-up and for audits."""
        connection = psycopg2.connect(
            host=HOST, port=port, dbname=database, user=SUPERUSER, password=self.password
        )
        try:
            yield connection
        finally:
            connection.close()

    @property
    def password(self) -> str:
        """The superuser's password."""
        return self.password_file.read_text()

    def _pg_ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        major = (self.data / "PG_VERSION").read_text().strip()
        return self.account.run(
            [_programs(major) / "pg_ctl", f"--pgdata={self.data}", "-s", *arguments],
            home=self.layout.var,
            timeout=120,
        )


def _programs(major: str | None) -> Path:
    """Return the folder with PostgreSQL's programs, of version `major` or the newest.

    Only versions that have the sky extensions count for a new cluster.
    """
    if major is not None:
        if (_PROGRAMS / major / "bin" / "pg_ctl").exists():
            return _PROGRAMS / major / "bin"
        raise InstanceError(
            f"the database was made by PostgreSQL {major}, which is no longer installed",
            remedy=f"apt-get install postgresql-{major} postgresql-{major}-q3c"
            f" postgresql-{major}-pgsphere, or start anew: km3vo instance reset && make import",
        )
    installed = sorted(_PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    for initdb in reversed(installed):
        version = initdb.parts[-3]
        extensions = Path("/usr/share/postgresql", version, "extension")
        if all((extensions / f"{name}.control").exists() for name in _EXTENSIONS):
            return initdb.parent
    raise InstanceError(
        "no PostgreSQL with the extensions q3c and pgSphere is installed",
        where=str(_PROGRAMS),
        remedy="run make setup",
    )


def _failure(problem: str, done: subprocess.CompletedProcess[str], where: Path) -> InstanceError:
    said = (done.stderr or done.stdout).strip()
    if not said and where.is_file():
        said = "\n".join(where.read_text(errors="replace").splitlines()[-5:])
    remedy = (
        "make room on the disk, then try again"
        if "No space left" in said
        else "see the message above; the whole log is in the directory logs beside it"
    )
    return InstanceError(problem, where=str(where), value=said[-600:] or None, remedy=remedy)
