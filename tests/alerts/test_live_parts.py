"""The parts of the listener: configuration, credentials, directories, the log of receptions."""

from __future__ import annotations

import base64
import itertools
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import hop.io
import pytest
from hop.models import VOEvent

from ingest.alerts.archive import Archive, ArchiveError, Packet, Reception, Receptions
from ingest.alerts.conversion import verdict
from ingest.alerts.live.configuration import Directory, Hop, Kafka, load_live
from ingest.alerts.live.directory import DirectorySource
from ingest.alerts.live.hop import HopSource
from ingest.alerts.live.intake import Intake, Stopped, _reception
from ingest.alerts.live.kafka import KafkaSource
from ingest.alerts.live.listener import _Clock
from ingest.alerts.live.report import HealthCollector, StatusFile
from ingest.alerts.live.source import Batch, Health, Message
from ingest.alerts.tables.rows import reception_row
from ingest.core.credentials import FILE_VARIABLE
from ingest.core.errors import InputError, ManifestError
from ingest.core.metrics_server import MetricsServer
from ingest.core.moments import isoformat, now
from ingest.instance.account import Account
from ingest.instance.layout import Layout
from tests.alerts.sample_packets import voevent
from tests.alerts.tansu import tansu
from tests.instances import ROOT

KAFKA = '[[source]]\nkind = "kafka"\nname = "gcn"\nservers = ["s"]\ntopics = ["t"]\ngroup = "g"\n'


@pytest.mark.parametrize(
    ("text", "where", "told"),
    [
        ("", "source", "missing"),
        ("source = []", "source", "at least 1 item"),
        ('[[source]]\nkind = "carrier pigeon"', "source.0", "'kafka', 'hop', 'directory', 'vtp'"),
        (KAFKA.replace("topics", "topcs"), "source.0.kafka.topcs", "topics?"),
        (KAFKA.replace('["t"]', '["a b"]'), "source.0.kafka.topics.0", "pattern"),
        (KAFKA.replace('"gcn"', '"G C N"'), "source.0.kafka.name", "pattern"),
        (KAFKA + KAFKA, "", "gcn occurs twice"),
        (KAFKA.replace("gcn", "seals"), "", "another name than seals"),
        (KAFKA + "[metrics]\nport = 70000", "metrics.port", "65535"),
        (KAFKA + '[source.options]\n"group.id" = "x"', "options", "use group"),
        (KAFKA + '[source.options]\n"enable.auto.commit" = true', "options", "when rows are"),
        (KAFKA + '[source.options]\n"sasl.password" = "s3cret"', "options", "private file"),
        (KAFKA + '[source.options]\n"sasl.password" = ["s3cret"]', "options", ""),
        ('[[source]]\nkind = "directory"\nname = "d"\npath = "x"', "path", "absolute"),
        ("[[source", "", "TOML"),
    ],
)
def test_a_wrong_configuration_names_its_place_and_no_secret(tmp_path, text, where, told):
    path = tmp_path / "live.toml"
    path.write_text(text)
    with pytest.raises(ManifestError) as error:
        load_live(path)
    assert error.value.exit_code == 2
    message = str(error.value)
    assert where in message and told in message and str(path) in message
    assert "s3cret" not in message


def test_the_example_is_valid_and_asks_for_credentials(monkeypatch):
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    monkeypatch.delenv("KM3VO_GCN_CLIENT_ID", raising=False)
    (gcn,) = load_live(ROOT / "site" / "live.toml").source
    assert isinstance(gcn, Kafka)
    assert {"gcn.notices.km3net.alert", "igwn.gwalert"} < set(gcn.topics)
    with pytest.raises(InputError, match="there is no client_id for gcn"):
        KafkaSource(gcn)


def test_the_other_examples_are_valid_as_well(tmp_path):
    head, first, rest = (ROOT / "site" / "live.toml").read_text().partition("[[source]]")
    path = tmp_path / "live.toml"
    path.write_text(head + first + rest.replace("\n#   ", "\n"))
    found = load_live(path)
    assert [one.kind for one in found.source] == ["kafka", "vtp", "vtp", "hop", "directory"]
    assert found.broadcaster is not None
    (sink,) = [one for one in found.sink if one.kind == "vtp"]
    assert sink.port == found.broadcaster.submission_port


