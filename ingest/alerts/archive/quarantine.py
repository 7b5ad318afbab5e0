"""The packets of the archive that could not be understood, each with the reason."""

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
from ingest.instance import Account

_LONGEST_REASON: Final = 2000


@dataclass(frozen=True)
class Quarantined:
    """A packet in quarantine.

    Attributes
    ----------
    entry : Entry
        The packet.
    reason : str
        Why it could not be understood.
    when : str
        When that was found, ISO 8601 in UTC.
    """

    entry: Entry
    reason: str
    when: str


class Quarantine:
    """The notes in a directory, ``<sha256>.json`` each; the bytes stay where they are."""

    def __init__(self, directory: Path, account: Account | None = None) -> None:
        self._directory = directory
        self._account = account

    def put(self, refused: Sequence[tuple[Entry, str]]) -> None:
        """Note durably why packets were refused; an older reason is replaced."""
        when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        written = []
        for entry, reason in refused:
            path = self._path(entry)
            # several processes may refuse the same packet
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            draft.unlink(missing_ok=True)
            note = {**asdict(entry), "reason": reason[:_LONGEST_REASON], "when": when}
            write_new(draft, [json.dumps(note, indent=1).encode() + b"\n"], self._account)
            written.append((draft, path))
        if written:
            sync([draft for draft, _ in written])
            for draft, path in written:
                draft.replace(path)
            sync([self._directory])

    def listed(self) -> list[Quarantined]:
        """Return all notes in order of receipt.

        Raises
        ------
        ArchiveError
            If a note cannot be read.
        """
        return sorted(
            (_read(path) for path in self._directory.glob("[!.]*.json")),
            key=lambda one: one.entry.number,
        )

    def __contains__(self, entry: Entry) -> bool:
        return self._path(entry).exists()

    def release(self, entry: Entry) -> None:
        """Remove the note of a packet, if there is one."""
        self._path(entry).unlink(missing_ok=True)

    def _path(self, entry: Entry) -> Path:
        return self._directory / f"{entry.sha256}.json"


def _read(path: Path) -> Quarantined:
    try:
        note = json.loads(path.read_bytes())
        entry = Entry(**{field.name: note[field.name] for field in fields(Entry)})
        return Quarantined(entry, note["reason"], note["when"])
    except (ValueError, KeyError, TypeError):
        raise ArchiveError(
            "the note of a packet in quarantine cannot be read",
            file=path,
            remedy="delete it; the packet itself is not touched, and is read again",
        ) from None
