"""Sending what is due to one sink, one sender at a time."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Final

from ingest.alerts.archive import Delivery, Outbox, withheld_packets
from ingest.alerts.publishing.sinks import Outgoing, SinkClient, SinkError

_LONGEST_PAUSE: Final = 300.0
"""Time in s after which a notice is tried again at the latest."""


def deliver(
    outbox: Outbox,
    name: str,
    client: SinkClient,
    stop: threading.Event | None = None,
    at_once: bool = False,
) -> int:
    """Send a sink what is due: of each alert one notice after the other.

    Parameters
    ----------
    outbox : Outbox
        The outbox.
    name : str
        Name of the sink.
    client : SinkClient
        Its client.
    stop : threading.Event, optional
        Ends it after the notice that is being sent.
    at_once : bool, optional
        Whether to try again now what failed before.

    Returns
    -------
    int
        Number of notices that were sent.

    Raises
    ------
    BlockingIOError
        If another process is sending to this sink.
    OSError
        If the disk is full; what was sent is recorded before anything else is sent.
    SinkError
        If something was not sent. When the sink refuses a notice, later ones of the same alert
        wait, and other alerts are sent; when it cannot be reached, all wait.
    """
    sent, refused = 0, None
    tried: set[str] = set()
    with outbox.archive.locked(f"send-{name}", wait=False):
        outbox.record_sent()
        outbox.refresh()
        while due := [one for one in outbox.due(name) if one.notice.sha256 not in tried]:
            ready = [one for one in due if at_once or _is_time(one)]
            if not ready:
                break
            for one in ready:
                if stop is not None and stop.is_set():
                    return sent
                tried.add(one.notice.sha256)
                if outbox.numbers.get(one.notice.sha256) in _withheld(outbox):
                    outbox.dropped(one)
                    continue
                try:
                    receipt = client.send(_outgoing(outbox, one))
                except SinkError as error:
                    outbox.failed(one, error.problem)
                    if not error.about_notice:
                        raise
                    refused = error
                else:
                    outbox.sent(one, receipt.partition, receipt.offset)
                    sent += 1
    if refused is not None:
        raise refused
    return sent


def _withheld(outbox: Outbox) -> set[int]:
    return {one.entry.number for one in withheld_packets(outbox.archive)}


def _outgoing(outbox: Outbox, one: Delivery) -> Outgoing:
    # mails and chats need no bytes, and those of others may be large
    content = b"" if one.notice.request is None else outbox.content(one.notice)
    return Outgoing(content, one.notice.sha256, one.notice.facts)


def _is_time(one: Delivery) -> bool:
    """Return whether the pause after a failure is over; it doubles with each one."""
    if one.failed is None:
        return True
    pause = min(2.0 ** min(one.attempts - 1, 20), _LONGEST_PAUSE)
    since = time.time() - datetime.fromisoformat(one.failed).astimezone(UTC).timestamp()
    return not 0 <= since < pause  # also if the clock was set back
