"""Thousands of damaged packets in the whole pipeline: none is lost, and none stops it."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time

import pytest

from ingest.alerts.archive.archive import Archive
from ingest.alerts.tables import TABLES, open_store
from ingest.alerts.tables.store import Store
from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from tests.alerts.corpus import write_corpus
from tests.alerts.test_rebuild import content
from tests.instances import KM3VO

pytestmark = pytest.mark.slow

COUNT = 2000


def table_contents(layout: Layout) -> dict[str, list[list[str]]]:
    with open_store(layout, InstanceState.read(layout)) as store:
        assert isinstance(store, Store)
        return content(store)


def interrupted(filled_instance, *words: str, after: int) -> None:
    """Kill a command without a warning when the archive has a number of packets."""
    command = subprocess.Popen(
        [KM3VO, *words],
        env=filled_instance.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    archive = Archive(filled_instance.var / "alerts")
    deadline = time.monotonic() + 60
    while command.poll() is None and len(archive) < after and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    os.kill(command.pid, signal.SIGKILL)
    assert command.wait() == -signal.SIGKILL


def test_spoilt_packets_end_as_rows_or_in_quarantine(filled_instance, delivered, tmp_path):
    different = write_corpus(delivered / "alerts", COUNT, tmp_path / "spoilt.tar")
    spoilt = str(tmp_path / "spoilt.tar")
    assert len(different) > 0.8 * COUNT
    for after in (100, COUNT // 2):
        interrupted(filled_instance, "alerts", "import", spoilt, after=after)
    for _ in range(2):
        done = filled_instance.km3vo("alerts", "import", spoilt)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        # packets that only claim to be compressed are reported, and archived nevertheless
        assert "it was archived as it is" in done.stderr
    assert "          0  new" in done.stdout

    layout = Layout(filled_instance.var, Account.current())
    archive = Archive(layout.archive)
    entries = list(archive.entries())
    sums = {hashlib.sha256(packet).hexdigest() for packet in different}
    assert sums <= {entry.sha256 for entry in entries}
    before = table_contents(layout)
    place = TABLES["notices"].index("notice_id")
    with_rows = {int(row[place]) for row in before["notices"]}
    held = {one.entry.number: one.reason for one in archive.quarantined()}
    assert with_rows.isdisjoint(held)
    assert with_rows | held.keys() == {entry.number for entry in entries}
    assert not [why for why in held.values() if "an error in km3vo" in why or "database" in why]
    assert all("expected:" in why and "remedy:" in why for why in held.values())

    done = filled_instance.km3vo("alerts", "rebuild")
    assert done.returncode == 0, done.stdout + done.stderr
    assert table_contents(layout) == before
