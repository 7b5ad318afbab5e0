"""Processes of an instance are killed under load; nobody helps, and the services have to go on.

``python -m tests.attack.kills 100`` kills a hundred, in turn those of :data:`VICTIMS`.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import os
import signal
import statistics
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.instances import Instance
from tests.served import served
from tests.templates import Templates, port

CONE = "ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=3&RESPONSEFORMAT=votabletd"
N_CONE = 4
"""The number of events in this cone, as README shows them."""
QUERY = "SELECT COUNT(*) AS n FROM ant20_01.main"
N_EVENTS = "8754"
"""The number of events in the public list."""
CLIENTS = 4
LIMIT = 60.0  # s


@dataclass(frozen=True)
class Recovery:
    """How long the services were interrupted.

    Attributes
    ----------
    victim : str
        The process that was killed.
    seconds : float
        Time until a TAP query and a cone search both gave the right answer.
    """

    victim: str
    seconds: float


def guardian(instance: Instance) -> int:
    """Return the first process of the supervisor."""
    return _first_number(instance.var / "supervisor.pid")


def worker(instance: Instance) -> int:
    """Return the second process of the supervisor."""
    return _children(guardian(instance))[0]


def server(instance: Instance) -> int:
    """Return the process of DaCHS."""
    return _first_number(instance.var / "server.pid")


def postmaster(instance: Instance) -> int:
    """Return the first process of the database."""
    return _first_number(instance.var / "postgres" / "postmaster.pid")


def backend(instance: Instance) -> int:
    """Return a process of the database that serves DaCHS."""
    for child in _children(postmaster(instance)):
        with contextlib.suppress(OSError):
            if b"postgres: gavo" in Path(f"/proc/{child}/cmdline").read_bytes():
                return child
    raise IndexError("no backend at this moment")


VICTIMS: dict[str, Callable[[Instance], int]] = {
    "postmaster": postmaster,
    "backend": backend,
    "server": server,
    "worker": worker,
    "guardian": guardian,
}


def kill_under_load(instance: Instance, victims: Sequence[str]) -> list[Recovery]:
    """Kill processes one after the other, and wait each time until the services answer."""
    with _load(instance):
        return [_kill(instance, victim) for victim in victims]


def answers(instance: Instance) -> bool:
    """Return whether a TAP query and a cone search give the right answers."""
    sent = urllib.parse.urlencode({"LANG": "ADQL", "FORMAT": "csv", "QUERY": QUERY})
    try:
        table = _get(f"{instance.tap}/sync?{sent}")
        cone = _get(f"{instance.url}/{CONE}")
    except (OSError, http.client.HTTPException):
        return False
    return table.split() == ["n", N_EVENTS] and cone.count("<TR>") == N_CONE


def _kill(instance: Instance, victim: str) -> Recovery:
    pid = _find(instance, victim)
    begin = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.3)  # until the kernel and the other processes have noticed it
    while not answers(instance):
        assert time.monotonic() < begin + LIMIT, f"after the kill of the {victim} it stays dead"
        time.sleep(0.1)
    seconds = time.monotonic() - begin
    _find(instance, victim, other_than=pid)
    return Recovery(victim, seconds)


def _find(instance: Instance, victim: str, other_than: int = 0) -> int:
    """Return the process to kill as soon as there is one."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = VICTIMS[victim](instance)
            if pid != other_than and _lives(pid):
                return pid
        time.sleep(0.1)
    raise AssertionError(f"nobody starts another {victim}")


@contextlib.contextmanager
def _load(instance: Instance) -> Iterator[None]:
    """Let a few clients query all the time."""
    end = threading.Event()

    def query() -> None:
        while not end.wait(0.05):
            answers(instance)

    clients = [threading.Thread(target=query, daemon=True) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        end.set()
        for client in clients:
            client.join()


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as reply:
        return str(reply.read().decode())


def _first_number(path: Path) -> int:
    return int(path.read_text().split()[0])


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"


def _children(parent: int) -> list[int]:
    """Return the children of a process."""
    found = []
    for path in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if path.name.isdecimal():
                of = (path / "stat").read_text().rpartition(")")[2].split()[1]
                if int(of) == parent:
                    found.append(int(path.name))
    return sorted(found)


def main() -> None:
    """Kill processes of an instance of its own, and print how long the services took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, help="the number of kills")
    count = parser.parse_args().count
    folder = Path(tempfile.mkdtemp(prefix="km3vo-kills-"))
    folder.chmod(0o755)
    templates = Templates(folder)
    instance = Instance(folder / "var", port(70))
    try:
        templates.copy("antares", instance, durable=True).up()
        before = served(instance)
        found = kill_under_load(instance, list(itertools.islice(itertools.cycle(VICTIMS), count)))
        for victim in VICTIMS:
            seconds = [one.seconds for one in found if one.victim == victim]
            if seconds:
                print(
                    f"{victim:10} {len(seconds):3} kills:"
                    f" median {statistics.median(seconds):.1f} s, worst {max(seconds):.1f} s"
                )
        assert served(instance) == before, "data were lost"
        print("nothing is lost")
    finally:
        instance.reset()
        templates.remove()


if __name__ == "__main__":
    main()