def test_credentials_are_in_no_log(monkeypatch, caplog):
    monkeypatch.setenv("KM3VO_GCN_USERNAME", "reader")
    monkeypatch.setenv("KM3VO_GCN_PASSWORD", "s3cret")
    settings = Kafka(
        kind="kafka",
        name="gcn",
        servers=["127.0.0.1:1"],
        topics=["t"],
        group="g",
        credentials="password",
        options={"security.protocol": "sasl_plaintext", "sasl.mechanisms": "PLAIN", "log_level": 7},
    )
    source, stop = KafkaSource(settings), threading.Event()
    with caplog.at_level(logging.DEBUG):
        reader = threading.Thread(target=lambda: list(source.batches(stop)))
        reader.start()
        deadline = time.monotonic() + 20
        while not source.health.problem and time.monotonic() < deadline:
            time.sleep(0.05)
        logging.getLogger("ingest.alerts.live.kafka").warning("the broker says %s", "s3cret")
        stop.set()
        reader.join(10)
        source.close()
    assert "127.0.0.1:1" in source.health.problem  # rather than "1/1 brokers are down"
    assert "the broker says ***" in caplog.text
    assert "s3cret" not in caplog.text + source.health.problem


class Tokens(BaseHTTPRequestHandler):
    """Issues two tokens that are valid for two seconds, and none later."""

    lifetime = 2

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        claims = {"sub": "reader", "iat": time.time(), "exp": time.time() + self.lifetime}
        parts = ({"alg": "none"}, claims, {})
        coded = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode() for one in parts]
        token = {"access_token": ".".join(one.strip("=") for one in coded), "expires_in": 2}
        answer = json.dumps(token if self.server.asked < 3 else {"error": "invalid_client"})
        self.send_response(200 if self.server.asked < 3 else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *arguments: object) -> None:
        pass


def test_tokens_are_renewed_and_a_refusal_is_shown(monkeypatch, caplog):
    monkeypatch.setenv("KM3VO_GCN_CLIENT_ID", "reader")
    monkeypatch.setenv("KM3VO_GCN_CLIENT_SECRET", "s3cret")
    server = HTTPServer(("127.0.0.1", 0), Tokens)
    server.asked = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = {
        "security.protocol": "sasl_plaintext",
        "sasl.mechanisms": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": f"http://127.0.0.1:{server.server_port}/token",
    }
    settings = Kafka(
        kind="kafka",
        name="gcn",
        servers=["127.0.0.1:1"],
        topics=["t"],
        group="g",
        credentials="oauth",
        options=options,
    )
    source, stop = KafkaSource(settings), threading.Event()
    # the check of the options asks, too
    server.asked = 0
    with caplog.at_level(logging.DEBUG):
        reader = threading.Thread(target=lambda: list(source.batches(stop)))
        reader.start()
        wait(lambda: "401" in source.health.problem or "invalid_client" in source.health.problem)
        stop.set()
        reader.join(10)
        source.close()
    assert server.asked == 3
    assert "s3cret" not in caplog.text + source.health.problem
    server.shutdown()


@pytest.mark.parametrize("options", [{"no.such.option": 1}, {"fetch.wait.max.ms": "soon"}])
def test_an_option_that_the_client_does_not_know_is_bad_input(options):
    settings = Kafka(
        kind="kafka", name="gcn", servers=["s"], topics=["t"], group="g", options=options
    )
    with pytest.raises(InputError, match=next(iter(options))) as error:
        KafkaSource(settings)
    assert error.value.exit_code == 2


