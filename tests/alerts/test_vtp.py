"""VOEvents over TCP: a real Comet as broker and author, and peers that misbehave."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.alerts.conversion import validate_voevent
from ingest.alerts.live import inbox
from ingest.alerts.live.configuration import VTP, load_live
from ingest.alerts.live.source import Batch, Message, Source
from ingest.alerts.live.vtp_receiver import VTPReceiver
from ingest.alerts.live.vtp_subscriber import VTPSubscriber
from ingest.alerts.vtp import (
    Refused,
    Transport,
    VTPError,
    connect,
    event_identifier,
    read_transport,
    submit,
    transport,
)
from ingest.core.errors import InputError, ManifestError
from ingest.core.moments import now
from tests.alerts.outgoing import example, publish, sinks
from tests.alerts.sample_packets import voevent
from tests.alerts.test_hostile_packets import billion_laughs
from tests.alerts.vtp_peers import Comet, ScriptedBroker, comet_broker, comet_sendvo
from tests.instances import KM3VO
from tests.templates import port

IVOID = "ivo://example.org/node"
TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=50)


def packet(number: int) -> bytes:
    """Return a VOEvent that is valid."""
    return voevent(ivorn=f"ivo://example.org/stream#{number}", where="")


def subscriber(address: str, **changes: object) -> VTPSubscriber:
    return VTPSubscriber(VTP(kind="vtp", name="remote", ivoid=IVOID, broker=address, **changes))


@pytest.fixture
def receiver() -> Iterator[VTPReceiver]:
    with receiving() as made:
        yield made


@contextmanager
def receiving(**changes: object) -> Iterator[VTPReceiver]:
    made = VTPReceiver(VTP(kind="vtp", name="authors", ivoid=IVOID, port=port(80), **changes))
    made.port = made._server.server_address[1]
    yield made
    made.close()


@contextmanager
def reading(source: Source) -> Iterator[Iterator[Batch]]:
    """Give the batches of a source, and stop it at the end."""
    stop = threading.Event()
    try:
        yield source.batches(stop)
    finally:
        stop.set()
        source.close()


def wait(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@given(st.sampled_from(["iamalive", "authenticate", "ack", "nak"]), TEXT, TEXT, TEXT)
def test_a_transport_message_is_read_as_it_was_written(role, origin, response, result):
    written = transport(role, origin, response, result)
    assert read_transport(written) == Transport(
        role, " ".join(origin.split()), " ".join(result.split())
    )


@given(st.binary(max_size=200) | st.binary(max_size=80).map(lambda some: b"<Transport>" + some))
def test_anything_can_be_read(content):
    assert isinstance(read_transport(content), Transport | None)
    with pytest.raises(InputError):
        event_identifier(content)


def test_a_voevent_is_acknowledged_when_it_is_committed_and_not_before(tmp_path):
    with comet_broker(tmp_path, authors := port(60), subscribers := port(70)) as comet:
        source = subscriber(f"127.0.0.1:{subscribers}")
        with reading(source) as batches:
            comet.wait_for("Authentication received")
            submit(packet(1), "127.0.0.1", authors)
            batch = next(batches)
            assert [one.content for one in batch.messages] == [packet(1)]
            assert {(one.broker, one.topic) for one in batch.messages} == {
                (f"127.0.0.1:{subscribers}", "vtp")
            }
            submit(packet(2), "127.0.0.1", authors)
            second = next(batches)
            assert "Ack received" not in comet.log.read_text()
            source.commit(batch)
            source.commit(second)
            comet.wait_for("Ack received", 2)
            assert source.health.state == "connected" and source.health.heartbeat
            # Comet says that it has it already, which means that it arrived
            submit(packet(2), "127.0.0.1", authors)
            with pytest.raises(Refused, match="Event rejected: Invalid IVOID"):
                submit(b"<VOEvent ivorn='ivo://e/s#1' role='test'/>", "127.0.0.1", authors)


def test_a_broker_that_does_not_follow_the_protocol_is_left_and_tried_again():
    broker = ScriptedBroker()
    source = subscriber(broker.address, silence=2)
    with reading(source) as batches:
        for bytes_, told in [
            ((2 << 30).to_bytes(4, "big"), f"a message of {2 << 30} bytes"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", "bytes; at most"),
            (b"\0\0\1\0<half", "the peer closed the connection"),
            (b"", "the peer closed the connection"),
        ]:
            stream, connection = broker.accept()
            source.health.problem = ""
            stream.sendall(bytes_)
            if "closed" in told:
                connection.close()
            else:
                with pytest.raises(VTPError, match="closed"):  # by us
                    connection.receive(10)
            wait(lambda told=told: told in source.health.problem)
            assert source.health.state == "waiting"
            connection.close()
        _, connection = broker.accept()
        hostile = [b"\0garbage", billion_laughs(), b"<a", b"<Transport role='x'/>", packet(1)]
        for content in [b"", *hostile, packet(1)]:
            connection.send(content)
        received: list[bytes] = []
        while len(received) < 5:  # what is not of the protocol is archived, and a packet twice
            batch = next(batches)
            received += [one.content for one in batch.messages]
            source.commit(batch)
        assert received == [*hostile[:3], packet(1), packet(1)]
        answers = [read_transport(connection.receive(10)) for _ in received]
        assert [(one.role, one.origin) for one in answers] == [
            *[("ack", "")] * 3,
            *[("ack", "ivo://example.org/stream#1")] * 2,
        ]
        assert source.health.problem == "" and source.health.silences >= 1
        connection.close()
    broker.close()


def test_a_broker_that_is_silent_or_slow_is_connected_again_and_the_gap_is_shown():
    broker = ScriptedBroker()
    source = subscriber(broker.address, silence=0.3)
    with reading(source) as batches:
        _, connection = broker.accept()
        connection.send(transport("iamalive", "ivo://example.org/broker"))
        answer = read_transport(connection.receive(10))
        assert answer == Transport("iamalive", "ivo://example.org/broker")
        wait(lambda: "in time" in source.health.problem)
        last_heard = source.health.heartbeat
        stream, _ = broker.accept()
        with pytest.raises(OSError):  # a byte now and then does not help
            stream.sendall((1000).to_bytes(4, "big"))
            for _ in range(100):
                stream.sendall(b"x")
                time.sleep(0.05)
        _, connection = broker.accept()
        connection.send(packet(1))  # which nobody stores
        connection.send(transport("authenticate", "ivo://example.org/broker"))
        assert read_transport(connection.receive(10)).role == "authenticate"
        (gap,) = next(batches).silences
        assert gap.since == last_heard < gap.until
        assert source.health.silences == 1
    assert source.health.state == "stopped"
    broker.close()


def test_an_error_of_ours_stops_the_listener_and_not_one_source_in_silence(monkeypatch):
    source = subscriber("127.0.0.1:1")
    monkeypatch.setattr(source, "_address", (0, 0))  # no host at all
    with reading(source) as batches, pytest.raises(TypeError):
        next(batches)


def test_memory_is_bounded_and_the_peers_wait(monkeypatch):
    monkeypatch.setattr(inbox, "_LARGEST", 1000)
    box, stop, confirmed = inbox.Inbox(), threading.Event(), []
    message = Message(bytes(600), now(), "broker", "vtp")
    deliveries = [inbox.Delivery(message, lambda n=n: confirmed.append(n)) for n in range(3)]
    peer = threading.Thread(target=lambda: [box.put(one, stop) for one in deliveries])
    peer.start()
    batches = box.batches(stop)
    for number in range(3):
        batch = next(batches)
        assert batch.position == [deliveries[number]]
        inbox.confirm(batch)
    peer.join(10)
    assert confirmed == [0, 1, 2]
    box.put(deliveries[0], stop)
    threading.Timer(0.1, stop.set).start()
    assert box.put(deliveries[1], stop) is False
    assert list(box.batches(stop)) == []


def test_an_author_gets_an_answer_when_the_packet_is_stored(receiver, delivered):
    # a real alert that Comet refuses, because it is not valid
    content = (delivered / "alerts" / "voevent" / "KM3-230213A.xml").read_bytes()
    with reading(receiver) as batches:
        codes: list[int] = []
        author = threading.Thread(target=lambda: codes.append(comet_sendvo(receiver.port, content)))
        author.start()
        batch = next(batches)
        assert [(one.content, one.broker) for one in batch.messages] == [(content, "local")]
        time.sleep(0.1)
        assert author.is_alive()
        receiver.commit(batch)
        author.join(20)
        assert codes == [0]


def test_what_is_no_voevent_is_refused_with_a_reason(receiver):
    with reading(receiver):
        for content, told in [
            (b"<html/>", "no VOEvent"),
            (b"<VOEvent/>", "with an identifier"),
            (b"GET / HTTP/1.1", "not well-formed"),
            (billion_laughs(), "entities"),
        ]:
            with pytest.raises(Refused, match=told):
                submit(content, "127.0.0.1", receiver.port)
        too_large = (1 << 20) + 1  # less than for brokers: authors share the memory
        for announced in (b"GET / HTTP/1.1\r\n\r\n", too_large.to_bytes(4, "big"), b"\xff" * 4):
            with socket.create_connection(("127.0.0.1", receiver.port)) as stream:
                stream.sendall(announced)
                stream.settimeout(10)
                with pytest.raises(ConnectionResetError):
                    assert stream.recv(1) == b""
                    raise ConnectionResetError  # either is the end of the connection
        assert receiver.health.errors == 7 and receiver.health.state == "connected"


def test_without_storage_there_is_no_answer(receiver):
    with reading(receiver), pytest.raises(OSError):
        submit(packet(1), "127.0.0.1", receiver.port, seconds=0.3)


def test_only_authors_may_submit_and_not_too_many_at_once(caplog):
    with receiving(authors={"elsewhere": ["192.0.2.0/24"]}) as closed, reading(closed):
        with pytest.raises(OSError):
            submit(packet(1), "127.0.0.1", closed.port)
        wait(lambda: "127.0.0.1 was turned away: not an author" in caplog.text)
    with receiving() as receiver, reading(receiver) as batches:
        idle = [socket.create_connection(("127.0.0.1", receiver.port)) for _ in range(40)]
        wait(lambda: "local was turned away: too many connections" in caplog.text)
        for stream in idle:
            stream.close()
        wait(lambda: receiver._server._free._value == 32)
        author = threading.Thread(target=submit, args=(packet(1), "127.0.0.1", receiver.port))
        author.start()
        receiver.commit(next(batches))
        author.join(10)
        assert not author.is_alive()


def test_a_port_that_is_taken_is_bad_input(receiver):
    settings = VTP(kind="vtp", name="second", ivoid=IVOID, port=receiver.port)
    with reading(receiver), pytest.raises(InputError, match="cannot be started") as error:
        VTPReceiver(settings)
    assert error.value.exit_code == 2


@contextmanager
def broadcasting(folder: Path, authors: int, subscribers: int) -> Iterator[subprocess.Popen]:
    """Run our broadcaster."""
    config, log = folder / "live.toml", folder / "broadcaster.log"
    config.write_text(
        '[[source]]\nkind = "directory"\nname = "d"\npath = "/nowhere"\n[broadcaster]\n'
        f'ivoid = "{IVOID}"\nport = {subscribers}\nsubmission_port = {authors}\n'
    )
    command = [KM3VO, "alerts", "broadcast", "--config", config]
    with log.open("wb") as stream, subprocess.Popen(command, stderr=stream) as process:
        try:
            process.log = log
            wait(lambda: f"starting on {authors}" in log.read_text() or process.poll() is not None)
            yield process
        finally:
            process.terminate()
        assert process.wait(10) == 0


def test_an_alert_that_we_publish_reaches_the_subscribers_of_our_broadcaster(tmp_path):
    authors, subscribers = port(60), port(70)
    with broadcasting(tmp_path, authors, subscribers) as process:
        comet = Comet(tmp_path, f"--remote=127.0.0.1:{subscribers}")
        ours = subscriber(f"127.0.0.1:{subscribers}")
        with reading(ours) as batches:
            stranger = connect("127.0.0.1", subscribers, 10)
            stranger.send(
                b"<Transport role='authenticate'><Meta><Param name='xpath-filter'"
                b" value='/nothing'/></Meta></Transport>"
            )
            wait(lambda: process.log.read_text().count("Installing filter") == 1)
            comet.wait_for("Authenticate received")
            wait(lambda: ours.health.heartbeat)
            sink = {"kind": "vtp", "name": "all", "host": "127.0.0.1", "port": authors}
            assert publish(tmp_path / "archive", sinks(sink), example()) == {}
            (alert,) = [one.content for one in next(batches).messages]
            assert validate_voevent(alert) == [] and b"KM3-240901A" in alert
            # expressions of strangers are not evaluated: this one would match nothing
            assert alert in [stranger.receive(10) for _ in range(2)]
            # again, when the answer was lost: twice is better than never
            submit(alert, "127.0.0.1", authors)
            assert [one.content for one in next(batches).messages] == [alert]
            comet.wait_for("Event processed")
            assert comet.saved == [alert]
        comet.stop()
        for number in (authors, subscribers):  # 127.0.0.1 and no other address
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.2", number))
        taken = subprocess.run(process.args, capture_output=True, check=False, text=True)
        assert taken.returncode == 2 and "name another address or port" in taken.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_other_users_of_the_machine_cannot_send_alerts_in_our_name(tmp_path):
    knock = "import socket, sys; print(socket.create_connection(('127.0.0.1', {})).recv(1))"
    with broadcasting(tmp_path, authors := port(60), port(70)) as process:
        command = ["/usr/bin/python3", "-c", knock.format(authors)]
        stranger = subprocess.run(command, user=54321, capture_output=True, check=True, timeout=20)
        assert stranger.stdout == b"b''\n"
        assert "user 54321 of this machine was turned away" in process.log.read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "either broker"),
        ('broker = "a:1"\nport = 1', "either broker"),
        ('broker = "a:1"\naddress = "::"', "only with port"),
        ('broker = "a"', "pattern"),
        ('broker = "a:70000"', "pattern"),
        ('port = 1\nauthors = { them = ["10.0.0.1/8"] }', "network"),
        ("port = 1\nauthors = {}", "at least 1"),
    ],
)
def test_a_wrong_source_is_bad_input(tmp_path, text, told):
    path: Path = tmp_path / "live.toml"
    path.write_text(f'[[source]]\nkind = "vtp"\nname = "v"\nivoid = "{IVOID}"\n{text}')
    with pytest.raises(ManifestError, match=told):
        load_live(path)
