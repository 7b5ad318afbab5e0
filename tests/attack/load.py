"""Hostile clients, and what an honest client notices of them.

:func:`under_attack` lets a number of processes send requests that cost the server as much as
possible, and measures the answers to an honest client and the memory of all processes meanwhile.
``python -m tests.attack.load 60`` does so for a minute.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import multiprocessing
import random
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.instance.process import processes_below
from tests.instances import Instance
from tests.templates import Templates, port

Attack = Callable[[Instance], None]

CONE = "ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=3"
"""An honest cone search; it finds the four events that README shows."""
_TIMEOUT = 120.0  # s
_SPACING = 0.05  # s between two honest requests


@dataclass(frozen=True)
class Load:
    """What an honest client observed, and what the server needed.

    Attributes
    ----------
    latencies : tuple of float
        Times in s of the honest requests, sorted.
    failures : tuple of str
        The honest requests that failed, with the reason.
    resident : int
        The largest memory in bytes of all processes together. A page that several processes
        share counts once.
    """

    latencies: tuple[float, ...]
    failures: tuple[str, ...]
    resident: int

    def quantile(self, fraction: float) -> float:
        """Return the latency in s that `fraction` of the honest requests did not exceed."""
        if not self.latencies:
            return float("inf")
        return self.latencies[min(int(fraction * len(self.latencies)), len(self.latencies) - 1)]

    def __str__(self) -> str:
        return (
            f"{len(self.latencies)} cone searches: p50 {self.quantile(0.5) * 1e3:.0f} ms,"
            f" p99 {self.quantile(0.99) * 1e3:.0f} ms, {len(self.failures)} failures;"
            f" memory {self.resident / 2**30:.2f} GiB"
        )


# -- attacks ------------------------------------------------------------------------------------


def query(adql: str) -> Attack:
    """Return the attack that sends a query to the synchronous TAP service."""

    def attack(instance: Instance) -> None:
        _send(instance, {"LANG": "ADQL", "QUERY": adql})

    return attack


def upload(rows: int, columns: int = 4) -> Attack:
    """Return the attack that uploads a table as long as `rows`, and counts its rows."""
    fields = "".join(f'<FIELD name="c{n}" datatype="double"/>' for n in range(columns))
    row = "<TR>" + "<TD>1.5</TD>" * columns + "</TR>\n"
    table = (
        '<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.3"><RESOURCE><TABLE>'
        f"{fields}<DATA><TABLEDATA>\n{row * rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    ).encode()

    def attack(instance: Instance) -> None:
        form = {
            "LANG": "ADQL",
            "QUERY": "SELECT COUNT(*) AS n FROM TAP_UPLOAD.mine",
            "UPLOAD": "mine,param:table",
        }
        content, content_type = multipart(form, {"table": table})
        _send(instance, content, content_type)

    return attack


def multipart(fields: dict[str, str], files: dict[str, bytes]) -> tuple[bytes, str]:
    """Return the body of a form with files, and its media type."""
    mark = b"--km3vo-test\r\nContent-Disposition: form-data; name="
    parts = [mark + f'"{name}"\r\n\r\n{text}\r\n'.encode() for name, text in fields.items()]
    parts += [
        mark
        + f'"{name}"; filename="{name}.xml"\r\n'.encode()
        + b"Content-Type: application/x-votable+xml\r\n\r\n"
        + content
        + b"\r\n"
        for name, content in files.items()
    ]
    return b"".join([*parts, b"--km3vo-test--\r\n"]), "multipart/form-data; boundary=km3vo-test"


CROSS_JOIN = query("SELECT COUNT(*) FROM ant20_01.main a, ant20_01.main b, ant20_01.main c")
PAIRS = query(
    "SELECT SUM(DISTANCE(a.ra, a.decl, b.ra, b.decl)) FROM ant20_01.main a, ant20_01.main b"
)
TERMS = query(
    "SELECT TOP 1 id FROM ant20_01.main WHERE "
    + " OR ".join(f"nhit = {number}" for number in range(3000))
)
MOC = query("SELECT MOC(29, CIRCLE(0, 0, 10)) AS m FROM evts23_01.main")
UPLOAD = upload(rows=100_000)
WORST = (CROSS_JOIN, PAIRS, TERMS, MOC, UPLOAD)
"""What a hostile client does."""


# -- measurement --------------------------------------------------------------------------------


def under_attack(
    instance: Instance,
    attacks: Sequence[Attack] = WORST,
    clients: int = 10,
    duration: float = 20.0,
) -> Load:
    """Return what an honest client notices of hostile ones.

    Parameters
    ----------
    instance : Instance
        The server.
    attacks : sequence of Attack, optional
        The attacks; each client repeats all of them, in an order of its own.
    clients : int, optional
        The number of hostile clients, each a process; 0 for the latencies of an idle server.
    duration : float, optional
        How long the honest client asks, in s.
    """
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_be_hostile, args=(instance, attacks, number), daemon=True)
        for number in range(clients)
    ]
    memory = _Memory(instance)
    for process in processes:
        process.start()
    try:
        with memory.observed():
            time.sleep(1.0 if clients else 0.0)
            latencies, failures = _ask(instance, duration)
    finally:
        for process in processes:
            process.kill()
            process.join()
    return Load(tuple(sorted(latencies)), tuple(failures), memory.largest)


def resident(directory: Path) -> int:
    """Return the memory in bytes of all processes of the instance in `directory`.

    A page that several processes share, such as PostgreSQL's buffers, counts once.
    """
    # PostgreSQL's processes write their title over their environment: they are found as children.
    pids = set(processes_below(directory))
    parents = {int(path.name): _parent(path) for path in Path("/proc").glob("[0-9]*")}
    while found := {pid for pid, parent in parents.items() if parent in pids} - pids:
        pids |= found
    return sum(map(_proportional, pids))


class _Memory:
    """The largest memory of an instance's processes while it is observed."""

    def __init__(self, instance: Instance) -> None:
        self.directory = instance.var.resolve()
        self.largest = 0
        self._end = threading.Event()

    @contextlib.contextmanager
    def observed(self) -> Iterator[None]:
        thread = threading.Thread(target=self._observe)
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            thread.join()

    def _observe(self) -> None:
        while True:
            self.largest = max(self.largest, resident(self.directory))
            if self._end.wait(0.5):
                return


