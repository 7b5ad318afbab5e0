"""The stream of packets again, as it was received."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.index import Entry
from ingest.alerts.archive.withholding import withheld_packets


def replay(
    archive: Archive, begin: datetime, end: datetime, speed: float | None = None
) -> Iterator[bytes]:
    """Yield the packets of a period in order of receipt, each as a line of JSON.

    A line has the fields of the index, and ``content``, the bytes of the packet in base64; if the
    packet is withheld, it has the reason as ``withheld`` instead.

    Parameters
    ----------
    archive : Archive
        The archive.
    begin, end : datetime.datetime
        The period, with time zones; `end` is not part of it.
    speed : float, optional
        How many times faster than they were received. Default: without waiting.

    Raises
    ------
    ArchiveError
        If a packet or the index is damaged.
    """
    withheld = {one.entry.number: one.reason for one in withheld_packets(archive)}
    first: datetime | None = None
    start = time.monotonic()
    for entry in archive.entries():
        received = datetime.fromisoformat(entry.received)
        if not begin <= received < end:
            continue
        first = first or received
        if speed is not None:
            # where the clock was set back, the packets follow one another without waiting
            wait = (received - first).total_seconds() / speed - (time.monotonic() - start)
            time.sleep(max(wait, 0))
        yield _line(archive, entry, withheld.get(entry.number))


def moment(text: str) -> datetime:
    """Return the time that an ISO 8601 text means; UTC if it does not name a zone.

    Raises
    ------
    ValueError
        If it is not such a text.
    """
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _line(archive: Archive, entry: Entry, reason: str | None) -> bytes:
    if reason is None:
        rest = {"content": base64.b64encode(archive.read(entry)).decode()}
    else:
        rest = {"withheld": reason}
    return json.dumps(asdict(entry) | rest, ensure_ascii=False).encode() + b"\n"
