"""The directories of an instance, and its state between two commands.

Everything is below one directory: ``var/`` of the checkout, or the one that the environment
variable ``KM3VO_VAR`` names. If root runs the tools where the servers' account has no access (a
checkout in ``/root``, a private temporary directory), ``var`` is a symbolic link to the fallback
directory, which belongs to that account and is below ``/var/lib/km3vo``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from ingest.core import privileges
from ingest.core.checkout import CHECKOUT
from ingest.core.errors import ExitCode, InstanceError
from ingest.core.files import atomic_write, read_regular
from ingest.instance import process as processes
from ingest.instance.account import Account

VAR_VARIABLE = "KM3VO_VAR"
ARCHIVE_VARIABLE = "KM3VO_ARCHIVE"
_ARCHIVE = "alerts"
STATE_FORMAT = 1
"""The format of instances, their state and their database. A version of this software increases it
if older versions cannot use what it leaves."""
FALLBACK_ROOT = Path("/var/lib/km3vo")
"""Holds the fallback directories of root's instances."""
_NOWHERE = FALLBACK_ROOT / "none"
"""Does not exist; in place of a directory that does not exist where the account has no access."""


class NewerError(InstanceError):
    """Something was left by newer software than is installed; nothing was changed."""

    exit_code = ExitCode.BAD_INPUT


@dataclass(frozen=True)
class Layout:
    """The directories of one instance.

    Parameters
    ----------
    path : pathlib.Path
        The instance's directory, or a link to its fallback directory.
    account : Account
        The account that runs the servers.
    """

    path: Path
    account: Account

    @property
    def var(self) -> Path:
        """The resolved directory: the servers' account may not be able to follow the link."""
        with privileges.caller():
            if self.path.exists() or self.account.can_enter(self.path.parent):
                return self.path.resolve()
        return _NOWHERE

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
    def staged(self) -> Path:
        """The directory that will replace :attr:`inputs`; after that, the former one."""
        return self.dachs / "inputs.staged"

    @property
    def logs(self) -> Path:
        """The logs of the servers and of the commands."""
        return self.var / "logs"

    @property
    def reports(self) -> Path:
        """The reports of imports, in a directory for each release, and those of other commands."""
        return self.var / "reports"

    @property
    def metrics(self) -> Path:
        """The counters of the workers and of the supervisor."""
        return self.var / "metrics"

    def record(self, release: str) -> Path:
        """Return the file that records the import of a release that is online."""
        return self.reports / release / "record.json"

    def report_page(self, release: str) -> Path:
        """Return the page about the last successful import of a release."""
        return self.reports / release / "index.html"

    @property
    def deliveries(self) -> Path:
        """The delivered files that were imported."""
        return self.var / "deliveries"

    @property
    def archive(self) -> Path:
        """The archive of alerts; the environment variable ``KM3VO_ARCHIVE`` overrides it."""
        named = os.environ.get(ARCHIVE_VARIABLE)
        return Path(os.path.abspath(named)) if named else self.var / _ARCHIVE

    @property
    def scratch(self) -> Path:
        """Temporary files of a running command."""
        return self.var / "scratch"

    @property
    def shown(self) -> Path:
        """The directory that other accounts may read, such as that of nginx."""
        return self.var / "shown"

    @property
    def generation(self) -> Path:
        """A link that the server renames whenever what it serves has changed."""
        return self.shown / "generation"

    @property
    def state_file(self) -> Path:
        """The file of the :class:`InstanceState`."""
        return self.var / "instance.json"

    def create(self) -> None:
        """Create the directories that are missing."""
        _link_to_fallback_if_needed(self.path, self.account)
        # Anyone may enter this directory, but only the account may enter those below.
        self.account.provide_directory(self.var, 0o755)
        for directory in (self.dachs, self.logs, self.reports, self.deliveries, self.scratch):
            self.account.create_directory(directory)
        self.account.provide_directory(self.shown, 0o755)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the instance, so that only one command at a time changes it.

        A message is printed if another command has to finish first.
        """
        while True:
            self.create()
            path = self.var / "lock"
            flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o600)
            try:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    print("waiting for another km3vo command to finish …", file=sys.stderr)
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
                # If the other command deleted the instance, this locks a deleted file.
                if path.exists() and os.path.samestat(path.stat(), os.fstat(descriptor)):
                    yield
                    return
            finally:
                os.close(descriptor)

    @contextmanager
    def holding_servers(self, wait: bool = True) -> Iterator[bool]:
        """Hold the servers, so that the supervisor leaves them alone; it holds them as well.

        Parameters
        ----------
        wait : bool, optional
            Whether to wait until they are free.

        Yields
        ------
        bool
            Whether they are held now; always true if `wait` is.
        """
        flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self.var / "servers.lock", flags, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            # Closing does not suffice: a process that was forked meanwhile has it open as well.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


@dataclass
class InstanceState:
    """The state of an instance between two commands.

    Attributes
    ----------
    postgres_port, web_port : int
        The ports of the database and of the web server; of its first process if it has several.
    server_url : str
        The public URL of the server, without a slash at the end.
    host : str
        The address of the server on this machine.
    dachs_version : str
        The version of DaCHS that set up or last upgraded the database.
    complete : bool
        Whether the set-up of the database was completed.
    identifier : str
        A random name of the instance, which its database has as well.
    database_host : str
        The host of the database if it is not a private one.
    format : int
        See :data:`STATE_FORMAT`.
    workers : int
        The number of workers, the processes of the server.
    """

    postgres_port: int
    web_port: int
    server_url: str = ""
    host: str = "127.0.0.1"
    dachs_version: str = ""
    complete: bool = False
    identifier: str = ""
    database_host: str = ""
    format: int = STATE_FORMAT
    workers: int = 1

    def of_worker(self, number: int) -> InstanceState:
        """Return the state with the port of one of the workers, which are numbered from 1."""
        return replace(self, web_port=self.web_port + number - 1)

    @property
    def local_url(self) -> str:
        """The server's URL on this machine."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.web_port}"

    @classmethod
    def read(cls, layout: Layout) -> InstanceState | None:
        """Return the state of an instance, or None if it has no readable one.

        Raises
        ------
        NewerError
            If it was left by a version of this software that is newer than this one.
        """
        names = {field.name for field in fields(cls)}
        try:
            stored = json.loads(read_regular(layout.state_file))
            if stored.get("format", 0) > STATE_FORMAT:
                raise NewerError(
                    "the instance was used by a newer version of this software",
                    file=layout.state_file,
                    value=f"format {stored['format']}",
                    expected=f"format {STATE_FORMAT} or older",
                    remedy="install the newer version again; or restore a backup that was made"
                    " before: km3vo restore DIRECTORY --replace",
                )
            return cls(**{name: value for name, value in stored.items() if name in names})
        except (FileNotFoundError, ValueError, TypeError, AttributeError):
            return None

    def write(self, layout: Layout) -> None:
        """Store the state; a power cut leaves either the old or the new one."""
        with atomic_write(layout.state_file) as stream:
            stream.write(json.dumps(asdict(self), indent=1).encode())


