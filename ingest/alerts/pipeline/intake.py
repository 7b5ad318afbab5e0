"""Delivered packets into the archive, and from there into the tables of an instance."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from ingest.alerts.archive import (
    LIMIT,
    Archive,
    ArchiveError,
    Delivery,
    DeliveryError,
    Packet,
    attach,
    packets_in,
)
from ingest.alerts.notices import PacketError, parse
from ingest.alerts.pipeline.pictures import draw
from ingest.alerts.pipeline.reading import Steps, read
from ingest.alerts.pipeline.run import Outcome, Watch, process, retry
from ingest.alerts.pipeline.worker_pool import Workers
from ingest.alerts.skymaps import circle_regions, map_regions, read_map
from ingest.alerts.tables import SCHEMA, Store, descriptors, rows_of
from ingest.core.errors import InputError, InstanceError
from ingest.instance import ARCHIVE_VARIABLE, Cluster, Layout, Memory, lifecycle

STEPS: Final = Steps(parse, circle_regions, map_regions, rows_of, draw)
BATCH: Final = 2000
"""packets that become durable together; more make it no faster."""
_BATCH_SIZE: Final = 32 << 20
"""bytes of them."""


@dataclass
class Archived:
    """What came into the archive.

    Attributes
    ----------
    delivery : Delivery
        What was found in the files.
    new : int
        How many packets the archive did not have.
    seconds : float
        How long it took.
    """

    delivery: Delivery = field(default_factory=Delivery)
    new: int = 0
    seconds: float = 0.0


def archive_of(layout: Layout) -> Archive:
    """Return the archive of an instance.

    Raises
    ------
    InstanceError
        If the servers' account cannot enter its place.
    """
    layout.create()
    place = layout.archive
    nearest = next(path for path in (place.parent, *place.parents) if path.exists())
    if not layout.account.reaches(nearest):
        raise InstanceError(
            f"the account {layout.account.name} cannot enter the place of the archive",
            file=nearest,
            remedy=f"let {ARCHIVE_VARIABLE} name a directory that it can enter",
        )
    return Archive(place, layout.account)


def receive(
    archive: Archive, paths: Sequence[Path], watch: Watch | None = None, limit: int = LIMIT
) -> Archived:
    """Keep the packets in files and directories in the archive.

    Parameters
    ----------
    archive : Archive
        The archive.
    paths : sequence of pathlib.Path
        As in :func:`ingest.alerts.archive.packet_sources.packets_in`.
    watch : callable, optional
        Is told how many packets are there.
    limit : int, optional
        Packets of more bytes do not go through the memory as a whole.
    """
    begin = time.monotonic()
    done = Archived()
    for batch in _batches(packets_in(paths, done.delivery, limit)):
        try:
            done.new += sum(entry is not None for entry in archive.add(batch))
        except DeliveryError:  # the delivery was told
            done.delivery.packets -= 1
        if watch is not None:
            watch(done.delivery.packets)
    done.seconds = time.monotonic() - begin
    return done


def fill_tables(
    layout: Layout,
    archive: Archive,
    watch: Watch | None = None,
    again: bool = False,
    limit: int = LIMIT,
) -> Outcome:
    """Make rows of all packets that have none; of those in quarantine where `again` is set.

    The database is started where need be. See :func:`ingest.alerts.pipeline.run.process`.

    Raises
    ------
    ArchiveError
        If the tables were filled from another archive.
    """
    with (
        lifecycle.database(layout) as memory,
        descriptors.opened(layout, memory) as store,
        Workers(archive, _steps(limit)) as workers,
    ):
        _check_archive(archive, store)
        return (retry if again else process)(archive, store, workers, watch)


def rebuild(
    layout: Layout, archive: Archive, watch: Watch | None = None, limit: int = LIMIT
) -> Outcome:
    """Make all rows anew from the archive alone; those there now are served until the end.

    Packets in quarantine are read again, too.
    """
    with (
        lifecycle.database(layout) as memory,
        descriptors.opened(layout, memory) as store,
        Workers(archive, _steps(limit)) as workers,
    ):
        with store.anew():
            outcome = process(archive, store, workers, watch, everything=True)
        store.tidy()
    return outcome


def attach_map(layout: Layout, archive: Archive, notice: str, path: Path) -> str:
    """Keep a sky map as that of a notice, and take its regions from it.

    Parameters
    ----------
    layout, archive : Layout, Archive
        The instance and its archive.
    notice : str
        The identifier of the packet, or its number in the archive.
    path : pathlib.Path
        The map.

    Returns
    -------
    str
        What is known of the map's regions: their areas, in words.

    Raises
    ------
    InputError
        If there is no such notice, or the file is no map; nothing is changed then.
    """
    content = path.read_bytes()
    try:
        sky = read_map(content)
    except PacketError as error:
        error.file = str(path)
        error.expected = error.expected or "a sky map in HEALPix, flat or multi-order, as FITS"
        error.remedy = "attach the map itself, as its collaboration gives it; nothing was changed"
        raise
    fill_tables(layout, archive)  # after an upgrade they may be made anew
    with lifecycle.database(layout) as memory, descriptors.opened(layout, memory) as store:
        _check_archive(archive, store)
        number = int(notice) if notice.isdecimal() else store.number_of(notice)
        entry = next(iter(archive.entries(after=number - 1)), None) if number else None
        if entry is None or store.missing([entry.number]):
            raise InputError(
                "there is no such notice",
                value=notice,
                expected="its ivorn, or its number (notice_id) in alerts.notices",
                remedy="ask the table for it, or import its packet first",
            )
        attach(archive, entry, content, f"file:{path.name}")
        reading = read(archive, [entry], _steps(max(LIMIT, entry.size)), begin=lambda _: None)
        store.renew(reading.rows[0])
    return ", ".join(f"{level:.0%}: {sky.area(level):.4g} square degrees" for level in (0.5, 0.9))


def check_archive(layout: Layout, archive: Archive) -> None:
    """See to it that the tables, if there are some, were filled from this archive.

    A disk that is not mounted or a variable that is not set makes an archive look empty.

    Raises
    ------
    ArchiveError
        If they were filled from another one.
    """
    with _filled_store(layout) as store:
        if store is not None:
            _check_archive(archive, store)


def count_rows(layout: Layout) -> int | None:
    """Return how many packets have rows; None where no database runs, or it has no tables."""
    with _filled_store(layout) as store:
        return None if store is None else store.count()


@contextmanager
def _filled_store(layout: Layout) -> Iterator[Store | None]:
    """Yield the store as it is; None where no database runs, or it has no tables."""
    memory, cluster = Memory.read(layout), Cluster(layout)
    if memory is None or not cluster.is_running:
        yield None
        return
    with cluster.connect(memory.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT to_regclass(%s)", [f"{SCHEMA}.notices"])
        yield None if cursor.fetchone()[0] is None else Store(connection)


def _steps(limit: int) -> Steps:
    return replace(STEPS, parse=partial(parse, max_bytes=limit), limit=limit)


def _check_archive(archive: Archive, store: Store) -> None:
    newest = store.newest()
    if newest is None:
        return
    number, sha256 = newest
    entry = next(iter(archive.entries(after=number - 1)), None)
    if entry is None or entry.sha256 != sha256:
        raise ArchiveError(
            "the tables were filled from another archive",
            file=archive.root,
            where=f"packet {number}",
            value="there is no such packet" if entry is None else entry.sha256,
            expected=sha256,
            remedy=f"is its disk mounted, and {ARCHIVE_VARIABLE} set as it was? if this is the"
            " right archive, make the tables from it: km3vo alerts rebuild",
        )


def _batches(packets: Iterator[Packet]) -> Iterator[list[Packet]]:
    """Yield packets in batches; one that comes in pieces alone, before the next is asked for."""
    batch: list[Packet] = []
    size = 0
    for packet in packets:
        if not isinstance(packet.content, bytes):
            if batch:
                yield batch
            yield [packet]
            batch, size = [], 0
            continue
        batch.append(packet)
        size += len(packet.content)
        if len(batch) >= BATCH or size >= _BATCH_SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
