"""The tables of an instance, filled from its archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ingest.alerts.archive import (
    MAX_PARSED_BYTES,
    Archive,
    ArchiveError,
    Entry,
    Receptions,
    attach,
)
from ingest.alerts.matching import load_matches
from ingest.alerts.notices import PacketError, parse
from ingest.alerts.pipeline.archiving import ArchivingReport, BackgroundArchiving
from ingest.alerts.pipeline.matches import update_matches
from ingest.alerts.pipeline.processing import (
    ProcessingReport,
    exclusive,
    process_all,
    process_new,
    process_quarantined,
    restore_receptions,
)
from ingest.alerts.pipeline.records import copy_records
from ingest.alerts.pipeline.steps import make_rows
from ingest.alerts.pipeline.worker_pool import WorkerPool
from ingest.alerts.tables import (
    RECORDS,
    TABLES,
    PacketRows,
    Store,
    open_store,
)
from ingest.core import privileges
from ingest.core.errors import InputError, InstanceError
from ingest.core.files import read_regular
from ingest.core.progress import ProgressCallback
from ingest.instance import ARCHIVE_VARIABLE, Cluster, InstanceState, Layout, lifecycle

_RECENT: Final = 10_000
"""More receptions than a listener may have in progress."""


def open_archive(layout: Layout) -> Archive:
    """Return the archive of an instance.

    Raises
    ------
    InstanceError
        If the account of the servers cannot enter its directory.
    """
    layout.create()
    directory = layout.archive
    with privileges.caller():
        nearest = next(path for path in directory.parents if path.exists())
    if not layout.account.can_enter(nearest):
        raise InstanceError(
            f"the account {layout.account.name} cannot enter the directory of the archive",
            file=nearest,
            expected="a directory that it can enter",
            remedy=f"set {ARCHIVE_VARIABLE} to another directory",
        )
    with privileges.caller():
        directory.parent.mkdir(parents=True, exist_ok=True)
    layout.account.provide_directory(directory, 0o750)
    return Archive(directory, layout.account)


def update_tables(
    layout: Layout,
    archive: Archive,
    on_progress: ProgressCallback | None = None,
    max_parsed_bytes: int = MAX_PARSED_BYTES,
) -> ProcessingReport:
    """Make rows of all packets that have none and are not in quarantine.

    The database is started if it does not run, and stopped again.

    Parameters
    ----------
    layout, archive : Layout, Archive
        The instance and its archive.
    on_progress : ProgressCallback, optional
        Called with the number of packets processed so far.
    max_parsed_bytes : int, optional
        Larger packets are refused.

    Raises
    ------
    ArchiveError
        If the tables were filled from another archive.
    IngestError
        As in :func:`ingest.alerts.pipeline.processing.process_new`.
    """
    with opened(layout, archive, max_parsed_bytes) as (store, pool):
        report = process_new(archive, store, pool, on_progress)
        _complete(archive, store, pool)
    return report


def _complete(archive: Archive, store: Store, pool: WorkerPool) -> None:
    """Add the receptions of packets that have rows now, and what is sealed and withheld."""
    log = Receptions(archive)
    # all of them after an upgrade; else what an interrupted listener may have left
    with exclusive(archive):
        is_recent = store.has_receptions()
        recent = log.last(_RECENT) if is_recent else log
        restore_receptions(archive, store, recent, is_recent)
    copy_records(archive, store, pool)


def import_packets(
    layout: Layout,
    archive: Archive,
    paths: Sequence[Path],
    on_progress: ProgressCallback | None = None,
    max_parsed_bytes: int = MAX_PARSED_BYTES,
) -> tuple[ArchivingReport, ProcessingReport]:
    """Archive packets, and at the same time make rows of those that are archived already.

    A packet is read only when it is durable in the archive. Whatever interrupts this, the same
    call continues it.

    Parameters
    ----------
    layout, archive, on_progress, max_parsed_bytes
        As for :func:`update_tables`.
    paths : sequence of pathlib.Path
        As in :func:`ingest.alerts.archive.packets_in`.

    Raises
    ------
    ArchiveError, IngestError, OSError
        As :func:`update_tables` and :meth:`.Archive.add` raise them. If the database fails, the
        packets are in the archive nevertheless.
    """
    # Its thread begins when the server of the workers, which is started by the caller, is there.
    with (
        BackgroundArchiving(archive, paths, max_parsed_bytes) as archiving,
        opened(layout, archive, max_parsed_bytes) as (store, pool),
    ):
        archiving.start()
        batches = archiving.batches()
        next(batches)  # an archive that does not exist is created by its first packet
        report = process_new(archive, store, pool, on_progress, batches)
        _complete(archive, store, pool)
    return archiving.report(), report


def retry_quarantined(
    layout: Layout,
    archive: Archive,
    on_progress: ProgressCallback | None = None,
    max_parsed_bytes: int = MAX_PARSED_BYTES,
) -> ProcessingReport:
    """Process the packets in quarantine again, and new ones; see :func:`update_tables`."""
    config = load_matches()
    with opened(layout, archive, max_parsed_bytes) as (store, pool):
        report = process_quarantined(archive, store, pool, on_progress)
        copy_records(archive, store, pool)
        update_matches(layout, archive, store, config)
    return report


def rebuild_tables(
    layout: Layout,
    archive: Archive,
    on_progress: ProgressCallback | None = None,
    max_parsed_bytes: int = MAX_PARSED_BYTES,
) -> ProcessingReport:
    """Replace all rows by those of all packets, including the ones in quarantine.

    Matches are computed again, too. The former rows are served until the end. Parameters are those
    of :func:`update_tables`.
    """
    config = load_matches()
    with opened(layout, archive, max_parsed_bytes, any_archive=True) as (store, pool):
        with exclusive(archive), store.replacement():
            report = process_all(archive, store, pool, on_progress)
            restore_receptions(archive, store, Receptions(archive))
            update_matches(layout, archive, store, config)
        copy_records(archive, store, pool)
        store.vacuum()
    return report


def attach_map(layout: Layout, archive: Archive, notice: str, path: Path) -> dict[float, float]:
    """Attach a sky map to a notice, and take the regions of the notice from it.

    Parameters
    ----------
    layout, archive : Layout, Archive
        The instance and its archive.
    notice : str
        The ivorn of the packet, or its number in the archive.
    path : pathlib.Path
        The map.

    Returns
    -------
    dict of float to float
        Areas in square degrees of the regions of 0.5 and 0.9 containment.

    Raises
    ------
    InputError
        If there is no such notice, or the file is not a sky map; nothing is changed then.
    """
    from ingest.alerts.skymaps import read_map

    with privileges.caller():
        content = read_regular(path)
    try:
        sky = read_map(content)
    except PacketError as error:
        error.file = str(path)
        error.expected = error.expected or "a sky map in HEALPix, flat or multi-order, as FITS"
        error.remedy = "attach the map as its collaboration distributes it; nothing was changed"
        raise
    config = load_matches()
    update_tables(layout, archive)  # after an upgrade they may be empty
    with lifecycle.database(layout) as state, open_store(layout, state) as store:
        entry = _find_entry(archive, store, notice)
        attach(archive, entry, content, f"file:{path.name}")
        result = make_rows(archive, [entry], parse, max(MAX_PARSED_BYTES, entry.size))
        with exclusive(archive):  # a newer notice may arrive, of which the row would not know
            for rows in result.rows:
                if isinstance(rows, PacketRows):
                    store.update_notice(rows)
        update_matches(layout, archive, store, config)
    return {level: sky.area(level) for level in (0.5, 0.9)}


def check_archive(layout: Layout, archive: Archive) -> None:
    """Check that the tables, if they exist, were filled from this archive.

    If a disk is not mounted or an environment variable is not set, the archive appears to be
    empty.

    Raises
    ------
    ArchiveError
        If they were filled from another archive.
    """
    with _running_store(layout) as store:
        if store is not None:
            _check_same_archive(archive, store)


def count_rows(layout: Layout) -> int | None:
    """Return how many packets have rows; None if the database does not run or has no tables."""
    with existing_store(layout) as store:
        return None if store is None else store.count()


@contextmanager
def opened(
    layout: Layout,
    archive: Archive,
    max_parsed_bytes: int = MAX_PARSED_BYTES,
    any_archive: bool = False,
) -> Iterator[tuple[Store, WorkerPool]]:
    """Yield the store of an instance, whose database is started if need be, and workers.

    Unless it may be `any_archive`, the tables are checked before an upgrade empties them; see
    :func:`check_archive`.
    """
    with lifecycle.database(layout) as state:
        if not any_archive:
            check_archive(layout, archive)
        with open_store(layout, state) as store, WorkerPool(archive, max_parsed_bytes) as pool:
            yield store, pool


@contextmanager
def existing_store(layout: Layout) -> Iterator[Store | None]:
    """Yield the store as it is; None if the database does not run or lacks tables.

    After an upgrade, tables are missing until :func:`open_store` is called.
    """
    with _running_store(layout) as store:
        is_complete = store is not None and store.exist([*TABLES, *RECORDS])
        yield store if is_complete else None


def why_no_tables(layout: Layout) -> str:
    """Return why :func:`existing_store` yields None, and what helps."""
    with _running_store(layout) as store:
        if store is None:
            return "the database does not run; km3vo instance up starts it"
        if not any(store.exist([table]) for table in TABLES):
            return "there are no tables of alerts yet; the first import makes them"
    return (
        "the tables are those of an earlier version, and are served as they were;"
        " km3vo alerts rebuild makes the new ones"
    )


@contextmanager
def _running_store(layout: Layout) -> Iterator[Store | None]:
    """Yield the store, of whose tables some or all may be missing."""
    state, cluster = InstanceState.read(layout), Cluster(layout)
    if state is None or not cluster.is_running:
        yield None
        return
    with cluster.connect(state.postgres_port) as connection:
        yield Store(connection)


def _check_same_archive(archive: Archive, store: Store) -> None:
    newest = store.newest()
    if newest is None:
        return
    number, sha256 = newest
    entry = archive.entry(number)
    if entry is None or entry.sha256 != sha256:
        raise ArchiveError(
            "the tables were filled from another archive",
            file=archive.root,
            where=f"packet {number}",
            value="there is no such packet" if entry is None else entry.sha256,
            expected=sha256,
            remedy=f"check that its disk is mounted and {ARCHIVE_VARIABLE} is set as before; if"
            " this is the right archive, make the tables from it: km3vo alerts rebuild",
        )


def _find_entry(archive: Archive, store: Store, notice: str) -> Entry:
    number = int(notice) if notice.isdecimal() else store.notice_id_of(notice)
    entry = archive.entry(number) if number else None
    if entry is None or not store.has_notice(entry.number):
        raise InputError(
            "there is no such notice",
            value=notice,
            expected="its ivorn, or its number (notice_id) in alerts.notices",
            remedy="look it up in alerts.notices, or import its packet first",
        )
    return entry
