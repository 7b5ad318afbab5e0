"""An nginx in front of an instance, and a mix of requests as those of many users."""

from __future__ import annotations

import http.client
import os
import random
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ingest.instance.account import Account
from ingest.instance.postgres import port_is_free

TAP: Final = "/__system__/tap/run/tap"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_BOUNDARY: Final = "km3vo-bench-boundary"
_ROWS: Final = 100
_TIMEOUT: Final = 200.0  # s
_PROGRAM: Final = "/usr/sbin/nginx"


@contextmanager
def nginx(settings: str, folder: Path, port: int) -> Iterator[int]:
    """Run nginx with the configuration `settings`, which names `folder`, and yield its port.

    It runs as the account of the instance, so that tests also run without root.
    """
    path = folder / "nginx.conf"
    path.write_text(settings)
    account = Account.current()
    for one in (folder, path):
        account.chown(one)
    with (folder / "nginx.out").open("wb") as log:
        account.chown(folder / "nginx.out")
        command = [_PROGRAM, "-c", str(path), "-e", str(folder / "error.log"), "-g", "daemon off;"]
        server = account.spawn(command, home=folder, log=log)
    try:
        deadline = time.monotonic() + 20
        while port_is_free(port):
            assert server.poll() is None, (folder / "nginx.out").read_text()
            assert time.monotonic() < deadline, "nginx does not listen"
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(20)


@dataclass
class Outcome:
    """What clients have met.

    Attributes
    ----------
    seconds : float
        How long they sent requests.
    times : list of float
        How long each took, in s.
    failures : list of str
        What failed, with the time since the start.
    """

    seconds: float
    times: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Successful requests per second."""
        return (len(self.times) - len(self.failures)) / self.seconds

    def quantile(self, part: float) -> float:
        """Return the time in s within which a part of the requests were answered."""
        return sorted(self.times)[min(int(part * len(self.times)), len(self.times) - 1)]


Request = tuple[str, str, bytes | None, dict[str, str]]


def mixed_request(dice: random.Random) -> Request:
    """Return a request: 70 % cones, 20 % small queries, 8 % whole tables, 2 % with uploads."""
    chosen = dice.random()
    if chosen < 0.70:
        place = f"RA={dice.uniform(0, 360):.3f}&DEC={dice.uniform(-70, 40):.3f}&SR=1"
        return "GET", f"/ant20_01/nu/cone/scs.xml?{place}", None, {}
    if chosen < 0.90:
        limit = dice.uniform(0, 350)
        return _query(f"SELECT TOP 10 id, ra, decl FROM ant20_01.main WHERE ra > {limit:.3f}")
    if chosen < 0.98:
        return _query("SELECT * FROM ant20_01.main", MAXREC="100000")
    return _upload(dice)


def _query(text: str, **more: str) -> Request:
    fields = {"LANG": "ADQL", "QUERY": text, **more}
    return "POST", f"{TAP}/sync", urllib.parse.urlencode(fields).encode(), _FORM


def _upload(dice: random.Random) -> Request:
    rows = "".join(
        f"<TR><TD>{dice.uniform(0, 360):.4f}</TD><TD>{dice.uniform(-70, 40):.4f}</TD></TR>"
        for _ in range(_ROWS)
    )
    table = (
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
        '<FIELD name="a" datatype="double"/><FIELD name="d" datatype="double"/>'
        f"<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    query = (
        "SELECT m.id FROM TAP_UPLOAD.mine AS u JOIN ant20_01.main AS m ON"
        " 1 = CONTAINS(POINT(m.ra, m.decl), CIRCLE(u.a, u.d, 0.5))"
    )
    fields = {"LANG": "ADQL", "QUERY": query, "UPLOAD": "mine,param:table"}
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="table"; filename="t.xml"\r\n'
        f"Content-Type: application/x-votable+xml\r\n\r\n{table}\r\n--{_BOUNDARY}--\r\n"
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    return "POST", f"{TAP}/sync", "".join(parts).encode(), headers


def load(
    port: int,
    clients: int,
    seconds: float,
    make: Callable[[random.Random], Request] = mixed_request,
    stop: threading.Event | None = None,
) -> Outcome:
    """Let clients send requests one after the other, for some time or until `stop` is set."""
    outcome, begin = Outcome(seconds), time.monotonic()
    lock, ended = threading.Lock(), stop or threading.Event()

    def send(number: int) -> None:
        dice = random.Random(number)
        # an address for each, because limits are for each client
        source = (f"127.0.1.{number + 1}", 0)
        connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=_TIMEOUT, source_address=source
        )
        while time.monotonic() < begin + seconds and not ended.is_set():
            method, path, body, headers = make(dice)
            start, problem = time.monotonic(), ""
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                if answer.status != 200 or b'value="ERROR"' in content:
                    problem = f"{answer.status} {content[-300:]!r}"
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
                connection.close()
            with lock:
                outcome.times.append(time.monotonic() - start)
                if problem:
                    outcome.failures.append(f"{start - begin:.1f} s: {method} {path} {problem}")

    threads = [threading.Thread(target=send, args=(one,)) for one in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.seconds = time.monotonic() - begin
    return outcome


def proxy_settings(km3vo: Path, folder: Path, environment: dict[str, str], *more: str) -> str:
    """Return the configuration of nginx for an instance, as ``km3vo instance proxy`` prints it."""
    places = ("--cache", "--logs", "--pid")
    values = (folder, folder, folder / "pid")
    words = [word for pair in zip(places, map(str, values), strict=True) for word in pair]
    done = subprocess.run(
        [km3vo, "instance", "proxy", *words, "--user", "", "--generation", "", *more],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
