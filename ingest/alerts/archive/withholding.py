"""Packets that are in the archive but not shown, each with the reason.

A file ``withheld/<sha256 of the packet>.json`` has a JSON document per line for each time the
packet was withheld or shown again. The last line is valid; earlier lines are never changed. Bytes
and line in the index of the packet stay as they are, and so do its seal and its proof.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.durability import replace_durably
from ingest.alerts.archive.index import ArchiveError, Entry
from ingest.core.files import read_regular


@dataclass(frozen=True)
class Withheld:
    """A packet that is withheld.

    Attributes
    ----------
    entry : Entry
        The packet.
    ivorn : str or None
        Its identifier; None if it has none that can be read.
    reason : str
        Why it is withheld.
    when : str
        Since when, ISO 8601 in UTC.
    """

    entry: Entry
    ivorn: str | None
    reason: str
    when: str


def withhold(archive: Archive, entry: Entry, ivorn: str | None, reason: str) -> None:
    """Record durably that a packet is withheld from now on."""
    _append(archive, entry, {"withheld": True, "ivorn": ivorn, "reason": reason})


def show_again(archive: Archive, entry: Entry, reason: str | None) -> None:
    """Record durably that a packet is shown again from now on."""
    _append(archive, entry, {"withheld": False, "reason": reason})


def withheld_packets(archive: Archive) -> list[Withheld]:
    """Return the packets that are withheld, in order of receipt.

    Raises
    ------
    ArchiveError
        If a record of one is damaged.
    """
    found = []
    for path in (archive.root / "withheld").glob("[!.]*.json"):
        record, entry = _last_record(archive, path)
        if record["withheld"]:
            found.append(Withheld(entry, record["ivorn"], record["reason"], record["when"]))
    return sorted(found, key=lambda one: one.entry.number)


def _append(archive: Archive, entry: Entry, record: dict[str, Any]) -> None:
    path = archive.root / "withheld" / f"{entry.sha256}.json"
    if not path.parent.exists():
        path.parent.mkdir(mode=0o750)
        if archive.account is not None:
            archive.account.chown(path.parent)
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    line = json.dumps({"number": entry.number, "when": when, **record}).encode()
    before = read_regular(path) if path.exists() else b""
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)
    replace_durably(path, before + line + b"\n", draft, archive.account)


def _last_record(archive: Archive, path: Path) -> tuple[dict[str, Any], Entry]:
    try:
        record = json.loads(read_regular(path).splitlines()[-1])
        number, is_withheld, _ = record["number"], record["withheld"], record["when"]
        if is_withheld:
            _ = record["ivorn"], record["reason"]
        entry = archive.entry(number)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        problem, value = "cannot be read", f"{type(error).__name__}: {error}"
    else:
        if entry is not None and entry.sha256 == path.stem:
            return record, entry
        problem, value = "names another packet", str(number)
    raise ArchiveError(
        f"the record of a withheld packet {problem}",
        file=path,
        value=value,
        expected="JSON with the number of the packet, withheld, when, ivorn and reason",
        remedy="restore the file from a backup",
    )
