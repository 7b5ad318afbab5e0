"""PostgreSQL servers that no instance manages, as an operator sets them up."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from ingest.instance.account import Account
from ingest.instance.postgres import free_port
from ingest.instance.private import newest_major
from ingest.instance.server_settings import server_settings
from ingest.instance.site import load_site
from tests.instances import FIRST_PORT

SUPERUSER = "operator"
PASSWORD = "of the operator"
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = {port}
fsync = off
max_slot_wal_keep_size = 1GB
"""


@dataclass
class Server:
    """A server with the settings that ``km3vo instance postgres-settings`` prints.

    Attributes
    ----------
    folder : pathlib.Path
        The directory above that of its files, which the servers' account can write.
    port : int
        Its port.
    more : mapping of str to str
        Settings that differ.
    """

    folder: Path
    port: int
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        return Account.current()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def password_file(self) -> Path:
        return self.folder / "password"

    def create(self) -> Server:
        """Make a cluster, and start it."""
        self.folder.mkdir(parents=True)
        self.password_file.write_text(PASSWORD + "\n")
        for path in (self.folder, self.password_file):
            Account.current().chown(path)
        options = ("--auth=scram-sha-256", "--locale=C.UTF-8", "--encoding=UTF8", "--no-sync")
        self.run("initdb", f"--username={SUPERUSER}", f"--pwfile={self.password_file}", *options)
        self.configure()
        self.start()
        return self

    def configure(self, more: str = "") -> None:
        """Write the settings, with those that differ at the end."""
        lines = [f"{name} = {value}" for name, value in self.more.items()]
        text = server_settings(load_site()) + _SETTINGS.format(port=self.port)
        (self.data / "postgresql.conf").write_text("\n".join((text, *lines, more, "")))

    def start(self) -> None:
        self.run("pg_ctl", "start", "-w", "-l", self.folder / "log")

    def stop(self, mode: str = "immediate") -> None:
        self.run("pg_ctl", "stop", "-w", "-m", mode)

    @property
    def pids(self) -> list[int]:
        """The ids of the main process and its children."""
        main = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        return [main, *map(int, children)]

    def kill(self) -> None:
        """End all processes at once, as a power cut does."""
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        (self.data / "postmaster.pid").unlink()

    def run(self, program: str, *words: str | Path, home: Path | None = None) -> str:
        """Run a program of PostgreSQL on the files of this server; return its output."""
        command: list[str | Path] = [f"/usr/lib/postgresql/{newest_major()}/bin/{program}"]
        if program != "pg_basebackup":
            command += ["-D", self.data]
        done = Account.current().run([*command, *words], home=home or self.folder, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextlib.contextmanager
    def connect(self, database: str = "postgres", **more: Any) -> Iterator[Any]:
        """Yield a cursor in autocommit mode."""
        login: dict[str, Any] = {"user": SUPERUSER, "password": PASSWORD, **more}
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, dbname=database, **login)
        connection.autocommit = True
        try:
            yield connection.cursor()
        finally:
            connection.close()

    def rows(self, query: str, database: str = "postgres", **more: Any) -> list[tuple[Any, ...]]:
        with self.connect(database, **more) as cursor:
            cursor.execute(query)
            return list(cursor.fetchall()) if cursor.description else []

    def site(self, path: Path, **more: Any) -> Path:
        """Write a file for ``KM3VO_SITE`` that names this server."""
        settings = {
            "host": "127.0.0.1",
            "port": self.port,
            "superuser": SUPERUSER,
            "password_file": str(self.password_file),
            **more,
        }
        lines = [f"{name} = {value!r}" for name, value in settings.items()]
        path.write_text("\n".join(["[database]", *lines, ""]))
        return path


@contextlib.contextmanager
def running(offset: int = 0, **more: str) -> Iterator[Server]:
    """Yield a new server, which is deleted at the end."""
    # not in pytest's directory, which the servers' account cannot enter
    folder = Path(tempfile.mkdtemp(prefix="km3vo-server-"))
    folder.chmod(0o755)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    server = Server(
        folder / "server", free_port(FIRST_PORT + 2000 + 50 * worker + offset, 10), more
    )
    try:
        yield server.create()
    finally:
        end(server)
        shutil.rmtree(folder)


def end(server: Server) -> None:
    """Stop a server, in whatever state it is."""
    with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
        server.stop()


def eventually(condition: Any, seconds: float = 30.0) -> Any:
    """Wait until a function returns something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
    return found
