"""Under which account the database and the server run: never as root.

An ordinary user runs them as itself. Root hands them to a system account without a password
(``km3vo``, made by ``make setup``; another one by the environment variable ``KM3VO_USER``).
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ingest.core.errors import InstanceError

ACCOUNT_VARIABLE = "KM3VO_USER"
DEFAULT_ACCOUNT = "km3vo"


@dataclass(frozen=True)
class Account:
    """The account that owns the instance and runs its servers."""

    name: str
    uid: int
    gid: int

    @classmethod
    def current(cls) -> Account:
        """Return the invoking user, or for root the system account.

        Raises
        ------
        InstanceError
            If root has no such account to hand over to.
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
        """Whether this is another account than the invoking one."""
        return self.uid != os.geteuid()

    def environment(self, home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return a clean environment: nothing of the caller's Python, locale or database."""
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
        """Run `command` as this account and return what it printed; never raises on failure.

        The command does not outlive us: where we are killed in the middle of an import, DaCHS
        is, too, and PostgreSQL rolls back, so that the next import finds a quiet database.
        """
        return subprocess.run(
            ["setpriv", "--pdeathsig", "KILL", *map(str, command)],
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

    def spawn(
        self,
        command: Sequence[str | Path],
        *,
        home: Path,
        log: IO[bytes],
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start `command` as this account in a session of its own, so that it outlives us."""
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

    def make_directory(self, path: Path, mode: int = 0o700) -> Path:
        """Create `path`, owned by this account; its parents must exist."""
        path.mkdir(exist_ok=True)
        self.chown(path)
        path.chmod(mode)
        return path

    def chown(self, path: Path) -> None:
        """Give a file or directory that we made to this account."""
        if self.is_other:
            # What the account may have put there instead is not followed to files of root.
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_enter(self, directory: Path) -> bool:
        """Say whether this account can enter `directory`, through all its parents."""
        if not self.is_other:
            return os.access(directory, os.X_OK)
        return self.run(["test", "-x", directory], home=Path("/")).returncode == 0

    def _identity(self) -> dict[str, Any]:
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}
