"""Rows of notices into the published tables, batch by batch, each in one transaction.

The tables are those that DaCHS made from ``rd/alerts/nu.rd``. Rows go in directly: a running
server shows them with the next query, without restart or import.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import psycopg2
import psycopg2.errors
import psycopg2.extensions

from ingest.alerts.tables import grouping, rows
from ingest.alerts.tables.rows import PacketRows
from ingest.core.errors import InstanceError

SCHEMA: Final = "alerts"
TABLES: Final[Mapping[str, Sequence[str]]] = {
    "notices": (*rows.LINKED, *rows.NOTICES),
    **rows.PARTS,
    "aliases": ("alias", "alert_id"),
}
"""The columns of each table that rows are written to."""
_ROLE: Final = "gavoadmin"
"""The owner of the tables: whoever connects has no more rights than it here."""
_REFUSALS: Final = (
    psycopg2.DataError,
    psycopg2.IntegrityError,
    psycopg2.InternalError,
    psycopg2.ProgrammingError,
    psycopg2.errors.ProgramLimitExceeded,  # such as a text that is too long for an index
)
"""What the database says where it is the rows' fault, and not its own."""


class Store:
    """The tables of the alert archive.

    Parameters
    ----------
    connection : psycopg2 connection
        A connection to the instance's database that may take the role of DaCHS' administrator;
        it is used by this object alone.
    """

    def __init__(self, connection: psycopg2.extensions.connection) -> None:
        self._connection = connection
        self._at_once = False
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {_ROLE}")
        connection.commit()

    def processed(self) -> int:
        """Return the highest number of a packet that has rows; 0 if there is none."""
        found = self.newest()
        return found[0] if found else 0

    def newest(self) -> tuple[int, str] | None:
        """Return number and checksum of the last packet that has rows."""
        found = self._fetch(
            "SELECT notice_id, sha256 FROM alerts.notices ORDER BY notice_id DESC LIMIT 1"
        )
        return (int(found[0][0]), str(found[0][1])) if found else None

    def missing(self, numbers: Sequence[int]) -> list[int]:
        """Return those of `numbers` that have no rows, in their order."""
        asked = "SELECT number FROM unnest(%s::bigint[]) WITH ORDINALITY AS asked (number, place)"
        without = " WHERE NOT EXISTS (SELECT FROM alerts.notices WHERE notice_id = number)"
        found = self._fetch(f"{asked}{without} ORDER BY place", [list(numbers)])
        return [int(number) for (number,) in found]

    def count(self) -> int:
        """Return how many packets have rows."""
        return int(self._fetch("SELECT count(*) FROM alerts.notices")[0][0])

    def add(self, batch: Sequence[PacketRows]) -> list[tuple[int, str]]:
        """Add the rows of packets in one transaction.

        Parameters
        ----------
        batch : sequence of PacketRows
            In order of their numbers.

        Returns
        -------
        list of (int, str)
            Packets whose rows the database refuses, by number, with what it said; the others
            were added.

        Raises
        ------
        InstanceError
            If the database cannot be reached, or has no room; nothing was added then.
        """
        refused: list[tuple[int, str]] = []
        with self._transaction() as cursor:
            cursor.execute("SAVEPOINT batch")
            try:
                self._write(batch, cursor)
            except _REFUSALS:
                cursor.execute("ROLLBACK TO SAVEPOINT batch")
                refused = self._add_singly(batch, cursor)
        return refused

    def number_of(self, ivorn: str) -> int | None:
        """Return the number of the newest packet under an identifier, or None."""
        newest = (
            "SELECT notice_id FROM alerts.notices WHERE ivorn = %s ORDER BY version DESC LIMIT 1"
        )
        found = self._fetch(newest, [ivorn])
        return int(found[0][0]) if found else None

    def renew(self, packet: PacketRows) -> None:
        """Put the row of a notice in the place of its former one, in one transaction.

        The links to other notices stay, and so do the rows of the other tables: this is for
        what the archive has learnt of a packet, such as its sky map.
        """
        number = packet.links.number
        with self._transaction() as cursor:
            cursor.execute(
                f"DELETE FROM alerts.notices WHERE notice_id = %s"
                f" RETURNING {', '.join(rows.LINKED)}",
                [number],
            )
            linked = cursor.fetchone()
            _copy("notices", [rows.line_of(linked, packet.notice)], cursor)

    @contextlib.contextmanager
    def anew(self) -> Iterator[None]:
        """Let what is added in the block take the place of all rows, at its end, or not at all.

        Readers see the former rows until then.
        """
        with self._transaction() as cursor:
            for table in TABLES:
                cursor.execute(f"DELETE FROM {SCHEMA}.{table}")
            self._at_once = True
            try:
                yield
            finally:
                self._at_once = False

    def tidy(self) -> None:
        """Let the database forget what was replaced, and count its rows for its plans."""
        self._connection.commit()
        self._connection.autocommit = True
        try:
            with self._connection.cursor() as cursor:
                for table in TABLES:
                    cursor.execute(f"VACUUM ANALYZE {SCHEMA}.{table}")
        finally:
            self._connection.autocommit = False

    def _add_singly(self, batch: Sequence[PacketRows], cursor: Any) -> list[tuple[int, str]]:
        refused = []
        for packet in batch:
            cursor.execute("SAVEPOINT packet")
            try:
                self._write([packet], cursor)
            except _REFUSALS as error:
                cursor.execute("ROLLBACK TO SAVEPOINT packet")
                said = str(error).strip().partition("\n")[0]
                refused.append((packet.links.number, f"the database refuses its rows: {said}"))
        return refused

    def _write(self, batch: Sequence[PacketRows], cursor: Any) -> None:
        linked = grouping.link([packet.links for packet in batch], cursor)
        self._relink(linked, cursor)
        _copy(
            "notices",
            (rows.line_of(linked.rows[p.links.number], p.notice) for p in batch),
            cursor,
        )
        for table in rows.PARTS:
            _copy(table, (packet.parts[table] for packet in batch), cursor)
        for ivorn in set(linked.recount):
            cursor.execute(
                "UPDATE alerts.notices AS n SET version = counted.version FROM ("
                "SELECT notice_id, row_number() OVER (ORDER BY notice_id) AS version"
                " FROM alerts.notices WHERE ivorn = %s) AS counted"
                " WHERE n.notice_id = counted.notice_id AND n.version != counted.version",
                [ivorn],
            )

    def _relink(self, linked: grouping.Linked, cursor: Any) -> None:
        """Tell the known notices what the new ones change."""
        for part, name in linked.renamed.items():
            for table in ("notices", "aliases"):
                cursor.execute(
                    f"UPDATE alerts.{table} SET alert_id = %s WHERE alert_id = %s", [name, part]
                )
        for alias, name in linked.aliases.items():
            cursor.execute("DELETE FROM alerts.aliases WHERE alias = %s", [alias])
            cursor.execute("INSERT INTO alerts.aliases VALUES (%s, %s)", [alias, name])
        for number, value in ((linked.superseded, 0), (linked.promoted, 1)):
            if number:
                cursor.execute(
                    "UPDATE alerts.notices SET is_latest = %s WHERE notice_id = ANY (%s)",
                    [value, number],
                )
        for name, state in linked.retracted.items():
            cursor.execute(
                "UPDATE alerts.notices SET retracted = %s WHERE alert_id = %s AND retracted != %s",
                [int(state), name, int(state)],
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Any]:
        try:
            with self._connection.cursor() as cursor:
                yield cursor
            if not self._at_once:
                self._connection.commit()
        except psycopg2.OperationalError as error:
            raise InstanceError(
                "the database could not take the alerts; what was there before still is",
                value=str(error).strip(),
                remedy="see the directory logs of the instance, then run the command again",
            ) from None
        finally:
            if not self._at_once:
                with contextlib.suppress(psycopg2.InterfaceError):
                    self._connection.rollback()

    def _fetch(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._transaction() as cursor:
            cursor.execute(query, values or None)
            return list(cursor.fetchall())


def _copy(table: str, lines: Iterable[bytes], cursor: Any) -> None:
    content = b"".join(lines)
    if content:
        columns = ", ".join(TABLES[table])
        cursor.copy_expert(f"COPY {SCHEMA}.{table} ({columns}) FROM STDIN", io.BytesIO(content))
