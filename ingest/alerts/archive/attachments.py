"""Sky maps that came by another way than in their packet, and which packet they belong to.

Packets mostly name an address where their map is; whoever fetched it gives it to the archive. A
file ``attached/<sha256 of the packet>.tsv`` has a line per map: its checksum, when it came and
from where. The last line counts, and none is ever changed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.durability import replace_durably
from ingest.alerts.archive.index import CHECKSUM, ArchiveError, Entry, printable


def attach(archive: Archive, entry: Entry, content: bytes, source: str) -> str:
    """Keep a sky map as that of a packet; one that was attached before stays in the archive.

    Parameters
    ----------
    archive : Archive
        The archive with the packet.
    entry : Entry
        The packet.
    content : bytes
        The map, a FITS file; whether it is one has to be known.
    source : str
        Where it is from.

    Returns
    -------
    str
        The map's checksum.
    """
    sha256 = archive.add_map(content)
    path = _path(archive, entry)
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = path.read_bytes() if path.exists() else b""
    line = "\t".join((sha256, when, printable(source).replace("\t", " "))).encode()
    path.parent.mkdir(mode=0o750, exist_ok=True)
    if archive.account is not None:
        archive.account.own(path.parent)
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)
    replace_durably(path, before + line + b"\n", draft, archive.account)
    return sha256


def attached_map(archive: Archive, entry: Entry) -> str | None:
    """Return the checksum of the map that was attached to a packet last, or None.

    Raises
    ------
    ArchiveError
        If the note of it is damaged.
    """
    path = _path(archive, entry)
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return None
    sha256 = lines[-1].partition("\t")[0] if lines else ""
    if not CHECKSUM.fullmatch(sha256):
        raise ArchiveError(
            "the note of an attached sky map cannot be read",
            file=path,
            value=sha256,
            remedy="restore it from a backup, or delete it and attach the map again",
        )
    return sha256


def _path(archive: Archive, entry: Entry) -> Path:
    return archive.root / "attached" / f"{entry.sha256}.tsv"
