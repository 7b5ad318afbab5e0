"""What publishing is tested with: recipients on loopback that speak the real protocols."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from confluent_kafka import Consumer, TopicPartition

from ingest.alerts.archive import Archive, Outbox
from ingest.alerts.publishing import Request, Sinks, accept, complete_archive, draft, send_waiting
from tests.instances import ROOT

EXAMPLES = ROOT / "inputs" / "alerts" / "gcn"


def example(name: str = "km3net_alert.example.json", **changes: Any) -> dict[str, Any]:
    """Return KM3NeT's example of a notice, as its database would give it."""
    document = json.loads((EXAMPLES / name).read_text())
    del document["alert_datetime"]
    return document | changes


def publish(
    root: Path, config: Sinks, *documents: dict[str, Any], **options: Any
) -> dict[str, str]:
    """Publish without a database, and return the problems of the sinks."""
    archive = Archive(root)
    outbox = Outbox(archive)
    accept(archive, outbox, None, config, Request(documents, **options))
    complete_archive(archive, outbox)
    return send_waiting(archive, config.sink, 5)


def messages(address: str, topic: str) -> list[tuple[int, int, bytes, bytes]]:
    """Return partition, offset, key and content of all messages of a topic."""
    options = {"bootstrap.servers": address, "group.id": "reader", "fetch.wait.max.ms": 10}
    consumer = Consumer(options | {"auto.offset.reset": "earliest"})
    found = []
    try:
        for number in consumer.list_topics(topic, 10).topics[topic].partitions:
            place = TopicPartition(topic, number, 0)
            _, end = consumer.get_watermark_offsets(place, 10)
            consumer.assign([place])
            for _ in range(end):
                one = consumer.poll(10)
                assert one is not None and one.error() is None
                found.append((number, one.offset(), one.key(), one.value()))
    finally:
        consumer.close()
    return found


class Mails:
    """Keeps the mails that a real SMTP server accepts."""

    def __init__(self) -> None:
        self.found: list[tuple[list[str], bytes]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.found.append((envelope.rcpt_tos, envelope.original_content))
        return self.answer


@contextmanager
def mail_server(port: int) -> Iterator[Mails]:
    """Run an SMTP server on loopback."""
    mails = Mails()
    controller = Controller(mails, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mails
    finally:
        controller.stop()


class Posts:
    """Keeps what is posted to a real HTTP server, which answers as a test wants."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self.refused = ""
        self.status = 200
        self.url = ""

    def take(self, content: bytes) -> int:
        document = json.loads(content)
        if self.status != 200 and self.refused in document["text"]:
            return self.status
        self.found.append(document)
        return 200


@contextmanager
def web_server() -> Iterator[Posts]:
    """Run an HTTP server on loopback."""
    posts = Posts()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(posts.take(content))
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    posts.url = f"http://127.0.0.1:{server.server_port}/hooks/secret-of-the-channel"
    try:
        yield posts
    finally:
        server.shutdown()
        thread.join()


def kafka(name: str, address: str, topic: str, **more: Any) -> dict[str, Any]:
    """Return the table of a Kafka sink."""
    return {"kind": "kafka", "name": name, "servers": [address], "topic": topic} | more


def sinks(*tables: dict[str, Any], **publish: Any) -> Sinks:
    """Return the configuration of sinks."""
    return Sinks.model_validate({"sink": list(tables), "publish": publish})


def killed_after(step: int, root: Path, requests: list[Any]) -> bool:
    """Publish, and be killed after a durable step; return whether there was such a step.

    It runs in a process that has no threads, which forks for each attempt.
    """
    child = os.fork()
    if child == 0:
        done = 0

        def fsync(descriptor: int) -> None:
            # a kill, unlike a power cut, takes nothing back that was written
            nonlocal done
            done += 1
            if done == step:
                os.kill(os.getpid(), signal.SIGKILL)

        os.fsync = fsync
        code = 1
        try:
            config = sinks({"kind": "webhook", "name": "chat"})
            for documents, options in requests:
                problems = publish(root, config, *documents, **options)
                assert problems == {}, problems
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def kill_everywhere(root: Path) -> int:
    """Publish an alert, be killed after a durable step, and repeat it; so for each of the steps.

    Returns how many steps there are.
    """
    import httpx  # noqa: F401

    from ingest.core.http import certificates

    # what is loaded here need not be loaded by each child
    certificates(True)
    archive = Archive(root)
    draft(archive, Outbox(archive), None, sinks(), Request((example(),)))
    step, killed = 0, True
    while killed:
        step += 1
        name = f"KILL-{step}"
        when = f"2024-09-{1 + step // 24:02d}T{step % 24:02d}:00:00Z"
        requests = [
            [[example(event_name=name, trigger_time=when, event_details=[])], {}],
            [[], {"retract": name}],
        ]
        killed = killed_after(step, root, requests)
        if killed:
            assert not killed_after(0, root, requests)
    return step - 1


if __name__ == "__main__":
    print(kill_everywhere(Path(sys.argv[1])))
