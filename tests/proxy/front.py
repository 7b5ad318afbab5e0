"""nginx with the configuration that ``km3vo instance proxy`` prints, for tests."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Final

from tests.instances import Instance

NGINX: Final = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "nginx"
_START: Final = 10.0  # s


@dataclass(frozen=True)
class Front:
    """A proxy in front of an instance.

    Attributes
    ----------
    instance : Instance
        The instance.
    folder : pathlib.Path
        The directory with all files of the proxy.
    port : int
        Where it listens.
    tls : bool
        Whether it speaks https there.
    """

    instance: Instance
    folder: Path
    port: int
    tls: bool

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    def context(self) -> ssl.SSLContext:
        """Return what a client needs that trusts the certificate."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def connect(self) -> http.client.HTTPConnection:
        if self.tls:
            return http.client.HTTPSConnection(
                "localhost", self.port, timeout=60, context=self.context()
            )
        return http.client.HTTPConnection("localhost", self.port, timeout=60)

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, Message, bytes]:
        """Send a request as it is, and return status, headers and body of the answer."""
        connection = self.connect()
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, sent)
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def say(self, lines: bytes) -> bytes:
        """Send bytes as they are, and return what comes until the connection is closed."""
        raw = socket.create_connection(("localhost", self.port), 30)
        with (
            self.context().wrap_socket(raw, server_hostname="localhost") if self.tls else raw as one
        ):
            one.sendall(lines)
            parts = []
            while part := one.recv(65_536):
                parts.append(part)
        return b"".join(parts)

    def reload(self) -> None:
        """Let nginx read its files again; return when it answers with what is new."""
        pid = int((self.folder / "pid").read_text())
        former = _children(pid)
        os.kill(pid, signal.SIGHUP)
        deadline = time.monotonic() + _START
        while former & _children(pid):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def log(self) -> list[str]:
        """Return the lines of the log, each about one request."""
        return (self.folder / "access.log").read_text().splitlines()

    def kept(self) -> Iterator[bytes]:
        """Yield the files in the cache."""
        for path in (self.folder / "cache" / "answers").rglob("*"):
            if path.is_file():
                yield path.read_bytes()


@contextmanager
def front(
    instance: Instance, port: int, tls: bool = False, settings: str = "", options: str = ""
) -> Iterator[Front]:
    """Run nginx in front of an instance until the block ends.

    Parameters
    ----------
    port : int
        Where it listens; a redirect from http, if there is TLS, on the port after that.
    tls : bool
        Whether it has a certificate.
    settings : str
        Further lines of the section ``[proxy]``.
    options : str
        Further options of ``km3vo instance proxy``.
    """
    folder = Path(tempfile.mkdtemp(prefix="km3vo-proxy-"))
    folder.chmod(0o755)
    (folder / "cache").mkdir()
    one = Front(instance, folder, port, tls)
    try:
        if tls:
            make_certificate(folder)
        site = folder / "site.toml"
        site.write_text(site_of(one, settings))
        printed = instance.km3vo(
            *f"instance proxy --cache {folder}/cache --logs {folder} --pid {folder}/pid".split(),
            *options.split(),
            KM3VO_SITE=str(site),
        )
        assert printed.returncode == 0, printed.stderr
        (folder / "nginx.conf").write_text(printed.stdout)
        command = [NGINX, "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        with (folder / "messages").open("w") as messages:
            process = subprocess.Popen(command, stderr=messages)
        try:
            _wait(one, process)
            yield one
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        errors = (folder / "error.log").read_text()
        assert not re.search(r"\[(?:crit|alert|emerg)\]", errors), errors
    finally:
        shutil.rmtree(folder)


def site_of(one: Front, settings: str) -> str:
    """Return the file with the settings of the site, which has the address of the proxy."""
    lines = [f'[site]\nurl = "{one.url}"\n[proxy]\nport = {one.port}\n{settings}']
    if one.tls:
        lines.append(f'certificate = "{one.certificate}"\nkey = "{one.folder}/key.pem"')
        lines.append(f"redirect_port = {one.port + 1}")
    return "\n".join(lines) + "\n"


def make_certificate(folder: Path, days: int = 90) -> None:
    """Write a certificate for localhost and its key."""
    subprocess.run(
        [
            *f"openssl req -x509 -newkey rsa:2048 -nodes -days {days} -subj /CN=localhost".split(),
            *["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem"],
            *["-out", "certificate.pem"],
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )


def _children(pid: int) -> set[str]:
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def _wait(one: Front, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START
    while True:
        try:
            socket.create_connection(("localhost", one.port), 1).close()
            return
        except OSError:
            assert process.poll() is None, (one.folder / "messages").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
