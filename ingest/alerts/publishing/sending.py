"""Sending by a command, which waits for the recipients: all sinks at the same time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from ingest.alerts.archive import Archive, Outbox
from ingest.alerts.publishing.configuration import Sink
from ingest.alerts.publishing.delivery import deliver
from ingest.alerts.publishing.sinks import connect
from ingest.core.errors import IngestError

_LOOK: Final = 0.05
"""Time in s between two looks while another process is sending."""


def send_waiting(archive: Archive, sinks: Sequence[Sink], seconds: float) -> dict[str, str]:
    """Send everything that waits, and return the problems by the names of the sinks.

    Parameters
    ----------
    archive : Archive
        The archive.
    sinks : sequence of Sink
        The sinks of the configuration.
    seconds : float
        How long to wait while another process is sending.
    """
    waiting = {one.recipient.sink for one in Outbox(archive).refresh().waiting()}
    known = [one for one in sinks if one.name in waiting]
    problems = dict.fromkeys(
        waiting - {one.name for one in known}, "there is no such sink in live.toml"
    )
    if known:
        with ThreadPoolExecutor(len(known)) as pool:
            found = pool.map(lambda one: _send(archive, one, seconds), known)
            problems |= {one.name: text for one, text in zip(known, found, strict=True) if text}
    return problems


def summary(outbox: Outbox) -> list[dict[str, Any]]:
    """Return for each sink what was sent and what waits, by name."""
    found: dict[str, dict[str, Any]] = {}
    for one in outbox.deliveries.values():
        sink = found.setdefault(
            one.recipient.sink,
            {
                "sink": one.recipient.sink,
                "kind": one.recipient.kind,
                "sent": 0,
                "waiting": 0,
                "last_sent": None,
                "problem": "",
            },
        )
        if one.state == "queued":
            sink["waiting"] += 1
            sink["problem"] = one.problem or sink["problem"]
        elif one.sent is not None:
            sink["sent"] += 1
            sink["last_sent"] = max(sink["last_sent"] or "", one.sent)
    return [found[name] for name in sorted(found)]


def _send(archive: Archive, settings: Sink, seconds: float) -> str:
    """Send what waits for one sink, and return what was wrong."""
    outbox, deadline = Outbox(archive), time.monotonic() + seconds
    client = None
    try:
        while outbox.refresh().waiting(settings.name):
            try:
                client = client or connect(settings)
                deliver(outbox, settings.name, client, at_once=True)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return "another process is sending to it"
                time.sleep(_LOOK)
        return ""
    except IngestError as error:
        return error.problem
    finally:
        if client is not None:
            client.close()
