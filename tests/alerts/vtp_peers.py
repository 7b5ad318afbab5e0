"""Peers of the VOEvent Transport Protocol: Comet, and a broker that misbehaves."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.alerts.vtp import Connection

SCRIPTS = Path(sys.executable).parent
IVOID = "ivo://example.org/broker"


class Comet:
    """A process of Comet, the broker of VOEvents.

    Parameters
    ----------
    folder : pathlib.Path
        For its log, what it remembers, and the VOEvents it saves.
    options : str
        Its command line.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.log = folder / "comet.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(SCRIPTS / "twistd", "--nodaemon", "--pidfile=", "comet"),
                    *(f"--local-ivo={IVOID}", f"--eventdb={folder}", "--verbose"),
                    *(
                        "--broadcast-test-interval=0",
                        "--save-event",
                        f"--save-event-directory={folder}/saved",
                    ),
                    *options,
                ],
                cwd=folder,
                stdout=log,
                stderr=log,
            )

    def wait_for(self, text: str, count: int = 1) -> None:
        """Wait until it has logged a text."""
        deadline = time.monotonic() + 30
        while (log := self.log.read_text()).count(text) < count:
            assert self.process.poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    @property
    def saved(self) -> list[bytes]:
        """The VOEvents it received."""
        return sorted(path.read_bytes() for path in (self.folder / "saved").iterdir())


@contextmanager
def comet_broker(folder: Path, receive: int, broadcast: int) -> Iterator[Comet]:
    """Run a broker for authors and subscribers on loopback."""
    comet = Comet(
        folder,
        *("--receive", f"--receive-port={receive}", "--author-whitelist=127.0.0.0/8"),
        *("--broadcast", f"--broadcast-port={broadcast}", "--subscriber-whitelist=127.0.0.0/8"),
    )
    try:
        comet.wait_for(f"starting on {receive}")
        yield comet
    finally:
        comet.stop()


def comet_sendvo(port: int, content: bytes) -> int:
    """Submit a VOEvent as authors do; return the exit code, which is 0 after an ack."""
    command = [SCRIPTS / "comet-sendvo", f"--port={port}", "--host=127.0.0.1"]
    return subprocess.run(command, input=content, capture_output=True, check=False).returncode


class ScriptedBroker:
    """A broker that sends its subscribers what a test wants."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"

    def accept(self) -> tuple[socket.socket, Connection]:
        """Wait for a subscriber."""
        self._server.settimeout(20)
        stream, _ = self._server.accept()
        return stream, Connection(stream)

    def close(self) -> None:
        self._server.close()
