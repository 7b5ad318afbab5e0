"""Sealing, proving, hiding and replaying packets of an instance that serves them."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import time
import urllib.error
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.packet import Packet
from ingest.alerts.archive.replaying import moment, replay
from ingest.alerts.pipeline.curation import find_packet
from ingest.alerts.tables.records import read_records
from ingest.alerts.tables.store import Store
from ingest.instance.layout import InstanceState
from ingest.instance.postgres import Cluster
from tests.alert_archive import layout_of
from tests.alerts.broker import Broker
from tests.alerts.test_rebuild import content
from tests.instances import Instance

pytestmark = pytest.mark.slow
GOLD = "ivo://nasa.gsfc.gcn/AMON#ICECUBE_GOLD_Event2022-12-23T07:43:00.52_24_137467_064735045_0"
REASON = "submitted by mistake; see <b>KM3-230213A</b>"


def archive_of(instance: Instance) -> Archive:
    layout = layout_of(instance)
    return Archive(layout.archive, layout.account)


def tables(instance: Instance) -> dict[str, list]:
    """Return all rows of all tables."""
    layout = layout_of(instance)
    with Cluster(layout).connect(InstanceState.read(layout).postgres_port) as connection:
        store = Store(connection)
        # what waits for matching depends on the way to these rows, too
        waiting = {"match_queue": []}
        return content(store) | waiting | {"withheld": read_records(store, "withheld")}


def km3vo(instance: Instance, *words: str, code: int = 0) -> str:
    done = instance.km3vo("alerts", *words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def answer(instance: Instance, path: str) -> tuple[int, str]:
    try:
        return 200, instance.fetch(path).decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_what_was_received_is_sealed_published_and_proved_to_others(filled_instance, tmp_path):
    archive = archive_of(filled_instance)
    assert "not sealed yet" in km3vo(filled_instance, "prove", GOLD, code=2)
    assert "no days were sealed" in km3vo(filled_instance, "seal")
    # the clock is set back by a day
    day = datetime.now(UTC) - timedelta(days=1)
    gold = find_packet(archive, None, "1")
    archive.add([Packet(archive.read(gold) + b"\n", "file:late", day)])
    archive.account.run(["true"], home=Path("/"))
    assert "1 days were sealed" in km3vo(filled_instance, "seal")

    ((number, name, first, packets, previous, seal_hash),) = filled_instance.adql(
        "SELECT seal_id, seal_day, first_packet, n_packets, previous, seal_hash FROM alerts.seals"
    )
    assert (number, name, first, packets) == ("1", f"{day:%Y-%m-%d}", "1", "27")
    assert previous == "0" * 64
    text = filled_instance.fetch("alerts/nu/seal?seal_id=1")
    assert text == (archive.root / "seals" / "1.txt").read_bytes()
    assert filled_instance.fetch(f"alerts/nu/seal?seal_day={name}") == text
    assert hashlib.sha256(text.partition(b"\n\n")[0] + b"\n").hexdigest() == seal_hash
    for wrong, code in (
        ("seal_id=2", 404),
        ("seal_id=x", 400),
        ("", 400),
        ("seal_day=2026-1", 400),
        ("seal_day=1999-01-01", 404),
    ):
        assert answer(filled_instance, f"alerts/nu/seal?{wrong}")[0] == code

    proof, packet, verifier = (tmp_path / name for name in ("proof.json", "packet", "verify.py"))
    km3vo(filled_instance, "prove", GOLD, "-o", str(proof))
    sha256 = json.loads(proof.read_text())["packet"]["sha256"]
    packet.write_bytes(filled_instance.fetch(f"alerts/nu/packet?sha256={sha256}"))
    verifier.write_bytes(filled_instance.fetch("alerts/nu/verifier"))
    command = [sys.executable, "-I", "-S", verifier, proof, packet, "--seal", seal_hash]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout

    assert "no problems with seals" in km3vo(filled_instance, "import", str(packet)) + km3vo(
        filled_instance, "verify"
    )
    assert "not the seals" not in km3vo(filled_instance, "verify")
    layout = layout_of(filled_instance)
    with Cluster(layout).connect(InstanceState.read(layout).postgres_port) as connection:
        connection.cursor().execute("UPDATE alerts.seals SET root = 'x'")
        connection.commit()
    assert "its rows are not the seals of the archive" in km3vo(filled_instance, "verify", code=1)
    assert "not those that were published" in km3vo(filled_instance, "seal", code=1)
    done = km3vo(filled_instance, "import", str(packet))
    assert "warning: the alerts could not be sealed" in done
    assert filled_instance.adql("SELECT root FROM alerts.seals") == [["x"]]
    km3vo(filled_instance, "seal", "--replace")
    km3vo(filled_instance, "verify")


def test_a_hidden_packet_is_gone_with_its_reason_and_comes_back(filled_instance):
    before = tables(filled_instance)
    ((number, sha256, alert),) = filled_instance.adql(
        "SELECT notice_id, sha256, alert_id FROM alerts.notices"
        " WHERE event_name = 'MS181101ab' AND revision = 6"
    ) or [("", "", "")]
    assert number, "the newest notice of the alert"
    assert "a packet is withheld with a reason" in km3vo(filled_instance, "hide", number, code=2)
    assert "not withheld" in km3vo(filled_instance, "hide", number, "--undo", code=2)
    assert tables(filled_instance) == before

    km3vo(filled_instance, "hide", number, "--reason", REASON)
    # its alert is what it was before it came: retracted by revision 5
    assert filled_instance.adql(
        f"SELECT max(revision), min(retracted), max(retracted), sum(is_latest)"
        f" FROM alerts.notices WHERE alert_id = '{alert}'"
    ) == [["5", "1", "1", "1"]]
    for table in ("params", "citations", "events"):
        query = f"SELECT count(*) FROM alerts.{table} WHERE notice_id = {number}"
        assert filled_instance.adql(query) == [["0"]]
    ((_, ivorn, reason),) = filled_instance.adql(
        "SELECT notice_id, ivorn, reason FROM alerts.withheld"
    )
    assert reason == REASON
    for kind in ("packet", "map", "preview"):
        for identifier in (f"notice_id={number}", f"sha256={sha256}"):
            assert answer(filled_instance, f"alerts/nu/{kind}?{identifier}") == (
                403,
                f"This packet is withheld: {REASON}\n",
            )
    quoted = ivorn.replace("#", "%23").replace("/", "%2F").replace(":", "%3A")
    assert answer(filled_instance, f"alerts/nu/packet?ivorn={quoted}")[0] == 403
    links = answer(filled_instance, f"alerts/nu/dl/dlmeta?ID={number}")[1]
    assert "AuthorizationFault" in links
    assert "withheld" in links
    assert "packet?notice_id" not in links

    hidden = tables(filled_instance)
    assert "1  withheld" in km3vo(filled_instance, "status")
    km3vo(filled_instance, "verify")
    km3vo(filled_instance, "rebuild")
    assert tables(filled_instance) == hidden
    (line,) = [
        json.loads(line)
        for line in km3vo(filled_instance, "replay", "2000-01-01", "2100-01-01").splitlines()
        if f'"number": {number},' in line
    ]
    assert (line["withheld"], "content" in line) == (REASON, False)

    km3vo(filled_instance, "hide", ivorn, "--undo", "--reason", "it was no mistake")
    assert tables(filled_instance) == before
    records = (archive_of(filled_instance).root / "withheld").glob("*.json")
    assert [len(path.read_text().splitlines()) for path in records] == [2]


def test_an_interrupted_hiding_is_found_and_completed(filled_instance, delivered):
    archive = archive_of(filled_instance)
    entry = archive.entry(3)
    with_row = {row[0] for row in filled_instance.adql("SELECT notice_id FROM alerts.notices")}
    assert "3" in with_row
    km3vo(filled_instance, "hide", "3", "--reason", "first")
    layout = layout_of(filled_instance)
    path = archive.root / "withheld" / f"{entry.sha256}.json"
    record = path.read_bytes()
    path.unlink()
    assert "it has no row" in km3vo(filled_instance, "verify", code=1)
    km3vo(filled_instance, "import", str(delivered / "alerts" / "gcn"))
    assert {row[0] for row in filled_instance.adql("SELECT notice_id FROM alerts.notices")} == (
        with_row
    )
    path.write_bytes(record)
    layout.account.chown(path)
    assert "it is withheld but has a row" in km3vo(filled_instance, "verify", code=1)
    km3vo(filled_instance, "import", str(delivered / "alerts" / "gcn"))
    km3vo(filled_instance, "verify")
    assert {row[0] for row in filled_instance.adql("SELECT notice_id FROM alerts.notices")} == (
        with_row - {"3"}
    )


def test_the_stream_is_replayed_in_order_and_in_time(instance, tmp_path):
    archive = archive_of(instance)
    lines = km3vo(instance, "replay", "2000-01-01", "2100-01-01T00:00:00Z").splitlines()
    found = [json.loads(line) for line in lines]
    entries = list(archive.entries())
    assert [one["number"] for one in found] == [one.number for one in entries]
    for line, entry in zip(found, entries, strict=True):
        assert base64.b64decode(line.pop("content")) == archive.read(entry)
        assert line == {name: getattr(entry, name) for name in entry.__slots__}
    moments = [datetime.fromisoformat(one.received) for one in entries]
    later = next(one for one in moments if one > moments[0])
    part = km3vo(instance, "replay", moments[0].isoformat(), later.isoformat()).splitlines()
    assert part == lines[: moments.index(later)]
    assert "is not a time" in km3vo(instance, "replay", "yesterday", "today", code=2)
    assert "has to be after" in km3vo(instance, "replay", "2026-11-28", "2026-11-27", code=2)


def test_packets_are_replayed_to_a_local_broker_as_they_were(instance):
    broker = Broker()
    words = ("replay", "2000-01-01", "2100-01-01", "--topic", "again", "--broker")
    archive = archive_of(instance)
    entries = list(archive.entries())
    assert f"{len(entries)} packets were sent" in km3vo(instance, *words, broker.address)
    reader = Consumer(
        {
            "bootstrap.servers": broker.address,
            "group.id": "test",
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,
        }
    )
    reader.subscribe(["again"])
    messages = []
    deadline = time.monotonic() + 30
    while len(messages) < len(entries) and time.monotonic() < deadline:
        if (message := reader.poll(0.1)) is not None and message.error() is None:
            messages.append(message)
    reader.close()
    numbers = []
    for message in messages:
        headers = {name: value.decode() for name, value in message.headers()}
        entry = archive.entry(int(headers["number"]))
        assert (message.value(), headers["received"]) == (archive.read(entry), entry.received)
        numbers.append(entry.number)
    assert numbers == [one.number for one in entries]
    assert "this machine only" in km3vo(instance, *words, "kafka.gcn.nasa.gov:9092", code=2)
    assert "belong together" in km3vo(instance, *words[:3], "--topic", "again", code=2)


def test_the_speed_of_a_replay(tmp_path):
    archive = Archive(tmp_path / "alerts")
    for second in (0, 30, 10, 60):
        received = datetime(2026, 11, 25, 12, 0, second % 60, tzinfo=UTC) + timedelta(
            minutes=second // 60
        )
        archive.add([Packet(f"packet {second}".encode(), "file:test", received)])
    begin = time.monotonic()
    came = [
        time.monotonic() - begin
        for _ in replay(archive, moment("2026-11-25"), moment("2026-11-26"), 100)
    ]
    assert came == pytest.approx([0, 0.3, 0.3, 0.6], abs=0.15)
