"""The audit of the alert archive: whether all files still match their checksums and the index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest.alerts.archive.archive import Archive
from ingest.core.files import sha256
from ingest.core.progress import ProgressCallback


@dataclass(frozen=True)
class Damage:
    """A file that is not as it was archived.

    Attributes
    ----------
    name : str
        The packet by number and checksum, or the path of the sky map.
    problem : str
        How it differs.
    """

    name: str
    problem: str


def verify(archive: Archive, on_progress: ProgressCallback | None = None) -> list[Damage]:
    """Compare every packet and sky map of the archive with its checksum.

    Parameters
    ----------
    archive : Archive
        The archive; other processes may add packets at the same time.
    on_progress : ProgressCallback, optional
        Called with the number of packets done so far.

    Returns
    -------
    list of Damage
        The files that are missing, unreadable or changed.

    Raises
    ------
    ArchiveError
        If the index itself is damaged.
    """
    found = []
    for entry in archive.entries():
        path = archive.path(entry)
        problem = _compare(path, entry.sha256)
        if problem is None and (size := path.stat().st_size) != entry.size:
            problem = f"its size is {size} bytes, not {entry.size}"
        if problem:
            found.append(Damage(f"packet {entry.number}, {entry.sha256}", problem))
        if on_progress is not None:
            on_progress(entry.number)
    for path in sorted((archive.root / "maps").glob("??/*.fits")):
        if problem := _compare(path, path.stem):
            found.append(Damage(str(path.relative_to(archive.root)), problem))
    return found


def find_unindexed(archive: Archive) -> list[str]:
    """Return the checksums of packets that are missing in the index, sorted.

    The list is empty unless the index was damaged. To save memory, the numbers of packets are
    compared first, and the checksums only if the numbers differ.
    """
    archive.recover()
    stored = sum(1 for _ in archive.stored_checksums())
    indexed = sum(archive.path(entry).exists() for entry in archive.entries())
    if stored <= indexed:
        return []
    known = {bytes.fromhex(entry.sha256) for entry in archive.entries()}
    return sorted(one for one in archive.stored_checksums() if bytes.fromhex(one) not in known)


def _compare(path: Path, expected: str) -> str | None:
    """Return what is wrong with a file; None if it has the expected checksum."""
    try:
        found = sha256(path)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None if found == expected else f"damaged: its checksum is {found}"
