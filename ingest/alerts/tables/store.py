"""The published tables of alerts: adding, replacing and counting their rows.

DaCHS creates the tables from ``rd/alerts/nu.rd``. Rows are written to them directly, a batch in
one transaction, and a running server returns them with the next query.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import psycopg2
import psycopg2.errors

from ingest.alerts.tables import circulars, grouping, receptions, rows
from ingest.alerts.tables.circulars import CircularRows
from ingest.alerts.tables.lookups import PACKETS, Lookups
from ingest.alerts.tables.rows import PacketRows

if TYPE_CHECKING:
    from ingest.alerts.archive import Reception

SCHEMA: Final = "alerts"
TABLES: Final[Mapping[str, Sequence[str]]] = {
    "notices": (*rows.GROUPING_COLUMNS, *rows.NOTICE_COLUMNS),
    **rows.PART_COLUMNS,
    "circulars": circulars.COLUMNS,
    "receptions": (*rows.RECEPTION_COLUMNS, "stored"),
    "aliases": ("alias", "alert_id"),
    "match_queue": ("notice_id",),
    "matches": (
        "match_id", "notice_id", "alert_id", "kind", "partner", "partner_notice", "partner_alert",
        "partner_group", "is_latest", "retracted", "retraction", "window_begin", "window_end",
        "time_difference", "separation", "n_observed", "n_expected", "n_expected_err", "p_value",
        "p_association",
        "overlap", "far_temporal", "far_spatiotemporal", "since", "method", "change", "computed",
    ),
    "match_events": (
        "match_id", "event_no", "notice_id", "release", "event_id", "time_difference",
        "separation", "containment",
    ),
}  # fmt: skip
"""The columns of each table."""
CHANNEL: Final = "alerts"
"""Programs that ``LISTEN`` to it get the numbers of new notices, separated by spaces."""
_IDS_AT_ONCE: Final = 350
"""PostgreSQL's notifications have less than 8000 bytes."""
_MATCHING: Final = 0x6B6D33
"""PostgreSQL's advisory lock of whoever writes matches or removes their notices."""
_ROW_ERRORS: Final = (
    psycopg2.DataError,
    psycopg2.IntegrityError,
    psycopg2.InternalError,
    psycopg2.ProgrammingError,
    psycopg2.errors.ProgramLimitExceeded,  # such as a text that is too long for an index
)
"""Errors caused by the rows, and not by the database."""


