"""Publishing alerts, to recipients that speak the real protocols; without an instance."""

from __future__ import annotations

import contextlib
import email
import email.policy
import fnmatch
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.alerts.archive import Archive, ArchiveError, Outbox, withhold
from ingest.alerts.conversion import load_json, validate_json, validate_voevent
from ingest.alerts.matching import load_matches
from ingest.alerts.notices import load_profiles
from ingest.alerts.publishing import (
    Request,
    accept,
    deliver,
    draft,
    read_document,
    send_waiting,
)
from ingest.alerts.publishing import settings as fields_of
from ingest.alerts.publishing.message import subject, text
from ingest.alerts.publishing.sinks import Outgoing, Receipt, connect
from ingest.alerts.publishing.subscriptions import recipients
from ingest.core.errors import InputError
from tests.alerts.broker import Broker
from tests.alerts.outgoing import (
    example,
    kafka,
    mail_server,
    messages,
    publish,
    sinks,
    web_server,
)
from tests.alerts.vtp_peers import comet_broker
from tests.instances import ROOT
from tests.templates import port

MULTIPLET = "km3net_alert.multiplet.example.json"


@pytest.fixture(scope="module")
def broker() -> Broker:
    return Broker()


@pytest.fixture
def topic(broker, request) -> str:
    name = f"out.{request.node.name}".replace("[", ".").replace("]", "")[:200]
    broker.send([b"first"], name, 3)  # makes it
    return name


def drafted(tmp_path: Path, *documents, config=None, **options) -> dict:
    archive = Archive(tmp_path / "archive")
    made = draft(archive, Outbox(archive), None, config or sinks(), Request(documents, **options))
    return made.document


def refused(tmp_path: Path, *documents, config=None, **options) -> str:
    with pytest.raises(InputError) as caught:
        drafted(tmp_path, *documents, config=config, **options)
    return str(caught.value)


# --- to Kafka ---------------------------------------------------------------------------------


def test_an_alert_its_update_and_its_retraction_are_sent_in_order(broker, topic, tmp_path):
    config = sinks(kafka("gcn", broker.address, topic))
    name = "KM3-240901A"
    assert publish(tmp_path, config, example()) == {}
    assert publish(tmp_path, config, {"ra": 10.9, "far": 7e-8}, update=name) == {}
    assert publish(tmp_path, config, retract=name) == {}

    sent = [one for one in messages(broker.address, topic) if one[2] is not None]
    assert len({partition for partition, _, _, _ in sent}) == 1
    assert {key for _, _, key, _ in sent} == {name.encode()}
    first, second, third = (json.loads(content) for _, _, _, content in sent)
    assert [one["alert_type"] for one in (first, second, third)] == [
        "initial",
        "update",
        "retraction",
    ]
    assert [one["record_number"] for one in (first, second, third)] == [1, 2, 3]
    assert {one["alert_tense"] for one in (first, second, third)} == {"test"}
    assert (second["ra"], second["far"], second["dec"]) == (10.9, 7e-8, first["dec"])
    assert "healpix_url" in first and "healpix_url" not in second  # the map is of another position
    cited = second["reference"]["gcn.notices.km3net.alert"]
    assert cited == f"ivo://KM3NeT_Neutrino#{name}_1_{first['alert_datetime']}"
    assert second["event_details"] == first["event_details"]

    archive = Archive(tmp_path)
    assert [archive.read(one) for one in archive.entries()] == [content for *_, content in sent]
    found = list(Outbox(archive).refresh().deliveries.values())
    assert [(one.partition, one.offset) for one in found] == [one[:2] for one in sent]
    assert [one.attempts for one in found] == [1, 1, 1]


def test_the_same_alert_is_published_once(broker, topic, tmp_path):
    config = sinks(kafka("gcn", broker.address, topic))
    publish(tmp_path, config, example())
    archive = Archive(tmp_path)
    _, remarks = accept(archive, Outbox(archive), None, config, Request((example(),)))
    assert "published before" in remarks[0]
    assert publish(tmp_path, config, example()) == {}
    assert len(messages(broker.address, topic)) == 2  # with the one that made the topic
    # an update may change a value back; typed twice in a row, it is the same
    for dec in (20.5, 20.6, 20.5, 20.5):
        publish(tmp_path, config, {"dec": dec}, update="KM3-240901A")
    assert [json.loads(archive.read(one))["dec"] for one in archive.entries()] == [
        20.01,
        20.5,
        20.6,
        20.5,
    ]
    changed = example(ra=11.0, trigger_time="2024-09-02T01:16:47.0Z", event_details=[])
    with pytest.raises(InputError, match="there is an alert of this name"):
        publish(tmp_path, config, changed)