def current_layout() -> Layout:
    """Return the layout of this checkout's instance, or of the one ``KM3VO_VAR`` names.

    From now on a command of root acts as the account of the instance, see
    :mod:`ingest.core.privileges`.
    """
    named = os.environ.get(VAR_VARIABLE)
    # Not resolved: if it is a link, a reset has to delete the link itself.
    path = Path(os.path.abspath(named or CHECKOUT / "var"))
    account = Account.current()
    privileges.act_as(account.uid, account.gid)
    return Layout(path, account)


def remove(layout: Layout) -> None:
    """Delete a stopped instance completely."""
    targets = {layout.var, fallback_directory(layout.path)}
    with privileges.caller():
        if layout.path.is_symlink():
            layout.path.unlink()
    for target in targets:
        if target.exists():
            _empty(target)
            # The directory is an entry of its parent, which is the caller's. It is empty.
            with privileges.caller():
                target.rmdir()


def archive_inside(layout: Layout) -> Path | None:
    """Return the archive of alerts inside the instance's directory, if it has packets."""
    for root in (layout.var, fallback_directory(layout.path)):
        for archive in (root / _ARCHIVE, layout.archive):
            if archive.resolve().is_relative_to(root.resolve()) and any(
                (archive / "packets").glob("*/*")
            ):
                return archive
    return None


def terminate_orphans(path: Path) -> None:
    """Terminate the servers of an instance whose directory was deleted by hand."""
    with privileges.caller():
        resolved = path.resolve()
    for directory in (resolved, fallback_directory(path)):
        processes.terminate(processes.processes_below(directory))


def fallback_directory(path: Path) -> Path:
    """Return the directory to use if the account cannot enter `path`."""
    return FALLBACK_ROOT / hashlib.sha256(str(path).encode()).hexdigest()[:16]


def _link_to_fallback_if_needed(path: Path, account: Account) -> None:
    """Make `path` a link to its fallback directory if the account cannot enter its parent."""
    with privileges.caller():
        path.parent.mkdir(parents=True, exist_ok=True)
        exists = path.exists()
    if exists or account.can_enter(path.parent):
        return
    fallback = fallback_directory(path)
    if fallback.exists():
        # The link was deleted by hand, which was meant to delete the instance. The archive is
        # not deleted: the user may not have known that it was behind the link.
        terminate_orphans(path)
        _empty(fallback, besides=_ARCHIVE)
    with privileges.caller():
        FALLBACK_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
        found = FALLBACK_ROOT.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
            raise InstanceError(
                "this directory can be changed by other users than root",
                file=FALLBACK_ROOT,
                expected="a directory that belongs to root, and that only root can write",
                remedy=f"chown root: {FALLBACK_ROOT}; chmod 755 {FALLBACK_ROOT}",
            )
        FALLBACK_ROOT.chmod(0o755)
    account.provide_directory(fallback, 0o755)
    with privileges.caller():
        path.unlink(missing_ok=True)
        path.symlink_to(fallback)


def _empty(directory: Path, besides: str | None = None) -> None:
    """Delete everything in a directory of the account."""
    for entry in directory.iterdir():
        if entry.is_symlink() or not entry.is_dir():
            entry.unlink()
        elif entry.name != besides:
            shutil.rmtree(entry)