def _parent(process: Path) -> int:
    try:
        return int(process.joinpath("stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended
        return 0


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _be_hostile(instance: Instance, attacks: Sequence[Attack], number: int) -> None:
    order = random.Random(number).sample(range(len(attacks)), len(attacks))
    for index in itertools.cycle(order):
        begin = time.monotonic()
        with contextlib.suppress(OSError, http.client.HTTPException):
            attacks[index](instance)
        # A refusal costs the server little, and must not make this client a busy loop.
        time.sleep(max(0.0, 0.02 - (time.monotonic() - begin)))


def _ask(instance: Instance, duration: float) -> tuple[list[float], list[str]]:
    latencies: list[float] = []
    failures: list[str] = []
    end = time.monotonic() + duration
    while (begin := time.monotonic()) < end:
        try:
            with urllib.request.urlopen(f"{instance.url}/{CONE}", timeout=_TIMEOUT) as reply:
                content = reply.read()
            if b"<TABLE" not in content:
                failures.append(content[:200].decode(errors="replace"))
        except OSError as error:
            failures.append(repr(error))
        latencies.append(time.monotonic() - begin)
        time.sleep(_SPACING)
    return latencies, failures


def _send(
    instance: Instance,
    data: dict[str, str] | bytes,
    content_type: str = "application/x-www-form-urlencoded",
) -> None:
    body = data if isinstance(data, bytes) else urllib.parse.urlencode(data).encode()
    request = urllib.request.Request(f"{instance.tap}/sync", body, {"Content-Type": content_type})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as reply:
        reply.read()


# -- on its own -----------------------------------------------------------------------------------

MOST_LATENCY = 0.5  # s, of 99 % of the honest cone searches
MOST_MEMORY = 4 * 2**30


def main() -> int:
    """Attack an instance of its own, print what was observed, and return 1 if it is too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("duration", type=float, help="how long the honest client asks, in s")
    duration = parser.parse_args().duration
    folder = Path(tempfile.mkdtemp(prefix="km3vo-load-"))
    folder.chmod(0o755)
    templates = Templates(folder)
    instance = Instance(folder / "var", port(80))
    try:
        templates.copy("antares", instance).up()
        print(f"idle: {under_attack(instance, clients=0, duration=duration)}")
        observed = under_attack(instance, clients=10, duration=duration)
        print(f"ten hostile clients: {observed}")
    finally:
        instance.reset()
        templates.remove()
    return int(
        bool(observed.failures)
        or observed.quantile(0.99) > MOST_LATENCY
        or observed.resident > MOST_MEMORY
    )


if __name__ == "__main__":
    sys.exit(main())
