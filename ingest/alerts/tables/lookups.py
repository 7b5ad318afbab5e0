"""The published tables of alerts: which packets have rows, and other questions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import psycopg2
import psycopg2.extensions

from ingest.alerts.tables import receptions
from ingest.core.errors import InstanceError

_ROLE: Final = "gavoadmin"
"""Owner of the tables; connections give up all other rights."""
_ROWS_AT_ONCE: Final = 10_000
PACKETS: Final = """(
    SELECT notice_id, sha256, received, origin, packet_size, sky_map FROM alerts.notices UNION ALL
    SELECT notice_id, sha256, received, origin, packet_size, NULL FROM alerts.circulars)
    AS packets"""
"""What the tables repeat of the archive: each packet is a notice or a circular."""


class Row(NamedTuple):
    """What a row of ``notices`` or ``circulars`` repeats of the archive.

    Attributes
    ----------
    number : int
        The packet's number.
    sha256 : str
        Its checksum.
    received : float
        Time of receipt, MJD in UTC.
    source : str
        Where it was received from.
    size : int or None
        Its number of bytes.
    sky_map : str or None
        The checksum of its sky map.
    """

    number: int
    sha256: str
    received: float
    source: str
    size: int | None
    sky_map: str | None


class Lookups:
    """Questions to the tables of the alert archive.

    Parameters
    ----------
    connection : psycopg2 connection
        Connection to the instance's database that may take the role of DaCHS' administrator. No
        other object may use it.
    """

    def __init__(self, connection: psycopg2.extensions.connection) -> None:
        self._connection = connection
        self._is_together = False
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {_ROLE}")
        connection.commit()

    def fetch(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a query finds."""
        with self._transaction() as cursor:
            cursor.execute(query, values or None)
            return list(cursor.fetchall())

    def processed(self) -> int:
        """Return the highest number of a packet that has rows, or 0."""
        found = self.newest()
        return found[0] if found else 0

    def newest(self) -> tuple[int, str] | None:
        """Return number and SHA-256 of the last packet that has rows, or None.

        An earlier version of the software may have made the tables.
        """
        found: list[tuple[int, str]] = []
        for table in ("notices", "circulars"):
            if self.exist([table]):
                rows = self.fetch(
                    f"SELECT notice_id, sha256 FROM alerts.{table} ORDER BY notice_id DESC LIMIT 1"
                )
                found += [(int(number), str(sha256)) for number, sha256 in rows]
        return max(found, default=None)

    def exist(self, tables: Iterable[str]) -> bool:
        """Return whether the schema has all of some tables or views."""
        query = "SELECT every(to_regclass(name) IS NOT NULL) FROM unnest(%s) AS name"
        return bool(self.fetch(query, [[f"alerts.{table}" for table in tables]])[0][0])

    def missing(self, numbers: Sequence[int]) -> list[int]:
        """Return those of `numbers` that have no rows, in the same order."""
        asked = "SELECT number FROM unnest(%s::bigint[]) WITH ORDINALITY AS asked (number, place)"
        without = " AND ".join(
            f"NOT EXISTS (SELECT FROM alerts.{table} WHERE notice_id = number)"
            for table in ("notices", "circulars")
        )
        found = self.fetch(f"{asked} WHERE {without} ORDER BY place", [list(numbers)])
        return [int(number) for (number,) in found]

    def count(self) -> int:
        """Return the number of packets that have rows."""
        return int(self.fetch(f"SELECT count(*) FROM {PACKETS}")[0][0])

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Iterator[Row]]:
        """Yield the rows of packets by number, as they are at this moment.

        They are read from the database bit by bit; the block must not use the store otherwise.
        """
        with self._transaction(), self._connection.cursor("snapshot") as rows:
            rows.itersize = _ROWS_AT_ONCE
            rows.execute(f"SELECT * FROM {PACKETS} ORDER BY notice_id")
            yield (Row(*row) for row in rows)

    def numbers(self, checksums: Sequence[str]) -> dict[str, int]:
        """Return the numbers of packets that have rows, by their checksums."""
        query = f"SELECT sha256, notice_id FROM {PACKETS} WHERE sha256 = ANY(%s)"
        return {sha256: int(number) for sha256, number in self.fetch(query, [list(checksums)])}

    def has_notice(self, number: int) -> bool:
        """Return whether the packet with a number is a notice with rows."""
        return bool(self.fetch("SELECT 1 FROM alerts.notices WHERE notice_id = %s", [number]))

    def notice_id_of(self, ivorn: str) -> int | None:
        """Return the number of the last packet with an identifier, or None."""
        query = (
            "SELECT notice_id FROM alerts.notices WHERE ivorn = %s ORDER BY version DESC LIMIT 1"
        )
        found = self.fetch(query, [ivorn])
        return int(found[0][0]) if found else None

    def has_receptions(self) -> bool:
        """Return whether the table of receptions has rows."""
        return bool(self.fetch("SELECT 1 FROM alerts.receptions LIMIT 1"))

    def streams(self) -> list[receptions.Stream]:
        """Return the live streams from which packets were received; see :func:`.streams`."""
        with self._transaction() as cursor:
            return receptions.streams(cursor)

    @contextlib.contextmanager
    def together(self) -> Iterator[Any]:
        """Do all of a block in one transaction; yield its cursor."""
        with self._transaction() as cursor:
            outer, self._is_together = self._is_together, True
            try:
                yield cursor
            finally:
                self._is_together = outer

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Any]:
        try:
            with self._connection.cursor() as cursor:
                yield cursor
            if not self._is_together:
                self._connection.commit()
        except psycopg2.OperationalError as error:
            raise InstanceError(
                "the database could not add the alerts; the tables are unchanged",
                value=str(error).strip(),
                remedy="see the instance's directory logs, then run the command again",
            ) from None
        finally:
            if not self._is_together:
                with contextlib.suppress(psycopg2.InterfaceError):
                    self._connection.rollback()
