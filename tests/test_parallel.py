"""Work in several processes: order, errors, and no process left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from multiprocessing import active_children
from pathlib import Path

import pytest

from ingest.core.errors import IngestError, InputError
from ingest.core.parallel import in_processes
from ingest.core.prefetch import prefetch
from tests.servers import eventually

PARENT = """
import sys, time
from tests.test_parallel import record
from ingest.core.parallel import in_processes
list(in_processes(record, [sys.argv[1] + "/a", sys.argv[1] + "/b"], 2))
"""


def slowest_first(number: int) -> tuple[int, int]:
    time.sleep(0.3 if number == 0 else 0)
    return number, os.getpid()


def refuse_second(number: int) -> int:
    if number == 1:
        raise InputError("a wrong number", value=number, remedy="take another")
    time.sleep(0 if number == 0 else 60)
    return number


def end_itself(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def threads_at_second(count: int) -> int:
    """Return the number of threads that read ahead while the second of some items is used."""
    items = prefetch(range(count))
    next(items)
    next(items)
    return sum(one.name.startswith("prefetch") for one in threading.enumerate())


def record(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(60)


def is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_results_come_in_the_order_of_the_items_from_several_processes() -> None:
    found = list(in_processes(slowest_first, range(4), 2))
    assert [number for number, _ in found] == [0, 1, 2, 3]
    pids = {pid for _, pid in found}
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert active_children() == []


@pytest.mark.parametrize(("items", "count"), [([7], 2), ([7, 8], 1)])
def test_one_item_or_one_process_needs_no_other(items: list[int], count: int) -> None:
    assert [pid for _, pid in in_processes(slowest_first, items, count)] == [os.getpid()] * len(
        items
    )
    assert list(in_processes(slowest_first, [])) == []


def test_the_function_is_inherited_not_sent_with_each_item() -> None:
    cannot_be_pickled = threading.Lock()
    found = in_processes(lambda number: (number, cannot_be_pickled.locked()), range(3), 2)
    assert list(found) == [(0, False), (1, False), (2, False)]


def test_one_of_several_processes_uses_one_core() -> None:
    assert list(in_processes(threads_at_second, [9, 9], 1)) == [1, 1]
    assert list(in_processes(threads_at_second, [9, 9], 2)) == [0, 0]


def test_the_first_error_ends_all() -> None:
    start = time.monotonic()
    with pytest.raises(InputError, match="a wrong number"):
        list(in_processes(refuse_second, range(5), 2))
    assert active_children() == []
    assert time.monotonic() - start < 30


def test_a_caller_that_stops_ends_all() -> None:
    with closing(in_processes(refuse_second, [0, 2, 3], 2)) as results:
        assert next(results) == 0
    assert active_children() == []


def test_a_process_that_was_killed_is_an_error() -> None:
    with pytest.raises(IngestError, match="a process of this command was killed") as caught:
        list(in_processes(end_itself, range(3), 2))
    assert "memory for 2 processes" in str(caught.value)


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_they_end_with_the_command(tmp_path: Path, kind: signal.Signals) -> None:
    root = str(Path(__file__).resolve().parents[1])
    command = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], cwd=root, stderr=subprocess.PIPE, text=True
    )
    try:
        eventually(lambda: all((tmp_path / one).exists() for one in "ab"))
        eventually(lambda: all((tmp_path / one).read_text() for one in "ab"))
        command.send_signal(kind)
        _, said = command.communicate(timeout=20)
        # of Ctrl-C, only this process has heard
        assert said.count("Traceback") == (kind == signal.SIGINT)
        eventually(lambda: not any(is_running((tmp_path / one).read_text()) for one in "ab"))
    finally:
        command.kill()
