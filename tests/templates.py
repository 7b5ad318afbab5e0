"""Instances that are created once per test run; a test gets a copy.

A copy is cheap: the port of the web server and DaCHS' root directory are only in files that
``km3vo instance up`` rewrites, not in the database.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import free_port
from tests import alert_archive
from tests.instances import FIRST_PORT, ROOT, Instance

_UNSAFE: Final = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"
"""PostgreSQL need not wait for the disk: nobody needs these instances after a power cut."""
_ALERTS: Final = ROOT / "inputs" / "alerts"
_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS: Final = 100
"""The number of ports that belong to each worker."""


def port(offset: int) -> int:
    """Return a free port for a web server, one of those that belong to this worker."""
    return free_port(FIRST_PORT + _PORTS * _WORKER + offset, count=10)


def _antares(instance: Instance) -> None:
    _done(instance, "import", "--release", "ant20_01")


def _served(instance: Instance) -> None:
    _done(instance, "import")
    alert_archive.fill(instance, _ALERTS)


def _packets(instance: Instance) -> None:
    _done(instance, "alerts", "import", str(_ALERTS))


_KINDS: Final[dict[str, tuple[str, Callable[[Instance], None]]]] = {
    "antares": ("empty", _antares),
    "served": ("antares", _served),
    "packets": ("empty", _packets),
}
"""By kind: the kind it is a copy of, and the function that fills the copy."""


@dataclass(frozen=True)
class Templates:
    """The stopped instances of a test run, of four kinds.

    ``empty``
        as ``km3vo instance up`` makes it;
    ``antares``
        with the release ``ant20_01``;
    ``served``
        with all releases and the alerts of :mod:`tests.alert_archive`;
    ``packets``
        with all delivered alerts, and no release.

    Parameters
    ----------
    folder : pathlib.Path
        Their directory, shared by all workers; the servers' account can enter it.
    """

    folder: Path

    def copy(self, kind: str, made: Instance, durable: bool = False) -> Instance:
        """Create an instance as a copy, without starting it.

        Parameters
        ----------
        kind : str
            The kind to copy.
        made : Instance
            The instance to create: its directory and port.
        durable : bool
            Whether PostgreSQL has the settings of a real instance and waits for the disk.
        """
        self._make(kind)
        with (self.folder / "copies").open("a") as stream:
            print(made.var, file=stream)
        layout = Layout(made.var, Account.current())
        layout.create()
        source = self.folder / kind / "var"
        subprocess.run(["cp", "-a", f"{source}/.", layout.var], check=True)
        layout.postgres.joinpath("postgresql.auto.conf").write_text("" if durable else _UNSAFE)
        state = InstanceState.read(layout)
        assert state is not None
        # A port that no other instance takes while this one is stopped for a moment.
        state.web_port, state.postgres_port = made.port, made.port + 10 * _PORTS
        state.write(layout)
        return made

    @contextmanager
    def running(
        self, kind: str, folder: Path, offset: int, durable: bool = False
    ) -> Iterator[Instance]:
        """Serve a copy until the block ends; for `kind` and `durable` see :meth:`copy`.

        Parameters
        ----------
        folder : pathlib.Path
            The directory in which it is created.
        offset : int
            Of the port of its web server, see :func:`port`.
        """
        made = Instance(folder / "var", port(offset))
        try:
            self.copy(kind, made, durable).up()
            yield made
        finally:
            made.reset()

    def remove(self) -> None:
        """Delete all templates, and copies left behind by processes that were killed."""
        copies = self.folder / "copies"
        left = map(Path, copies.read_text().splitlines()) if copies.exists() else ()
        for place in {*self.folder.glob("*/var"), *left}:
            if os.path.lexists(place):
                Instance(place, 0).reset()
        shutil.rmtree(self.folder)

    def _make(self, kind: str) -> None:
        """Create a template unless it exists; other workers that need it wait."""
        place = self.folder / kind / "var"
        with self._locked(kind):
            if place.with_name("made").exists():
                return
            template = Instance(place, port(90))
            if kind in _KINDS:
                source, fill = _KINDS[kind]
                self.copy(source, template)
                fill(template)
            else:
                template.up()
            _done(template, "instance", "down")
            place.with_name("made").touch()

    @contextmanager
    def _locked(self, kind: str) -> Iterator[None]:
        self.folder.joinpath(kind).mkdir(exist_ok=True)
        with (self.folder / kind / "lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def _done(instance: Instance, *arguments: str) -> None:
    done = instance.km3vo(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
