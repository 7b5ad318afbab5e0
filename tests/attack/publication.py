"""Kill publishers at random moments, then count.

No alert that was accepted may be sent zero times or out of order, or be archived twice; outbox and
archive have to agree. ``python -m tests.attack.publication 10000`` kills that often. The database
takes no part in this; ``tests.attack.listener`` kills what fills the tables.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingest.alerts.archive import Archive, Outbox
from ingest.alerts.publishing import (
    Request,
    accept,
    complete_archive,
    draft,
    send_waiting,
)
from ingest.core.errors import InputError
from tests.alerts.outgoing import Posts, example, sinks, web_server
from tests.instances import ROOT

_CONFIG = {"kind": "webhook", "name": "chat"}
_FIRST = 1_700_000_000
"""Time of the first alert, Unix seconds; those of the others follow after a minute each."""


def attack(root: Path, kills: int, seed: int) -> list[str]:
    """Kill publishers; return the checksums of the notices that they said were accepted.

    It must be called in a process without threads, since it forks; it continues in the end what
    was interrupted.
    """
    dice = random.Random(seed)
    alerts: list[str] = []
    accepted: list[str] = []
    warm_up(root)
    begin = time.monotonic()
    _run(root, request(dice, alerts), accepted, None)
    usual = time.monotonic() - begin
    for _ in range(kills):
        made = request(dice, alerts)
        _run(root, made, accepted, dice.uniform(0, 1.5 * usual))
        if dice.random() < 0.3:  # whoever was interrupted may type it again
            _run(root, made, accepted, dice.uniform(0, 1.5 * usual))
    _run(root, None, accepted, None)
    return accepted


def warm_up(root: Path) -> None:
    """Load what each publisher needs, and make the archive."""
    import httpx  # noqa: F401

    from ingest.core.http import certificates

    certificates(True)
    archive = Archive(root)
    archive.create()
    draft(archive, Outbox(archive), None, sinks(), Request((example(),)))


def request(dice: random.Random, alerts: list[str]) -> Request:
    """Return a new alert, or an update or a retraction of one of the last alerts."""
    kind = dice.random()
    if kind < 0.4 or not alerts:
        name = f"KILL-{len(alerts) + 1}"
        moment = time.gmtime(_FIRST + 60 * len(alerts))
        alerts.append(name)
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)
        return Request((example(event_name=name, trigger_time=when, event_details=[]),))
    name = dice.choice(alerts[-5:])
    if kind < 0.9:
        return Request(({"dec": round(dice.uniform(-80, 80), 6)},), update=name)
    return Request((), retract=name)


def account(root: Path, posts: Posts, accepted: Sequence[str]) -> tuple[int, int]:
    """Compare outbox, archive and what was received; return the numbers of notices and messages.

    Raises
    ------
    AssertionError
        If anything is lost, out of order, or archived twice.
    """
    archive = Archive(root)
    outbox = Outbox(archive).refresh()
    assert outbox.waiting() == []
    assert set(accepted) <= set(outbox.notices)
    checksums = [entry.sha256 for entry in archive.entries()]
    assert sorted(checksums) == sorted(outbox.notices)
    assert {n: archive.entry(n).sha256 for n in outbox.numbers.values()} == {
        number: sha256 for sha256, number in outbox.numbers.items()
    }
    got = [one["text"].partition("Identifier")[2].split()[0] for one in posts.found]
    times = Counter(got)
    records: dict[str, list[int]] = {}
    for notice in outbox.notices.values():
        assert times[notice.facts["ivorn"]] >= 1
        records.setdefault(notice.alert, []).append(notice.facts["record"])
    assert all(found == list(range(1, len(found) + 1)) for found in records.values())
    assert set(times) == {notice.facts["ivorn"] for notice in outbox.notices.values()}
    first = {ivorn: place for place, ivorn in reversed(list(enumerate(got)))}
    for alert in records:
        order = [first[n.facts["ivorn"]] for n in outbox.notices.values() if n.alert == alert]
        assert order == sorted(order)
    return len(outbox.notices), len(got)


def _run(root: Path, made: Request | None, accepted: list[str], after: float | None) -> None:
    """Publish in a process of its own, which is killed after a time in s."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _publish(root, made, writing)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    with os.fdopen(reading) as stream:
        accepted += stream.read().split()


def _publish(root: Path, made: Request | None, writing: int) -> None:
    archive = Archive(root)
    outbox, config = Outbox(archive), sinks(_CONFIG)
    if made is not None:
        try:
            notice, _ = accept(archive, outbox, None, config, made)
        except InputError:
            return  # the alert before was never accepted, or is retracted
        os.write(writing, f"{notice.sha256}\n".encode())
    complete_archive(archive, outbox)
    problems = send_waiting(archive, config.sink, 30)
    assert problems == {}, problems


def run(folder: Path, kills: int, seed: int = 0) -> tuple[int, int]:
    """Attack, and count; return the numbers of notices and messages."""
    with web_server() as posts:
        done: subprocess.CompletedProcess[Any] = subprocess.run(
            [sys.executable, "-m", "tests.attack.publication", str(kills), "--seed", str(seed),
             "--below", folder],
            cwd=ROOT,
            env=os.environ | {"KM3VO_CHAT_URL": posts.url},
            stdout=subprocess.PIPE,
            check=True,
        )  # fmt: skip
        return account(folder, posts, json.loads(done.stdout))


def main() -> None:
    """Attack an archive of its own, and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, help="the number of kills")
    parser.add_argument("--seed", type=int, default=0, help="decides about the moments")
    parser.add_argument("--below", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.below is not None:
        print(json.dumps(attack(options.below, options.count, options.seed)))
        return
    with tempfile.TemporaryDirectory(prefix="km3vo-publication-") as name:
        notices, messages = run(Path(name) / "archive", options.count, options.seed)
    print(f"{options.count} kills, {notices} notices, {messages} messages: none lost, all in order")


if __name__ == "__main__":
    main()
