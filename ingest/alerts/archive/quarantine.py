"""The packets of the archive that could not be parsed, each with the reason."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ingest.alerts.archive.durability import sync, write_new
from ingest.alerts.archive.index import ArchiveError, Entry
from ingest.core.files import read_regular
from ingest.instance import Account

_MAX_REASON: Final = 2000
"""Maximum number of characters of a reason."""


@dataclass(frozen=True)
class Quarantined:
    """A packet in quarantine.

    Attributes
    ----------
    entry : Entry
        The packet.
    reason : str
        Why it could not be parsed or stored in the tables.
    when : str
        When it was put into quarantine, ISO 8601 in UTC.
    """

    entry: Entry
    reason: str
    when: str


class Quarantine:
    """The records ``<sha256>.json`` in a directory; the packets themselves are not moved."""

    def __init__(self, directory: Path, account: Account | None = None) -> None:
        self._directory = directory
        self._account = account

    def add(self, refused: Sequence[tuple[Entry, str]]) -> None:
        """Record durably why packets were refused; an earlier record is replaced."""
        when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        written = []
        for entry, reason in refused:
            path = self._path(entry)
            # several processes may refuse the same packet
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            draft.unlink(missing_ok=True)
            record = {**asdict(entry), "reason": reason[:_MAX_REASON], "when": when}
            write_new(draft, [json.dumps(record, indent=1).encode() + b"\n"], self._account)
            written.append((draft, path))
        if written:
            sync([draft for draft, _ in written])
            for draft, path in written:
                draft.replace(path)
            sync([self._directory])

    def packets(self) -> list[Quarantined]:
        """Return all packets in quarantine, in order of receipt.

        Raises
        ------
        ArchiveError
            If a record cannot be read.
        """
        return sorted(
            (_read(path) for path in self._directory.glob("[!.]*.json")),
            key=lambda packet: packet.entry.number,
        )

    def number_of(self, sha256: str) -> int | None:
        """Return the number of the packet with a checksum; None if it is not in quarantine."""
        path = self._directory / f"{sha256}.json"
        return _read(path).entry.number if path.exists() else None

    def __contains__(self, entry: Entry) -> bool:
        return self._path(entry).exists()

    def release(self, entry: Entry) -> None:
        """Remove the record of a packet, if it exists."""
        self._path(entry).unlink(missing_ok=True)

    def _path(self, entry: Entry) -> Path:
        return self._directory / f"{entry.sha256}.json"


def _read(path: Path) -> Quarantined:
    try:
        record = json.loads(read_regular(path))
        entry = Entry(**{field.name: record[field.name] for field in fields(Entry)})
        return Quarantined(entry, record["reason"], record["when"])
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(
            "the record of a packet in quarantine cannot be read",
            file=path,
            value=f"{type(error).__name__}: {error}",
            expected="JSON with the fields of the index, reason and when",
            remedy="delete the record; the packet itself is not affected, and is parsed again",
        ) from None
