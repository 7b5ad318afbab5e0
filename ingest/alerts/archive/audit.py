"""Is everything still there? The audit of the raw archive, for its operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ingest.alerts.archive.archive import Archive
from ingest.core.files import sha256


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was archived.

    Attributes
    ----------
    name : str
        The packet by number and checksum, or the file.
    problem : str
        What is the matter with it.
    """

    name: str
    problem: str


def verify(archive: Archive, watch: Callable[[int], None] | None = None) -> list[Finding]:
    """Read every packet and map of the archive again, and compare with its checksum.

    Parameters
    ----------
    archive : Archive
        The archive; it may be written to meanwhile.
    watch : callable, optional
        Is told how many packets are done.

    Raises
    ------
    ArchiveError
        If the index itself is damaged.
    """
    findings = []
    number = 0
    for entry in archive.entries():
        number = entry.number
        path = archive.path(entry)
        if problem := _problem(path, entry.sha256):
            findings.append(Finding(f"packet {number}, {entry.sha256}", problem))
        elif (size := path.stat().st_size) != entry.size:
            findings.append(
                Finding(f"packet {number}, {entry.sha256}", f"{size} bytes, not {entry.size}")
            )
        if watch is not None:
            watch(number)
    for path in sorted((archive.root / "maps").glob("??/*.fits")):
        if problem := _problem(path, path.stem):
            findings.append(Finding(str(path.relative_to(archive.root)), problem))
    return findings


def unlisted(archive: Archive) -> list[str]:
    """Return the checksums of packets that the index does not have, in order.

    There are none unless the index was damaged. A million packets are counted in little
    memory; they are only compared one by one where the numbers differ.
    """
    archive.settle()
    stored = sum(1 for _ in archive.stored())
    listed = sum(archive.path(entry).exists() for entry in archive.entries())
    if stored <= listed:
        return []
    known = {bytes.fromhex(entry.sha256) for entry in archive.entries()}
    return sorted(one for one in archive.stored() if bytes.fromhex(one) not in known)


def _problem(path: Path, expected: str) -> str | None:
    try:
        found = sha256(path)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None if found == expected else f"damaged: its checksum is {found}"
