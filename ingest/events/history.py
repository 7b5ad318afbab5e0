"""The history of a release in an instance: a record that is only ever appended to.

It is in ``var/reports/<release>/history.jsonl``, one JSON object per line.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from ingest import __version__
from ingest.core import privileges
from ingest.core.files import open_to_append, read_regular
from ingest.events.delivery import TEXTS, Manifest
from ingest.instance import Layout
from ingest.instance.dachs import deploy

_FILE: Final = "history.jsonl"


@dataclass(frozen=True)
class HistoryEntry:
    """Something that happened to a release.

    Attributes
    ----------
    what : str
        ``imported``, ``revised`` (rows stay; what describes them changed) or ``withdrawn``.
    rows : int
        Number of rows of its table from then on.
    files : mapping of str to str
        The checksums of the delivered files, by their names.
    facts : mapping of str to object
        The content of the manifest.
    sources : mapping of str to str
        The checksums of its texts and of the descriptors, by their paths in the project.
    reason : str
        Why it was withdrawn.
    simulated : bool
        Whether a simulated stand-in was imported.
    date : str
        When, in UTC.
    version : str
        The version of this software.
    """

    what: Literal["imported", "revised", "withdrawn"]
    rows: int
    files: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    simulated: bool = False
    date: str = ""
    version: str = __version__


def describing(manifest: Manifest) -> dict[str, Any]:
    """Return what an entry says of the manifest, texts and descriptors of a release."""
    path = manifest.folder / TEXTS
    with privileges.caller():
        texts = read_regular(path.resolve())
    found = {f"inputs/{manifest.name}/{TEXTS}": texts}
    found |= {f"rd/{name}": content for name, content in deploy.sources(manifest.name)}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}
    return {"facts": manifest.facts(), "sources": sums}


def append(layout: Layout, name: str, entry: HistoryEntry) -> None:
    """Append an entry to the history of a release, with the present time."""
    path = _path(layout, name)
    path.parent.mkdir(exist_ok=True)
    written = {key: value for key, value in asdict(entry).items() if value not in ("", {})}
    written = {"date": datetime.now(UTC).isoformat(timespec="seconds")} | written
    line = json.dumps(written, ensure_ascii=False, default=str).encode()
    with open_to_append(path) as stream:
        # A line of an interrupted command stays alone.
        interrupted = stream.tell() and not read_regular(path).endswith(b"\n")
        stream.write(b"\n" * bool(interrupted) + line + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def append_revision(layout: Layout, manifest: Manifest, rows: int) -> None:
    """Append a revision, unless manifest, texts and descriptors are those of the last entry."""
    entries = history(layout, manifest.name)
    entry = HistoryEntry("revised", rows, **describing(manifest))
    if not entries or differences(entries[-1], manifest):
        append(layout, manifest.name, entry)


def history(layout: Layout, name: str) -> list[HistoryEntry]:
    """Return the history of a release in this instance, oldest first."""
    try:
        lines = read_regular(_path(layout, name)).splitlines()
    except FileNotFoundError:
        return []
    return [entry for line in lines if (entry := _entry(line)) is not None]


def differences(entry: HistoryEntry, manifest: Manifest) -> list[str]:
    """Return what differs between an import and a release as it is in the project now."""
    now = describing(manifest)
    found = []
    for section, facts in now["facts"].items():
        before = entry.facts.get(section, {})
        if not isinstance(facts, dict):
            if facts != before:
                found.append(f"{section}: changed")
            continue
        found += [
            f"{section}.{name}: {_shown(before.get(name))} → {_shown(value)}"
            for name, value in facts.items()
            if value != before.get(name)
        ]
    names = {**entry.sources, **now["sources"]}
    found += [
        f"{name}: changed" for name in names if entry.sources.get(name) != now["sources"].get(name)
    ]
    if entry.version != __version__:
        found.append(f"km3vo: {entry.version} → {__version__}")
    return found


def _path(layout: Layout, name: str) -> Path:
    return layout.reports / name / _FILE


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def _entry(line: bytes) -> HistoryEntry | None:
    """Return the entry on a line; None for one that was not written to its end."""
    try:
        return HistoryEntry(**json.loads(line))
    except (ValueError, TypeError):
        return None
