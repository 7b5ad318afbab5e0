"""A follower with a process of its own: what becomes of it when the process or its parent dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ingest.alerts.live.follower_process import FollowerProcess
from ingest.alerts.live.source import Health
from ingest.alerts.pipeline.processes import start_server
from ingest.core.errors import InputError
from ingest.instance.account import Account
from tests.instances import ROOT

PROGRAM = """
import threading, time
from tests.alerts.test_follower_process import started
follower = started(threading.Event())
while not follower.health.lag:
    time.sleep(0.01)
print(follower.health.lag["pid"], flush=True)
time.sleep(60)
"""


class Heavy:
    """Tells its process, and how often it has worked; the first times it fails."""

    name = "heavy"

    def __init__(self) -> None:
        self.health = Health()

    def work(self, stop: threading.Event) -> None:
        self.health.lag = {"pid": os.getpid(), "niceness": os.nice(0)}
        if self.health.errors < 4:
            raise InputError("the catalogue cannot be read")
        self.health.messages += 1

    def close(self) -> None:
        pass


def started(stop: threading.Event) -> FollowerProcess:
    start_server()
    follower = FollowerProcess(Heavy.name, Heavy, Account.current(), stop)
    follower.start()
    return follower


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_process_that_is_killed_is_started_again_and_ends_with_its_listener():
    stop = threading.Event()
    follower = started(stop)
    health = follower.health
    until(lambda: "catalogue cannot be read" in health.problem)
    assert health.state == "waiting"
    until(lambda: health.state == "connected" and health.messages)
    assert not health.problem
    first = health.lag["pid"]
    assert first != os.getpid() and health.lag["niceness"] > os.nice(0)
    done = health.messages
    follower.wake()
    until(lambda: health.messages > done)

    os.kill(first, signal.SIGKILL)
    until(lambda: "killed by signal 9" in health.problem)
    assert health.state == "waiting"
    until(lambda: health.state == "connected")
    assert not health.problem and health.errors >= 9
    second = health.lag["pid"]
    assert second != first

    # one that does not answer hinders neither the intake nor the end
    os.kill(second, signal.SIGSTOP)
    begin = time.monotonic()
    for _ in range(100_000):
        follower.wake()
    assert time.monotonic() - begin < 5
    stop.set()
    begin = time.monotonic()
    follower.join(5)
    assert time.monotonic() - begin < 1.9
    assert not is_alive(second)


def test_no_process_remains_when_the_listener_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    until(lambda: not is_alive(pid))
