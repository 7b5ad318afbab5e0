"""Runs the services of ``docker/compose.yaml`` without a container engine.

The images are those that ``docker/images.sh`` built with buildah. Namespaces, mounts, rights and
users are those that the compose file asks for: a read-only root, volumes, secrets, no capabilities,
networks with or without a way out. Limits of memory and CPU are not applied, they need control
groups.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.instances import ROOT

COMPOSE = ROOT / "docker" / "compose.yaml"
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
_STORAGE = os.environ.get("KM3VO_STORAGE", "")
_NAME = f"km3vo{os.getpid()}"


def buildah(*arguments: str) -> str:
    """Run buildah on the storage of the images, and return what it prints."""
    options = ("--root", f"{_STORAGE}/root", "--runroot", f"{_STORAGE}/run") if _STORAGE else ()
    done = subprocess.run(
        ["buildah", *options, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


class Image:
    """An image with its contents, for all containers that are made of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.container = buildah("from", name)
        self.root = Path(buildah("mount", self.container))
        found = json.loads(buildah("inspect", "--type", "image", name))
        self.config: dict[str, Any] = found["Docker"]["config"]
        layers = json.loads(found["Manifest"])["layers"]
        self.size: int = sum(layer["size"] for layer in layers)

    def delete(self) -> None:
        """Delete the contents that were unpacked, not the image."""
        buildah("rm", self.container)


class Network:
    """The networks of the services: a switch each, in a network namespace of this machine."""

    def __init__(self, networks: Mapping[str, Mapping[str, bool]]) -> None:
        self.namespaces: list[str] = []
        self.hub = self.namespace("hub")
        self.numbers = {name: number for number, name in enumerate(networks, 1)}
        for name, number in self.numbers.items():
            self.ip("link", "add", f"net{number}", "type", "bridge")
            self.ip("link", "set", f"net{number}", "up")
            if not networks[name].get("internal"):
                self.ip("addr", "add", f"10.31.{number}.1/24", "dev", f"net{number}")

    def namespace(self, name: str) -> str:
        """Add a network namespace."""
        full = f"{_NAME}{name}"
        subprocess.run(["ip", "netns", "add", full], check=True)
        self.namespaces.append(full)
        subprocess.run(["ip", "-n", full, "link", "set", "lo", "up"], check=True)
        return full

    def ip(self, *arguments: str) -> None:
        """Run ``ip`` where the switches are."""
        subprocess.run(["ip", "-n", self.hub, *arguments], check=True)

    def join(self, service: str, number: int, networks: Sequence[str]) -> str:
        """Connect a service, and return its namespace."""
        space = self.namespace(service)
        for name in networks:
            at = self.numbers[name]
            link = f"{service[:8]}{at}"
            self.ip("link", "add", link, "type", "veth", "peer", "name", f"eth{at}", "netns", space)
            self.ip("link", "set", link, "master", f"net{at}", "up")
            address = f"10.31.{at}.{number}/24"
            subprocess.run(
                ["ip", "-n", space, "addr", "add", address, "dev", f"eth{at}"], check=True
            )
            subprocess.run(["ip", "-n", space, "link", "set", f"eth{at}", "up"], check=True)
        return space

    def close(self) -> None:
        """Remove all namespaces."""
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "del", name], check=False)


