"""The private PostgreSQL cluster of an instance.

It listens on 127.0.0.1 only, on its own port, and requires a password of every user. Only the
instance's account can read the file with the superuser's password.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ingest.core.errors import InstanceError
from ingest.core.files import read_regular
from ingest.instance import process as processes
from ingest.instance.layout import Layout, NewerError
from ingest.instance.postgres import (
    EXTENSIONS,
    HOST,
    PROGRAMS,
    SUPERUSER,
    Cluster,
    free_port,
    port_is_free,
    postgres_settings,
)
from ingest.instance.site import DatabaseSection, load_site

_SETTINGS = "km3vo.conf"
_INCLUDE = f"include = '{_SETTINGS}'"
_ATTEMPTS = 5
_TIMEOUT = 300  # s; the recovery from a crash may take minutes

logger = logging.getLogger(__name__)


class PrivateCluster(Cluster):
    """The database cluster below the directory of an instance; see :class:`.Cluster`."""

    def __init__(self, layout: Layout, settings: DatabaseSection | None = None) -> None:
        super().__init__(layout)
        self.data = layout.postgres

    @property
    def superuser(self) -> str:
        """The name of the superuser."""
        return SUPERUSER

    def address(self, port: int) -> dict[str, str | int]:
        """Return where the server is, as the database library takes it."""
        return {"host": HOST, "port": port}

    @property
    def name(self) -> str:
        """What messages call the server."""
        return "the database"

    @property
    def is_created(self) -> bool:
        """Whether the cluster's files exist."""
        return (self.data / "PG_VERSION").exists()

    @property
    def is_running(self) -> bool:
        """Whether the cluster's server is running."""
        if not self.is_created or not (PROGRAMS / self.major / "bin" / "pg_ctl").exists():
            return False  # without its programs it can neither run nor be asked, only be deleted
        return self._pg_ctl("status").returncode == 0

    @property
    def port(self) -> int:
        """The port of the running server, as recorded in its ``postmaster.pid``."""
        return int(read_regular(self.data / "postmaster.pid").splitlines()[3])

    @property
    def pid(self) -> int:
        """The id of the running server's main process, from the same file."""
        return int(read_regular(self.data / "postmaster.pid").splitlines()[0])

    def create(self) -> None:
        """Create the cluster.

        Raises
        ------
        InstanceError
            If PostgreSQL or its sky extensions are not installed, or the disk is full.
        """
        programs = _programs(None)
        # Created under another name, then renamed: an interruption leaves no partial cluster.
        draft = self.data.with_name(self.data.name + ".new")
        for leftover in (draft, self.data):
            shutil.rmtree(leftover, ignore_errors=True)
        self.account.create_directory(draft)
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
                # Sorts text in the same order as C.UTF-8, but in a third of the time.
                "--lc-collate=C",
            ],
            home=self.data,
        )
        if done.returncode:
            raise _error("PostgreSQL could not create its cluster", done, draft)
        draft.rename(self.data)

    def start(self, port: int) -> int:
        """Start the server, and return its port as soon as it accepts connections.

        Parameters
        ----------
        port : int
            The preferred port; another one is used if it is 0 or taken.

        Raises
        ------
        InstanceError
            If it does not start.
        """
        _programs(self.major)  # refused before anything is written
        self._write_settings()
        return self.restart(port, load_site().limits.database_process)

    def restart(self, port: int, memory: int) -> int:
        """Start the server with the settings that it had; see :meth:`start`.

        Parameters
        ----------
        port : int
            The preferred port.
        memory : int
            The limit of each of its processes in MiB.
        """
        log = self.layout.logs / "postgresql.log"
        for _ in range(_ATTEMPTS):
            if not port or not port_is_free(port):
                port = free_port()
            # Queries go on for a while if the main process was killed, and prevent a new start.
            processes.terminate(processes.processes_below(self.data))
            done = self._pg_ctl(
                *("start", "-w", "-t", str(_TIMEOUT), "-l", log, "-o", f"-p {port}"),
                # All processes of the server inherit this limit, even those that run code in C
                # which does not listen to timeouts. They report "out of memory" for their query.
                prefix=("prlimit", f"--as={memory * 2**20}"),
                # If memory of the machine is short, the kernel shall not end the main process.
                env={
                    "PG_OOM_ADJUST_FILE": "/proc/self/oom_score_adj",
                    "PG_OOM_ADJUST_VALUE": "500",
                },
            )
            if done.returncode == 0:
                logger.info("PostgreSQL started on port %d", port)
                return port
            if port_is_free(port):
                break
            # Another program took the port after it was found to be free.
        raise _error("PostgreSQL did not start", done, log)

    def wait(self, port: int) -> bool:
        """Wait until a running server accepts connections, and return whether it does.

        It may be recovering from a crash, or be about to stop.
        """
        deadline = time.monotonic() + _TIMEOUT
        while self.is_running and time.monotonic() < deadline:
            try:
                with self.connect(port, "postgres"):
                    return True
            except InstanceError:
                time.sleep(0.1)
        return False

    def stop(self) -> None:
        """Stop the server if it is running; open transactions are rolled back."""
        if self.is_running:
            logger.info("stopping PostgreSQL")
            done = self._pg_ctl("stop", "-w", "-m", "fast")
            if done.returncode and self.is_running:
                raise _error("PostgreSQL did not stop", done, self.data)
        # Also the remaining processes of a killed server, and a server whose files were deleted.
        processes.terminate(processes.processes_below(self.data))

    @property
    def major(self) -> str:
        """The major version of PostgreSQL that created the cluster."""
        return read_regular(self.data / "PG_VERSION").decode().strip()

    @property
    def programs(self) -> Path:
        """The folder with the programs of the version that created the cluster."""
        return _programs(self.major)

    @property
    def next_major(self) -> str:
        """The version with which a new cluster would be created."""
        return newest_major()

    def _write_settings(self) -> None:
        """Write our settings, and include them in ``postgresql.conf``, after all others."""
        self._write(self.data / _SETTINGS, postgres_settings(load_site()))
        main = self.data / "postgresql.conf"
        text = read_regular(main).decode()
        if _INCLUDE not in text:
            self._write(main, f"{text}\n{_INCLUDE}\n")

    def _write(self, path: Path, text: str) -> None:
        # by the account itself, which may have replaced the file by a link
        done = self.account.run(["tee", path], home=self.data, text_input=text)
        if done.returncode:
            raise _error("PostgreSQL's settings could not be written", done, path)

    def _pg_ctl(
        self,
        *arguments: str | Path,
        prefix: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return self.account.run(
            [*prefix, self.programs / "pg_ctl", f"--pgdata={self.data}", "-s", *arguments],
            home=self.data,
            env=env,
            timeout=2 * _TIMEOUT,
        )


def newest_major() -> str:
    """Return the newest installed version for which all extensions are installed."""
    return _programs(None).parent.name


def _programs(major: str | None) -> Path:
    """Return the folder with the programs of PostgreSQL.

    Parameters
    ----------
    major : str or None
        The version; if None, the newest one for which all extensions are installed.
    """
    if major is not None:
        if (PROGRAMS / major / "bin" / "pg_ctl").exists():
            return PROGRAMS / major / "bin"
        raise _without_programs(major)
    installed = sorted(PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    for initdb in reversed(installed):
        version = initdb.parts[-3]
        extensions = Path("/usr/share/postgresql", version, "extension")
        if all((extensions / f"{name}.control").exists() for name in EXTENSIONS):
            return initdb.parent
    raise InstanceError(
        "no PostgreSQL with the extensions q3c and pgSphere is installed",
        where=str(PROGRAMS),
        remedy="run make setup",
    )


def _without_programs(major: str) -> InstanceError:
    """Return the error for a cluster of a version that is not installed."""
    packages = (
        f"apt-get install postgresql-{major} postgresql-{major}-q3c postgresql-{major}-pgsphere"
    )
    installed = [int(path.parts[-2]) for path in PROGRAMS.glob("*/bin")]
    if installed and int(major) > max(installed):
        return NewerError(
            "the database was created by a newer PostgreSQL than is installed",
            where=str(PROGRAMS),
            value=f"PostgreSQL {major}",
            expected=f"PostgreSQL {max(installed)}, which is installed, or older",
            remedy=f"{packages}, or a newer release of Debian; or restore a backup that was made"
            " before: km3vo restore DIRECTORY --replace",
        )
    return InstanceError(
        f"the database was created by PostgreSQL {major}, which is not installed",
        remedy=f"{packages}, if Debian still has them; otherwise make the instance from its last"
        " backup: km3vo restore DIRECTORY --replace",
    )


def _error(problem: str, done: subprocess.CompletedProcess[str], where: Path) -> InstanceError:
    output = (done.stderr or done.stdout).strip()
    if not output and where.is_file():
        output = "\n".join(read_regular(where).decode(errors="replace").splitlines()[-5:])
    remedy = (
        "free some disk space, then try again"
        if "No space left" in output
        else "see the message above; the complete log is in the directory logs of the instance"
    )
    return InstanceError(problem, where=str(where), value=output[-600:] or None, remedy=remedy)
