"""DaCHS in an instance: its configuration, its command line and its server.

DaCHS is a Debian package and runs under Debian's Python, so it is run as a program and never
imported.
"""

from __future__ import annotations

import contextlib
import logging
import re
import subprocess
import time
from collections.abc import Sequence
from typing import NoReturn

from ingest.core.errors import ImportFailedError, InstanceError
from ingest.core.files import atomic_write, read_regular
from ingest.instance import postgres
from ingest.instance import process as processes
from ingest.instance.dachs import configuration, vocabularies, webpages
from ingest.instance.dachs.early import run_early
from ingest.instance.dachs.program import (
    PROGRAM,
    command,
    environment,
    error_excerpt,
    staged_inputs,
)
from ingest.instance.dachs.worker import Worker
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.site import Site

_TIMEOUT = 3600.0  # s
_DRAIN_MARGIN = 5.0  # s beyond which a worker that drains is ended
_PROXY_NOTICES = 6.0
"""Time in s until a proxy, which found a worker missing, tries it again; see fail_timeout in
``proxy.py``."""
_START_TIME = 60.0  # s for workers to answer after they were started

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
        return self._run(arguments, extra)

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
        words = [word for one in together for word in (*one, ",")]
        extra = staged_inputs(self.layout) if staged else None
        done = self._run(["--together", *words], extra)
        self._require(done, problem)

    def run_from_staged(self, *commands: Sequence[str], problem: str) -> None:
        """Run commands in one process, each for itself, with the staged descriptors.

        Parameters
        ----------
        *commands : sequence of str
            The arguments of each command. The first one that fails ends the process.
        problem : str
            The error message.

        Raises
        ------
        ImportFailedError
            If one fails.
        """
        words = [word for one in commands for word in (*one, ",")]
        self._require(self._run(words, staged_inputs(self.layout)), problem)

    @staticmethod
    def _require(done: subprocess.CompletedProcess[str], problem: str) -> None:
        if done.returncode:
            raise ImportFailedError(
                problem,
                value=error_excerpt(done.stdout + done.stderr),
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
        words = [word for one in commands for word in (*one, ",")]
        done = self._run(["--each", *words])
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
        return ["exchange", str(staged), str(served), str(self.layout.var.resolve())]

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
            value=error_excerpt(done.stdout + done.stderr),
            remedy=f"see also the log of DaCHS, {self.layout.dachs / 'logs' / 'dcErrors'}",
        )

    # -- server ----------------------------------------------------------------------------

    @property
    def workers(self) -> list[Worker]:
        """The workers, as many as the instance was last started with."""
        state = InstanceState.read(self.layout)
        return [Worker(self.layout, 1 + i) for i in range(state.workers if state else 1)]

    @property
    def known_workers(self) -> list[Worker]:
        """Those and further ones of which there is a process file."""
        names = (path.stem for path in self.layout.var.glob("server-*.pid"))
        numbers = [int(name[7:]) for name in names if name[7:].isdecimal()]
        expected = self.workers
        more = [Worker(self.layout, n) for n in sorted(numbers) if n > len(expected)]
        return expected + more

    @property
    def is_running(self) -> bool:
        """Whether all workers are running."""
        return all(worker.is_running for worker in self.workers)

    def answers(self, state: InstanceState, timeout: float = 5.0) -> bool:
        """Return whether TAP says that it is available, in each worker."""
        return all(worker.answers(state, timeout) for worker in self.workers)

    def start(self, state: InstanceState, *workers: Worker) -> None:
        """Start workers, and return as soon as they answer.

        Parameters
        ----------
        state : InstanceState
            Ports and address of the instance.
        *workers : Worker
            Default: all.

        Raises
        ------
        InstanceError
            If a port is taken, or a worker ends or does not answer in time.
        """
        chosen = workers or tuple(self.workers)
        for worker in chosen:
            worker.check_port(state)
        spawned = [(worker, self.spawn(state, worker)) for worker in chosen]
        deadline = time.monotonic() + _START_TIME
        for worker, process in spawned:
            while not worker.answers(state):
                if process.poll() is not None or time.monotonic() > deadline:
                    self._give_up(worker, chosen)
                time.sleep(0.1)

    def spawn(self, state: InstanceState, worker: Worker) -> subprocess.Popen[bytes]:
        """Start a worker, and return without waiting for it.

        Raises
        ------
        InstanceError
            If its port is taken.
        """
        process = worker.spawn(state)
        port = state.of_worker(worker.number).web_port
        logger.info("DaCHS started as process %d on port %d", process.pid, port)
        return process

    def _give_up(self, failed: Worker, started: Sequence[Worker]) -> NoReturn:
        for worker in started:
            worker.process.stop()
        raise InstanceError(
            "the server did not start",
            where=str(failed.log),
            value=error_excerpt(read_regular(failed.log).decode(errors="replace")),
            remedy=f"see this log, and those of DaCHS in {self.layout.dachs / 'logs'}",
        )

    def restart(self, state: InstanceState, drain_time: float) -> None:
        """Restart the workers one by one, so that the others answer meanwhile.

        Parameters
        ----------
        state : InstanceState
            Ports and address of the instance.
        drain_time : float
            How long requests may take to be finished, in s.

        Raises
        ------
        InstanceError
            If a worker does not start; those after it go on as they were.
        """
        for worker in self.workers:
            if worker.number > 1:
                time.sleep(_PROXY_NOTICES)
            if worker.is_running:
                logger.info("worker %d is restarted", worker.number)
                worker.drain(drain_time + _DRAIN_MARGIN)
            self.start(state, worker)

    def drain(self, timeout: float) -> None:
        """Let all workers finish what they are doing, and return when they have ended."""
        workers = [worker for worker in self.known_workers if worker.is_running]
        for worker in workers:
            worker.ask_to_end()
        deadline = time.monotonic() + timeout
        while any(worker.is_running for worker in workers) and time.monotonic() < deadline:
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server if it is running, and the processes that it started."""
        workers = self.known_workers
        if pids := [pid for worker in workers if (pid := worker.process.pid())]:
            logger.info("stopping DaCHS")
            processes.terminate(pids)
        for worker in workers:
            worker.process.stop()
        # Also servers without a process file: it was deleted, or the command was killed before
        # writing it.
        processes.terminate(processes.processes_below(self.layout.dachs))

    def reload(self) -> None:
        """Make a running server reload its descriptors and tables."""
        for worker in self.known_workers:
            worker.reload()

    def _started_before(self, moment: int) -> bool:
        for worker in self.known_workers:
            with contextlib.suppress(FileNotFoundError):  # it is not running
                if worker.process.path.stat().st_mtime_ns < moment:
                    return True
        return False

    def _run(
        self, words: Sequence[str], extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run our launcher of DaCHS, and log its output."""
        begin = time.monotonic()
        done = None
        if extra == staged_inputs(self.layout):
            done = run_early(self.layout, words, _TIMEOUT)
        if done is None:
            done = self.account.run(
                [*command(self.layout), *words],
                home=self.layout.dachs,
                env={**environment(self.layout), **(extra or {})},
                timeout=_TIMEOUT,
            )
        logger.debug(
            "dachs %s: exit code %d after %.1f s\n%s",
            " ".join(words),
            done.returncode,
            time.monotonic() - begin,
            (done.stdout + done.stderr).strip(),
        )
        return done