def test_real_alerts_and_tests_never_get_to_each_others_topics(broker, topic, tmp_path):
    real = f"{topic}.real"
    broker.send([b"first"], real, 3)
    config = sinks(
        kafka("tests", broker.address, topic),
        kafka("real", broker.address, real, live=True),
        kafka("voevent", broker.address, real, live=True, format="voevent"),
    )
    publish(tmp_path, config, example())
    assert len(messages(broker.address, real)) == 1
    publish(tmp_path, config, example(), live=True)
    assert len(messages(broker.address, topic)) == 2
    contents = sorted(one[3] for one in messages(broker.address, real) if one[2])
    assert validate_voevent(contents[0]) == []
    assert b'role="observation"' in contents[0]
    assert load_json(contents[1])["alert_tense"] == "current"

    assert "a test cannot be published" in refused(
        tmp_path, example(alert_tense="test"), config=config, live=True
    )
    injection = draft(
        Archive(tmp_path / "b"),
        Outbox(Archive(tmp_path / "b")),
        None,
        config,
        Request((example(alert_tense="injection"),), live=True),
    )
    assert [one.sink for one in injection.recipients] == ["tests"]


def test_what_a_broker_did_not_take_is_sent_later(broker, topic, tmp_path):
    away = sinks(kafka("gcn", "127.0.0.1:9", topic, options={"delivery.timeout.ms": 300}))
    problems = publish(tmp_path, away, example())
    assert "gcn" in problems
    assert publish(tmp_path, away, {"dec": 20.5}, update="KM3-240901A").keys() == {"gcn"}
    archive = Archive(tmp_path)
    waiting = Outbox(archive).refresh().waiting()
    # the second one was not even tried: it must not overtake the first
    assert [one.attempts for one in waiting] == [2, 0]
    here = sinks(kafka("gcn", broker.address, topic))
    assert send_waiting(archive, here.sink, 5) == {}
    sent = [json.loads(one[3]) for one in messages(broker.address, topic) if one[2]]
    assert [one["record_number"] for one in sent] == [1, 2]
    assert send_waiting(archive, sinks().sink, 5) == {}


def test_a_kill_after_any_durable_step_sends_each_notice_at_least_once(tmp_path):
    with web_server() as posts:
        done = subprocess.run(
            [sys.executable, "-m", "tests.alerts.outgoing", tmp_path],
            env=os.environ | {"KM3VO_CHAT_URL": posts.url},
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert steps > 20
    sent = [one["text"].partition("Identifier")[2].split()[0] for one in posts.found]
    outbox = Outbox(Archive(tmp_path)).refresh()
    assert outbox.waiting() == [] and len(outbox.deliveries) == 2 * (steps + 1)
    packets = [json.loads(outbox.archive.read(one)) for one in outbox.archive.entries()]
    for step in range(1, steps + 2):
        ours = [one for one in outbox.notices.values() if one.facts["name"] == f"KILL-{step}"]
        mine = [one for one in packets if one["event_name"] == f"KILL-{step}"]
        assert [one["record_number"] for one in mine] == [1, 2]
        wanted = [one.facts["ivorn"] for one in ours]
        got = [one for one in sent if one in wanted]
        assert list(dict.fromkeys(got)) == wanted
        # only what was not recorded as sent before the kill is sent again
        assert len(got) <= 3


class LimitedDisk:
    """A recipient in whose presence files cannot grow."""

    def __init__(self, archive: Archive) -> None:
        self._size = Outbox(archive).path.stat().st_size
        self.sent: list[str] = []

    def send(self, notice: Outgoing) -> Receipt:
        self.sent.append(notice.sha256)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._size, resource.RLIM_INFINITY))
        return Receipt()

    def close(self) -> None:
        pass


