"""The alert archive: every packet exactly as it was received, stored permanently.

Below its root directory lie

- ``packets/ab/<sha256>``: the bytes of a packet, under their checksum, which starts with ``ab``;
- ``index.tsv``: one line per packet in order of receipt, see :mod:`ingest.alerts.archive.index`;
- ``quarantine/<sha256>.json``: the packets that could not be parsed, with the reason;
- ``maps/ab/<sha256>.fits``: sky maps that were contained in packets or attached to them, and
  ``attached/<sha256>.tsv``: which ones, see :mod:`ingest.alerts.archive.attachments`;
- ``previews/ab/<sha256>.png``: previews of the sky maps of packets;
- ``receptions.tsv``: from which live streams packets were received, and when, see
  :mod:`ingest.alerts.archive.receptions`, and ``silences.tsv``: when brokers were not heard.

A batch of packets is first written to ``incoming/``. The journal ``pending.tsv`` then lists the
lines that the batch adds to the index. Once all of this is on disk, the packets move to their
final places, and the lines are appended to the index. After a power cut, the next writer
completes the batch if there is a journal, and discards the files in ``incoming/`` if not. So
every packet that :meth:`Archive.add` reported as archived has its line, with time of receipt and
source. Archived packets are never changed or deleted.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ingest.alerts.archive.directory import ArchiveDirectory
from ingest.alerts.archive.durability import replace_durably, sync, write_new
from ingest.alerts.archive.index import ArchiveError, Entry, Index, printable
from ingest.alerts.archive.journal import Journal
from ingest.alerts.archive.packet import HashingStream, Packet, media_type_of
from ingest.alerts.archive.quarantine import Quarantine, Quarantined
from ingest.core.files import read_regular
from ingest.core.moments import isoformat, now
from ingest.instance import Account


class Archive:
    """The alert archive below a directory, which is created by the first packet.

    Parameters
    ----------
    root : pathlib.Path
        The directory.
    account : Account, optional
        Owner of the files. Default: the current user.
    """

    def __init__(self, root: Path, account: Account | None = None) -> None:
        self.root = root
        self.account = account
        self._directory = ArchiveDirectory(root, account)
        self._staging = self._directory.staging
        self.index = Index(self._directory.index)
        self._journal = Journal(self._directory.journal, self._staging, account)
        self._quarantine = Quarantine(self._directory.quarantine, account)

    def add(self, packets: Sequence[Packet]) -> list[Entry | None]:
        """Archive a batch of packets durably.

        Parameters
        ----------
        packets : sequence of Packet
            The packets, in order of receipt.

        Returns
        -------
        list of Entry or None
            The entry of each packet; None if its bytes were archived before or occur earlier in
            the batch.

        Raises
        ------
        ArchiveError
            If the archive is damaged.
        OSError
            If the disk is full or not writable. Either no packet of the batch is in the archive
            then, or all are after the next :meth:`add` or :meth:`recover`.
        """
        with self._transaction() as size:
            number = self.index.last_number()
            added: list[Entry | None] = []
            staged: set[str] = set()
            for packet in packets:
                entry = self._stage(packet, number + 1, staged)
                if entry is not None:
                    number = entry.number
                    staged.add(entry.sha256)
                added.append(entry)
            if new := [entry for entry in added if entry is not None]:
                self._journal.write(size, new)
                self._commit(size, new)
        return added

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries with numbers above `after`, in order; see :meth:`Index.entries`."""
        return self.index.entries(after)

    def entry(self, number: int) -> Entry | None:
        """Return the entry with a number; None if there is no such packet."""
        return next(self.entries(after=number - 1), None) if number > 0 else None

    def __len__(self) -> int:
        """Return the number of packets."""
        return self.index.last_number()

    def path(self, packet: Entry | str) -> Path:
        """Return the file of a packet, given by its entry or checksum."""
        sha256 = packet if isinstance(packet, str) else packet.sha256
        return Path(self._directory.packet(sha256))

    def read(self, packet: Entry | str) -> bytes:
        """Return the bytes of a packet, given by its entry or checksum.

        Raises
        ------
        ArchiveError
            If the file is missing, or its checksum has changed.
        """
        path = self.path(packet)
        try:
            content = read_regular(path)
        except FileNotFoundError:
            raise ArchiveError(
                "the packet is missing in the archive",
                file=path,
                remedy="restore it from a backup",
            ) from None
        if (found := hashlib.sha256(content).hexdigest()) != path.name:
            raise ArchiveError(
                "the packet is damaged",
                file=path,
                value=f"SHA-256 {found}",
                expected=f"SHA-256 {path.name}",
                remedy="restore it from a backup",
            )
        return content

    def quarantine(self, refused: Sequence[tuple[Entry, str]]) -> None:
        """Put packets into quarantine durably, each with the reason."""
        self._quarantine.add(refused)

    def quarantined(self) -> list[Quarantined]:
        """Return the packets in quarantine, in order of receipt."""
        return self._quarantine.packets()

    def is_quarantined(self, entry: Entry) -> bool:
        """Return whether a packet is in quarantine."""
        return entry in self._quarantine

    def quarantined_number(self, sha256: str) -> int | None:
        """Return the number of a packet in quarantine, given by its checksum; None without one."""
        return self._quarantine.number_of(sha256)

    def release(self, entry: Entry) -> None:
        """Remove a packet from quarantine, if it is there."""
        self._quarantine.release(entry)

    def stored_checksums(self) -> Iterator[str]:
        """Return the checksums of all packets in their final places, in no particular order."""
        return self._directory.packet_checksums()

    def map_path(self, sha256: str) -> Path:
        """Return the file of a sky map, given by its checksum."""
        return self._directory.sky_map(sha256)

    def preview_path(self, packet: Entry) -> Path:
        """Return the file of the preview of a packet's sky map."""
        return self._directory.preview(packet.sha256)

    def add_map(self, content: bytes) -> str:
        """Store a sky map durably, and return its SHA-256."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.map_path(sha256)
        if not path.exists():
            # several processes may store the same map
            draft = self.root / "maps" / f".{sha256}.{os.getpid()}"
            draft.unlink(missing_ok=True)
            replace_durably(path, content, draft, self.account)
        return sha256

    def reindex(self, checksums: Sequence[str]) -> list[Entry]:
        """Append lines to a damaged or lost index for packets that it does not list.

        The source of these packets becomes ``recovered``, their time of receipt that of the last
        modification of their files.

        Parameters
        ----------
        checksums : sequence of str
            As returned by :func:`ingest.alerts.archive.audit.find_unindexed`.
        """
        with self._transaction(repair=True) as size:
            first = self.index.last_number() + 1
            entries = [
                self._recovered_entry(sha256, number)
                for number, sha256 in enumerate(checksums, first)
            ]
            if entries:
                self._journal.write(size, entries)
                self._commit(size, entries)
        return entries

    def recover(self) -> None:
        """Complete or discard what a power cut interrupted, as all writing methods do."""
        if self.index.path.exists():
            with self._transaction():
                pass

    def create(self) -> None:
        """Create the directories and an empty index, unless they exist."""
        with self._directory.exclusive():
            pass

    def locked(self, purpose: str, wait: bool = True) -> AbstractContextManager[None]:
        """Exclude other processes with the same purpose; see :meth:`ArchiveDirectory.locked`."""
        return self._directory.locked(purpose, wait)

    @contextmanager
    def _transaction(self, repair: bool = False) -> Iterator[int]:
        """Be the only writer, after recovery; yield the size of the index in bytes."""
        with self._directory.exclusive(repair):
            size = self._recover()
            try:
                yield size
            finally:
                if not self._journal.path.exists():
                    self._directory.clear_staging()

    def _stage(self, packet: Packet, number: int, staged: Collection[str]) -> Entry | None:
        """Write a packet to ``incoming/``; return None if it is archived or staged already."""
        content = packet.content
        if isinstance(content, bytes):
            sha256, size = hashlib.sha256(content).hexdigest(), len(content)
            media_type = media_type_of(content)
            if sha256 in staged or os.path.exists(self._directory.packet(sha256)):
                return None
            write_new(f"{self._staging}/{sha256}", [content], self.account)
        else:
            stream = HashingStream(content)
            draft = self._staging / "large"
            draft.unlink(missing_ok=True)
            write_new(draft, stream, self.account)
            sha256, size, media_type = stream.sha256, stream.size, stream.media_type
            if sha256 in staged or os.path.exists(self._directory.packet(sha256)):
                draft.unlink()
                return None
            draft.rename(self._staging / sha256)
        received = isoformat(packet.received or now())
        return Entry(number, sha256, received, printable(packet.source), media_type, size)

    def _recovered_entry(self, sha256: str, number: int) -> Entry:
        content = self.read(sha256)
        received = isoformat(datetime.fromtimestamp(self.path(sha256).stat().st_mtime, UTC))
        media_type = media_type_of(content)
        return Entry(number, sha256, received, "recovered", media_type, len(content))

    def _commit(self, size: int, entries: Sequence[Entry]) -> None:
        """Do what the journal says, or the rest of it."""
        changed = {str(self._staging), str(self.index.path)}
        for entry in entries:
            place = self._directory.packet(entry.sha256)
            try:
                os.replace(f"{self._staging}/{entry.sha256}", place)
            except FileNotFoundError:
                if not os.path.exists(place):
                    raise ArchiveError(
                        "a packet listed in the journal is missing",
                        file=Path(place),
                        remedy="restore the whole archive from a backup",
                    ) from None
            changed.add(os.path.dirname(place))
        self.index.append(entries, size)
        sync(changed)  # in any order: all of it is repeated as long as there is a journal
        self._journal.remove()

    def _recover(self) -> int:
        """Complete or discard an interrupted batch; return the size of the index in bytes."""
        if (pending := self._journal.read()) is not None:
            self._commit(*pending)
        self._directory.clear_staging()
        return self.index.truncate()
