"""Packets that make the function that parses them misbehave, as malicious packets might.

Each is a VOEvent with a comment that names the behaviour. Worker processes import this module.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.alerts import notices, skymaps
from ingest.alerts.notices import Notice, PacketError, Position, Regions
from tests.alerts.sample_packets import voevent


def packet(name: object, behaviour: str = "") -> bytes:
    """Return a packet that behaves as one of :data:`BEHAVIOURS` while it is parsed."""
    comment = f"<!-- behaviour: {behaviour} -->" if behaviour else ""
    return voevent(ivorn=f"ivo://example.org/stream#{name}", rest=comment)


def parse(
    content: bytes, media_type: str | None = None, *, max_bytes: int, topic: str | None = None
) -> Notice:
    """Do what a packet says, then parse it."""
    found = re.search(rb"<!-- behaviour: (\S+) ?(.*?) -->", content)
    behaviour, argument = found.groups() if found else (b"", b"")
    if behaviour:
        BEHAVIOURS[behaviour.decode()](os.fsdecode(argument))
    notice = notices.parse(content, media_type, max_bytes=max_bytes, topic=topic)
    return notice.model_copy(update=CHANGES.get(behaviour.decode(), {}))


def parse_later_version(
    content: bytes, media_type: str | None = None, *, max_bytes: int, topic: str | None = None
) -> Notice:
    """Parse also what the present version does not understand."""
    understood = content.replace(b"behaviour: not_understood", b"")
    return parse(understood, media_type, max_bytes=max_bytes, topic=topic)


def parse_with_killing_regions(
    content: bytes, media_type: str | None = None, *, max_bytes: int, topic: str | None = None
) -> Notice:
    """Parse in a worker that is killed when it computes the regions of several circles."""
    skymaps.circle_regions = _circle_regions_killing
    return parse(content, media_type, max_bytes=max_bytes, topic=topic)


def parse_with_failing_regions(
    content: bytes, media_type: str | None = None, *, max_bytes: int, topic: str | None = None
) -> Notice:
    """Parse in a worker that fails to compute the regions of several circles."""
    skymaps.circle_regions = _circle_regions_failing
    return parse(content, media_type, max_bytes=max_bytes, topic=topic)


def kill_itself(*_arguments: object) -> None:
    """End this process as the kernel ends one when the memory is exhausted."""
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_once(path: str) -> None:
    if not Path(path).exists():
        Path(path).touch()
        kill_itself()


def _fault(_argument: str) -> None:
    raise ZeroDivisionError("division by zero")


def _not_understood(_argument: str) -> None:
    raise PacketError("not understood yet")


def _circle_regions_killing(positions: Sequence[Position | None]) -> Sequence[Regions]:
    if len(positions) > 1:
        kill_itself()
    return _circle_regions(positions)


def _circle_regions_failing(positions: Sequence[Position | None]) -> Sequence[Regions]:
    if len(positions) > 1:
        raise ValueError("too many")
    return _circle_regions(positions)


_circle_regions = skymaps.circle_regions

BEHAVIOURS: dict[str, Callable[[str], object]] = {
    "kill": kill_itself,
    "kill_once": _kill_once,
    "hang": lambda _: time.sleep(3600),
    "slow": lambda _: time.sleep(0.05),
    "greedy": lambda _: bytearray(64 << 30),
    "fault": _fault,
    "not_understood": _not_understood,
    "no_rows": lambda _: None,
    "no_number": lambda _: None,
}
CHANGES: dict[str, dict[str, object]] = {
    "no_rows": {"ivorn": None},
    "no_number": {"energy": "much"},
}
"""Changes to the notice, which make the next steps fail: no row can be made; the database refuses
a text as a number."""