def test_a_full_disk_does_not_let_the_same_be_sent_again_and_again(tmp_path):
    archive = Archive(tmp_path)
    outbox = Outbox(archive)
    accept(archive, outbox, None, sinks({"kind": "webhook", "name": "chat"}), Request((example(),)))
    client = LimitedDisk(archive)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        for _ in range(3):
            with pytest.raises(OSError):
                deliver(outbox, "chat", client)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert deliver(outbox, "chat", client) == 0
    assert len(client.sent) == 1
    assert [one.state for one in Outbox(archive).refresh().deliveries.values()] == ["sent"]


def test_a_packet_that_is_withheld_is_not_sent_any_more(broker, topic, tmp_path):
    away = sinks(kafka("gcn", "127.0.0.1:9", topic, options={"delivery.timeout.ms": 300}))
    publish(tmp_path, away, example())
    archive = Archive(tmp_path)
    (entry,) = archive.entries()
    withhold(archive, entry, None, "a wrong submission")
    here = sinks(kafka("gcn", broker.address, topic))
    assert publish(tmp_path, here, retract="KM3-240901A") == {}
    states = [one.state for one in Outbox(archive).refresh().deliveries.values()]
    assert states == ["dropped", "sent"]
    (sent,) = (json.loads(one[3]) for one in messages(broker.address, topic) if one[2])
    assert sent["alert_type"] == "retraction"


# --- what may be published --------------------------------------------------------------------


def test_the_example_of_a_multiplet_names_its_events(tmp_path):
    made = drafted(tmp_path, example(MULTIPLET))
    assert made["number_of_events"] == 2
    assert [one["id"] for one in made["event_details"]] == [
        "km3.234.22488.72853.13018",
        "km3.234.23492.58959.787",
    ]
    one_event = example(MULTIPLET)["event_details"][:1]
    alone = example(MULTIPLET, event_details=one_event, number_of_events=1)
    assert "expected the events of the multiplet" in refused(tmp_path, alone)
    twice = example(MULTIPLET, event_details=one_event * 2)
    assert "an event occurs twice" in refused(tmp_path, twice)


def test_the_lower_false_alarm_rate_fills_the_notice_and_both_are_kept(tmp_path):
    one = example(pipeline="orca_HE", far=8e-8, ra=10.8)
    two = example(pipeline="orca_track", far=2e-8, ra=10.9)
    made = drafted(tmp_path, one, two)
    assert (made["pipeline"], made["far"], made["ra"]) == ("orca_track", 2e-8, 10.9)
    assert [entry["pipeline"] for entry in made["pipelines"]] == ["orca_track", "orca_HE"]
    assert [entry["ra"] for entry in made["pipelines"]] == [10.9, 10.8]
    # the same as the database may write it
    shared = example()
    shared["pipelines"] = [{"pipeline": "a", "far": 8e-8}, {"pipeline": "b", "far": 2e-8}]
    assert drafted(tmp_path, shared)["pipeline"] == "b"
    other = example(pipeline="x", event_details=[], trigger_time="2024-09-01T01:16:49.0Z")
    assert "not alerts of the same event" in refused(tmp_path, one, other)
    near = other | {"trigger_time": "2024-09-01T01:16:47.5Z"}
    assert drafted(tmp_path, one, near)["event_name"] == "KM3-240901A"
    arca = near | {"instrument": "ARCA021"}
    assert "not alerts of the same event" in refused(tmp_path, one, arca)
    assert "different pipelines" in refused(tmp_path, one, one | {"ra": 1.0})


