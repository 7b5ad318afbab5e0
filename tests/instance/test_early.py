"""DaCHS that is loaded before it is needed does what DaCHS does that is started when it is."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.instance import lifecycle
from ingest.instance.account import Account
from ingest.instance.dachs import Dachs, early, started_early
from ingest.instance.layout import Layout
from ingest.instance.process import processes_below
from tests.instances import Instance
from tests.servers import eventually

pytestmark = pytest.mark.slow
COMMAND = ("config",)


@pytest.fixture
def dachs(empty_instance: Instance) -> Iterator[Dachs]:
    """Provide DaCHS with its database; what is served is staged as well."""
    layout = Layout(empty_instance.var, Account.current())
    with lifecycle.database(layout):
        layout.account.create_directory(layout.staged)
        yield Dachs(layout)


def run(dachs: Dachs, *words: str) -> None:
    dachs.run_from_staged(words, problem="it failed")


def waiting(layout: Layout) -> list[int]:
    """Return the ids of the processes that wait for commands."""
    return [
        pid
        for pid in processes_below(layout.dachs)
        if b"\0--wait\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_each_command_takes_one_process_and_the_next_is_started_as_always(dachs: Dachs) -> None:
    layout = dachs.layout
    with started_early(layout, 2):
        assert len(waiting(layout)) == 2
        run(dachs, *COMMAND)
        assert len(waiting(layout)) == 1
        # of the descriptors that are served, it knows nothing
        dachs.run_checked(*COMMAND)
        assert len(waiting(layout)) == 1
        run(dachs, *COMMAND)
        run(dachs, *COMMAND)
        assert waiting(layout) == []


def test_a_command_that_fails_says_why(dachs: Dachs) -> None:
    messages = []
    for count in (0, 1):
        with started_early(dachs.layout, count), pytest.raises(Exception) as caught:
            run(dachs, "imp", "nothing/of_this_name")
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "nothing/of_this_name" in messages[0]


def test_one_that_was_killed_is_replaced(dachs: Dachs) -> None:
    with started_early(dachs.layout, 1):
        (pid,) = waiting(dachs.layout)
        (process,) = early._waiting[dachs.layout.var]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: process.poll() is not None)
        run(dachs, *COMMAND)


def test_those_that_are_not_needed_end_with_the_block(dachs: Dachs) -> None:
    with pytest.raises(KeyboardInterrupt), started_early(dachs.layout, 2):
        assert len(waiting(dachs.layout)) == 2
        raise KeyboardInterrupt
    assert waiting(dachs.layout) == []
