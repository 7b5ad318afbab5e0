"""``km3vo alerts publish`` on an instance, the outbox in TAP, and what the listener sends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerts.broker import Broker, configuration, listening, until
from tests.alerts.outgoing import example, messages, web_server
from tests.instances import ROOT, Instance
from tests.templates import Templates

OUTBOX = "SELECT sink, state, topic_offset, attempts FROM alerts.outbox WHERE notice_id = {}"


@pytest.fixture(scope="module")
def broker() -> Broker:
    return Broker()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Instance]:
    """Provide an instance with real alerts for the tests of this module."""
    with templates.running("packets", tmp_path_factory.mktemp("publish"), 60) as made:
        yield made


def with_sinks(folder: Path, broker: Broker, topic: str, *sinks: str) -> Path:
    """Write a ``live.toml`` with a topic to listen to, and sinks."""
    path = configuration(folder, broker.address, [topic])
    path.write_text("\n".join([path.read_text(), *sinks]))
    return path


def to_kafka(broker: Broker, topic: str, live: bool = False, address: str = "") -> str:
    broker.send([b"first"], topic, 3)  # makes it
    return "\n".join(
        [
            "[[sink]]",
            'kind = "kafka"',
            f'name = "{"real" if live else "tests"}"',
            f"live = {str(live).lower()}",
            f'servers = ["{address or broker.address}"]',
            f'topic = "{topic}"',
            "[sink.options]",
            f'"delivery.timeout.ms" = {500 if address else 5000}',
        ]
    )


def alert(folder: Path, **changes: object) -> str:
    path = folder / "alert.json"
    path.write_text(json.dumps(example(**changes)))
    return str(path)


def published(node: Instance, config: Path, *arguments: str) -> dict:
    done = node.km3vo("alerts", "publish", "--config", str(config), "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_an_alert_is_shown_with_its_offset_and_in_the_tables(node, broker, tmp_path):
    config = with_sinks(tmp_path, broker, "in", to_kafka(broker, "out.tests"))
    command = ("alerts", "publish", "--config", str(config))
    file = alert(tmp_path)
    dry = node.km3vo(*command, "--dry-run", file)
    assert dry.returncode == 0 and "It would be sent to: tests" in dry.stdout
    assert json.loads(dry.stdout.partition("\n}")[0] + "}")["alert_tense"] == "test"
    assert len(messages(broker.address, "out.tests")) == 1

    one = published(node, config, file)
    again = node.km3vo(*command, file)
    assert again.returncode == 0 and "published before" in again.stderr
    (delivery,) = one["deliveries"]
    assert str(delivery["offset"]) in again.stdout
    found = [x[:2] for x in messages(broker.address, "out.tests") if x[2]]
    assert found == [(delivery["partition"], delivery["offset"])]

    name = "KM3-240901A"
    two = published(node, config, "--update", one["ivorn"], "--set", "dec=20.5")
    three = published(node, config, "--retract", name)
    query = (
        "SELECT notice_id, record_number, notice_type, is_test, retracted FROM alerts.notices"
        f" WHERE event_name = '{name}' AND is_test = 1 ORDER BY notice_id"
    )
    rows = [[str(value) for value in row] for row in node.adql(query)]
    assert rows == [
        [str(one["notice_id"]), "1", "initial", "1", "1"],
        [str(two["notice_id"]), "2", "update", "1", "1"],
        [str(three["notice_id"]), "3", "retraction", "1", "1"],
    ]
    for made in (one, two, three):
        ((sink, state, offset, attempts),) = node.adql(OUTBOX.format(made["notice_id"]))
        assert (sink, state, int(attempts)) == ("tests", "sent", 1)
        assert int(offset) == made["deliveries"][0]["offset"]
    cited = node.adql(
        f"SELECT cited_ivorn, cite FROM alerts.citations WHERE notice_id = {three['notice_id']}"
    )
    assert [tuple(row) for row in cited] == [(two["ivorn"], "retraction")]

    for wrong in (["--retract", name], ["--update", "KM3-000101A", "--set", "ra=1"]):
        done = node.km3vo(*command, *wrong)
        assert done.returncode == (0 if "--retract" in wrong else 2), done.stderr
        assert "Traceback" not in done.stderr
    told = json.loads(node.km3vo("alerts", "status", "--json").stdout)["outbox"]
    assert [(sink["sink"], sink["sent"], sink["waiting"]) for sink in told] == [("tests", 3, 0)]

    before = sorted(map(tuple, node.adql("SELECT * FROM alerts.outbox")))
    assert node.km3vo("alerts", "rebuild").returncode == 0
    assert sorted(map(tuple, node.adql("SELECT * FROM alerts.outbox"))) == before
    checked = node.km3vo("alerts", "verify")
    assert checked.returncode == 0, checked.stdout


def test_an_alert_that_was_not_published_here_can_be_retracted(node, broker, tmp_path):
    config = with_sinks(tmp_path, broker, "in", to_kafka(broker, "out.real", live=True))
    # from its VOEvent
    made = published(node, config, "--live", "--retract", "KM3-230213A")
    (sent,) = (json.loads(one[3]) for one in messages(broker.address, "out.real") if one[2])
    assert (sent["event_name"], sent["alert_type"]) == ("KM3-230213A", "retraction")
    assert (sent["alert_tense"], sent["ra"]) == ("current", 94.3)
    query = f"SELECT retracted FROM alerts.latest WHERE notice_id = {made['notice_id']}"
    assert [str(row[0]) for row in node.adql(query)] == ["1"]


@pytest.mark.slow
def test_an_update_names_the_alerts_that_match(node, broker, tmp_path):
    config = with_sinks(tmp_path, broker, "in", to_kafka(broker, "out.matched", live=True))
    # ten seconds after icecube_gold.xml, in the same direction
    place = {"ra": 350.5486, "dec": 34.711, "ra_dec_error": 0.7, "event_details": []}
    when = {"trigger_time": "2022-12-23T07:43:10.52Z", "event_name": "KM3-221223A"}
    published(node, config, "--live", alert(tmp_path, **place, **when))
    assert node.km3vo("alerts", "match").returncode == 0
    published(node, config, "--live", "--update", "KM3-221223A", "--set", "far=3e-8")
    *_, last = (json.loads(one[3]) for one in messages(broker.address, "out.matched") if one[2])
    assert last["record_number"] == 2 and last["potential_counterpart"] is True
    (found,) = (one for one in last["counterpart_info"] if "pair_far" in one)
    assert found["ref_type"] == "icecube/gold" and found["angular_distance"] < 1e-3
    assert 0 < found["pair_far"] < 3.9e-7


@pytest.mark.slow
def test_the_listener_sends_what_waits_and_relays_what_others_sent(
    node, broker, tmp_path, monkeypatch
):
    away = with_sinks(tmp_path, broker, "relayed", to_kafka(broker, "out.later", False, "a:9"))
    name = "KM3-240902A"
    file = alert(tmp_path, event_name=name, event_details=[], trigger_time="2024-09-02T00:00:00Z")
    failed = node.km3vo("alerts", "publish", "--config", str(away), file)
    assert failed.returncode == 1 and "it is in the outbox" in failed.stderr
    assert "waiting" in node.km3vo("alerts", "status").stdout

    with web_server() as posts:
        chat = "\n".join(
            [
                "[[sink]]",
                'kind = "webhook"',
                'name = "chat"',
                "live = true",
                "[sink.filter]",
                'streams = ["icecube/*"]',
                "hours = 1e6",
            ]
        )
        config = with_sinks(tmp_path, broker, "relayed", to_kafka(broker, "out.later"), chat)
        gold = (ROOT / "inputs/alerts/voevent/icecube_gold.xml").read_bytes()
        others = (ROOT / "inputs/alerts/voevent/swift_xrt_v1.1.xml").read_bytes()
        with listening(node, config, KM3VO_CHAT_URL=posts.url) as listener:
            until(lambda: len(messages(broker.address, "out.later")) > 1, listener)
            # another revision, and something that nobody asked for
            new = gold.replace(b'name="Rev" value="0"', b'name="Rev" value="1"') + b"<!-- new -->"
            broker.send([others + b"<!-- new -->", new], "relayed")
            until(lambda: posts.found, listener)
            second = published(node, config, "--retract", name)
            assert second["deliveries"][0]["offset"] is not None
            deadline = time.monotonic() + 20
            query = OUTBOX.format(second["notice_id"])
            while not (found := node.adql(query)) or found[0][1] != "sent":
                assert time.monotonic() < deadline, listener.log
        (post,) = posts.found
        assert "icecube/gold" in post["text"]
    ((state,),) = node.adql("SELECT state FROM alerts.outbox WHERE sink = 'chat'")
    assert state == "sent"
    sent = [json.loads(one[3]) for one in messages(broker.address, "out.later") if one[2]]
    assert [one["record_number"] for one in sent] == [1, 2]
    assert node.km3vo("alerts", "verify").returncode == 0
    assert "secret-of-the-channel" not in listener.log


def test_what_is_wrong_is_said_with_exit_code_2(node, broker, tmp_path):
    config = with_sinks(tmp_path, broker, "in", to_kafka(broker, "out.wrong"))
    (tmp_path / "bad.json").write_text('{"ra": NaN}')
    for arguments, expected in (
        ([str(tmp_path / "bad.json")], "not well-formed"),
        ([str(tmp_path)], "cannot be read"),
        ([str(tmp_path / "none.json")], "cannot be read"),
        (["--set", "ra"], "--set field=value"),
        (["--update", "x", "--retract", "x"], "exclude each other"),
        (["--dry-run"], "needs an alert"),
        (["--set", "event_name=KM3-240903A", "--live"], "trigger_time: missing"),
    ):
        done = node.km3vo("alerts", "publish", "--config", str(config), *arguments)
        assert done.returncode == 2, (arguments, done.stderr)
        assert expected in done.stderr and "Traceback" not in done.stderr
    assert len(messages(broker.address, "out.wrong")) == 1
