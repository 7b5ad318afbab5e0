"""Where the parts of an instance lie, and what it remembers between two commands.

Everything is below one directory, ``var/`` of the checkout unless the environment variable
``KM3VO_VAR`` names another. Where root runs the tools in a place that the servers' account
cannot enter (a checkout in ``/root``, a private temporary directory), ``var`` becomes a
symbolic link to a directory of that account's below ``/var/lib/km3vo``, its shelter.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.core.checkout import CHECKOUT
from ingest.instance import process as processes
from ingest.instance.account import Account

VAR_VARIABLE = "KM3VO_VAR"
ARCHIVE_VARIABLE = "KM3VO_ARCHIVE"
_ARCHIVE = "alerts"
SHELTER = Path("/var/lib/km3vo")
"""Where root's instances live when the account cannot enter the checkout."""


@dataclass(frozen=True)
class Layout:
    """The directories of one instance.

    Parameters
    ----------
    place : pathlib.Path
        Where the instance is for its user: a directory, or a link to its shelter.
    account : Account
        Whom the servers belong to.
    """

    place: Path
    account: Account

    @property
    def var(self) -> Path:
        """The directory itself: the servers' account may not be able to follow the link."""
        return self.place.resolve()

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
    def archive(self) -> Path:
        """The archive of alerts; the environment variable ``KM3VO_ARCHIVE`` may name another."""
        named = os.environ.get(ARCHIVE_VARIABLE)
        return Path(os.path.abspath(named)) if named else self.var / _ARCHIVE

    @property
    def scratch(self) -> Path:
        """What is only there while a command runs."""
        return self.var / "scratch"

    @property
    def state_file(self) -> Path:
        """The file with what the instance remembers."""
        return self.var / "instance.json"

    @property
    def exists(self) -> bool:
        """Whether an instance was made here, completely or not."""
        return self.state_file.exists()

    def create(self) -> None:
        """Make the directories that are missing."""
        _shelter_where_needed(self.place, self.account)
        # Others may pass through to nothing: every directory below is the account's own.
        self.account.make_directory(self.var, 0o755)
        for directory in (self.dachs, self.logs, self.reports, self.scratch):
            self.account.make_directory(directory)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one command at a time change the instance; a second one waits, and says so."""
        while True:
            self.create()
            path = self.var / "lock"
            with path.open("w") as stream:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    print("waiting for another km3vo command to finish …", file=sys.stderr)
                    fcntl.flock(stream, fcntl.LOCK_EX)
                # Who waited for a reset holds the lock of what was deleted.
                if path.exists() and os.path.samestat(path.stat(), os.fstat(stream.fileno())):
                    yield
                    return


@dataclass
class InstanceState:
    """What an instance remembers between two commands."""

    postgres_port: int
    web_port: int
    server_url: str = ""
    host: str = "127.0.0.1"
    """Where the server is to be asked from this machine."""
    dachs_version: str = ""
    complete: bool = False
    """Whether the database was set up to the end; a power cut may come before it."""

    @classmethod
    def read(cls, layout: Layout) -> InstanceState | None:
        """Return the state, or None where there is no (readable) instance yet."""
        try:
            return cls(**json.loads(layout.state_file.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write(self, layout: Layout) -> None:
        """Store the state so that a power cut leaves the old or the new one."""
        draft = layout.state_file.with_suffix(".new")
        with draft.open("w") as stream:
            json.dump(asdict(self), stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(layout.state_file)


def current_layout() -> Layout:
    """Return the layout of this checkout's instance, or of the one ``KM3VO_VAR`` names."""
    named = os.environ.get(VAR_VARIABLE)
    # The path is kept as it was given: where it is a link, the link is what can be deleted.
    return Layout(Path(os.path.abspath(named or CHECKOUT / "var")), Account.current())


def remove(layout: Layout) -> None:
    """Delete everything of a stopped instance."""
    targets = {layout.var, shelter_of(layout.place)}
    if layout.place.is_symlink():
        layout.place.unlink()
    for target in targets:
        if target.exists():
            shutil.rmtree(target)


def archive_below(layout: Layout) -> Path | None:
    """Return an archive with packets that goes where the instance is deleted, if there is one."""
    for root in (layout.var, shelter_of(layout.place)):
        for archive in (root / _ARCHIVE, layout.archive):
            if archive.resolve().is_relative_to(root.resolve()) and any(
                (archive / "packets").glob("*/*")
            ):
                return archive
    return None


def end_strays(place: Path) -> None:
    """End the servers of an instance whose directory was deleted by hand."""
    for directory in (place.resolve(), shelter_of(place)):
        processes.end(processes.working_below(directory))


def shelter_of(place: Path) -> Path:
    """Return the directory that stands in for `place` where the account cannot enter that."""
    return SHELTER / hashlib.sha256(str(place).encode()).hexdigest()[:16]


def _shelter_where_needed(place: Path, account: Account) -> None:
    """Make `place` a link to a reachable directory where it is not reachable itself."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists() or account.can_enter(place.parent):
        return
    shelter = shelter_of(place)
    if shelter.exists():
        # Its link is gone: var was deleted by hand, and with it this was meant to go. But who
        # deletes a link does not see that there is an archive behind it, which is for ever.
        end_strays(place)
        for path in shelter.iterdir():
            if path.is_symlink() or not path.is_dir():
                path.unlink()
            elif path.name != _ARCHIVE:
                shutil.rmtree(path)
    SHELTER.mkdir(mode=0o755, parents=True, exist_ok=True)
    SHELTER.chmod(0o755)
    account.make_directory(shelter, 0o755)
    place.unlink(missing_ok=True)
    place.symlink_to(shelter)
