"""The stream of packets again, as it was received."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.index import Entry
from ingest.alerts.archive.withholding import withheld_packets


@dataclass(frozen=True)
class Replayed:
    """A packet that is sent again.

    Attributes
    ----------
    entry : Entry
        The packet in the archive.
    content : bytes or None
        Its bytes; None if it is withheld.
    withheld : str or None
        Why it is withheld.
    """

    entry: Entry
    content: bytes | None
    withheld: str | None = None

    @property
    def line(self) -> bytes:
        """A line of JSON: the fields of the index, and the bytes in base64 or the reason."""
        if self.content is None:
            rest = {"withheld": self.withheld}
        else:
            rest = {"content": base64.b64encode(self.content).decode()}
        return json.dumps(asdict(self.entry) | rest, ensure_ascii=False).encode() + b"\n"


def replay(
    archive: Archive, begin: datetime, end: datetime, speed: float | None = None
) -> Iterator[Replayed]:
    """Yield the packets of a period in order of receipt.

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
        if entry.number in withheld:
            yield Replayed(entry, None, withheld[entry.number])
        else:
            yield Replayed(entry, archive.read(entry))


def moment(text: str) -> datetime:
    """Return the time that an ISO 8601 text means; UTC if it does not name a zone.

    Raises
    ------
    ValueError
        If it is not such a text.
    """
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