def test_files_of_a_directory_are_taken_once_and_links_never(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "b.xml").write_bytes(b"<b/>")
    (folder / "a.json").write_bytes(b"{}")
    (folder / ".draft").write_bytes(b"<unfinished")
    (folder / "empty").touch()
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    source = DirectorySource(Directory(kind="directory", name="in", path=folder, interval=0.01))
    batches = source.batches(stop := threading.Event())
    batch = next(batches)
    assert [(one.topic, one.content) for one in batch.messages] == [
        ("a.json", b"{}"),
        ("b.xml", b"<b/>"),
    ]
    assert {one.broker for one in batch.messages} == {"directory"}
    assert (folder / "a.json").exists()  # until it is committed
    source.commit(batch)
    assert sorted(path.name for path in (folder / "done").iterdir()) == ["a.json", "b.xml"]
    (folder / "a.json").write_bytes(b"[]")
    batch = next(batches)
    assert [one.content for one in batch.messages] == [b"[]"]
    source.commit(batch)
    assert len(list((folder / "done").iterdir())) == 3
    left = {".draft", "empty", "link", "pipe", "done"}
    assert {path.name for path in folder.iterdir()} == left
    stop.set()
    assert list(batches) == []


KM3NET = "https://gcn.nasa.gov/schema/v7.2.3/gcn/notices/km3net/alert.schema.json"


def test_times_that_others_claim_can_be_read_again(archive):
    # a broker tells the time that the producer claims, a directory that of the file
    for year in (1, 999, 1000, 2026, 9999):
        moment = datetime(year, 2, 3, 4, 5, 6, 7, UTC)
        assert datetime.fromisoformat(isoformat(moment)) == moment
    Receptions(archive).append([reception(1, produced=isoformat(datetime(999, 1, 1, tzinfo=UTC)))])
    (one,) = Receptions(archive)
    days = date(999, 1, 1) - date(1858, 11, 17)  # MJD 0
    assert reception_row(1, one)[6] == days.days


def test_a_file_of_the_same_name_is_another_packet(tmp_path):
    source = DirectorySource(Directory(kind="directory", name="in", path=tmp_path, interval=0.01))
    batches = source.batches(threading.Event())

    def put(name: str, content: bytes) -> None:
        (tmp_path / ".draft").write_bytes(content)
        (tmp_path / ".draft").rename(tmp_path / name)

    put("a", b"<first/>")
    put("b", b"")  # refused
    put("c", b"<third/>")
    batch = next(batches)
    put("a", b"<second/>")  # before the first is committed
    put("b", b"<complete/>")
    (tmp_path / "c").unlink()
    source.commit(batch)
    assert [one.content for one in next(batches).messages] == [b"<second/>", b"<complete/>"]


def test_a_file_may_have_any_name(tmp_path, archive):
    names = ["\\N", "a\tb", os.fsdecode(b"\xff"), "ä"]
    folder = tmp_path / "in"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"<a/>")
    source = DirectorySource(Directory(kind="directory", name="in", path=folder))
    batch = next(source.batches(threading.Event()))
    log = Receptions(archive)
    log.append([_reception(one, "in") for one in batch.messages])
    assert len({one.topic for one in log}) == len(names)


def test_the_health_can_be_read_while_it_changes(tmp_path):
    health, stop = Health(), threading.Event()

    def change() -> None:
        for number in itertools.count():
            health.lag[f"t/{number % 5000}"] = number
            health.last.pop(f"{number % 7}", None)
            health.last[f"{number % 9}"] = ""
            if number % 5000 == 0:
                health.lag.clear()
            if stop.is_set():
                return

    thread = threading.Thread(target=change)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    file = StatusFile(Layout(tmp_path, Account.current()))
    try:
        for _ in range(50):
            file.write({"gcn": health}, 0)
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(before)
    content = file.read()
    assert content is not None and content["sources"]["gcn"].keys() == vars(Health()).keys()


def reception(number: int, **changes: object) -> Reception:
    values = {
        "sha256": f"{number:064x}",
        "received": "2026-11-27T12:00:00.000000Z",
        "source": "gcn",
        "broker": "kafka.example",
        "topic": "topic",
        "partition": 0,
        "offset": number,
        "produced": None,
        "schema": "valid",
    }
    return Reception(**(values | changes))


@pytest.fixture
def archive(tmp_path) -> Archive:
    made = Archive(tmp_path / "alerts")
    made.create()
    return made


