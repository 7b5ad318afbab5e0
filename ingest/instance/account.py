"""The account under which the database and the server run; it is never root.

An ordinary user runs them under their own account; root runs them under a system account without
a password: ``km3vo``, which ``make setup`` creates, or the one that the environment variable
``KM3VO_USER`` names.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ingest.core import privileges
from ingest.core.errors import InstanceError

ACCOUNT_VARIABLE = "KM3VO_USER"
DEFAULT_ACCOUNT = "km3vo"
_TIED = ("setpriv", "--pdeathsig", "KILL")
"""Before a command, so that the kernel kills it together with the thread that started it."""


@dataclass(frozen=True)
class Account:
    """The account that owns the instance and runs its servers."""

    name: str
    uid: int
    gid: int

    @classmethod
    def current(cls) -> Account:
        """Return the account of the invoking user, or the system account if that is root.

        Raises
        ------
        InstanceError
            If the system account does not exist, or is root.
        """
        if os.geteuid() != 0:
            entry = pwd.getpwuid(os.geteuid())
            return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)
        name = os.environ.get(ACCOUNT_VARIABLE, DEFAULT_ACCOUNT)
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise InstanceError(
                f"the account {name} does not exist; servers do not run as root",
                remedy="run make setup, which creates it,"
                f" or name another one in {ACCOUNT_VARIABLE}",
            ) from None
        if entry.pw_uid == 0:
            raise InstanceError(
                f"{ACCOUNT_VARIABLE} names root; servers do not run as root",
                remedy=f"name an ordinary account, or unset {ACCOUNT_VARIABLE}",
            )
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    @property
    def is_other(self) -> bool:
        """Whether this account is not that of the current process."""
        return self.uid != os.geteuid()

    def environment(self, home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return a clean environment, without the caller's settings of Python, locale or database.

        Parameters
        ----------
        home : pathlib.Path
            The home directory, by which :mod:`ingest.instance.process` finds the process again.
        extra : mapping of str, optional
            Further variables.
        """
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "USER": self.name,
            "LOGNAME": self.name,
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **(extra or {}),
        }

    def run(
        self,
        command: Sequence[str | Path],
        *,
        home: Path,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        text_input: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` as this account, and return its exit code and output.

        The command is killed together with the current process: if an import is killed, DaCHS
        is killed as well, PostgreSQL rolls back, and the next import finds no open transaction.

        Parameters
        ----------
        command : sequence of str or pathlib.Path
            The program and its arguments.
        home : pathlib.Path
            See :meth:`environment`.
        env : mapping of str, optional
            Further environment variables.
        timeout : float, optional
            Time in s after which :class:`subprocess.TimeoutExpired` is raised.
        text_input : str, optional
            The standard input.
        """
        return subprocess.run(
            [*_TIED, *map(str, command)],
            cwd="/",
            env=self.environment(home, env),
            input=text_input,
            stdin=subprocess.DEVNULL if text_input is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            **self._identity(),
        )

    def start(
        self, command: Sequence[str | Path], *, home: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start `command` as this account, with pipes for what it reads, prints and complains of.

        It is killed together with the thread that called this. Parameters are those of
        :meth:`run`.
        """
        return subprocess.Popen(
            [*_TIED, *map(str, command)],
            cwd="/",
            env=self.environment(home, env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            **self._identity(),
        )

    @contextmanager
    def piped(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        **streams: Any,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run `command` as this account while the block exchanges bytes with it.

        It is killed if the block raises an exception, and together with the current process.
        Files that it creates are private.

        Parameters
        ----------
        command, env
            As in :meth:`run`.
        **streams
            ``stdin``, ``stdout`` and ``stderr`` as for :class:`subprocess.Popen`. Default of the
            first two: nothing, and a pipe.
        """
        with subprocess.Popen(
            [*_TIED, *map(str, command)],
            cwd="/",
            env=self.environment(Path("/"), env),
            umask=0o077,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE} | streams,
            **self._identity(),
        ) as process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise

    def spawn(
        self,
        command: Sequence[str | Path],
        *,
        home: Path,
        log: IO[bytes],
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start `command` as this account in a new session, so that it outlives this process.

        Parameters
        ----------
        command, home, env
            As in :meth:`run`.
        log : binary file
            Receives the standard output and error.
        """
        return subprocess.Popen(
            [str(word) for word in command],
            cwd="/",
            env=self.environment(home, env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **self._identity(),
        )

    def create_directory(self, path: Path, mode: int = 0o700) -> Path:
        """Create the directory `path`, owned by this account; its parent must exist.

        Raises
        ------
        InstanceError
            If it exists and belongs to another account.
        """
        path.mkdir(exist_ok=True)
        self.chown(path)
        try:
            path.chmod(mode)
        except PermissionError:
            raise InstanceError(
                "the directory belongs to another account",
                where=str(path),
                expected=f"the owner {self.name}",
                remedy=f"as root, type: chown --recursive --no-dereference {self.name} {path}",
            ) from None
        return path

    def provide_directory(self, path: Path, mode: int = 0o700) -> None:
        """Create the directory `path` for this account, also where only the caller may do so.

        Raises
        ------
        InstanceError
            If there is something in its place that does not belong to the account.
        """
        with contextlib.suppress(PermissionError):
            path.mkdir(0o700, exist_ok=True)
        with privileges.caller():
            self._take_over(path)
        path.chmod(mode)

    def _take_over(self, path: Path) -> None:
        """Make the account the owner of an empty directory of root, which is created if missing.

        Whoever may write in its parent could replace it by a link, so it is opened only once.
        """
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        parent = os.open(path.parent, flags)
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(path.name, 0o700, dir_fd=parent)
            descriptor = os.open(path.name, flags | os.O_NOFOLLOW, dir_fd=parent)
        finally:
            os.close(parent)
        try:
            owner = os.fstat(descriptor).st_uid
            if owner == self.uid:
                return
            if owner != 0 or os.listdir(descriptor):
                raise InstanceError(
                    f"this directory does not belong to the account {self.name}",
                    file=path,
                    expected="a directory of this account, an empty one of root, or none",
                    remedy=f"name another directory; or, if this is the right one: chown -R"
                    f" {self.name}: {path}",
                )
            os.fchown(descriptor, self.uid, self.gid)
        finally:
            os.close(descriptor)

    def chown(self, path: Path) -> None:
        """Make this account the owner of a file or directory."""
        if self.is_other:
            # The account may have put a symbolic link there, to a file that root owns.
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_enter(self, directory: Path) -> bool:
        """Return whether this account can enter `directory` and all its parents."""
        if not self.is_other:
            return os.access(directory, os.X_OK)
        return self.run(["test", "-x", directory], home=Path("/")).returncode == 0

    def _identity(self) -> dict[str, Any]:
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}
