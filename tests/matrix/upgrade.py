"""``python3 -m tests.matrix.upgrade``: from one release of Debian to the next, and back.

The node is installed with ``make install`` in two systems that are booted with systemd. The older
one is filled, asked and backed up; the newer one is restored from the backup and has to give the
same answers. Then the older one has to refuse what the newer one has left.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.matrix import ROOT
from tests.matrix.drill import SITE_LINE
from tests.matrix.system import System, reserved

PROGRAMS: Final = ("debootstrap", "git", "setpriv", "systemd-nspawn", "unshare")
_PLACE: Final = Path("var/lib/drill")
"""Where a system has what the drill brings along: answers and backups."""
_PREPARE: Final = (
    "apt-get -qq update && apt-get -qq upgrade --yes"
    " && apt-get -qq install --yes --no-install-recommends make git systemd-sysv logrotate"
    " && git config --system --replace-all safe.directory '*'"
)
_COMMIT: Final = (
    "git -c user.name=drill -c user.email=drill@example.org commit -q --allow-empty -m drill"
)
_STEP_TIMEOUT: Final = 1800.0


class Drill:
    """Steps in systems, with their times; the first that fails ends the drill.

    Parameters
    ----------
    output : pathlib.Path
        Where the logs are written.
    """

    def __init__(self, output: Path) -> None:
        self.output = output

    def prepare(self, system: System, frozen: bool) -> None:
        """Make a system, and install the node in it."""
        with self._timed(system, "base"):
            system.create(frozen)
            system.clone()
        self.sh(system, "setup", _PREPARE)
        self.sh(system, "install", "make install")

    def sh(self, system: System, name: str, script: str) -> None:
        """Run a script in the clone of a system that is not booted."""
        log = self._log(system, name)
        with self._timed(system, name):
            if code := system.run(["sh", "-c", script], log, network=True):
                raise SystemExit(f"{system.suite}: {name} failed ({code}); see {log}")

    def step(self, system: System, name: str, step: str = "") -> None:
        """Boot a system and run a step of :mod:`tests.matrix.drill`."""
        log = self._log(system, name)
        (system.root / _PLACE).mkdir(exist_ok=True)
        command = ["/usr/bin/python3", "-m", "tests.matrix.drill", step or name, f"/{_PLACE}"]
        with self._timed(system, name):
            if code := system.boot(command, log, _STEP_TIMEOUT):
                raise SystemExit(f"{system.suite}: {name} failed ({code}); see {log}")

    def _log(self, system: System, name: str) -> Path:
        path = self.output / f"{system.suite}-{name}.log"
        path.unlink(missing_ok=True)
        return path

    @contextmanager
    def _timed(self, system: System, name: str) -> Iterator[None]:
        begin = time.monotonic()
        yield
        say(f"{system.suite}: {name} {time.monotonic() - begin:.0f} s")


def hand_over(source: Path, target: Path) -> None:
    """Copy a directory of one system into another one, where root owns the copy."""
    if target.exists():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-R", "--preserve=mode,timestamps", source, target], check=True)


def drill(run: Drill, older: System, newer: System) -> None:
    """Upgrade from one system to the other, and try the way back."""
    data = Path("var/lib/km3vo")
    run.step(older, "old")
    if not any(path.name.startswith("2") for path in (older.root / data / "backups").iterdir()):
        raise SystemExit(f"{older.suite}: km3vo-backup has made no backup")
    with (older.root / "etc/default/km3vo").open("a") as file:
        file.write(SITE_LINE)
    run.sh(older, "reinstall", f"{_COMMIT} && make install")
    run.step(older, "upgraded")
    run.step(older, "restored")
    hand_over(older.root / data / "backups", newer.root / _PLACE / "backups")
    shutil.copy(older.root / _PLACE / "answers.json", newer.root / _PLACE / "answers.json")
    run.step(newer, "new")
    hand_over(newer.root / data / "backups", older.root / _PLACE / "newer")
    hand_over(newer.root / data / "instance", older.root / _PLACE / "instance")
    run.step(older, "refused")
    run.sh(older, "uninstall", "make uninstall && test -d /var/lib/km3vo/instance/postgres")
    left = [*older.root.glob("opt/km3vo*"), *older.root.glob("etc/systemd/system/km3vo*")]
    if left or not (older.root / "etc/default/km3vo").exists():
        raise SystemExit(f"{older.suite}: make uninstall left {left}, or deleted a changed file")


def main() -> None:
    """Run the drill."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.matrix.upgrade", description=__doc__)
    parser.add_argument("older", nargs="?", default="bookworm", help="the release to upgrade from")
    parser.add_argument("newer", nargs="?", default="trixie", help="the release to upgrade to")
    parser.add_argument("--keep", action="store_true", help="keep the systems, and use them again")
    parser.add_argument("--frozen", action="store_true", help="accept lists that have expired")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "upgrade")
    wanted = parser.parse_args()
    if os.geteuid() != 0:
        refuse("this needs root, to make and boot other systems: sudo make upgrade-test")
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        refuse(
            f"these programs are missing: {', '.join(missing)};"
            " apt-get install debootstrap git systemd-container"
        )
    wanted.output.mkdir(parents=True, exist_ok=True)
    run = Drill(wanted.output)
    with ExitStack() as stack:
        systems = [System(suite, "upgrade") for suite in (wanted.older, wanted.newer)]
        for system in systems:
            stack.enter_context(reserved(system, wanted.keep))
            run.prepare(system, wanted.frozen)
        drill(run, *systems)
    say("the node was upgraded, and what is newer was refused")


def say(text: str) -> None:
    """Print what happens."""
    print(f"upgrade: {text}", file=sys.stderr, flush=True)


def refuse(text: str) -> None:
    """End because something is missing."""
    say(text)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