def test_the_log_of_receptions_survives_a_torn_line(archive):
    log = Receptions(archive)
    first = [reception(1), reception(2, topic="a\tb\nc\\N", partition=None, offset=None)]
    log.append(first)
    with log.path.open("ab") as stream:
        stream.write(b"0000\t2026-")  # a power cut
    again = Receptions(archive)
    again.append([reception(3)])
    found = list(again)
    assert [one.sha256 for one in found] == [f"{n:064x}" for n in (1, 2, 3)]
    assert (found[0], found[2]) == (reception(1), reception(3))
    assert found[1].topic == "a\\tb\\nc\\N" and found[1].offset is None
    assert [one.offset for one in again.last(1)][-1] == 3
    with log.path.open("ab") as stream:
        stream.write(b"x" * 200_000)  # longer than what is read at once
    again.append([reception(4)])
    assert [one.offset for one in again][-2:] == [3, 4]
    log.path.write_bytes(log.path.read_bytes() + b"no reception\n")
    with pytest.raises(ArchiveError, match="the log of receptions is damaged"):
        list(Receptions(archive))


def test_an_archive_with_receptions_is_an_archive(archive):
    Receptions(archive).append([reception(1)])
    assert archive.add([Packet(b"<a/>", "gcn:t/0/1")])[0].source == "gcn:t/0/1"
    assert Receptions(Archive(archive.root.parent / "none")).last(5).__class__  # no file: no error
    assert list(Receptions(Archive(archive.root.parent / "none"))) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\0", "none"),
        (b"[]", "none"),
        (b'{"$schema": "https://gcn.nasa.gov/schema/v9/gcn/no/such.json"}', "none"),
        (b'{"$schema": 5}', "none"),
        (b"[" * 100_000, "none"),
        (b"<VOEvent", "invalid: "),
        (b"{" + b" " * (2 << 20) + b"}", "none"),
    ],
)
def test_a_verdict_is_given_on_anything(content, told):
    assert verdict(content).startswith(told)


@pytest.mark.parametrize(
    "slow",
    [
        json.dumps({"$schema": KM3NET, "event_details": [1] * 20_000}).encode(),
        json.dumps({"$schema": KM3NET, "event_details": [{}] * 20_000}).encode(),
        b'<VOEvent xmlns="http://www.ivoa.net/xml/VOEvent/v2.0" version="2.0"><What>%b</What>'
        b"</VOEvent>" % (b'<Param b=""/>' * 60_000),
    ],
)
def test_a_verdict_delays_no_other_packet(slow):
    begin = time.process_time()
    assert verdict(slow) == "none"
    assert time.process_time() - begin < 0.5