def test_a_second_pipeline_updates_the_alert_of_the_first(broker, topic, tmp_path):
    config = sinks(kafka("gcn", broker.address, topic))
    publish(tmp_path, config, example(pipeline="orca_HE", far=8e-8))
    publish(tmp_path, config, example(pipeline="late", far=9e-8, ra=12.0, event_name="KM3-X"))
    better = example(pipeline="best", far=1e-9, ra=11.0)
    del better["healpix_url"]
    publish(tmp_path, config, better)
    first, second, third = (json.loads(one[3]) for one in messages(broker.address, topic) if one[2])
    assert (second["event_name"], second["record_number"]) == ("KM3-240901A", 2)
    assert (second["pipeline"], second["ra"]) == ("orca_HE", first["ra"])
    assert (third["pipeline"], third["ra"], third["alert_type"]) == ("best", 11.0, "update")
    assert "healpix_url" not in third
    assert [one["pipeline"] for one in third["pipelines"]] == ["best", "orca_HE", "late"]
    with pytest.raises(InputError, match="this event was published before"):
        publish(tmp_path, config, example(pipeline="late", far=9e-8, ra=13.0))
    kept = {path.name for path in (tmp_path / "outgoing").iterdir()}
    originals = [name for one in Outbox(Archive(tmp_path)).refresh().notices.values()
                 for name in one.originals]  # fmt: skip
    assert len(set(originals)) == 3 and set(originals) <= kept


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ra": "10.82"}, "ra: found"),
        ({"ra": True}, "ra: found"),
        ({"ra": 999}, "expected 0 to 360"),
        ({"far_hz": 1e-8}, "no field of the schema"),
        ({"far": 1e-3}, "threshold"),
        ({"event_name": "KM3-240901A\r\nBcc: everybody@example.org"}, "control characters"),
        ({"event_name": ["KM3-240901A", "another"]}, "event_name: found"),
        ({"event_name": "../../etc/passwd"}, "event_name: found"),
        ({"event_details": [{"id": "km3.1.2"}]}, "expected km3."),
        ({"event_details": [{"id": "km3.1.2.3.4\0"}]}, "control characters"),
        ({"event_details": "none"}, "event_details: found"),
        ({"additional_info": "\ud800"}, "control characters"),
        ({"record_number": "1"}, "record_number: found"),
        ({"record_number": 1.5}, "record_number: found"),
        ({"alert_type": "update"}, "not the first notice"),
        ({"alert_tense": ["current"]}, None),
        ({"$schema": "https://example.org/schema.json"}, "names another schema"),
        ({"pipelines": {"a": 1}}, "pipelines"),
        ({"trigger_time": "yesterday"}, "trigger_time"),
        ({"healpix_file": "AAAA"}, "a FITS file in base64"),
        ({"number_of_events": 7}, "number_of_events: found"),
    ],
)
def test_what_is_wrong_with_an_alert_is_said_and_nothing_is_changed(tmp_path, changes, expected):
    if expected is None:
        assert drafted(tmp_path, example(**changes))["alert_tense"] == "test"
    else:
        assert expected in refused(tmp_path, example(**changes))
    assert not (tmp_path / "archive" / "outbox.jsonl").exists()


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [*example(), *example(MULTIPLET), "pipelines", "reference", "p_value", "healpix_file"]


@settings(max_examples=150, deadline=None)
@given(changes=st.dictionaries(st.sampled_from(FIELDS), ANY_JSON, max_size=3), live=st.booleans())
def test_any_document_is_refused_or_becomes_a_valid_notice(tmp_path_factory, changes, live):
    archive = Archive(tmp_path_factory.getbasetemp() / "never made")
    request = Request((example() | changes,), live)
    try:
        made = draft(archive, Outbox(archive), None, sinks(), request)
    except InputError:
        return
    assert validate_json(json.loads(made.content)) == []
    assert made.document["alert_tense"] != "current" or live
    assert "\n" not in subject(made.facts)


@given(st.binary(max_size=200) | ANY_JSON.map(lambda one: json.dumps(one).encode()))
def test_any_line_in_the_outbox_is_read_or_reported(tmp_path_factory, line):
    archive = Archive(tmp_path_factory.mktemp("outbox"))
    (archive.root / "outbox.jsonl").write_bytes(line.replace(b"\n", b"") + b"\n")
    with contextlib.suppress(ArchiveError):
        Outbox(archive).refresh()


def test_a_webhook_that_never_ends_its_answer_holds_up_nothing(monkeypatch):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer = server.accept()[0]
            with peer, contextlib.suppress(OSError):  # until the other side has gone
                peer.sendall(head)
                while True:
                    peer.sendall(b"x" * 65536)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/hook"
        monkeypatch.setenv("KM3VO_CHAT_URL", url)
        (sink,) = sinks({"kind": "webhook", "name": "chat"}).sink
        connect(sink).send(Outgoing(b"", "0" * 64, facts()))
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"ra": NaN}', "not well-formed"),
        (b'{"ra": 1e999}', "out of range"),
        (b'{"ra": 1, "ra": 2}', "a key occurs twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "not a notice"),
        (b"\xff\xff", "decoded"),
        (b'{"a": "' + b"x" * (10 << 20) + b'"}', "too large"),
    ],
)
def test_documents_that_are_no_alerts_are_refused(content, expected):
    with pytest.raises(InputError, match=expected):
        read_document(content, "alert.json")