class Container:
    """A service, as the compose file describes it."""

    def __init__(self, node: Node, name: str) -> None:
        self.node, self.name = node, name
        self.service: dict[str, Any] = node.compose["services"][name]
        self.image = node.images[self.service["image"]]
        self.number = 10 + list(node.compose["services"]).index(name)
        self.networks: Sequence[str]
        if other := self.service.get("network_mode", "").removeprefix("service:"):
            self.space = node.containers[other].space
            self.networks = node.containers[other].networks
        else:
            self.networks = self.service["networks"]
            self.space = node.network.join(name, self.number, self.networks)
        self.log = node.place / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def user(self) -> tuple[str, str, str]:
        """The ids of the user, of the group, and of further groups."""
        uid, gid = self.service["user"].split(":")
        return uid, gid, ",".join(self.service.get("group_add", ()))

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the image and of the service."""
        found = dict(one.split("=", 1) for one in self.image.config["Env"])
        return found | self.service.get("environment", {})

    @property
    def command(self) -> list[str]:
        """The words of the command."""
        entry = self.service.get("entrypoint", self.image.config["Entrypoint"])
        return [*entry, *self.service.get("command", self.image.config.get("Cmd") or ())]

    def start(self) -> None:
        """Start the service."""
        uid, gid, groups = self.user
        script = self._script(self.command)
        self.log.touch()
        self.log.chmod(0o666)  # nginx opens its standard output again
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [
                    *("ip", "netns", "exec", self.space),
                    *("unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"),
                    *("sh", "-euc", script, uid, gid, groups),
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"]},
                start_new_session=True,
            )

    def _script(self, command: Sequence[str]) -> str:
        """Return what mounts the file systems and becomes the command, as a container engine."""
        root = self.node.place / "roots" / self.name
        root.mkdir(parents=True, exist_ok=True)
        lines = [f"mount --bind {self.image.root} {root}"]
        for path in ("proc", "dev", "run", "tmp", "etc/hosts"):
            self._target(path, is_file=path == "etc/hosts")
        mounts: list[tuple[Path, str, bool]] = []
        for text in self.service.get("volumes", ()):
            name, target, *mode = text.split(":")
            mounts.append((self.node.volume(name), target, "ro" in mode))
        for one in self.service.get("configs", ()):
            mounts.append((self.node.configs[one["source"]], one["target"], True))
        for source, target, _ in mounts:
            self._target(target.lstrip("/"), is_file=source.is_file())
        if self.service["read_only"]:
            lines.append(f"mount -o remount,bind,ro {root}")
        lines += [
            f"mount -t proc proc {root}/proc",
            f"mount -t tmpfs -o mode=755,size=64k tmpfs {root}/dev",
            f"mount -t tmpfs -o mode=755,size=1m tmpfs {root}/run",
            f"mkdir -p {root}/run/secrets {root}/dev/shm",
            f"mount -t tmpfs -o mode=1777,size=256m tmpfs {root}/dev/shm",
        ]
        for device in ("null", "zero", "full", "random", "urandom"):
            lines.append(
                f"touch {root}/dev/{device}; mount --bind /dev/{device} {root}/dev/{device}"
            )
        lines.append(f"ln -s /proc/self/fd {root}/dev/fd")
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            lines.append(f"ln -s /proc/self/fd/{number} {root}/dev/{name}")
        hosts = self.node.hosts(self)
        lines.append(f"mount --bind {hosts} {root}/etc/hosts")
        for text in self.service.get("tmpfs", ()):
            target, _, options = text.partition(":")
            lines.append(f"mount -t tmpfs -o {options} tmpfs {root}{target}")
        for source, target, read_only in mounts:
            lines.append(f"mount --bind {source} {root}{target}")
            if read_only:
                lines.append(f"mount -o remount,bind,ro {root}{target}")
        for name in self.service.get("secrets", ()):
            secret = self.node.secrets[name]
            lines.append(f"touch {root}/run/secrets/{name}")
            lines.append(f"mount --bind {secret} {root}/run/secrets/{name}")
        lines.append(f"mount -o remount,ro {root}/run")
        lines.append(f"cd {root}; exec {self._enter(root, command)}")
        return "\n".join(lines)

    def _enter(self, root: Path, command: Sequence[str]) -> str:
        uid, gid, groups = self.user
        given = [f"{name}={value}" for name, value in self.environment.items()]
        words = [
            *("env", "-i", *given, "/usr/sbin/chroot", str(root), "/usr/bin/setpriv"),
            *("--reuid", uid, "--regid", gid),
            *(("--groups", groups) if groups else ("--clear-groups",)),
            *("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"),
            *("/usr/bin/env", "-C", self.image.config.get("WorkingDir") or "/", *command),
        ]
        return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)

    def _target(self, path: str, is_file: bool) -> None:
        """Make the place for a mount, as container engines do."""
        place = self.image.root / path
        if is_file:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        else:
            place.mkdir(parents=True, exist_ok=True)

    @property
    def first(self) -> int | None:
        """The id of its first process on this machine."""
        if self.process is None or self.process.poll() is not None:
            return None
        # ip becomes unshare, whose child is the first process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return int(children.split()[0]) if children.split() else None

    def run(self, *command: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command within, as ``docker compose exec`` does."""
        assert self.first is not None, f"{self.name} does not run"
        script = f"exec {self._enter(Path('/'), command)}"
        return subprocess.run(
            [
                *("nsenter", "--target", str(self.first), "--mount", "--pid", "--net", "--ipc"),
                *("--uts", f"--root=/proc/{self.first}/root", "--wd=/", "/bin/sh", "-c", script),
            ],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )

    def wait_ready(self, timeout: float) -> float:
        """Wait until its health check succeeds, and return how many seconds it took."""
        began = time.monotonic()
        kind, *check = self.service["healthcheck"]["test"]
        words = ("/bin/sh", "-c", *check) if kind == "CMD-SHELL" else tuple(check)
        while time.monotonic() < began + timeout:
            if self.first is None and self.process and self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended: {self.messages()[-3000:]}")
            if self.first is not None and self.run(*words).returncode == 0:
                return time.monotonic() - began
            time.sleep(0.5)
        raise RuntimeError(f"{self.name} is not ready after {timeout} s: {self.messages()[-3000:]}")

    def messages(self) -> str:
        """Return what the service has written."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_ended(self, timeout: float) -> int:
        """Wait until the service has ended, and return its exit code."""
        assert self.process is not None
        return self.process.wait(timeout)

    def stop(self) -> float:
        """Stop the service as an engine does, and return how many seconds it took."""
        began = time.monotonic()
        if (first := self.first) is None:
            return 0.0
        # the shell that prepares the file systems does not hear the signal
        while os.path.samefile(f"/proc/{first}/root", "/"):
            time.sleep(0.05)
        name = self.image.config.get("StopSignal") or "SIGTERM"
        os.kill(first, getattr(signal, name))
        assert self.process is not None
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return time.monotonic() - began

    def kill(self) -> None:
        """Kill all processes at once."""
        if (first := self.first) is not None:
            os.kill(first, signal.SIGKILL)
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class Node:
    """The services of the compose file, with volumes below a directory of the test.

    Parameters
    ----------
    place : pathlib.Path
        The directory.
    services : sequence of str
        The services to be run.
    url : str
        The address at which the proxy will be published.
    """

    def __init__(self, place: Path, services: Sequence[str], url: str) -> None:
        self.place = place
        text = _VARIABLE.sub(
            lambda found: os.environ.get(found[1], found[2]), COMPOSE.read_text("utf-8")
        )
        self.compose = yaml.safe_load(text)
        self.network = Network(self.compose["networks"])
        services = [name for name in services if name in self.compose["services"]]
        wanted = {self.compose["services"][name]["image"] for name in services}
        self.images = {name: Image(name) for name in wanted}
        secret = place / "superuser_password"
        secret.write_text("a-password-of-tests-0123456789\n")
        os.chown(secret, 0, 10310)
        secret.chmod(0o640)
        self.secrets = {"superuser_password": secret}
        site = place / "site.toml"
        text = (ROOT / "docker" / "site.toml").read_text("utf-8")
        # the address that users see, which is that of the published port
        site.write_text(text.replace("[site]\n", f'[site]\nurl = "{url}"\n', 1), "utf-8")
        self.configs = {"site": site, "live": place / "live.toml"}
        self.containers: dict[str, Container] = {}
        for name in services:
            self.containers[name] = Container(self, name)
        self.facts: dict[str, float] = {}
        self.forwards: list[subprocess.Popen[bytes]] = []

    def __getitem__(self, name: str) -> Container:
        return self.containers[name]

    def volume(self, name: str) -> Path:
        """Return the directory of a volume; a new one belongs to whom the image says."""
        path = self.place / "volumes" / name.lstrip("./")
        if not path.exists():
            path.mkdir(parents=True)
            owner = {"database": 10311, "cache": 10312}.get(name, 10310)
            os.chown(path, owner, owner)
        return path

    def hosts(self, container: Container) -> Path:
        """Return the file by which a service finds those in its networks."""
        lines = ["127.0.0.1 localhost"]
        mine = set(container.networks)
        for name, other in self.containers.items():
            for network in other.networks:
                if network in mine:
                    at = self.network.numbers[network]
                    lines.append(f"10.31.{at}.{other.number} {name}")
        path = self.place / f"{container.name}.hosts"
        path.write_text("\n".join(lines) + "\n")
        return path

    def publish(self, service: str, port: int, published: int) -> None:
        """Forward a port of loopback to a service, as ``ports:`` in the compose file."""
        listening = socket.create_server(("127.0.0.1", published))
        at = self.network.numbers["outside"]
        address = f"10.31.{at}.{self[service].number}"
        self.forwards.append(
            subprocess.Popen(
                [
                    *("ip", "netns", "exec", self.network.hub, sys.executable, "-m"),
                    *("tests.images.forward", str(listening.fileno()), address, str(port)),
                ],
                pass_fds=[listening.fileno()],
                cwd=ROOT,
            )
        )
        listening.close()

    def start(self) -> dict[str, float]:
        """Start all services in the order of their dependencies; return how long each took."""
        times = {}
        for name, container in self.containers.items():
            began = time.monotonic()
            container.start()
            if "healthcheck" in container.service:
                container.wait_ready(300)
            elif container.service["restart"] == "no" and container.wait_ended(60):
                raise RuntimeError(f"{name}: {container.messages()}")
            times[name] = time.monotonic() - began
        return times

    def each(self, act: Callable[[Container], object]) -> None:
        """Do something with all services, the last one first."""
        for container in reversed(self.containers.values()):
            act(container)

    def close(self) -> None:
        """Kill and remove everything but the images."""
        self.each(Container.kill)
        for process in self.forwards:
            process.kill()
            process.wait()
        self.network.close()
        for image in self.images.values():
            image.delete()
