"""DaCHS in an instance: its configuration, its command line and its server.

DaCHS is a Debian package and runs under Debian's Python, so it is run as a program and never
imported.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ingest.core.errors import ImportFailedError, InstanceError, NoAnswerError
from ingest.core.files import atomic_write, open_to_append, read_regular
from ingest.core.http import get
from ingest.instance import postgres
from ingest.instance import process as processes
from ingest.instance.dachs import configuration, vocabularies, webpages
from ingest.instance.layout import ARCHIVE_VARIABLE, InstanceState, Layout
from ingest.instance.process import ProcessFile
from ingest.instance.site import Site

PROGRAM = Path("/usr/bin/dachs")
"""Exists where DaCHS is installed; it is started by our launcher, which patches it."""
PYTHON = Path("/usr/bin/python3")
"""The Python for which DaCHS is installed."""
_TIMEOUT = 3600.0  # s
_AVAILABILITY = "/__system__/tap/run/availability"

logger = logging.getLogger(__name__)


class Dachs:
    """DaCHS with its configuration below an instance's ``dachs`` directory.

    Parameters
    ----------
    layout : Layout
        The instance.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.account = layout.account
        self.etc = configuration.etc(layout)
        self.cache = layout.dachs / "cache"
        self.process = ProcessFile(layout.var / "server.pid")
        self.log = layout.logs / "server.log"

    # -- configuration ---------------------------------------------------------------------

    def configure(self, site: Site, state: InstanceState) -> bool:
        """Write DaCHS' configuration files.

        Parameters
        ----------
        site : Site
            The settings of the site.
        state : InstanceState
            Ports and address of the instance.

        Returns
        -------
        bool
            Whether any of the files changed, now or since the server was started. An import
            writes them as well, but does not restart the server.
        """
        files = configuration.files(self.layout, site, state)
        for directory in (self.layout.inputs, self.cache, *configuration.directories(self.layout)):
            self.account.create_directory(directory)
        changed = False
        for path, content in files.items():
            if configuration.content(path) != content:
                with atomic_write(path) as stream:
                    stream.write(content)
                path.chmod(0o600)
                self.account.chown(path)
                changed = True
        for path in vocabularies.seed(self.cache):
            self.account.chown(path)
        webpages.write_scripts(self.layout.dachs, self.account)
        return changed or self._started_before(max(path.stat().st_mtime_ns for path in files))

    def write_database_port(self, state: InstanceState) -> None:
        """Tell DaCHS the port of the database, which it reads when it starts."""
        with atomic_write(self.etc / "dsn") as stream:
            stream.write(configuration.dsn(state).encode())

    def set_up(self, cluster: postgres.Cluster, port: int) -> None:
        """Have DaCHS create its roles, tables and views in an empty database.

        Raises
        ------
        InstanceError
            If DaCHS reports a failure.
        """
        address = cluster.address(port)
        dsn = (
            f"host={address['host']} port={address['port']}"
            f" dbname={postgres.DATABASE} user={cluster.superuser}"
        )
        tables = ("imp", "//obscore", ",", "pub", "//services", "//tap")
        done = self.run("init", "-d", dsn, ",", *tables, extra=cluster.client_environment)
        # DaCHS only warns of a missing role or extension.
        problems = re.findall(r"(?:Could not|failed).*", done.stdout + done.stderr)
        if done.returncode or problems:
            raise self.error("DaCHS could not set up the database", done)
        # DaCHS writes its passwords into files that other accounts can read.
        for path in self.etc.iterdir():
            path.chmod(0o700 if path.is_dir() else 0o600)

    @property
    def visitors_password(self) -> str:
        """The password of the database role for visitors' queries, as DaCHS reads it."""
        profile = configuration.content(self.etc / "untrustedquery") or b""
        for line in profile.decode().splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "password":
                return value.strip()
        raise InstanceError(
            "DaCHS' profile for visitors' queries has no password",
            where=str(self.etc / "untrustedquery"),
            remedy="delete the instance and import again: km3vo instance reset && make import",
        )

    def version(self) -> str:
        """Return the version of the installed DaCHS package.

        Raises
        ------
        InstanceError
            If DaCHS is not installed.
        """
        if not PROGRAM.exists():
            raise InstanceError(
                "DaCHS is not installed", where=str(PROGRAM), remedy="run make setup"
            )
        done = subprocess.run(
            ["dpkg-query", "-W", "-f=${Version}", "python3-gavo"],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip() or "unknown"

    # -- command line ----------------------------------------------------------------------

    def run(
        self, *arguments: str, extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ``dachs`` with `arguments` in this instance; return its exit code and output."""
        return self._run([*self._program, *arguments], extra)

    def run_batch(
        self,
        *commands: Sequence[str],
        staged: bool = False,
        problem: str = "DaCHS could not import or publish; the previous state is still online",
    ) -> None:
        """Run several ``dachs`` commands in one process and one transaction.

        Parameters
        ----------
        *commands : sequence of str
            The arguments of each command, or one of the launcher's own commands.
        staged : bool, optional
            Whether to read the descriptors from the staged directory, and to exchange it for the
            one that is served as soon as the transaction is committed.
        problem : str, optional
            The error message.

        Raises
        ------
        ImportFailedError
            If DaCHS fails, or ``dachs pub`` leaves out a service.
        """
        together: list[Sequence[str]] = [*commands]
        if staged:
            together.append(self._exchange)
        words = [word for command in together for word in (*command, ",")]
        extra = {"GAVO_INPUTSDIR": str(self.layout.staged.resolve())} if staged else None
        done = self._run([*self._program, "--together", *words], extra)
        if done.returncode:
            raise ImportFailedError(
                problem,
                value=_error_excerpt(done.stdout + done.stderr),
                remedy="if this message does not help, see the directory dachs/logs of the"
                " instance",
            )

    def run_each(self, *commands: Sequence[str]) -> list[tuple[int, str, float]]:
        """Run several ``dachs`` commands in one process, also after one that fails.

        Parameters
        ----------
        *commands : sequence of str
            The arguments of each command.

        Returns
        -------
        list of (int, str, float)
            The exit code, the output and the time in s of each.

        Raises
        ------
        InstanceError
            If the process ends before the last command has been run.
        """
        words = [word for command in commands for word in (*command, ",")]
        done = self._run([*self._program, "--each", *words])
        parts = re.split("\n\x1e(\\d+) ([\\d.]+)\n", done.stdout)
        found = [
            (int(code), output, float(seconds))
            for output, code, seconds in zip(parts[::3], parts[1::3], parts[2::3], strict=False)
        ]
        if len(found) != len(commands):
            raise self.error(f"dachs {' '.join(commands[len(found)])} failed", done)
        return found

    def exchange(self) -> None:
        """Exchange the staged directory for the one that is served."""
        self.run_checked(*self._exchange)

    @property
    def _exchange(self) -> list[str]:
        staged, served = self.layout.staged.resolve(), self.layout.inputs.resolve()
        return ["exchange", str(staged), str(served), str(self.process.path)]

    def run_checked(self, *arguments: str) -> str:
        """Run ``dachs`` and return its output.

        Raises
        ------
        InstanceError
            If it fails.
        """
        done = self.run(*arguments)
        if done.returncode:
            raise self.error(f"dachs {' '.join(arguments)} failed", done)
        return done.stdout + done.stderr

    def error(self, problem: str, done: subprocess.CompletedProcess[str]) -> InstanceError:
        """Return the error for a failed command, with the relevant lines of its output."""
        return InstanceError(
            problem,
            value=_error_excerpt(done.stdout + done.stderr),
            remedy=f"see also the log of DaCHS, {self.layout.dachs / 'logs' / 'dcErrors'}",
        )

    # -- server ----------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether the server's process is running."""
        return self.process.pid() is not None

    def answers(self, state: InstanceState, timeout: float = 5.0) -> bool:
        """Return whether the instance's TAP service says that it is available."""
        try:
            found = get(f"{state.local_url}{_AVAILABILITY}", timeout=timeout, proxies=False)
        except NoAnswerError:
            return False
        return b"available>true<" in found

    def start(self, state: InstanceState, timeout: float = 60.0) -> None:
        """Start the server, and return as soon as it answers.

        Raises
        ------
        InstanceError
            If the port is taken, or the server ends or does not answer within `timeout` seconds.
        """
        server = self.spawn(state)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if server.poll() is not None:
                break
            if self.answers(state):
                return
            time.sleep(0.1)
        self.process.stop()
        raise InstanceError(
            "the server did not start",
            where=str(self.log),
            value=_error_excerpt(read_regular(self.log).decode(errors="replace")),
            remedy=f"see this log, and those of DaCHS in {self.layout.dachs / 'logs'}",
        )

    def spawn(self, state: InstanceState) -> subprocess.Popen[bytes]:
        """Start the server, and return without waiting for it.

        Raises
        ------
        InstanceError
            If the port is taken.
        """
        port = state.web_port
        if not postgres.port_is_free(port, state.host):
            raise InstanceError(
                f"the port {port} is in use by another program",
                remedy=f"choose another one: make up PORT={postgres.free_port(port + 1)}",
            )
        with open_to_append(self.log) as log:
            self.account.chown(self.log)
            server = self.account.spawn(
                [*self._program, "serve", "start", "--foreground"],
                home=self.layout.dachs,
                env=self._environment(),
                log=log,
            )
        self.process.write(server.pid)
        logger.info("DaCHS started as process %d on port %d", server.pid, port)
        return server

    def stop(self) -> None:
        """Stop the server if it is running, and the processes that it started."""
        if self.is_running:
            logger.info("stopping DaCHS")
        self.process.stop()
        # Also servers without a process file: it was deleted, or the command was killed before
        # writing it.
        processes.terminate(processes.processes_below(self.layout.dachs))

    def reload(self) -> None:
        """Make a running server reload its descriptors and tables."""
        pid = self.process.pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGHUP)

    def _started_before(self, moment: int) -> bool:
        try:
            return self.process.path.stat().st_mtime_ns < moment
        except FileNotFoundError:
            return False  # the server is not running

    def _run(
        self, command: Sequence[str | Path], extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of DaCHS, and log its output."""
        begin = time.monotonic()
        done = self.account.run(
            command,
            home=self.layout.dachs,
            env={**self._environment(), **(extra or {})},
            timeout=_TIMEOUT,
        )
        logger.debug(
            "%s: exit code %d after %.1f s\n%s",
            " ".join(map(str, command)),
            done.returncode,
            time.monotonic() - begin,
            (done.stdout + done.stderr).strip(),
        )
        return done

    @property
    def _program(self) -> tuple[Path, ...]:
        return PYTHON, configuration.launcher(self.layout) / "launch.py"

    def _environment(self) -> dict[str, str]:
        return {
            # The launcher is replaced with each upgrade; DaCHS' own files are compiled already.
            "PYTHONDONTWRITEBYTECODE": "1",
            "GAVOSETTINGS": str(configuration.settings(self.layout)),
            "GAVOCUSTOM": "/dev/null",
            # the alert services serve files from the archive
            ARCHIVE_VARIABLE: str(self.layout.archive),
            # for [database] sslmode; without a file by this name it is not read
            "PGSSLROOTCERT": str(self.layout.var / postgres.CERTIFICATE),
        }


def _error_excerpt(output: str, lines: int = 8) -> str:
    """Return the error messages in the output of DaCHS, or its last lines if there are none."""
    shown = [line.rstrip() for line in output.splitlines() if line.strip()]
    for index, line in enumerate(shown):
        if line.startswith(("*** Error", "***Error", "Error")):
            return "\n".join(shown[index : index + lines])
    return "\n".join(shown[-lines:])