def test_fields_may_be_set_on_the_command_line():
    pairs = ["ra=10.5", "event_name=KM3-240901A", "event_details=[]", "p_value=null"]
    assert fields_of(pairs) == {
        "ra": 10.5,
        "event_name": "KM3-240901A",
        "event_details": [],
        "p_value": None,
    }
    for wrong in (["ra"], ["=1"], ["ra=1", "ra=2"], ["ra=NaN"], ['a={"b":1,"b":2}']):
        with pytest.raises(InputError):
            fields_of(wrong)


def test_what_does_not_exist_or_is_retracted_cannot_be_changed(broker, topic, tmp_path):
    config = sinks(kafka("gcn", broker.address, topic))
    publish(tmp_path, config, example())
    name = "KM3-240901A"
    for options, expected in (
        ({"retract": "KM3-990101A"}, "there is no such alert"),
        ({"retract": name, "live": True}, "it is a test: leave out --live"),
        ({"update": name}, "an update without changes"),
    ):
        with pytest.raises(InputError) as caught:
            publish(tmp_path, config, **options)
        assert expected in str(caught.value)
    with pytest.raises(InputError, match="cannot change what identifies"):
        publish(tmp_path, config, {"event_name": "KM3-240901B"}, update=name)
    publish(tmp_path, config, retract=name)
    for options in ({"update": name}, {"retract": name}):
        with pytest.raises(InputError, match="the alert is retracted"):
            publish(tmp_path, config, {"additional_info": "again"}, **options)


def test_sources_of_catalogues_are_named_in_the_notice(tmp_path):
    archive = Archive(tmp_path)

    def made(**changes):
        request = Request((example(ra=94.3, dec=-7.8, ra_dec_error=1.5, **changes),))
        return draft(archive, Outbox(archive), None, sinks(), request, load_matches()).document

    found = made()
    # the candidates of KM3-230213A, whose direction this is, of figure 4 of its data
    names = {one["name"] for one in found["counterpart_info"]}
    listed = (ROOT / "inputs/evts23_01/Figure4.csv").read_text("utf-8")
    listed = " ".join(listed.replace("\u2212", "-").split())
    assert names and all(name in listed for name in names)
    assert found["potential_counterpart"] is True
    assert all(0 < one["association_probability"] < 1 for one in found["counterpart_info"])
    own = {"name": "what the shifter found", "ra": 94.0, "dec": -8.0}
    ours = made(counterpart_info=[own])["counterpart_info"]
    assert ours[0] == own and len(ours) == len(names) + 1
    far = draft(
        archive, Outbox(archive), None, sinks(), Request((example(),)), load_matches()
    ).document
    assert (far["counterpart_info"], far["potential_counterpart"]) == ("No match", False)


# --- subscribers ------------------------------------------------------------------------------


def facts(**changes):
    return {
        "ivorn": "ivo://example.org/alerts#1",
        "stream": "icecube/gold",
        "name": "IC240901A",
        "record": 1,
        "type": "initial",
        "test": False,
        "time": "2024-09-01T01:16:47.000Z",
        "ra": 83.6,
        "dec": 22.0,
        "radius_90": 1.0,
        "far": 3e-8,
        "energy": 1e5,
        "topology": "Track",
        "pipelines": ["gold"],
        "instrument": None,
        "n_events": 1,
        "events": [],
    } | changes


