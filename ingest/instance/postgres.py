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
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2

from ingest.core.errors import InstanceError
from ingest.instance import process as processes
from ingest.instance.layout import Layout

SUPERUSER = "dachsroot"
DATABASE = "gavo"
HOST = "127.0.0.1"
_PROGRAMS = Path("/usr/lib/postgresql")
MENDED_VERSION = "1.2.0km3vo"
"""The version of pgSphere that ``setup.sh`` puts beside Debian's; see there."""
_EXTENSIONS = ("q3c", "pg_sphere")
_FIRST_PORT = 54_320
_PORTS = 200
_ATTEMPTS = 5
_PATIENCE = 300  # s; the recovery from a crash may take its time


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


def port_is_free(port: int, host: str = HOST) -> bool:
    """Say whether a server could listen on `port` of an address of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
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

    @property
    def port(self) -> int:
        """The port the running server listens on, as it says itself."""
        return int((self.data / "postmaster.pid").read_text().splitlines()[3])

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
        self.password_file.unlink(missing_ok=True)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(secrets.token_urlsafe(32))
        self.account.chown(self.password_file)
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
            home=self.data,
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

    def start(self, port: int) -> int:
        """Start the server and return its port when it takes connections.

        Parameters
        ----------
        port : int
            The port to take if it is free; otherwise it will be another one.

        Raises
        ------
        InstanceError
            If it does not start.
        """
        log = self.layout.logs / "postgresql.log"
        for _ in range(_ATTEMPTS):
            if not port or not port_is_free(port):
                port = free_port()
            done = self._pg_ctl("start", "-w", "-t", str(_PATIENCE), "-l", log, "-o", f"-p {port}")
            if done.returncode == 0:
                return port
            if port_is_free(port):
                break
            # Another instance took the port between the look and the leap.
        raise _failure("PostgreSQL did not start", done, log)

    def wait(self, port: int) -> bool:
        """Wait until a running server takes connections; say whether it does.

        It may be recovering from a crash, and it may just be dying.
        """
        deadline = time.monotonic() + _PATIENCE
        while self.is_running and time.monotonic() < deadline:
            try:
                with self.connect(port, "postgres"):
                    return True
            except InstanceError:
                time.sleep(0.1)
        return False

    def stop(self) -> None:
        """Stop the server if it runs; open transactions are rolled back."""
        if self.is_running:
            done = self._pg_ctl("stop", "-w", "-m", "fast")
            if done.returncode and self.is_running:
                raise _failure("PostgreSQL did not stop", done, self.data)
        # A killed server may leave processes that still hold its memory; of one whose files
        # were deleted by hand nobody else knows.
        processes.end(processes.working_below(self.data))

    def create_database(self, port: int) -> None:
        """Make the empty database with the sky extensions."""
        with self.connect(port, "postgres") as connection:
            connection.autocommit = True
            connection.cursor().execute(f"CREATE DATABASE {DATABASE}")
        with self.connect(port) as connection:
            connection.autocommit = True
            for extension in _EXTENSIONS:
                _create_extension(connection, extension)

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
        try:
            connection = psycopg2.connect(
                host=HOST, port=port, dbname=database, user=SUPERUSER, password=self.password
            )
        except psycopg2.OperationalError as error:
            raise InstanceError(
                "the database cannot be reached",
                where=f"port {port}",
                value=str(error).strip(),
                remedy="km3vo instance up, and see the directory logs of the instance",
            ) from None
        try:
            yield connection
        finally:
            connection.close()

    @property
    def password(self) -> str:
        """The superuser's password."""
        return self.password_file.read_text()

    def _pg_ctl(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        major = (self.data / "PG_VERSION").read_text().strip()
        return self.account.run(
            [_programs(major) / "pg_ctl", f"--pgdata={self.data}", "-s", *arguments],
            home=self.data,
            timeout=2 * _PATIENCE,
        )


def _create_extension(connection: psycopg2.extensions.connection, name: str) -> None:
    """Create an extension; pgSphere in the mended version where PostgreSQL refuses Debian's."""
    cursor = connection.cursor()
    try:
        cursor.execute(f"CREATE EXTENSION {name}")
    except psycopg2.errors.InvalidFunctionDefinition as refusal:
        try:
            cursor.execute(f"CREATE EXTENSION {name} VERSION '{MENDED_VERSION}'")
        except psycopg2.Error:
            raise InstanceError(
                f"PostgreSQL refuses the extension {name} as Debian has it",
                value=str(refusal).strip(),
                remedy="run make setup with root's rights (or sudo), which mends it",
            ) from None


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
