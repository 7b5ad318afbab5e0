"""The seals of an archive, as files ``seals/NUMBER.txt``: the text of a seal, and its leaves.

A seal covers the packets from the one after the last seal to the last one that was received on its
day. Packets are taken in the order of the index, whatever their times say. A packet whose time lies
in a day that is sealed already, because the clock was set back or the index was repaired, is
covered by the seal of a later day, and no seal that exists ever changes. Days without packets
have no seal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from ingest.alerts.archive import Archive, ArchiveError, Entry, replace_durably
from ingest.alerts.proof.seal import NONE, Seal, leaf, root_of
from ingest.core.files import open_regular

_NAME: Final = re.compile(r"([1-9][0-9]*)\.txt")
_DAY: Final = timedelta(days=1)
_HEAD: Final = 1000
"""Number of bytes of a file that contain the text of its seal."""


@dataclass(frozen=True)
class SealedPackets:
    """A seal with its leaves, as in its file."""

    seal: Seal
    leaves: list[bytes]

    @property
    def content(self) -> bytes:
        """The file: the text of the seal, an empty line, and a line for each leaf."""
        return b"".join((self.seal.text, b"\n", *(one + b"\n" for one in self.leaves)))


def seal_days(archive: Archive, now: datetime | None = None) -> list[Seal]:
    """Seal the days that are over in UTC; return the new seals.

    Parameters
    ----------
    archive : Archive
        The archive; other processes may add packets, or call this function, at the same time.
    now : datetime.datetime, optional
        The present time. Default: that of the clock.

    Raises
    ------
    ArchiveError
        If a seal or the index is damaged.
    """
    if not len(archive):
        return []
    now = now or datetime.now(UTC)
    archive.recover()  # waits for those who add packets of the day before
    with archive.locked("seal"):
        last = last_seal(archive)
        new = []
        for day, entries in _days(archive, last, now.strftime("%Y-%m-%d")):
            leaves = [leaf(entry) for entry in entries]
            last = Seal(
                number=last.number + 1 if last else 1,
                day=day,
                first=entries[0].number,
                packets=len(entries),
                root=root_of(leaves),
                previous=last.hash if last else NONE,
                sealed=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
            _write(archive, SealedPackets(last, leaves))
            new.append(last)
    return new


def seals(archive: Archive, after: int = 0) -> Iterator[Seal]:
    """Yield the seals with numbers above `after`, in their order; see :func:`read_seal`."""
    return (_read(archive, number).seal for number in range(after + 1, _count(archive) + 1))


def last_seal(archive: Archive) -> Seal | None:
    """Return the newest seal; None if there is none."""
    number = _count(archive)
    return _read(archive, number).seal if number else None


def seal_of(archive: Archive, entry: Entry) -> SealedPackets | None:
    """Return the seal that covers a packet, with its leaves; None if it is not sealed yet."""
    low, high = 1, _count(archive)
    while low <= high:
        middle = (low + high) // 2
        seal = _read(archive, middle).seal
        if entry.number < seal.first:
            high = middle - 1
        elif entry.number > seal.last:
            low = middle + 1
        else:
            return read_seal(archive, middle)
    return None


def read_seal(archive: Archive, number: int) -> SealedPackets:
    """Read a seal and its leaves.

    Raises
    ------
    ArchiveError
        If its file is missing or damaged.
    """
    return _read(archive, number, -1)


def _read(archive: Archive, number: int, size: int = _HEAD) -> SealedPackets:
    """Read a seal, and those of its leaves that are in the first bytes of its file."""
    path = _path(archive, number)
    try:
        with open_regular(path) as stream:
            head, separator, lines = stream.read(size).partition(b"\n\n")
        found = SealedPackets(Seal.parse(head + b"\n"), lines.splitlines())
        if not separator or found.seal.number != number:
            raise ValueError("it has another number")
        if size < 0 and len(found.leaves) != found.seal.packets:
            raise ValueError(f"it has {len(found.leaves)} leaves")
    except FileNotFoundError:
        problem, value = "a seal of the alert archive is missing", None
    except ValueError as error:
        problem, value = "a seal of the alert archive is damaged", str(error)
    else:
        return found
    raise ArchiveError(
        problem,
        file=path,
        value=value,
        expected="the text of a seal, an empty line, and its leaves, as in docs/proofs.md",
        remedy="restore the file from a backup, or from a copy of /alerts/nu/seal",
    )


def _days(archive: Archive, last: Seal | None, today: str) -> Iterator[tuple[str, list[Entry]]]:
    """Yield the days to be sealed, each with its packets."""
    waiting = list(archive.entries(after=last.last if last else 0))
    # A seal of a day to come shows that the clock was wrong; it must not hold up the others.
    next_day = str(date.fromisoformat(last.day) + _DAY) if last and last.day < today else ""
    ends: dict[str, int] = {}
    for place, entry in enumerate(waiting, 1):
        ends[max(entry.received[:10], next_day)] = place
    begin = 0
    for day in sorted(ends):
        if day < today and ends[day] > begin:
            yield day, waiting[begin : ends[day]]
            begin = ends[day]


def _write(archive: Archive, sealed: SealedPackets) -> None:
    path = _path(archive, sealed.seal.number)
    if not path.parent.exists():
        path.parent.mkdir(mode=0o750)
        if archive.account is not None:
            archive.account.chown(path.parent)
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)
    replace_durably(path, sealed.content, draft, archive.account)


def _count(archive: Archive) -> int:
    """Return the number of the newest seal; 0 if there is none."""
    directory = archive.root / "seals"
    names: Sequence[Path] = list(directory.iterdir()) if directory.is_dir() else []
    found = (_NAME.fullmatch(path.name) for path in names)
    return max((int(match[1]) for match in found if match), default=0)


def _path(archive: Archive, number: int) -> Path:
    return archive.root / "seals" / f"{number}.txt"