@pytest.mark.parametrize(
    ("wanted", "change", "earlier", "gets"),
    [
        ({"streams": ["icecube/*"]}, {}, False, True),
        ({"streams": ["km3net"]}, {}, False, False),
        ({}, {}, False, False),
        ({"streams": ["*"], "far_below": 1e-8}, {}, False, False),
        ({"streams": ["*"], "far_below": 1e-8}, {}, True, True),
        ({"streams": ["*"], "far_below": 1e-8}, {"far": None}, False, True),
        ({"streams": ["*"]}, {"test": True}, False, False),
        ({"streams": ["*"], "tests": True}, {"test": True}, False, True),
        ({"streams": ["*"], "retractions": False}, {"type": "retraction"}, True, False),
        ({"streams": ["*"], "region": {"ra": 83, "dec": 22, "radius": 5}}, {}, False, True),
        # 6.4 deg in right ascension are 5.9 deg at this declination; the alert has a radius of 1
        ({"streams": ["*"], "region": {"ra": 90, "dec": 22, "radius": 3}}, {}, False, False),
        ({"streams": ["*"], "region": {"ra": 90, "dec": 22, "radius": 5}}, {}, False, True),
        ({"streams": ["*"], "region": {"ra": 90, "dec": 22, "radius": 3}}, {}, True, True),
        ({"streams": ["*"], "region": {"moc": "0/0-11"}}, {}, False, True),
        ({"streams": ["*"], "region": {"moc": "0/0-11"}}, {"ra": None}, False, False),
    ],
)
def test_subscribers_get_what_they_asked_for(wanted, change, earlier, gets):
    table = {"kind": "webhook", "name": "chat", "live": True, "filter": wanted}
    config = sinks(table)
    who = recipients(config.sink, facts(**change), None, {"chat"} if earlier else set(), ours=False)
    assert bool(who) == gets


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (kafka("gcn", "a:1", "t", filter={"streams": ["*"]}), "no streams"),
        (kafka("gcn", "a:1", "t", live=True, filter={"tests": True}), "no tests"),
        (kafka("gcn", "a:1", "t", options={"acks": 0}), "no acks"),
        (kafka("gcn", "a:1", "t", options={"sasl.password": "x"}), "no sasl.password"),
        ({"kind": "webhook", "name": "chat", "url": "https://x"}, "Extra inputs"),
        (
            {
                "kind": "email",
                "name": "list",
                "host": "a",
                "sender": "a@b.c",
                "to": ["a@b.c\nX: y"],
            },
            "match pattern",
        ),
        ({"kind": "webhook", "name": "chat", "filter": {"region": {"ra": 1}}}, "either ra, dec"),
    ],
)
def test_the_configuration_is_checked(table, expected):
    with pytest.raises(ValueError, match=expected):
        sinks(table)


def test_the_examples_of_the_configuration_are_valid():
    text = (ROOT / "site" / "live.toml").read_text()
    part = text.partition("# Recipients of alerts")[2].partition("# Prometheus")[0]
    lines = [line.removeprefix("#   ") for line in part.splitlines() if line.startswith("#   ")]
    found = sinks(*tomllib.loads("\n".join(lines))["sink"]).sink
    assert [one.kind for one in found] == ["kafka", "email", "webhook"]
    streams = {profile.stream for profile in load_profiles()}
    for pattern in [pattern for one in found for pattern in one.filter.streams]:
        assert fnmatch.filter(streams, pattern), f"no stream is called {pattern}"


def test_subscribers_by_mail_get_one_mail_per_notice(tmp_path):
    mail = {
        "kind": "email",
        "name": "shifters",
        "host": "127.0.0.1",
        "port": port(80),
        "sender": "alerts@example.org",
        "to": ["shifters@example.org"],
    }
    config = sinks(mail)
    assert publish(tmp_path, config, example()).keys() == {"shifters"}  # no server yet
    reason = {"additional_info": "Caused by a calibration run."}
    with mail_server(mail["port"]) as mails:
        mails.answer = "451 later"
        assert publish(tmp_path, config, reason, retract="KM3-240901A") == {
            "shifters": "the server refuses the mail (451)"
        }
        mails.answer = "250 OK"
        assert send_waiting(Archive(tmp_path), config.sink, 5) == {}
    (to, first), (_, second) = mails.found
    assert to == ["shifters@example.org"]
    one, two = (email.message_from_bytes(x, policy=email.policy.default) for x in (first, second))
    assert one["Subject"] == "[km3net] TEST Alert KM3-240901A, record 1"
    assert two["Subject"] == "[km3net] TEST Retraction KM3-240901A, record 2"
    body = one.get_content()
    assert "This is a test. Do not observe." in body
    assert "RA 10.82, Dec +20.01 deg" in body and "km3.234.23492.58968.763" in body
    assert one["Message-ID"] != two["Message-ID"]
    assert abs(one["Date"].datetime.timestamp() - time.time()) < 60
    assert "Topology     Track, 1 event" in body.splitlines()
    assert "Remark       Caused by a calibration run." in two.get_content()


