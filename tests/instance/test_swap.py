"""Nobody notices an import: readers get what was served before it, or what is served after it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from tests import polling
from tests.instances import KM3VO, Instance
from tests.served import served

pytestmark = pytest.mark.slow

RELEASE = "ant20_01"
IMPORT = ("import", "--release", RELEASE)
ASKED = polling.doors(RELEASE)
_GONE: Final = (
    rb'relation (?:"|\\?&quot;)(ant20_01|km3net|ivoa)\.\w+(?:"|\\?&quot;) does not exist'
    rb"|Fault|no longer served"
)


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory, antares_list: Path) -> dict[str, str]:
    """Return the environment for a delivery in which each event has one more hit."""
    return polling.other_delivery(tmp_path_factory.mktemp("delivery"), antares_list)


@pytest.fixture
def before(worn: Instance) -> dict[str, str]:
    """Bring the delivered list online, and return what readers see."""
    worn.up()
    done = worn.km3vo(*IMPORT)
    assert done.returncode == 0, done.stderr
    return polling.answers(worn, ASKED)


@contextmanager
def connection(instance: Instance) -> Iterator:
    layout = Layout(instance.var, Account.current())
    with Cluster(layout).connect(InstanceState.read(layout).postgres_port) as opened:
        yield opened


def test_readers_see_the_state_before_or_after_an_import(worn, before, delivery) -> None:
    """Not even a query that takes hours delays an import or, behind it, other queries."""
    with connection(worn) as reader:
        cursor = reader.cursor()
        # its locks stay until the end of the transaction
        cursor.execute("SELECT count(*) FROM km3net.events, ivoa.obscore, ivoa.obscore_hea")
        with polling.Readers(worn, ASKED, pause=0.02) as readers:
            done = worn.km3vo(*IMPORT, **delivery)
        assert done.returncode == 0, done.stderr
        after = polling.answers(worn, ASKED)
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'retired%'")
        assert cursor.fetchone() != (0,), "the long query should still use the former tables"
    changed = {door for door in ASKED if before[door] != after[door]}
    assert {"release", "all events", "cone", "product"} <= changed, "the readers see nothing"
    assert readers.polls > 100
    assert readers.wrong(before, after) == {}
    worn.up()
    with connection(worn) as reader:
        cursor = reader.cursor()
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'retired%'")
        assert cursor.fetchall() == []


@pytest.mark.long
def test_an_import_that_fails_at_its_end_changes_nothing(worn, before, delivery) -> None:
    descriptor = Path(delivery["PYTHONPATH"]) / "rd" / RELEASE / "nu.rd"
    whole = descriptor.read_text()
    # without a description, DaCHS can make the tables, but no record for the registry
    descriptor.write_text(whole.replace(f'<FEED source="{RELEASE}/about#metadata"/>', ""))
    try:
        with polling.Readers(worn, ASKED, pause=0.1) as readers:
            done = worn.km3vo(*IMPORT, **delivery)
    finally:
        descriptor.write_text(whole)
    assert done.returncode == 1, done.stderr
    assert "Aborting publication" in done.stderr
    assert readers.wrong(before) == {}
    assert polling.answers(worn, ASKED) == before


def test_a_killed_import_changes_nothing(worn, before, delivery) -> None:
    staged = worn.var / "dachs" / "inputs.staged" / ".switch.json"
    with polling.Readers(worn, ASKED, pause=0.1) as readers:
        process = subprocess.Popen(
            [KM3VO, *IMPORT], env=worn.environment | delivery, start_new_session=True
        )
        deadline = time.monotonic() + 60
        while not staged.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        worn.up()
    assert not staged.parent.exists()
    assert not [*(worn.var / "dachs" / "inputs").glob(".*")]
    assert readers.wrong(before) == {}
    served(worn)  # file and table agree


@pytest.mark.long
def test_readers_see_the_state_before_or_after_a_withdrawal(worn, before) -> None:
    with polling.Readers(worn, ASKED, pause=0.02) as readers:
        done = worn.km3vo("registry", "withdraw", "--yes", RELEASE)
    assert done.returncode == 0, done.stderr
    after = polling.answers(worn, ASKED)
    # For some milliseconds the database, and not yet the server, says that the table is gone. A
    # request for a file, or its DataLink, that began before finds it gone.
    wrong = [
        (door, body)
        for door, answers in readers.wrong(before, after).items()
        for body in (readers.bodies[door, answer] for answer in answers)
        if not re.search(_GONE, body)
    ]
    assert wrong == []
    assert b"ant20_01" not in polling.ask(worn, ASKED["tables"])[1]
