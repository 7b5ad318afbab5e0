"""The tables about the archive itself: its seals, what it withholds, hears and sends.

Their rows are copies of what the archive has; see :mod:`ingest.alerts.proof`,
:mod:`ingest.alerts.archive.withholding` and :mod:`ingest.alerts.archive.silences`. For the outbox
see :mod:`ingest.alerts.tables.outbox`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ingest.alerts.tables.store import SCHEMA, Store
from ingest.core.timescales import iso_to_mjd

if TYPE_CHECKING:
    from ingest.alerts.archive import Silence, Withheld
    from ingest.alerts.proof import Seal

RECORDS: Final[Mapping[str, Sequence[str]]] = {
    "seals": (
        "seal_id", "seal_day", "first_packet", "n_packets", "root", "previous", "sealed",
        "seal_hash",
    ),
    "withheld": ("notice_id", "ivorn", "sha256", "withheld_mjd", "reason"),
    "outbox": (
        "notice_id", "sink", "sink_kind", "topic", "state", "topic_partition", "topic_offset",
        "queued", "sent", "attempts",
    ),
    "silences": ("silence_id", "source", "topic", "silence_start", "silence_end"),
}  # fmt: skip
"""The columns of each table."""
_Row = tuple[object, ...]


def seal_row(seal: Seal) -> _Row:
    """Return the row of a seal."""
    return (
        seal.number,
        seal.day,
        seal.first,
        seal.packets,
        seal.root,
        seal.previous,
        iso_to_mjd(seal.sealed),
        seal.hash,
    )


def withheld_row(one: Withheld) -> _Row:
    """Return the row of a withheld packet."""
    return (one.entry.number, one.ivorn, one.entry.sha256, iso_to_mjd(one.when), one.reason)


def silence_rows(silences: Iterable[Silence]) -> list[_Row]:
    """Return the rows of times without heartbeat; an interrupted listener may log one twice."""
    return [
        (number, one.source, one.topic, iso_to_mjd(one.since), iso_to_mjd(one.until))
        for number, one in enumerate(dict.fromkeys(silences), 1)
    ]


def read_records(store: Store, table: str) -> list[_Row]:
    """Return all rows of one of the tables, in order."""
    columns = RECORDS[table]
    query = f"SELECT {', '.join(columns)} FROM {SCHEMA}.{table} ORDER BY {columns[0]}"
    return [tuple(row) for row in store.fetch(query)]


def write_records(store: Store, table: str, wanted: Sequence[_Row]) -> None:
    """Make a table contain these rows, which are few, and no others."""
    if read_records(store, table) == list(wanted):
        return
    columns = RECORDS[table]
    places = ", ".join(["%s"] * len(columns))
    with store.together() as cursor:
        cursor.execute(f"DELETE FROM {SCHEMA}.{table}")
        cursor.executemany(
            f"INSERT INTO {SCHEMA}.{table} ({', '.join(columns)}) VALUES ({places})", wanted
        )