def test_hostile_names_forge_neither_headers_nor_lines():
    hostile = facts(name="x\r\nBcc: all@example.org\r\n\r\nHello", stream="a\n<!channel>")
    assert "\n" not in subject(hostile) and "\r" not in text(hostile)
    assert len(text(hostile).splitlines()) == len(text(facts()).splitlines())
    assert all(len(line) <= 200 for line in text(facts(name="y" * 100_000)).splitlines())


def test_a_webhook_gets_a_block_of_code_in_which_nothing_is_markup(tmp_path, monkeypatch):
    config = sinks({"kind": "webhook", "name": "chat"})
    with web_server() as posts:
        monkeypatch.setenv("KM3VO_CHAT_URL", posts.url)
        nasty = "@all <!channel> ``` [x](http://e.org) & <script>"
        assert publish(tmp_path, config, example(pipeline=nasty)) == {}
        (found,) = posts.found
        inside = found["text"].removeprefix("```\n").removesuffix("\n```")
        assert not set("`<>&") & set(inside)
        assert "@all" in inside

        # a refused notice holds back its own alert, and no other
        posts.refused, posts.status = "KM3-1", 400
        later = {"event_details": [], "trigger_time": "2024-09-04T00:00:00Z"}
        publish(tmp_path, config, example(event_name="KM3-1", **later))
        problems = publish(tmp_path, config, retract="KM3-1")
        assert problems == {"chat": "the server answers 400"}
        other = example(event_name="KM3-2", event_details=[], trigger_time="2024-09-05T00:00:00Z")
        assert publish(tmp_path, config, other).keys() == {"chat"}
        assert len(posts.found) == 2 and "KM3-2" in posts.found[1]["text"]
        posts.status = 200
        assert send_waiting(Archive(tmp_path), config.sink, 5) == {}
        assert ["record 1" in one["text"] for one in posts.found[2:]] == [True, False]

        posts.status, posts.refused = 503, ""
        assert publish(tmp_path, config, retract="KM3-2") == {"chat": "the server answers 503"}
        # where there is no such channel, other notices are not even tried
        posts.status = 404
        other = example(event_name="KM3-3", event_details=[], trigger_time="2024-09-06T00:00:00Z")
        assert publish(tmp_path, config, other) == {"chat": "the server answers 404"}
        waiting = Outbox(Archive(tmp_path)).refresh().waiting()
        assert [one.attempts for one in waiting] == [2, 0]
    problems = send_waiting(Archive(tmp_path), config.sink, 5)
    assert "does not answer" in problems["chat"]
    assert "secret-of-the-channel" not in (tmp_path / "outbox.jsonl").read_text() + str(problems)
    monkeypatch.setenv("KM3VO_CHAT_URL", "http://example.org/secret-of-the-channel")
    problems = send_waiting(Archive(tmp_path), config.sink, 5)
    assert problems == {"chat": "the address of a webhook is not valid"}


def test_a_real_broker_of_voevents_takes_the_alert(tmp_path):
    first = port(55)
    config = sinks({"kind": "vtp", "name": "comet", "host": "127.0.0.1", "port": first})
    folder = tmp_path / "comet"
    folder.mkdir()
    with comet_broker(folder, first, first + 1) as comet:
        assert publish(tmp_path / "archive", config, example()) == {}
        assert publish(tmp_path / "archive", config, retract="KM3-240901A") == {}
        comet.wait_for("Event processed", 2)
        packets = comet.saved
    assert len(packets) == 2
    assert all(validate_voevent(one) == [] for one in packets)
    assert sum(b'cite="retraction"' in one for one in packets) == 1


# --- the outbox -------------------------------------------------------------------------------


def test_a_cut_line_is_as_if_it_had_not_been_written(broker, topic, tmp_path):
    config = sinks(kafka("gcn", broker.address, topic))
    publish(tmp_path, config, example())
    path = tmp_path / "outbox.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    outbox = Outbox(Archive(tmp_path)).refresh()
    assert len(outbox.waiting()) == 1
    assert send_waiting(Archive(tmp_path), config.sink, 5) == {}
    assert path.read_bytes().count(b"\n") == content.count(b"\n")
    path.write_bytes(b'{"what": "sent"}\n' + content)
    with pytest.raises(ArchiveError, match="the outbox is damaged"):
        Outbox(Archive(tmp_path)).refresh()
    assert oct(os.stat(path).st_mode & 0o777) == "0o640"