class Store(Lookups):
    """The tables of the alert archive; for its parameter see :class:`.Lookups`."""

    def orphans(self) -> dict[str, int]:
        """Return the number of rows that belong to no notice and no circular, by table."""
        found = {}
        for table in TABLES:
            # packets in quarantine have receptions, too
            if table not in ("notices", "circulars", "receptions"):
                key = "alert_id" if table == "aliases" else "notice_id"
                whole = PACKETS if table == "event_names" else f"{SCHEMA}.notices AS packets"
                ((count,),) = self.fetch(
                    f"SELECT count(*) FROM {SCHEMA}.{table} AS part WHERE NOT EXISTS"
                    f" (SELECT FROM {whole} WHERE packets.{key} = part.{key})"
                )
                found[table] = int(count)
        return {table: count for table, count in found.items() if count}

    def add(
        self,
        batch: Sequence[PacketRows | CircularRows],
        received: Sequence[tuple[int, Reception]] = (),
    ) -> list[tuple[int, str]]:
        """Add the rows of packets in one transaction, and notify those who listen.

        Parameters
        ----------
        batch : sequence of PacketRows or CircularRows
            Ordered by packet number.
        received : sequence of (int, Reception), optional
            Messages of live streams with the numbers of their packets, which may have rows
            already. Those that are in the table are skipped.

        Returns
        -------
        list of (int, str)
            Number and reason for each packet whose rows the database refuses. All others are
            added.

        Raises
        ------
        InstanceError
            If the database cannot be reached or its disk is full. Nothing is added then.
        """
        refused: list[tuple[int, str]] = []
        with self._transaction() as cursor:
            if batch:
                refused = self._add_batch(batch, cursor)
            receptions.add(received, cursor)
            if not self._is_together:
                left_out = {number for number, _ in refused}
                added = (one.number for one in batch if isinstance(one, PacketRows))
                _notify([number for number in added if number not in left_out], cursor)
        return refused

    def restore_receptions(
        self, received: Sequence[tuple[int, Reception]], is_recent: bool
    ) -> None:
        """Add messages that are in the log, unless they are there; see :func:`receptions.add`."""
        with self._transaction() as cursor:
            receptions.add(received, cursor, is_recent)

    def hide_verdicts(self, numbers: Sequence[int]) -> None:
        """Hide what the schema says of packets; see :func:`receptions.hide_verdicts`."""
        with self._transaction() as cursor:
            receptions.hide_verdicts(numbers, cursor)

    def show_verdicts(self, received: Sequence[tuple[int, Reception]]) -> None:
        """Put back what the schema says of packets; see :func:`receptions.show_verdicts`."""
        with self._transaction() as cursor:
            receptions.show_verdicts(received, cursor)

    def update_notice(self, packet: PacketRows) -> None:
        """Replace a notice's row in ``notices``, after its sky map was attached for example.

        Its :data:`~ingest.alerts.tables.rows.GROUPING_COLUMNS` and the other tables do not change.
        """
        columns = ", ".join(rows.GROUPING_COLUMNS)
        with self._transaction() as cursor:
            cursor.execute(
                f"DELETE FROM alerts.notices WHERE notice_id = %s RETURNING {columns}",
                [packet.keys.number],
            )
            _copy("notices", [rows.complete_row(cursor.fetchone(), packet.notice)], cursor)
            _queue([packet.keys.number], cursor)

    @contextlib.contextmanager
    def replacement(self) -> Iterator[None]:
        """Replace all rows by those that are added in the block, in one transaction.

        Readers see the former rows until the block ends, and keep them if it raises an exception.
        """
        with self.together() as cursor:
            self.lock_matches()
            receptions.keep_times(cursor)
            for table in TABLES:
                cursor.execute(f"DELETE FROM {SCHEMA}.{table}")
            yield
            receptions.restore_times(cursor)

    def queue_matches(self, numbers: Sequence[int]) -> None:
        """Note that matches of notices have to be computed; see :mod:`ingest.alerts.matching`."""
        with self._transaction() as cursor:
            _queue(numbers, cursor)

    def lock_matches(self) -> None:
        """Exclude others that write matches until the end of the transaction in progress."""
        self.fetch("SELECT pg_advisory_xact_lock(%s)", [_MATCHING])

    def remove(self, numbers: Sequence[int]) -> list[int]:
        """Remove the rows of packets, and those of all notices of the same alerts.

        Without these packets the others may be other alerts, or have other newest notices. They
        have to be added again, in the same transaction; see :meth:`together`.

        Returns
        -------
        list of int
            The numbers of the packets whose rows were removed, in order.
        """
        with self.together() as cursor:
            self.lock_matches()
            cursor.execute(
                "SELECT notice_id, ivorn, alert_id FROM alerts.notices WHERE alert_id IN"
                " (SELECT alert_id FROM alerts.notices WHERE notice_id = ANY (%s))"
                " ORDER BY notice_id",
                [list(numbers)],
            )
            found = cursor.fetchall()
            removed = [number for number, _, _ in found]
            cursor.execute("DELETE FROM alerts.matches WHERE partner_notice = ANY (%s)", [removed])
            for table in TABLES.keys() - {"circulars", "receptions"}:  # the latter not of packets
                key, keys = (
                    ("alert_id", list({alert for _, _, alert in found}))
                    if table == "aliases"
                    else ("notice_id", removed)
                )
                cursor.execute(f"DELETE FROM {SCHEMA}.{table} WHERE {key} = ANY (%s)", [keys])
            self._count_versions({ivorn for _, ivorn, _ in found}, cursor)
            removed += circulars.remove(list(numbers), cursor)
        return sorted(removed)

    def vacuum(self) -> None:
        """Free the space of replaced rows, and update the statistics for the query planner."""
        self._connection.commit()
        self._connection.autocommit = True
        try:
            with self._connection.cursor() as cursor:
                for table in TABLES:
                    cursor.execute(f"VACUUM ANALYZE {SCHEMA}.{table}")
        finally:
            self._connection.autocommit = False

    def _add_batch(
        self, batch: Sequence[PacketRows | CircularRows], cursor: Any
    ) -> list[tuple[int, str]]:
        cursor.execute("SAVEPOINT batch")
        try:
            self._write(batch, cursor)
        except _ROW_ERRORS:
            cursor.execute("ROLLBACK TO SAVEPOINT batch")
            return self._add_singly(batch, cursor)
        return []

    def _add_singly(
        self, batch: Sequence[PacketRows | CircularRows], cursor: Any
    ) -> list[tuple[int, str]]:
        refused = []
        for packet in batch:
            cursor.execute("SAVEPOINT packet")
            try:
                self._write([packet], cursor)
            except _ROW_ERRORS as error:
                cursor.execute("ROLLBACK TO SAVEPOINT packet")
                reason = str(error).strip().partition("\n")[0]
                refused.append((packet.number, f"the database refuses its rows: {reason}"))
        return refused

    def _write(self, batch: Sequence[PacketRows | CircularRows], cursor: Any) -> None:
        notices = [one for one in batch if isinstance(one, PacketRows)]
        others = [one for one in batch if isinstance(one, CircularRows)]
        found = grouping.group_notices([one.keys for one in notices], cursor)
        self._regroup(found, cursor)
        _copy(
            "notices",
            (rows.complete_row(found.columns[one.number], one.notice) for one in notices),
            cursor,
        )
        _queue([*found.columns, *found.changed], cursor)
        _copy("circulars", (one.circular for one in others), cursor)
        for table in rows.PART_COLUMNS:
            _copy(table, (packet.parts.get(table, b"") for packet in batch), cursor)
        self._count_versions(found.recount, cursor)
        circulars.rank((one.circular_id for one in others), cursor)

    def _count_versions(self, ivorns: Iterable[str], cursor: Any) -> None:
        for ivorn in ivorns:
            cursor.execute(
                "UPDATE alerts.notices AS n SET version = counted.version FROM ("
                "SELECT notice_id, row_number() OVER (ORDER BY notice_id) AS version"
                " FROM alerts.notices WHERE ivorn = %s) AS counted"
                " WHERE n.notice_id = counted.notice_id AND n.version != counted.version",
                [ivorn],
            )

    def _regroup(self, found: grouping.Grouping, cursor: Any) -> None:
        """Update the stored notices that new ones affect."""
        for former, name in found.renamed.items():
            for table in ("notices", "aliases"):
                cursor.execute(
                    f"UPDATE alerts.{table} SET alert_id = %s WHERE alert_id = %s", [name, former]
                )
            cursor.execute(
                "INSERT INTO alerts.match_queue SELECT notice_id FROM alerts.notices"
                " WHERE alert_id = %s",
                [name],
            )
        for alias, name in found.aliases.items():
            cursor.execute("DELETE FROM alerts.aliases WHERE alias = %s", [alias])
            cursor.execute("INSERT INTO alerts.aliases VALUES (%s, %s)", [alias, name])
        for number, (is_latest, retracted, superseded) in found.changed.items():
            cursor.execute(
                "UPDATE alerts.notices SET is_latest = %s, retracted = %s, superseded = %s"
                " WHERE notice_id = %s",
                [int(is_latest), int(retracted), superseded, number],
            )


def _notify(numbers: Sequence[int], cursor: Any) -> None:
    for start in range(0, len(numbers), _IDS_AT_ONCE):
        text = " ".join(map(str, numbers[start : start + _IDS_AT_ONCE]))
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, text])


def _queue(numbers: Sequence[int], cursor: Any) -> None:
    """Note that matches of notices have to be computed; see :mod:`ingest.alerts.matching`."""
    cursor.execute("INSERT INTO alerts.match_queue SELECT unnest(%s::bigint[])", [list(numbers)])


def _copy(table: str, lines: Iterable[bytes], cursor: Any) -> None:
    content = b"".join(lines)
    if content:
        columns = ", ".join(TABLES[table])
        cursor.copy_expert(f"COPY {SCHEMA}.{table} ({columns}) FROM STDIN", io.BytesIO(content))
