"""Live streams: from a broker to TAP, and what becomes of them when anything fails."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import time
import urllib.request
from collections.abc import Iterator

import pytest
import pyvo
from confluent_kafka import Consumer

from ingest.alerts.archive import Archive, Receptions
from ingest.alerts.matching.configuration import CONFIG_VARIABLE
from ingest.alerts.vtp import submit
from ingest.instance.layout import InstanceState
from ingest.instance.postgres import Cluster
from tests.alert_archive import layout_of
from tests.alerts.broker import Broker, configuration, listening, until
from tests.alerts.sample_circulars import ICECUBE, packet
from tests.alerts.sample_packets import param, voevent, where_when
from tests.alerts.tansu import tansu
from tests.alerts.test_hostile_packets import billion_laughs
from tests.alerts.vtp_peers import comet_broker, comet_sendvo
from tests.attack import listener as attack
from tests.instances import ROOT, Instance
from tests.templates import Templates, port

MATCHES = ROOT / "docs" / "matches.md"


@pytest.fixture(scope="module")
def broker() -> Broker:
    return Broker()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Instance]:
    """Provide an instance with real alerts for the tests of this module."""
    # durable: a test kills the database
    with templates.running("packets", tmp_path_factory.mktemp("live"), 30, durable=True) as made:
        yield made


def km3net_notice(name: str, record: int, **others: object) -> bytes:
    notice = json.loads((ROOT / "inputs/alerts/gcn/km3net_alert.example.json").read_bytes())
    identity = {"id": [name], "event_name": name, "record_number": record}
    return json.dumps(notice | identity | others).encode()


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    return f"gcn.{request.node.name}"


def packets(name: str, count: int) -> list[bytes]:
    """Return packets that nobody has seen."""
    return [voevent(ivorn=f"ivo://example.org/{name}#{number}") for number in range(count)]


def rows(node: Instance, query: str) -> list[tuple]:
    layout = layout_of(node)
    state = InstanceState.read(layout)
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        return cursor.fetchall()


def received(node: Instance, topic: str) -> list[tuple[int, str]]:
    """Return offset and identifier of the notices received from a topic."""
    return rows(
        node,
        "SELECT topic_offset, ivorn FROM alerts.receptions LEFT JOIN alerts.notices"
        f" USING (notice_id) WHERE topic = '{topic}' ORDER BY topic_offset",
    )


def test_a_real_notice_is_visible_within_a_second(node, broker, contents, topic, tmp_path):
    config = configuration(tmp_path, broker.address, [topic], metrics=(web := port(70)))
    query = f"SELECT topic_offset, received - produced FROM alerts.receptions WHERE topic='{topic}'"
    layout = layout_of(node)
    state = InstanceState.read(layout)
    with (
        listening(node, config) as listener,
        Cluster(layout).connect(state.postgres_port) as connection,
    ):
        connection.autocommit = True
        connection.cursor().execute("LISTEN alerts")
        broker.send(contents, topic)
        until(lambda: listener.health["messages"] == len(contents), listener)
        times = []
        for number, content in enumerate(packets("visible", 5), start=len(contents)):
            begin = time.monotonic()
            broker.send([content], topic)
            while not (found := node.adql(f"{query} AND topic_offset = {number}")):
                assert time.monotonic() < begin + 30, listener.log
            times.append(time.monotonic() - begin)
            assert 0 <= float(found[0][1]) * 86400 < 30
        # the best of some: other processes of this machine are no matter of the listener
        assert min(times) < 1
        assert len(node.adql(query)) == len(contents) + 5

        connection.poll()
        announced = " ".join(one.payload for one in connection.notifies).split()
        new = rows(node, "SELECT notice_id FROM alerts.notices WHERE ivorn LIKE '%/visible#%'")
        assert sorted(announced) == sorted(str(number) for (number,) in new)

        with urllib.request.urlopen(f"http://127.0.0.1:{web}/metrics") as answer:
            metrics = answer.read().decode()
        assert f'km3vo_alerts_messages_total{{source="test"}} {len(contents) + 5}.0' in metrics
        assert 'km3vo_alerts_source_up{source="test"} 1.0' in metrics
        assert f'km3vo_alerts_lag{{partition="{topic}/0",source="test"}} 0.0' in metrics

        ((stream,),) = rows(
            node, "SELECT DISTINCT stream FROM alerts.notices WHERE ivorn LIKE '%/visible#%'"
        )
        query = "SELECT step, n_notices, p50, p100 FROM alerts.latency_percentiles"
        (step,) = node.adql(f"{query} WHERE stream = '{stream}' AND step_no = 4")
        assert step[0] == "receipt to tables" and int(step[1]) >= 5
        assert 0 < float(step[2]) <= float(step[3]) < 60
        shown = node.km3vo("alerts", "latency", "--plot", str(tmp_path / "latency.svg"))
        assert "receipt to tables" in shown.stdout, shown.stderr
        assert f"{stream}: receipt to tables" in (tmp_path / "latency.svg").read_text()

        told = json.loads(node.km3vo("alerts", "status", "--json").stdout)
        assert told["listener"]["pid"] == listener.process.pid
        (stream,) = (one for one in told["streams"] if one["topic"] == topic)
        assert (stream["packets"], stream["skipped"]) == (len(contents) + 5, 0)
        assert topic in node.km3vo("alerts", "status").stdout
        assert listener.stop() < 2
    assert json.loads(node.km3vo("alerts", "status", "--json").stdout)["listener"] is None


def neutrino(record: int, far: str) -> bytes:
    return voevent(
        param("Event_Name", "KM3-120102A"),
        param("record_number", str(record)),
        param("far", far, unit="Hz"),
        ivorn=f"ivo://km3net.org/VOEvent#KM3-120102A_{record}",
        where=where_when("2012-01-02T03:04:05", "150.5", "-20.25", "0.5"),
    )


def wave(serial: int, *citations: tuple[str, str]) -> bytes:
    return voevent(
        param("GraceID", "S120102x"),
        param("Pkt_Ser_Num", str(serial)),
        param("FAR", "1e-9", unit="Hz"),
        ivorn=f"ivo://gwnet/LVC#S120102x-{serial}",
        where=where_when("2012-01-02T03:04:25", "151.0", "-20.25", "2"),
        citations=citations,
    )


def test_a_match_is_computed_on_arrival_and_shown(node, broker, tmp_path):
    # the topic has a name without "test", which would make tests of these alerts
    columns = "match_id, is_latest, retracted, time_difference, change, partner_alert"
    query = f"SELECT {columns} FROM alerts.matches WHERE alert_id = 'km3net/KM3-120102A'"

    def number(content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        ((found,),) = node.adql(f"SELECT notice_id FROM alerts.notices WHERE sha256 = '{sha256}'")
        return found

    with listening(node, configuration(tmp_path, broker.address)) as listener:
        broker.send([neutrino(0, "1e-7")])
        broker.send([wave(1)])
        until(lambda: len(node.adql(query)) == 1, listener)
        broker.send([neutrino(1, "2e-8")])
        until(lambda: len(node.adql(query)) == 2, listener)
        found = {row[0]: row[1:] for row in node.adql(query)}
        first, second = number(neutrino(0, "1e-7")), number(neutrino(1, "2e-8"))
        partner = number(wave(1))
        former, present = f"{first}/alert/{partner}", f"{second}/alert/{partner}"
        assert found[former][:2] == ["0", "0"]
        assert float(found[former][2]) == pytest.approx(20, abs=1e-3)
        assert found[present][:2] == ["1", "0"]
        assert found[present][3] == "km3net: far 1e-07 -> 2e-08 Hz"
        partner_alert = found[present][4]

        (example,) = (
            one["QUERY"]
            for one in pyvo.dal.TAPService(node.tap).examples
            if "alerts.matches" in one["QUERY"]
        )
        shown = [row[2] for row in node.adql(example)]
        assert partner_alert in shown

        queries = re.findall("```sql\n(.*?)```", MATCHES.read_text(), re.DOTALL)
        # the one about events is tested where there are samples
        assert len(queries) == 3
        assert [row[2] for row in node.adql(queries[0])] == shown
        assert node.adql(queries[2].replace("2026", "2012").replace("2027", "2013")) == [
            ["km3net", "1"],
            ["ligo-virgo-kagra", "1"],
        ]

        for side in (partner, second):
            ((address, words),) = [
                (link["access_url"], link["description"])
                for link in pyvo.dal.adhoc.DatalinkResults.from_result_url(
                    f"{node.url}/alerts/nu/dl/dlmeta?ID={side}"
                )
                if link["local_semantics"] == "matches"
            ]
            assert "chance" in words
            answer = pyvo.dal.DALResults.from_result_url(address)
            assert list(answer["match_id"]) == [present]

        broker.send([wave(2, ("retraction", "ivo://gwnet/LVC#S120102x-1"))])
        until(lambda: node.adql(f"{query} AND retracted = 1 AND is_latest = 1"), listener)
        assert listener.stop() < 2
    assert partner_alert not in [row[2] for row in node.adql(example)]
    reasons = query.replace(columns, "DISTINCT retraction")
    assert node.adql(reasons) == [["S120102x (ligo-virgo-kagra) was retracted"]]

    columns = "match_id, is_latest, retracted, overlap, far_temporal, since, method, change"
    everything = f"SELECT {columns}, computed FROM alerts.matches ORDER BY match_id"
    before = node.adql(everything)
    done = node.km3vo("alerts", "match", "--all")
    assert done.returncode == 0, done.stderr
    ((count,),) = node.adql("SELECT count(*) FROM alerts.notices")
    assert done.stdout.split() == [count, "matched"]
    assert node.adql(everything) == before
    assert node.km3vo("alerts", "rebuild").returncode == 0
    after = node.adql(everything)
    assert [row[:-1] for row in after] == [row[:-1] for row in before]
    assert all(float(new[-1]) > float(old[-1]) for old, new in zip(before, after, strict=True))

    # nothing is matched with nothing
    none = tmp_path / "matches.toml"
    none.write_text("")
    done = node.km3vo("alerts", "match", "--all", "--config", str(none))
    assert done.returncode == 0, done.stderr
    assert node.adql(everything) == []
    none.write_text("[[pairs]]\n")
    done = node.km3vo("alerts", "match", **{CONFIG_VARIABLE: str(none)})
    assert done.returncode == 2
    assert str(none) in done.stderr and "Traceback" not in done.stderr


def test_the_verdict_of_the_schema_is_published_and_drops_nothing(node, broker, topic, tmp_path):
    real = ROOT / "inputs" / "alerts"
    names = ("voevent/KM3-230213A.xml", "gcn/chime_frb.retraction.example.json")
    sent = [(real / name).read_bytes() for name in names] + [b'{"no": "schema"}', packet(ICECUBE)]
    with listening(node, configuration(tmp_path, broker.address, [topic])) as listener:
        broker.send(sent, topic)
        until(lambda: listener.health["messages"] == 4, listener)
    query = (
        f"SELECT schema_verdict FROM alerts.receptions WHERE topic='{topic}' ORDER BY topic_offset"
    )
    first, second, third, fourth = (verdict for (verdict,) in rows(node, query))
    # it has four radii in one position; see docs/decisions
    assert first.startswith("invalid: line") and "Error2Radius" in first
    assert (second, third, fourth) == ("valid", "none", "valid")
    # a circular comes by the same road
    assert rows(node, "SELECT circular_id, is_latest FROM alerts.circulars") == [("33633", 1)]


def test_a_listener_killed_at_random_moments_loses_and_doubles_nothing(
    node, broker, topic, tmp_path
):
    config = configuration(tmp_path, broker.address, [topic])
    attack.account(node, topic, attack.kill(node, broker, config, topic, kills=3, seed=5))

    query = "SELECT * FROM alerts.receptions ORDER BY topic, topic_partition, topic_offset"
    before = rows(node, query)
    assert node.km3vo("alerts", "rebuild").returncode == 0
    assert rows(node, query) == before


def test_a_second_listener_says_so(node, broker, topic, tmp_path):
    config = configuration(tmp_path, broker.address, [topic])
    with listening(node, config):
        second = node.km3vo("alerts", "listen", "--config", str(config))
    assert second.returncode == 2
    assert "another listener fills this archive" in second.stderr
    assert "Traceback" not in second.stderr


def test_hostile_packets_stop_nothing(node, broker, topic, tmp_path):
    hostile = [
        billion_laughs(),
        b"\0" * 1000,
        b"[" * 100_000,
        b'{"a": ' * 50_000,
        b'{"$schema": "http://127.0.0.1:1/schema.json", "ra": NaN}',
        b"<" * 100_000,
        # librdkafka's broker keeps 5 MiB of a partition, and drops what is older
        b'{"id": "' + b"x" * (3 << 20) + b'"}',
        b"<VOEvent ivorn='ivo://e/s#\xff\xfe'/>",
    ]
    good = packets("good", 2)
    with listening(node, configuration(tmp_path, broker.address, [topic])) as listener:
        broker.send([good[0], *hostile, good[1]], topic)
        until(lambda: listener.health["messages"] == len(hostile) + 2, listener)
        retraction = km3net_notice("KM3-261126A", 2, alert_type="retraction")
        broker.send([retraction, km3net_notice("KM3-261126A", 1)], topic, partition=1)
        until(lambda: listener.health["messages"] == len(hostile) + 4, listener)
    query = "SELECT record_number, retracted, is_latest FROM alerts.notices WHERE event_name ="
    assert sorted(rows(node, f"{query} 'KM3-261126A'")) == [(1, 1, 0), (2, 1, 1)]
    found = received(node, topic)
    assert {(0, "ivo://example.org/good#0"), (len(hostile) + 1, "ivo://example.org/good#1")} < {
        *found
    }
    assert len(found) == len(hostile) + 4
    layout = layout_of(node)
    archive = Archive(layout.archive, layout.account)
    log = [one for one in Receptions(archive) if (one.topic, one.partition) == (topic, 0)]
    assert [archive.read(one.sha256) for one in log] == [good[0], *hostile, good[1]]
    assert node.km3vo("alerts", "verify").returncode == 0


def test_it_waits_while_the_database_restarts(node, broker, topic, tmp_path):
    layout = layout_of(node)
    with listening(node, configuration(tmp_path, broker.address, [topic])) as listener:
        broker.send(packets("before", 3), topic)
        until(lambda: len(received(node, topic)) == 3, listener)
        os.kill(Cluster(layout).pid, signal.SIGQUIT)  # the supervisor starts it again
        broker.send(packets("after", 3), topic)
        until(lambda: listener.health["messages"] == 6, listener)
        assert listener.health["state"] == "connected"
    assert len(received(node, topic)) == 6


def test_silence_and_missing_topics_are_seen(node, broker, topic, tmp_path):
    config = configuration(
        tmp_path,
        broker.address,
        [topic, f"{topic}.later"],
        'heartbeat = "beat"\nheartbeat_timeout = 1',
    )
    broker.send([b"tick"], "beat")
    broker.send(packets("heard", 1), topic)
    with listening(node, config) as listener:
        until(lambda: listener.health["heartbeat"], listener)
        until(lambda: "no heartbeat" in listener.health["problem"], listener)
        before = listener.health["silences"]  # the first heartbeat may have been late
        assert listener.health["missing_topics"] == [f"{topic}.later"]
        broker.send([b"tick"], "beat")
        broker.send(packets("later", 1), f"{topic}.later")
        until(lambda: listener.health["silences"] == before + 1, listener)
        until(lambda: received(node, f"{topic}.later"), listener)
        until(lambda: listener.health["missing_topics"] == [], listener)
    assert received(node, "beat") == []
    query = (
        "SELECT gap_end - gap_start FROM alerts.gaps WHERE gap_type='heartbeat' AND topic='beat'"
        " ORDER BY gap_end"
    )
    *_, (days,) = found = node.adql(query)
    assert len(found) == before + 1 and 1 < float(days) * 86400 < 120
    assert node.km3vo("alerts", "verify").returncode == 0


def test_members_of_the_group_come_and_go_and_lies_are_kept_as_they_are(
    node, broker, topic, tmp_path
):
    config = configuration(tmp_path, broker.address, [topic])
    with listening(node, config) as listener:
        for partition in range(4):
            broker.send(packets(f"first{partition}", 1), topic, partition)
        until(lambda: len(received(node, topic)) == 4, listener)
        guest = Consumer({"bootstrap.servers": broker.address, "group.id": "km3vo"})
        guest.subscribe([topic])
        while not guest.assignment():
            guest.poll(0.1)
        for partition in range(4):
            broker.send(packets(f"second{partition}", 1), topic, partition)
        broker.send(packets("future", 1), topic, timestamp=2**61)
        until(lambda: len(received(node, topic)) >= 6, listener)
        guest.close()  # it has committed nothing, so ours gets its share
        until(lambda: len(received(node, topic)) == 9, listener)
    query = f"SELECT produced FROM alerts.receptions WHERE topic='{topic}' AND topic_offset = 2"
    assert rows(node, query) == [(None,)]


def test_gaps_in_offsets_and_record_numbers_are_listed(node, broker, topic, tmp_path):
    with listening(node, configuration(tmp_path, broker.address, [topic])) as listener:
        # a message without content cannot be archived, so its offset is left out
        broker.send([km3net_notice("KM3-261127A", 5), *packets("first", 1), b""], topic)
        broker.send([km3net_notice("KM3-261127A", 1), *packets("last", 1)], topic)
        broker.send([km3net_notice("KM3-261127B", 2), km3net_notice("KM3-261127C", 0)], topic)
        until(lambda: len(received(node, topic)) == 6, listener)
    told = json.loads(node.km3vo("alerts", "status", "--json").stdout)
    (stream,) = (one for one in told["streams"] if one["topic"] == topic)
    assert (stream["packets"], stream["last_offset"], stream["skipped"]) == (6, 6, 1)
    columns = "first_missing, last_missing, gap_start, gap_end"
    (offset,) = node.adql(f"SELECT {columns} FROM alerts.gaps WHERE topic='{topic}'")
    assert offset[:2] == ["2", "2"] and float(offset[2]) <= float(offset[3])
    records = node.adql(
        f"SELECT alert_id, {columns} FROM alerts.gaps WHERE gap_type='record_number'"
        " AND alert_id LIKE '%KM3-261127%' ORDER BY alert_id"
    )
    assert [(row[0][-1], *row[1:3]) for row in records] == [("A", "2", "4"), ("B", "1", "1")]
    assert records[1][3] == ""  # nothing is before it
    assert {"offset", "record_number"} <= told["gaps"]["counts"].keys()
    assert topic in node.km3vo("alerts", "status").stdout.partition("Gaps:")[2]


def test_alerts_of_a_real_broker_survive_whatever_happens_to_it(node, topic, tmp_path):
    # Tansu: another implementation of the protocol, and a process of its own
    large = voevent(ivorn="ivo://example.org/large#1", rest=f"<!--{'x' * (4 << 20)}-->")
    with tansu(tmp_path) as broker:
        broker.create(topic, 2)
        broker.send([*packets("early", 3), large], topic)  # before the group exists
        short = {"session.timeout.ms": 2000, "heartbeat.interval.ms": 500}
        topics = [topic, f"{topic}.unknown"]
        config = configuration(tmp_path, broker.address, topics, options=short)
        with listening(node, config) as listener:
            until(lambda: len(received(node, topic)) == 4, listener)
            assert listener.health["missing_topics"] == [f"{topic}.unknown"]
            broker.send([*packets("second", 1), bytes(100_000_000)], topic, partition=1)
            until(lambda: len(received(node, topic)) == 6, listener)
            listener.kill()
        broker.send(packets("killed", 2), topic)
        with listening(node, config) as listener:  # goes on behind its last commit
            until(lambda: len(received(node, topic)) == 8, listener)
            broker.pause()
            time.sleep(0.5)
            broker.resume()
            broker.send(packets("resumed", 1), topic)
            until(lambda: len(received(node, topic)) == 9, listener)
            # the worst: it comes back without messages and without our offsets
            broker.kill()
            until(lambda: listener.health["state"] == "waiting", listener)
            broker.start()
            broker.create(topic, 2)
            broker.send([*packets("early", 1), *packets("restarted", 2)], topic)
            until(lambda: len(received(node, topic)) == 11, listener)
            broker.pause()
            assert listener.stop() < 2
            broker.resume()
    found = received(node, topic)
    assert len(found) == len({ivorn for _, ivorn in found}) == 11
    sizes = [one.entry.size for one in Archive(layout_of(node).archive).quarantined()]
    assert 100_000_000 in sizes


def test_voevents_arrive_from_a_broker_and_from_authors(node, delivered, tmp_path):
    remote, ours, authors = port(60), port(61), port(62)
    # a real alert that Comet refuses, because it is not valid
    invalid = (delivered / "alerts" / "voevent" / "KM3-230213A.xml").read_bytes() + b"\n"
    valid = voevent(ivorn="ivo://example.org/vtp#1", where="")
    config = tmp_path / "live.toml"
    config.write_text(
        '[[source]]\nkind = "vtp"\nname = "test"\nivoid = "ivo://example.org/node"\n'
        f'broker = "127.0.0.1:{remote}"\n'
        '[[source]]\nkind = "vtp"\nname = "authors"\nivoid = "ivo://example.org/node"\n'
        f"port = {authors}\n"
    )
    query = (
        "SELECT source, broker, role FROM alerts.receptions LEFT JOIN alerts.notices"
        " USING (notice_id) WHERE topic = 'vtp' ORDER BY source"
    )
    with comet_broker(tmp_path, ours, remote) as comet, listening(node, config) as listener:
        comet.wait_for("Authentication received")
        submit(valid, "127.0.0.1", ours)
        comet.wait_for("Ack received")
        assert comet_sendvo(ours, invalid) == 1
        assert comet_sendvo(authors, invalid) == 0
        assert rows(node, query) == [
            ("authors", "local", "observation"),
            ("test", f"127.0.0.1:{remote}", "observation"),
        ]
        # again, as if the answer had been lost
        assert comet_sendvo(authors, invalid) == 0
        until(lambda: listener.source("authors")["messages"] == 2, listener)
        assert len(rows(node, query)) == 2
