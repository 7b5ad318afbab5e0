"""How many requests several workers answer behind nginx, next to one, and to a bare DaCHS.

The requests are the mix of :mod:`tests.fronted`. ``KM3VO_BENCH_SECONDS`` sets how long each
measurement takes, such as 600 to see whether any request fails in ten minutes.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.instance.account import Account
from ingest.instance.dachs.program import PROGRAM, environment
from ingest.instance.layout import Layout
from ingest.instance.postgres import free_port, port_is_free
from tests import fronted
from tests.bench.report import Line
from tests.instances import KM3VO, Instance

SECONDS = float(os.environ.get("KM3VO_BENCH_SECONDS", "20"))
WORKERS = (1, 2, 4)
CLIENTS = (8, 32)
_PORT = 18_700
_BARE, _PROXY = 7, 8
"""Ports after that of the first worker."""
_START = 120.0  # s


def lines(events: int) -> Iterator[Line]:
    """Yield rates, 99 % quantiles and failures.

    Parameters
    ----------
    events : int
        Not used: the sample is that of ANTARES.
    """
    with tempfile.TemporaryDirectory(prefix="km3vo-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        instance = Instance(folder / "var", free_port(_PORT, count=10))
        instance.extra["KM3VO_SITE"] = str(folder / "site.toml")
        try:
            _serve(instance, 1)
            _done(instance, "import", "--release", "ant20_01")
            found = {}
            with _bare(instance) as port:
                found[0] = _measure(instance, folder, "--port", str(port), "--workers", "1")
            for number in WORKERS:
                _serve(instance, number)
                found[number] = _measure(instance, folder)
        finally:
            _done(instance, "instance", "reset", "--yes")
    for place, clients in enumerate(CLIENTS):
        one = found[1][place]
        for number, outcomes in found.items():
            outcome = outcomes[place]
            ratio = outcome.rate / one.rate
            yield Line(
                f"{clients} clients, {_name(number)}",
                f"{outcome.rate:.1f}/s; median {outcome.quantile(0.5) * 1000:.0f} ms,"
                f" 99 % {outcome.quantile(0.99):.2f} s; {len(outcome.failures)} of"
                f" {len(outcome.times)} failed",
                f"one worker {one.rate:.1f}/s",
                f"{ratio:.2f}",
                _goal(number, clients),
            )


def _name(workers: int) -> str:
    return {0: "bare DaCHS", 1: "1 worker"}.get(workers, f"{workers} workers")


def _goal(workers: int, clients: int) -> str:
    if clients > CLIENTS[0]:
        return "no failure"
    return "≥ 1.7 on two cores, 99 % ≤ 0.5 s" if workers == 2 else ""


def _serve(instance: Instance, workers: int) -> None:
    Path(instance.extra["KM3VO_SITE"]).write_text(
        f"[server]\nworkers = {workers}\n[proxy]\nport = {instance.port + _PROXY}\n"
        "requests_per_second = 100_000\nburst = 100_000\n"
    )
    instance.up()


def _measure(instance: Instance, folder: Path, *more: str) -> list[fronted.Outcome]:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        place.chmod(0o755)
        settings = fronted.proxy_settings(KM3VO, place, instance.environment, *more)
        with fronted.nginx(settings, place, instance.port + _PROXY) as port:
            fronted.load(port, 2, min(5.0, SECONDS))  # descriptors are read, processes are forked
            return [fronted.load(port, clients, SECONDS) for clients in CLIENTS]


@contextmanager
def _bare(instance: Instance) -> Iterator[int]:
    """Run DaCHS without our patches on the same database, and yield its port."""
    layout = Layout(instance.var, Account.current())
    port = instance.port + _BARE
    settings = layout.dachs / "bare.rc"
    text = (layout.dachs / "gavo.rc").read_text()
    settings.write_text(text.replace(f"serverPort: {instance.port}", f"serverPort: {port}"))
    layout.account.chown(settings)
    more = {"GAVOSETTINGS": str(settings)}
    with (layout.logs / "bare.log").open("wb") as log:
        server = layout.account.spawn(
            [PROGRAM, "serve", "start", "--foreground"],
            home=layout.dachs,
            env=environment(layout) | more,
            log=log,
        )
    try:
        deadline = time.monotonic() + _START
        while port_is_free(port):
            assert server.poll() is None, (layout.logs / "bare.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "DaCHS does not listen"
            time.sleep(0.2)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def _done(instance: Instance, *arguments: str) -> None:
    done = instance.km3vo(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
