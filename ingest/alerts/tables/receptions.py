"""The table of receptions: from which live streams packets were received, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from psycopg2.extras import execute_values

from ingest.alerts.tables.rows import RECEPTION_COLUMNS, reception_row

if TYPE_CHECKING:
    from ingest.alerts.archive import Reception

_STORED: Final = "40587 + (extract(epoch FROM clock_timestamp()) / 86400)::float8"
"""The time by the clock of the database, MJD in UTC."""
HIDDEN_VERDICT: Final = "none"
"""Verdict of the schema that is published of packets that are withheld."""
_KEPT: Final = "kept_times"
_NAMES: Final = ", ".join(RECEPTION_COLUMNS)
_TYPES: Final = (
    "%s::bigint, %s::text, %s::text, %s::text, %s::integer, %s::bigint, %s::float8, %s::float8,"
    " %s::text"
)
_PLACE: Final = ("source", "topic", "topic_partition", "topic_offset")
"""With the packet, these columns identify a message."""
_ROWS_AT_ONCE: Final = 1000


class Stream(NamedTuple):
    """A partition of a topic, as far as it was received.

    Attributes
    ----------
    source, topic : str
        The source and the topic.
    partition : int or None
        The partition.
    packets : int
        Number of messages.
    last_offset : int or None
        Their highest offset.
    last_received : float
        When the newest one was received, MJD in UTC.
    skipped : int
        Number of offsets between the first and the last one that were not received.
    """

    source: str
    topic: str
    partition: int | None
    packets: int
    last_offset: int | None
    last_received: float
    skipped: int


def add(received: Sequence[tuple[int, Reception]], cursor: Any, is_recent: bool = True) -> None:
    """Add messages with the numbers of their packets, unless they are in the table.

    Parameters
    ----------
    received : sequence of (int, Reception)
        Number and message.
    cursor : psycopg2 cursor
        In the transaction that adds the rows of the packets.
    is_recent : bool, optional
        Whether they are stored for the first time, so that the present is the time of this.
    """
    new = {(number, *one.place): reception_row(number, one) for number, one in reversed(received)}
    if not new:
        return
    same = " AND ".join(f"r.{name} IS NOT DISTINCT FROM v.{name}" for name in _PLACE)
    execute_values(
        cursor,
        f"INSERT INTO alerts.receptions ({_NAMES}, stored)"
        f" SELECT *, {_STORED if is_recent else 'NULL'} FROM (VALUES %s) AS v ({_NAMES})"
        " WHERE NOT EXISTS (SELECT FROM alerts.receptions AS r"
        f" WHERE r.notice_id = v.notice_id AND {same})",
        list(reversed(new.values())),
        template=f"({_TYPES})",
        page_size=_ROWS_AT_ONCE,
    )


def hide_verdicts(numbers: Sequence[int], cursor: Any) -> None:
    """Remove what the schema says of packets that are withheld: it may quote them."""
    cursor.execute(
        "UPDATE alerts.receptions SET schema_verdict = %s"
        " WHERE notice_id = ANY (%s) AND schema_verdict != %s",
        [HIDDEN_VERDICT, list(numbers), HIDDEN_VERDICT],
    )


def show_verdicts(received: Sequence[tuple[int, Reception]], cursor: Any) -> None:
    """Put back what the schema says of packets that are no longer withheld."""
    same = " AND ".join(f"{name} IS NOT DISTINCT FROM %s" for name in _PLACE)
    cursor.executemany(
        f"UPDATE alerts.receptions SET schema_verdict = %s WHERE notice_id = %s AND {same}",
        # as in the table, the first of several lines counts
        [(one.schema, number, *one.place[1:]) for number, one in reversed(received)],
    )


def keep_times(cursor: Any) -> None:
    """Keep the times at which messages were stored, while the table is emptied and filled again."""
    columns = f"notice_id, {', '.join(_PLACE)}, stored"
    cursor.execute(
        f"CREATE TEMPORARY TABLE {_KEPT} ON COMMIT DROP AS SELECT {columns}"
        " FROM alerts.receptions WHERE stored IS NOT NULL"
    )


def restore_times(cursor: Any) -> None:
    """Put back the times of :func:`keep_times`."""
    # equality for the columns that can be hashed: there may be millions of rows
    same = " AND ".join(f"r.{name} IS NOT DISTINCT FROM k.{name}" for name in _PLACE[2:])
    cursor.execute(
        f"UPDATE alerts.receptions AS r SET stored = k.stored FROM {_KEPT} AS k"
        " WHERE r.notice_id = k.notice_id AND r.source = k.source AND r.topic = k.topic"
        f" AND {same}"
    )


def streams(cursor: Any) -> list[Stream]:
    """Return the partitions of topics from which packets were received, by name.

    A broker that removes or compacts old messages leaves gaps in the offsets, too.
    """
    cursor.execute(
        "SELECT source, topic, topic_partition, count(*), max(topic_offset), max(received),"
        " coalesce(max(topic_offset) - min(topic_offset) + 1 - count(DISTINCT topic_offset), 0)"
        " FROM alerts.receptions GROUP BY source, topic, topic_partition"
        " ORDER BY source, topic, topic_partition"
    )
    return [Stream(*row) for row in cursor.fetchall()]
