"""The comparison of the tables of an instance with the index of its archive, row by row.

Both are read once, in order of the packets' numbers, so that memory does not grow with them. The
tables are read as they are at one moment, and the index after it: since a packet is archived
before its rows are made, every row must have its packet, also while packets are imported.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from ingest.alerts.archive import (
    Archive,
    ArchiveError,
    Entry,
    Outbox,
    Silences,
    attached_map,
    withheld_packets,
)
from ingest.alerts.pipeline.instance_tables import existing_store
from ingest.alerts.proof import seals
from ingest.alerts.tables import (
    Row,
    Store,
    outbox_rows,
    read_outbox,
    read_records,
    received_mjd,
    seal_row,
    silence_rows,
    withheld_row,
)
from ingest.core.progress import ProgressCallback
from ingest.instance import Layout

_REBUILD: Final = "km3vo alerts rebuild"
_RETRY: Final = "km3vo alerts quarantine --retry"
_PATIENCE: Final = 3
"""Number of attempts, a second apart."""
_SAME_TIME: Final = 1e-9
"""Times closer than this, in d, are the same."""


@dataclass(frozen=True)
class Difference:
    """A place where archive and tables do not agree.

    Attributes
    ----------
    name : str
        The packet by number and checksum, or the table.
    problem : str
        How they differ.
    remedy : str
        The command that makes them agree.
    """

    name: str
    problem: str
    remedy: str


def compare_tables(
    layout: Layout, archive: Archive, on_progress: ProgressCallback | None = None
) -> list[Difference] | None:
    """Compare every line of the index with the row of the packet in the tables.

    Parameters
    ----------
    layout, archive : Layout, Archive
        The instance and its archive; packets may be imported at the same time.
    on_progress : ProgressCallback, optional
        Called with the number of packets done so far.

    Returns
    -------
    list of Difference or None
        None if the database does not run or has no tables of alerts.

    Raises
    ------
    ArchiveError
        If the index is damaged.
    """
    with existing_store(layout) as store:
        if store is None:
            return None
        with store.snapshot() as rows:
            found = list(_differences(archive, rows, on_progress))
        # Packets that have left the quarantine since then had no row in the snapshot.
        still = set(store.missing([entry.number for entry, _ in found if entry is not None]))
        orphans = store.orphans()
        outdated = list(_outdated_records(archive, store))
    differences = [
        one
        for entry, one in found
        if entry is None or (entry.number in still and not archive.is_quarantined(entry))
    ]
    for table, count in orphans.items():
        problem = f"{count} rows belong to no row of alerts.notices"
        differences.append(Difference(f"table alerts.{table}", problem, _REBUILD))
    return _shortened(differences + outdated)


def _outdated_records(archive: Archive, store: Store) -> Iterator[Difference]:
    """Yield the tables about the archive that do not agree with it."""
    if read_records(store, "seals") != [seal_row(one) for one in seals(archive)]:
        problem = "its rows are not the seals of the archive"
        yield Difference("table alerts.seals", problem, "km3vo alerts seal, which explains it")
    if read_records(store, "withheld") != [withheld_row(one) for one in withheld_packets(archive)]:
        problem = "its rows are not the packets that the archive withholds"
        yield Difference("table alerts.withheld", problem, _REBUILD)
    if not _agrees_with_outbox(archive, store):
        problem = "its rows are not what the outbox of the archive says"
        yield Difference("table alerts.outbox", problem, _REBUILD)
    if read_records(store, "silences") != silence_rows(Silences(archive)):
        problem = "its rows are not the silences in the log of the archive"
        yield Difference("table alerts.silences", problem, _REBUILD)


def _agrees_with_outbox(archive: Archive, store: Store) -> bool:
    """Return whether the table agrees; what is being sent at the moment is in it a bit later."""
    for _ in range(_PATIENCE):
        if read_outbox(store) == outbox_rows(Outbox(archive).refresh()):
            return True
        time.sleep(1)
    return False


_Found = tuple[Entry | None, Difference]
"""A difference, with the packet if the difference is that it has no row."""


def _differences(
    archive: Archive, rows: Iterator[Row], on_progress: ProgressCallback | None
) -> Iterator[_Found]:
    held = {one.entry.sha256: one.entry for one in archive.quarantined()}
    withheld = {one.entry.number for one in withheld_packets(archive)}
    directory = archive.root / "attached"
    attached = {path.stem for path in directory.glob("*.tsv")} if directory.is_dir() else set()
    row = next(rows, None)
    for entry in archive.entries():
        name = f"packet {entry.number}, {entry.sha256}"
        while row is not None and row.number < entry.number:
            yield None, _without_packet(row)
            row = next(rows, None)
        quarantined = held.pop(entry.sha256, None)
        if quarantined is not None and quarantined.number != entry.number:
            problem = f"its record in quarantine has the number {quarantined.number}"
            yield None, Difference(name, problem, _RETRY)
        if row is not None and row.number == entry.number:
            if quarantined is not None:
                yield None, Difference(name, "it is in quarantine but has a row", _RETRY)
            if entry.number in withheld:
                yield None, Difference(name, "it is withheld but has a row", _REBUILD)
            for problem, remedy in _compare(archive, entry, row, entry.sha256 in attached):
                yield None, Difference(name, problem, remedy)
            row = next(rows, None)
        elif quarantined is None and entry.number not in withheld:
            yield entry, Difference(name, "it has no row and is not in quarantine", _REBUILD)
        if on_progress is not None:
            on_progress(entry.number)
    while row is not None:
        yield None, _without_packet(row)
        row = next(rows, None)
    for lost in held.values():
        name = f"packet {lost.number}, {lost.sha256}"
        yield (
            None,
            Difference(
                name, "it is in quarantine but not in the index", "km3vo alerts verify --repair"
            ),
        )


def _without_packet(row: Row) -> Difference:
    return Difference(
        f"packet {row.number}, {row.sha256}",
        "it has a row in alerts.notices but is not in the index",
        f"restore the archive from a backup, or delete the row: {_REBUILD}",
    )


def _compare(
    archive: Archive, entry: Entry, row: Row, is_attached: bool
) -> Iterator[tuple[str, str]]:
    """Yield what differs between a packet and its row, each with the remedy."""
    if row.sha256 != entry.sha256:
        yield f"its row has the checksum {row.sha256}", _REBUILD
        return
    received = received_mjd(entry)
    if not abs(row.received - received) < _SAME_TIME:
        yield f"received at MJD {received!r}, but its row says {row.received!r}", _REBUILD
    if row.size != entry.size:
        yield f"its size is {entry.size} bytes, but its row says {row.size}", _REBUILD
    if row.source != entry.source:
        yield f"its source is {entry.source}, but its row says {row.source}", _REBUILD
    if is_attached:
        try:
            wanted = attached_map(archive, entry)
        except ArchiveError as error:
            yield error.problem, error.remedy or ""
            return
        if row.sky_map != wanted:
            yield f"the sky map {wanted} is attached, but its row has {row.sky_map}", _REBUILD
    if row.sky_map is not None and not archive.map_path(row.sky_map).exists():
        yield f"its sky map {row.sky_map} is missing", "restore the archive from a backup"


def _shortened(found: list[Difference], most: int = 20) -> list[Difference]:
    """Return the differences, the later ones of a long run of equal problems as one."""
    result = []
    for _, group in groupby(found, key=lambda one: (one.problem, one.remedy)):
        same = list(group)
        result += same[:most]
        if rest := same[most:]:
            result.append(
                Difference(
                    f"{len(rest)} more, to {rest[-1].name}", rest[-1].problem, rest[-1].remedy
                )
            )
    return result
