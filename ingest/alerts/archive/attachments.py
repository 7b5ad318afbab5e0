"""Sky maps that were received separately from their packet.

Most packets only give the URL of their sky map; the map is fetched by a person and attached to
the packet. A file ``attached/<sha256 of the packet>.tsv`` has one line per map: its checksum,
time of receipt and source. The last line is valid; earlier lines are never changed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.durability import replace_durably
from ingest.alerts.archive.index import CHECKSUM, ArchiveError, Entry, printable
from ingest.core.files import read_regular


def attach(archive: Archive, entry: Entry, content: bytes, source: str) -> str:
    """Attach a sky map to a packet. Maps that were attached before remain in the archive.

    Parameters
    ----------
    archive : Archive
        The archive that contains the packet.
    entry : Entry
        The packet.
    content : bytes
        The map as a FITS file; the caller has checked that it is one.
    source : str
        Where it comes from, such as ``file:NAME``.

    Returns
    -------
    str
        The SHA-256 of the map.
    """
    sha256 = archive.add_map(content)
    path = _path(archive, entry)
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = read_regular(path) if path.exists() else b""
    line = "\t".join((sha256, when, printable(source).replace("\t", " "))).encode()
    path.parent.mkdir(mode=0o750, exist_ok=True)
    if archive.account is not None:
        archive.account.chown(path.parent)
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)
    replace_durably(path, before + line + b"\n", draft, archive.account)
    return sha256


def attached_map(archive: Archive, entry: Entry) -> str | None:
    """Return the SHA-256 of the map that was last attached to a packet; None without one.

    Raises
    ------
    ArchiveError
        If the record of it is damaged.
    """
    path = _path(archive, entry)
    try:
        lines = read_regular(path).decode().splitlines()
    except FileNotFoundError:
        return None
    sha256 = lines[-1].partition("\t")[0] if lines else ""
    if not CHECKSUM.fullmatch(sha256):
        raise ArchiveError(
            "the record of an attached sky map cannot be read",
            file=path,
            where=f"line {len(lines)}",
            value=sha256,
            expected="a SHA-256 checksum in the first field",
            remedy="restore the file from a backup, or delete it and attach the map again",
        )
    return sha256


def _path(archive: Archive, entry: Entry) -> Path:
    return archive.root / "attached" / f"{entry.sha256}.tsv"
