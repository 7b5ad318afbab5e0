"""The tables about the archive itself agree with it: what it seals, withholds, hears and sends."""

from __future__ import annotations

import logging

from ingest.alerts.archive import Archive, ArchiveError, Outbox, Silences
from ingest.alerts.pipeline.withholding import apply_withheld
from ingest.alerts.pipeline.worker_pool import WorkerPool
from ingest.alerts.proof import seals
from ingest.alerts.tables import (
    Store,
    outbox_rows,
    read_records,
    seal_row,
    silence_rows,
    write_outbox,
    write_records,
)

logger = logging.getLogger(__name__)


def copy_records(archive: Archive, store: Store, pool: WorkerPool) -> None:
    """Make the tables agree with what the archive seals, withholds, hears and sends."""
    apply_withheld(archive, store, pool)
    publish_silences(archive, store)
    if (outbox := Outbox(archive)).path.exists():
        reflect_outbox(store, outbox, complete=True)
    try:
        publish_seals(archive, store)
    except ArchiveError as error:  # which km3vo alerts seal and verify show
        logger.warning("%s", error)


def reflect_outbox(store: Store, outbox: Outbox, complete: bool = False) -> None:
    """Make the table agree with the outbox.

    Parameters
    ----------
    store, outbox : Store, Outbox
        The tables and the outbox.
    complete : bool, optional
        Whether to compare all rows, and not only those about which the outbox read something new.
    """
    # an older state must not replace a newer one
    with outbox.archive.locked("outbox-rows"):
        outbox.refresh()
        changed, outbox.changed = outbox.changed, set()
        if not (changed or complete):
            return
        try:
            write_outbox(store, outbox_rows(outbox, None if complete else changed), complete)
        except BaseException:
            outbox.changed |= changed
            raise


def publish_seals(archive: Archive, store: Store, replace: bool = False) -> None:
    """Add the new seals of the archive to the table.

    Parameters
    ----------
    archive, store : Archive, Store
        The archive and its tables.
    replace : bool, optional
        Whether seals that were published may be replaced.

    Raises
    ------
    ArchiveError
        If the archive has others than those that were published, and `replace` is false; nothing
        is changed then.
    """
    wanted = [seal_row(one) for one in seals(archive)]
    published = read_records(store, "seals")
    if not replace and wanted[: len(published)] != published:
        raise ArchiveError(
            "the seals of the archive are not those that were published",
            file=archive.root / "seals",
            value=f"{len(wanted)} seals",
            expected=f"the {len(published)} seals in alerts.seals, and new ones",
            remedy="restore the archive from its newest backup; if this one must be used, publish"
            " its seals in place of the others, and tell those who keep them:"
            " km3vo alerts seal --replace",
        )
    write_records(store, "seals", wanted)


def publish_silences(archive: Archive, store: Store) -> None:
    """Make the table of silences agree with the log in the archive."""
    write_records(store, "silences", silence_rows(Silences(archive)))
