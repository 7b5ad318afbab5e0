"""The table of what is sent from here; its rows are made from the outbox of the archive."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ingest.alerts.tables.records import RECORDS, read_records
from ingest.alerts.tables.store import SCHEMA, Store
from ingest.core.timescales import iso_to_mjd

if TYPE_CHECKING:
    from ingest.alerts.archive import Delivery, Outbox

_COLUMNS = RECORDS["outbox"]


def outbox_rows(outbox: Outbox, notices: Iterable[str] | None = None) -> list[tuple[object, ...]]:
    """Return the rows of notices in the outbox, or of all of them, in order of their keys.

    A notice that is not in the archive yet has none.
    """
    wanted = outbox.notices if notices is None else notices
    rows = [
        _row(outbox.numbers[one.notice.sha256], one)
        for one in outbox.of(wanted)
        if one.notice.sha256 in outbox.numbers
    ]
    return sorted(rows, key=lambda row: (row[0], row[1]))


def read_outbox(store: Store) -> list[tuple[object, ...]]:
    """Return all rows of the table in order of their keys."""
    return sorted(read_records(store, "outbox"), key=lambda row: (row[0], row[1]))


def write_outbox(store: Store, rows: list[tuple[object, ...]], complete: bool = False) -> None:
    """Add or replace rows; with `complete`, remove all others."""
    if complete and read_outbox(store) == rows:
        return
    places = ", ".join(["%s"] * len(_COLUMNS))
    with store.together() as cursor:
        if complete:
            cursor.execute(f"DELETE FROM {SCHEMA}.outbox")
        else:
            cursor.executemany(
                f"DELETE FROM {SCHEMA}.outbox WHERE notice_id = %s AND sink = %s",
                [row[:2] for row in rows],
            )
        cursor.executemany(
            f"INSERT INTO {SCHEMA}.outbox ({', '.join(_COLUMNS)}) VALUES ({places})", rows
        )


def _row(number: int, one: Delivery) -> tuple[object, ...]:
    return (
        number,
        one.recipient.sink,
        one.recipient.kind,
        one.recipient.topic,
        one.state,
        one.partition,
        one.offset,
        iso_to_mjd(one.notice.when),
        None if one.sent is None else iso_to_mjd(one.sent),
        one.attempts,
    )
