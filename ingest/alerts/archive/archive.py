"""The raw archive of alerts: every packet as it came, for ever.

Below its root directory lie

- ``packets/ab/<sha256>``: the bytes, under their checksum, whose first two digits are ``ab``;
- ``index.tsv``: a line for each packet in order of receipt, see :mod:`ingest.alerts.archive.index`;
- ``quarantine/<sha256>.json``: which packets could not be understood, and why;
- ``maps/ab/<sha256>.fits``: sky maps that came inside packets or were attached to them, and
  ``attached/<sha256>.tsv``: to which, see :mod:`ingest.alerts.archive.attachments`;
- ``previews/ab/<sha256>.png``: pictures of the maps of packets.

The bytes come first. A batch is written to ``incoming/``, then ``pending.tsv`` says what its
lines in the index will be; both are on the disk before the packets move to their places, and
those are there before the index grows. After a power cut the next writer finds ``pending.tsv``
and does the rest: a packet has its line, with the time and source it came with, or it was
never said to be archived. What is in the archive is never changed or deleted.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ingest.alerts.archive import quarantine as quarantines
from ingest.alerts.archive.durability import replace_durably, sync, write_new
from ingest.alerts.archive.index import (
    CHECKSUM,
    HEADER,
    ArchiveError,
    Entry,
    Index,
    printable,
    read_lines,
)
from ingest.alerts.archive.packet import Measure, Packet, media_type_of
from ingest.instance import Account

__all__ = ["Archive", "ArchiveError", "Entry", "Packet"]

_PREFIXES: Final = tuple(f"{number:02x}" for number in range(256))
_PARTS: Final = ("packets", "incoming", "quarantine", "maps")


class Archive:
    """The raw archive below a directory, which is made when something is first written.

    Parameters
    ----------
    root : pathlib.Path
        The directory.
    account : Account, optional
        Whom the files shall belong to; the invoking user, if None.
    """

    def __init__(self, root: Path, account: Account | None = None) -> None:
        self.root = root
        self.account = account
        self.index = Index(root / "index.tsv")
        self._journal = root / "pending.tsv"
        self._incoming = root / "incoming"
        self._packets = root / "packets"
        self._quarantine = quarantines.Quarantine(root / "quarantine", account)

    def add(self, packets: Sequence[Packet]) -> list[Entry | None]:
        """Keep a batch of packets. When this returns, no power cut can take them away.

        Parameters
        ----------
        packets : sequence of Packet
            In order of receipt.

        Returns
        -------
        list of Entry or None
            For each packet its entry, None where the bytes were in the archive already or come
            earlier in the batch.

        Raises
        ------
        ArchiveError
            If the archive is damaged.
        OSError
            If the disk is full, or not ours to write. Nothing of the batch is in the archive
            then, or after the next :meth:`add` all of it.
        """
        with self._writing() as size:
            number = self.index.last_number()
            added: list[Entry | None] = []
            arrived: set[str] = set()
            for packet in packets:
                entry = self._receive(packet, number + 1, arrived)
                if entry is not None:
                    number = entry.number
                    arrived.add(entry.sha256)
                added.append(entry)
            if lines := [entry.line for entry in added if entry is not None]:
                self._announce(size, lines)
                self._finish(size, lines)
        return added

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries with numbers above `after`, in order; see :meth:`Index.entries`."""
        return self.index.entries(after)

    def __len__(self) -> int:
        """Return how many packets there are."""
        return self.index.last_number()

    def path(self, packet: Entry | str) -> Path:
        """Return the file of a packet, given by its entry or checksum."""
        sha256 = packet if isinstance(packet, str) else packet.sha256
        return Path(self._place(sha256))

    def read(self, packet: Entry | str) -> bytes:
        """Return the bytes of a packet, given by its entry or checksum.

        Raises
        ------
        ArchiveError
            If they are not there, or no longer those that came.
        """
        path = self.path(packet)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise ArchiveError("the packet is missing in the archive", file=path) from None
        if (found := hashlib.sha256(content).hexdigest()) != path.name:
            raise ArchiveError(
                "the packet is damaged", file=path, value=found, remedy="restore it from a backup"
            )
        return content

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Note durably that a packet cannot be understood, and why."""
        self.quarantine_all([(entry, reason)])

    def quarantine_all(self, refused: Sequence[tuple[Entry, str]]) -> None:
        """Note the same of many packets at a time."""
        self._quarantine.put(refused)

    def quarantined(self) -> list[quarantines.Quarantined]:
        """Return what is in quarantine, in order of receipt."""
        return self._quarantine.listed()

    def is_quarantined(self, entry: Entry) -> bool:
        """Say whether a packet is in quarantine."""
        return entry in self._quarantine

    def release(self, entry: Entry) -> None:
        """Take a packet out of quarantine, if it is there."""
        self._quarantine.release(entry)

    def stored(self) -> Iterator[str]:
        """Yield the checksums of all packets that lie in their places, in no order."""
        for directory in (self.root / "packets").glob("[0-9a-f][0-9a-f]"):
            yield from (name for name in os.listdir(directory) if CHECKSUM.fullmatch(name))

    def map_path(self, sha256: str) -> Path:
        """Return the file of a sky map."""
        return self.root / "maps" / sha256[:2] / f"{sha256}.fits"

    def preview_path(self, packet: Entry) -> Path:
        """Return the file of the picture of a packet's sky map."""
        return self.root / "previews" / packet.sha256[:2] / f"{packet.sha256}.png"

    def add_map(self, content: bytes) -> str:
        """Keep a sky map durably, and return its SHA-256."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.map_path(sha256)
        if not path.exists():
            # several processes may come with the same map
            draft = self._incoming.parent / "maps" / f".{sha256}.{os.getpid()}"
            draft.unlink(missing_ok=True)
            replace_durably(path, content, draft, self.account)
        return sha256

    def adopt(self, found: Sequence[str]) -> list[Entry]:
        """Give packets that lie in their places without a line in the index one.

        It is for damage only, such as an index that was lost. Their source is ``recovered``,
        their time of receipt that of their files.
        """
        with self._writing(repair=True) as size:
            first = self.index.last_number() + 1
            entries = [self._recovered(sha256, first + i) for i, sha256 in enumerate(found)]
            if lines := [entry.line for entry in entries]:
                self._announce(size, lines)
                self._finish(size, lines)
        return entries

    def settle(self) -> None:
        """Finish what a power cut interrupted. Whatever writes does this, too."""
        if self.index.path.exists():
            with self._writing():
                pass

    @contextmanager
    def locked(self, purpose: str) -> Iterator[None]:
        """Hold off other processes with the same purpose; wait for one that is at it."""
        with self._at_work():
            path = self.root / f"{purpose}.lock"
            if not path.exists():
                write_new(path, [], self.account)
        with self._lock(path):
            yield

    @contextmanager
    def _writing(self, repair: bool = False) -> Iterator[int]:
        """Be the only writer, with what a power cut left put right; yield the index' size."""
        with self._at_work(repair):
            size = self._settle()
            try:
                yield size
            finally:
                if not self._journal.exists():
                    self._clear_incoming()

    @contextmanager
    def _at_work(self, repair: bool = False) -> Iterator[None]:
        """Have the archive to ourselves; it is made where there is none."""
        self._make(self.root)
        with self._lock(self.root):
            self._create(repair)
            yield

    @contextmanager
    def _lock(self, path: Path) -> Iterator[None]:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _create(self, repair: bool = False) -> None:
        """Make what is missing, once; the root is there and locked."""
        if self.index.path.exists():
            return
        foreign = set(os.listdir(self.root)) - set(_PARTS)
        packets = any(self.stored())
        if (packets and not repair) or (foreign and not packets):
            raise ArchiveError(
                "the index of the alert archive is missing"
                if packets
                else "there is something else than an alert archive",
                file=self.root,
                value=", ".join(sorted(os.listdir(self.root))[:5]),
                expected="index.tsv, or an empty directory",
                remedy="restore index.tsv from a backup; without one: km3vo alerts verify --repair"
                if packets
                else "name another directory",
            )
        made = [self.root / part for part in _PARTS]
        made += [self.root / part / ab for part in ("packets", "maps") for ab in _PREFIXES]
        for directory in made:
            self._make(directory)
        sync([*made, self.root, self.root.parent])
        self._clear_incoming()
        replace_durably(self.index.path, HEADER, self._incoming / "index", self.account)

    def _make(self, directory: Path) -> None:
        if directory.exists():
            return
        directory.parent.mkdir(parents=True, exist_ok=True)
        if self.account is None:
            directory.mkdir(mode=0o750, exist_ok=True)
        else:
            self.account.make_directory(directory, 0o750)

    def _place(self, sha256: str) -> str:
        # many thousand times a second: texts are joined sooner than paths
        return f"{self._packets}/{sha256[:2]}/{sha256}"

    def _receive(self, packet: Packet, number: int, arrived: Collection[str]) -> Entry | None:
        """Write a packet to ``incoming/`` if it is new, and none of those that arrived before."""
        content = packet.content
        if isinstance(content, bytes):
            sha256, size = hashlib.sha256(content).hexdigest(), len(content)
            media_type = media_type_of(content)
            if sha256 in arrived or os.path.exists(self._place(sha256)):
                return None
            write_new(f"{self._incoming}/{sha256}", [content], self.account)
        else:
            measure = Measure(content)
            draft = self._incoming / "large"
            draft.unlink(missing_ok=True)
            write_new(draft, measure, self.account)
            sha256, size, media_type = measure.sha256, measure.size, measure.media_type
            if sha256 in arrived or os.path.exists(self._place(sha256)):
                draft.unlink()
                return None
            draft.rename(self._incoming / sha256)
        received = _stamp(packet.received or datetime.now(UTC))
        return Entry(number, sha256, received, printable(packet.source), media_type, size)

    def _recovered(self, sha256: str, number: int) -> Entry:
        content = self.read(sha256)
        received = _stamp(datetime.fromtimestamp(self.path(sha256).stat().st_mtime, UTC))
        media_type = media_type_of(content)
        return Entry(number, sha256, received, "recovered", media_type, len(content))

    def _announce(self, size: int, lines: Sequence[bytes]) -> None:
        """Make what came and the journal durable: from here on the batch will be archived."""
        draft = self._incoming / "pending"
        write_new(draft, [f"index.tsv\t{size}\n".encode(), *lines], self.account)
        sync([file.path for file in os.scandir(self._incoming)])
        sync([self._incoming])
        draft.replace(self._journal)
        sync([self.root])

    def _finish(self, size: int, lines: Sequence[bytes]) -> None:
        """Do what the journal says, or the rest of it."""
        changed = {str(self._incoming)}
        for entry in read_lines(lines):
            place = self._place(entry.sha256)
            try:
                os.replace(f"{self._incoming}/{entry.sha256}", place)
            except FileNotFoundError:
                if not os.path.exists(place):
                    raise ArchiveError(
                        "a packet that was announced is missing", file=Path(place)
                    ) from None
            changed.add(os.path.dirname(place))
        sync(changed)
        self.index.append(lines, size)
        self._journal.unlink()

    def _settle(self) -> int:
        """Finish what a power cut interrupted; return the size of the index in bytes."""
        try:
            head, *lines = self._journal.read_bytes().splitlines(keepends=True)
            self._finish(int(head.split(b"\t")[1]), lines)
        except FileNotFoundError:
            pass
        except (ValueError, IndexError):
            raise ArchiveError(
                "the journal of the alert archive is damaged",
                file=self._journal,
                remedy="keep a copy of it and of the directory incoming/, then move it away",
            ) from None
        self._clear_incoming()
        return self.index.heal()

    def _clear_incoming(self) -> None:
        """Remove what was never said to be archived."""
        for path in self._incoming.iterdir():
            path.unlink()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
