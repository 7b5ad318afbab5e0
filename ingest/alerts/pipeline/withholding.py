"""Packets that are withheld: their rows leave the tables, and come back.

The archive says which packets are withheld, and :func:`apply_withheld` makes the tables agree,
after each change and whenever the tables are filled. Whatever was interrupted is completed so.
"""

from __future__ import annotations

from typing import Final

from ingest.alerts.archive import (
    Archive,
    Entry,
    Receptions,
    printable,
    withheld_packets,
    withhold,
)
from ingest.alerts.pipeline.processing import ProcessingReport, chunks, exclusive, store_rows
from ingest.alerts.pipeline.worker_pool import WorkerPool
from ingest.alerts.tables import Store, read_records, withheld_row, write_records
from ingest.core.errors import InputError

_MAX_REASON: Final = 500


def record_withheld(archive: Archive, store: Store, entry: Entry, reason: str) -> None:
    """Record in the archive that a packet is withheld.

    Parameters
    ----------
    archive, store : Archive, Store
        The archive and its tables.
    entry : Entry
        The packet.
    reason : str
        Why; it is published.

    Raises
    ------
    InputError
        If there is no reason, or it is too long.
    """
    text = printable(reason.strip())
    if not 0 < len(text) <= _MAX_REASON:
        raise InputError(
            "a packet is withheld with a reason, which is published",
            value=f"{len(text)} characters",
            expected=f"1 to {_MAX_REASON} characters",
            remedy="say why in a sentence, without the data that are to be withheld",
        )
    before = {one.entry: one for one in withheld_packets(archive)}.get(entry)
    found = store.fetch("SELECT ivorn FROM alerts.notices WHERE notice_id = %s", [entry.number])
    ivorn = str(found[0][0]) if found else before.ivorn if before else None
    if before is None or (before.reason, before.ivorn) != (text, ivorn):
        withhold(archive, entry, ivorn, text)


def apply_withheld(archive: Archive, store: Store, pool: WorkerPool) -> None:
    """Remove the rows of packets that are withheld, and add those of packets that no longer are.

    Notices of the same alerts are grouped again. Rows of all other packets must have been made
    before, see :func:`ingest.alerts.pipeline.processing.process_new`.
    """
    with exclusive(archive):
        packets = withheld_packets(archive)
        wanted = {one.entry.number for one in packets}
        listed = {int(str(row[0])) for row in read_records(store, "withheld")}
        hidden = wanted - set(store.missing(sorted(wanted)))
        with store.together():
            again = set(store.remove(sorted(hidden))) - wanted
            again |= set(store.missing(sorted(listed - wanted)))
            entries = [archive.entry(number) for number in sorted(again)]
            for result in pool.make_rows(chunks(entry for entry in entries if entry)):
                store_rows(result, archive, store, ProcessingReport())
            write_records(store, "withheld", [withheld_row(one) for one in packets])
            store.hide_verdicts(sorted(wanted))
            if shown := {entry.sha256: entry.number for entry in entries if entry}:
                log = ((shown.get(one.sha256), one) for one in Receptions(archive))
                store.show_verdicts([(number, one) for number, one in log if number is not None])
        for one in packets:
            archive.release(one.entry)