def test_a_full_disk_is_said_and_nothing_confirmed_until_there_is_space(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    if subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    try:
        layout = Layout(tmp_path / "var", Account.current())
        archive = Archive(disk / "alerts")
        archive.create()
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as stream, pytest.raises(OSError):
            while True:
                stream.write(bytes(4096))
        stop, health = threading.Event(), Health()
        intake = Intake(layout, archive, 0, stop)
        message = Message(b"<a>" + bytes(9000), now(), "broker", "topic", 0, 7)
        ended: list[Exception] = []

        def take() -> None:
            try:
                intake.take(Batch([message], {}), health, "gcn")
            except Exception as error:
                ended.append(error)

        thread = threading.Thread(target=take)
        thread.start()
        wait(lambda: "the disk is full" in health.problem)
        assert health.state == "waiting" and thread.is_alive()
        filler.unlink()
        # then only the database is missing
        wait(lambda: "the instance does not exist" in health.problem)
        assert [one.offset for one in Receptions(archive)] == [7]
        assert archive.read(next(archive.entries())) == message.content
        stop.set()
        thread.join(10)
        assert isinstance(ended[0], Stopped)  # so the offset is not committed
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def wait(condition, seconds=20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_clock_that_jumps_back_is_noticed(monkeypatch, caplog):
    clock = _Clock()
    clock.watch()
    assert clock.jumps == 0
    moment = time.time() - 3600
    monkeypatch.setattr(time, "time", lambda: moment)
    with caplog.at_level(logging.WARNING):
        clock.watch()
    assert clock.jumps == 1
    assert "was set by -3600" in caplog.text


def test_what_was_received_before_the_clock_jumped_keeps_its_time(archive):
    later, earlier = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    archive.add([Packet(b"<a/>", "x:t", later)])
    archive.add([Packet(b"<b/>", "x:t", earlier)])
    assert [one.received[:10] for one in archive.entries()] == ["2026-01-02", "2026-01-01"]


@pytest.mark.parametrize(
    ("name", "command"), [("listener", "listen"), ("broadcaster", "broadcast")]
)
def test_the_units_do_not_restart_after_bad_input(name, command):
    unit = Path(ROOT, "site", "systemd", f"km3vo-{name}.service").read_text()
    assert "RestartPreventExitStatus=2" in unit
    assert f"ExecStart=/opt/km3vo/.venv/bin/km3vo alerts {command}\n" in unit


def test_streams_of_scimma_arrive_as_hop_client_sends_them(tmp_path):
    alert = voevent(where="")
    with tansu(tmp_path) as broker:
        broker.create("stream")
        with hop.io.Stream(auth=False).open(f"kafka://{broker.address}/stream", "w") as stream:
            stream.write({"a": 1}, test=True)
            stream.write(VOEvent.load(alert))
            stream.write({"b": 2})

        def received(tests: bool) -> list[bytes]:
            source = HopSource(
                Hop(
                    kind="hop",
                    name="scimma",
                    servers=[broker.address],
                    topics=["stream"],
                    group=f"tests_{tests}",
                    credentials="none",
                    options={},
                    tests=tests,
                )
            )
            contents: list[bytes] = []
            batches = source.batches(stop := threading.Event())
            while b'{"b": 2}' not in contents:
                contents += [one.content for one in next(batches).messages]
            stop.set()
            source.close()
            return contents

        with ThreadPoolExecutor() as pool:
            without, with_tests = pool.map(received, (False, True))
    # what is marked as a test only in its headers would look real
    assert without == [alert, b'{"b": 2}']
    assert with_tests == [b'{"a": 1}', alert, b'{"b": 2}']


def test_scimma_asks_for_a_password(monkeypatch):
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    settings = Hop(kind="hop", name="scimma", topics=["t"], group="me-node")
    assert settings.options == {
        "security.protocol": "sasl_ssl",
        "sasl.mechanisms": "SCRAM-SHA-512",
    }
    with pytest.raises(InputError, match="there is no username for scimma"):
        HopSource(settings)


def test_metrics_are_served_on_this_machine_only():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number = found.getsockname()[1]
    health = Health(lag={"t/0": 3}, last={"t": "2026-11-27T12:00:00.000000Z"}, silences=2)
    collector = HealthCollector(lambda: ({"gcn": health.snapshot()}, {"offset": 4}))
    server = MetricsServer(number, collector)
    server.start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{number}/metrics") as answer:
            text = answer.read().decode()
        listening = Path("/proc/net/tcp").read_text()
        assert f"0100007F:{number:04X} " in listening
        assert f"00000000:{number:04X} " not in listening
        # a user of this machine cannot use up the listener's files
        idle = [socket.create_connection(("127.0.0.1", number), 5) for _ in range(30)]
        idle[-1].settimeout(4)
        assert idle[-1].recv(1) == b""
        for one in idle:
            one.close()
        with pytest.raises(InputError, match="metrics cannot be served") as error:
            MetricsServer(number, collector)
        assert error.value.exit_code == 2
    finally:
        server.stop()
    for line in (
        'km3vo_alerts_source_up{source="gcn"} 0.0',
        'km3vo_alerts_lag{partition="t/0",source="gcn"} 3.0',
        'km3vo_alerts_gaps{type="offset"} 4.0',
        'km3vo_alerts_silences_total{source="gcn"} 2.0',
        'km3vo_alerts_last_message_seconds{source="gcn",topic="t"} 1.7957808e+09',
    ):
        assert line in text, text
    MetricsServer(0, collector).stop()  # 0 is nowhere
