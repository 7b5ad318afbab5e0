"""A minimal system of Debian below a directory, and commands that run in it.

Each command has its own mounts and process numbers. The kernel takes both away when it ends, so
no process and no mount is left, whatever happens, and deleting a system cannot reach beyond it.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.matrix import ROOT, host

CACHE: Final = Path(os.environ.get("KM3VO_CACHE", "/var/cache/km3vo"))
CHECKOUT: Final = "/srv/km3vo"
"""Where the clone is inside the system."""
_KEPT: Final = {
    "pip": "root/.cache/pip",
    "npm": "root/.npm",
    "apt-{suite}": "var/cache/apt/archives",
}
"""What is kept of what was downloaded: directory in the cache, directory in the system."""
_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
_LOOPBACK: Final = """
import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))
"""
"""Switches the loopback interface on, without a program that a minimal system lacks."""

_BOOT_UNIT: Final = """
[Unit]
After=multi-user.target
SuccessAction=poweroff
FailureAction=poweroff
[Service]
Type=oneshot
WorkingDirectory=/srv/km3vo
Environment=LANG=C.UTF-8
StandardOutput=append:/var/boot.log
StandardError=inherit
ExecStart={command}
ExecStopPost=/bin/sh -c 'echo $EXIT_STATUS >/var/boot.result'
"""


class System:
    """A system of Debian below a directory.

    Parameters
    ----------
    suite : str
        The release.
    purpose : str
        What it is for: systems for different purposes can be used at the same time.
    """

    def __init__(self, suite: str, purpose: str = "matrix") -> None:
        self.suite = suite
        self.root = CACHE / purpose / suite
        self.variables: dict[str, str] = {}

    def create(self, frozen: bool) -> None:
        """Make the system, if it is not there, with the settings of this machine.

        `frozen` accepts a mirror whose lists have expired.
        """
        if not self.root.exists():
            base = ROOT / "docker" / "base.sh"
            subprocess.run([base, self.suite, self.root], check=True)
        host.take_over(self.root, frozen)
        self.variables = host.environment()

    def clone(self) -> str:
        """Put a clean clone of HEAD into the system, and return the number of the commit."""
        place = self.root / CHECKOUT[1:]
        kept = place.with_name("kept")
        if place.exists():  # of an earlier run
            place.rename(kept)
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, place], check=True)
        if kept.exists():
            if (kept / ".venv").exists():
                (kept / ".venv").rename(place / ".venv")
            delete(kept)
        return subprocess.run(
            ["git", "-C", place, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()

    def run(
        self, command: Sequence[str], log: Path, *, network: bool, extra: Mapping[str, str] = {}
    ) -> int:
        """Run a command in the clone, or in ``/`` before there is one, and return its exit code.

        Parameters
        ----------
        command : sequence of str
            The program and its arguments.
        log : Path
            The file its output is appended to.
        network : bool
            Whether it can reach more than itself.
        extra : mapping
            Further variables of its environment.
        """
        variables = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            **self.variables,
            **extra,
        }
        script = "\n".join(["set -e", *self._mounts(), self._entry(command)])
        # setpriv: if this process is killed, so is what runs inside
        outside = [
            *("setpriv", "--pdeathsig", "KILL"),
            *("unshare", "--mount", "--propagation", "private", "--ipc", "--uts"),
            *("--pid", "--fork", "--kill-child"),
            *(() if network else ("--net",)),
        ]
        with log.open("ab") as file:
            return subprocess.run(
                [*outside, "/bin/sh", "-c", script],
                # not in the command, which everyone can read: addresses may contain passwords
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode

    def boot(self, command: Sequence[str], log: Path, timeout: float) -> int:
        """Boot the system with its service manager, run a command as root, and shut it down.

        It has the loopback interface only.

        Returns
        -------
        int
            The exit code of the command; 255 if it did not end in `timeout` s.
        """
        result, output = (self.root / "var" / name for name in ("boot.result", "boot.log"))
        for path in (result, output):
            path.unlink(missing_ok=True)
        units = self.root / "etc" / "systemd" / "system"
        (units / "boot-run.service").write_text(_BOOT_UNIT.format(command=shlex.join(command)))
        wants = units / "multi-user.target.wants"
        wants.mkdir(exist_ok=True)
        link = wants / "boot-run.service"
        link.unlink(missing_ok=True)
        link.symlink_to("../boot-run.service")
        manager = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--private-network"]
        if not Path("/run/systemd/system").exists():
            manager.append("--keep-unit")
        with log.open("ab") as file:
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    ["setpriv", "--pdeathsig", "KILL", *manager, "--directory", self.root],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=file,
                    check=False,
                    timeout=timeout,
                )
            file.write(output.read_bytes() if output.exists() else b"")
        return int(result.read_text()) if result.exists() else 255

    def _mounts(self) -> Iterator[str]:
        """Yield the shell commands that mount what a system needs."""
        root = shlex.quote(str(self.root))
        # programs inside expect that their root directory is mounted
        yield f"mount --bind {root} {root}"
        yield f"mount -t proc proc {root}/proc"
        yield f"mount -t sysfs -o ro sysfs {root}/sys"
        yield f"mount -t tmpfs -o mode=755 tmpfs {root}/run"
        yield f"mkdir -m 1777 {root}/run/lock"
        yield f"mount -t tmpfs -o mode=755 tmpfs {root}/dev"
        for name in _DEVICES:
            yield f"touch {root}/dev/{name}; mount --bind /dev/{name} {root}/dev/{name}"
        yield f"mkdir -m 1777 {root}/dev/shm; mount -t tmpfs -o mode=1777 tmpfs {root}/dev/shm"
        yield f"mkdir {root}/dev/pts"
        yield f"mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts {root}/dev/pts"
        yield f"ln -s pts/ptmx {root}/dev/ptmx; ln -s /proc/self/fd {root}/dev/fd"
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            yield f"ln -s /proc/self/fd/{number} {root}/dev/{name}"
        for name, place in _KEPT.items():
            kept = shlex.quote(str(CACHE / "downloads" / name.format(suite=self.suite)))
            yield f"mkdir -p {kept} {root}/{place}; mount --bind {kept} {root}/{place}"
        for path in host.named(self.variables.values(), self.root):
            source, target = shlex.quote(str(path)), shlex.quote(f"{self.root}{path}")
            make = "mkdir -p" if path.is_dir() else "install -D /dev/null"
            yield f"{make} {target}; mount --bind -o ro {source} {target}"

    def _entry(self, command: Sequence[str]) -> str:
        """Return the shell command that runs a command inside."""
        inside = f"cd {CHECKOUT} 2>/dev/null || cd /; exec {shlex.join(command)}"
        loopback = shlex.join([sys.executable, "-c", _LOOPBACK])
        enter = shlex.join(["chroot", str(self.root), "/bin/sh", "-c", inside])
        # not "exec": this shell is process 1, and has to take note of orphans that end
        return f"{loopback}\n{enter}"


@contextmanager
def reserved(system: System, keep: bool) -> Iterator[None]:
    """Keep other runs away from a system, and delete what is left of earlier runs, and it."""
    system.root.parent.mkdir(parents=True, exist_ok=True)
    with open(system.root.with_suffix(".lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"another run uses {system.root}: wait until it has ended") from None
        if not keep:
            delete(system.root)
        try:
            yield
        finally:
            if not keep:
                delete(system.root)


def delete(directory: Path) -> None:
    """Delete a directory, but nothing below which something is mounted."""
    inside = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    if mounted := [path for path in inside if Path(path).is_relative_to(directory.resolve())]:
        raise SystemExit(f"{directory} is not deleted: {mounted[0]} is mounted there; unmount it")
    for _ in range(3):  # a process that was killed may still be ending
        done = subprocess.run(["rm", "-rf", "--one-file-system", directory], check=False)
        if done.returncode == 0:
            return
    raise SystemExit(f"{directory} could not be deleted")
