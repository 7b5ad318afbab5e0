"""Where the parts of an instance lie, and what it remembers between two commands.

Everything is below one directory, ``var/`` of the checkout unless the environment variable
``KM3VO_VAR`` names another. Where root runs the tools in a place that the servers' account
cannot enter (a checkout in ``/root``, a private temporary directory), ``var`` becomes a
symbolic link to a directory of that account's below ``/var/lib/km3vo``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.errors import InstanceError
from ingest.instance.account import Account

CHECKOUT = Path(__file__).resolve().parents[2]
"""The working tree this package runs from."""
RD = CHECKOUT / "rd"
"""The resource descriptors."""
VAR_VARIABLE = "KM3VO_VAR"
SHELTER = Path("/var/lib/km3vo")
"""Where root's instances live when the account cannot enter the checkout."""


@dataclass(frozen=True)
class Layout:
    """The directories of one instance."""

    var: Path
    account: Account

    @property
    def postgres(self) -> Path:
        """The database cluster."""
        return self.var / "postgres"

    @property
    def dachs(self) -> Path:
        """DaCHS' root directory."""
        return self.var / "dachs"

    @property
    def inputs(self) -> Path:
        """DaCHS' inputsDir: the deployed copy of the resource descriptors, and the products."""
        return self.dachs / "inputs"

    @property
    def logs(self) -> Path:
        """What the servers have to say."""
        return self.var / "logs"

    @property
    def reports(self) -> Path:
        """The check reports of the imports."""
        return self.var / "reports"

    @property
    def memory(self) -> Path:
        """The file with what the instance remembers."""
        return self.var / "instance.json"

    @property
    def exists(self) -> bool:
        """Whether an instance was made here, completely or not."""
        return self.memory.exists()

    def create(self) -> None:
        """Make the directories that are missing."""
        _shelter_where_needed(self.var, self.account)
        # Others may pass through to nothing: every directory below is the account's own.
        self.account.make_directory(self.var, 0o755)
        for directory in (self.dachs, self.logs, self.reports):
            self.account.make_directory(directory)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one command at a time change the instance; a second one waits."""
        self.create()
        with (self.var / "lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


@dataclass
class Memory:
    """What an instance remembers between two commands."""

    postgres_port: int
    web_port: int
    server_url: str = ""
    dachs_version: str = ""
    complete: bool = False
    """Whether the database was set up to the end; a power cut may come before it."""

    @classmethod
    def read(cls, layout: Layout) -> Memory | None:
        """Return the memory, or None where there is no (readable) instance yet."""
        try:
            return cls(**json.loads(layout.memory.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write(self, layout: Layout) -> None:
        """Store the memory so that a power cut leaves the old or the new one."""
        draft = layout.memory.with_suffix(".new")
        with draft.open("w") as stream:
            json.dump(asdict(self), stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(layout.memory)


def current_layout() -> Layout:
    """Return the layout of this checkout's instance, or of the one ``KM3VO_VAR`` names."""
    named = os.environ.get(VAR_VARIABLE)
    # The path is kept as it was given: where it is a link, the link is what can be deleted.
    return Layout(Path(os.path.abspath(named or CHECKOUT / "var")), Account.current())


def remove(layout: Layout) -> None:
    """Delete everything of a stopped instance."""
    target = layout.var.resolve()
    if layout.var.is_symlink():
        layout.var.unlink()
    if target.exists():
        shutil.rmtree(target)


def _shelter_where_needed(var: Path, account: Account) -> None:
    """Make `var` a link to a reachable directory where its own place is not reachable."""
    var.parent.mkdir(parents=True, exist_ok=True)
    if var.exists() or account.reaches(var.parent):
        return
    shelter = SHELTER / hashlib.sha256(str(var).encode()).hexdigest()[:16]
    if shelter.exists():
        # Its link is gone: var was deleted by hand, and with it this was meant to go.
        if in_use := [pid for pid in _owned_processes(shelter)]:
            raise InstanceError(
                f"{var} was deleted while its servers run",
                where=str(shelter),
                value=f"process ids {', '.join(in_use)}",
                remedy=f"kill {' '.join(in_use)}, then try again",
            )
        shutil.rmtree(shelter)
    SHELTER.mkdir(mode=0o755, parents=True, exist_ok=True)
    SHELTER.chmod(0o755)
    account.make_directory(shelter, 0o755)
    var.unlink(missing_ok=True)
    var.symlink_to(shelter)


def _owned_processes(shelter: Path) -> list[str]:
    """Return the ids of living servers whose files are below `shelter`."""
    found = []
    for record in (shelter / "postgres" / "postmaster.pid", shelter / "server.pid"):
        try:
            pid = record.read_text().split()[0]
            command = Path("/proc", pid, "environ").read_bytes()
        except (OSError, IndexError):
            continue
        if os.fsencode(shelter) in command:
            found.append(pid)
    return found
