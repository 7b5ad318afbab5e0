"""Releases that grow by periods: each has a table of its own, which is made before the switch.

What visitors query, ``<release>.main``, is then a view over the tables of the schema
``<release>_periods``. The name of a table contains a checksum of its content, so that a period
which changes gets a new table beside the one that is served, and one that does not is never loaded
again. An import makes the missing tables, each in a transaction of its own and several at once,
before the transaction that replaces the view; what no view needs any more is deleted after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql

from ingest.core.parallel import cores
from ingest.instance.dachs.client import Dachs
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster

_MOST_PROCESSES = 4
_OWNER = "gavoadmin"
_LOCK_TIMEOUT = "200ms"
_PROBLEM = "the events of a period could not be loaded; what is online has not changed"
# a view depends on a table through its rule
_UNUSED = """
SELECT c.relname FROM pg_class AS c
WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace(%s) AND NOT EXISTS (
    SELECT FROM pg_depend AS d
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
    AND d.refobjid = c.oid)
ORDER BY c.relname
"""


@dataclass(frozen=True)
class Period:
    """A period of a release.

    Attributes
    ----------
    name : str
        What a curator calls it, such as ``2021``.
    table : str
        Its table, without the schema; the name contains a checksum of the content.
    rows : int
        The number of its events.
    begin, end : float
        The times of the first and the last one (MJD, UTC).
    files : tuple of str
        The names of its products.
    """

    name: str
    table: str
    rows: int
    begin: float
    end: float
    files: tuple[str, ...]


def schema_of(release: str) -> str:
    """Return the schema with the tables of a release's periods."""
    return f"{release}_periods"


def load_periods(
    layout: Layout, state: InstanceState, release: str, periods: Sequence[Period]
) -> list[str]:
    """Make the tables of periods that do not exist yet, from the staged products.

    Parameters
    ----------
    layout, state : Layout, InstanceState
        The instance, locked; its database must be running.
    release : str
        The release, which is staged.
    periods : sequence of Period
        All its periods.

    Returns
    -------
    list of str
        The names of the periods that were loaded.

    Raises
    ------
    ingest.core.errors.ImportFailedError
        If a table cannot be made. Those that were made remain, for the next attempt.
    """
    present = _tables(layout, state, release)
    missing = [one for one in periods if one.table not in present]
    count = max(1, min(len(missing), cores() + 1, _MOST_PROCESSES))
    shares: list[list[Period]] = [[] for _ in range(count)]
    # so that all processes end at about the same time; one more than cores helps, too
    for one in sorted(missing, key=lambda one: -one.rows):
        min(shares, key=lambda share: sum(other.rows for other in share)).append(one)

    def load(share: Sequence[Period]) -> None:
        commands = [
            [
                *("load-period", release, one.table, str(one.rows)),
                *(repr(one.begin), repr(one.end)),
                *(str(Path(release, "data", name)) for name in one.files),
            ]
            for one in share
        ]
        Dachs(layout).run_from_staged(*commands, problem=_PROBLEM)

    if missing:
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(load, shares))
    return [one.name for one in periods if one in missing]


def drop_unused(layout: Layout, state: InstanceState, release: str) -> None:
    """Delete the tables of periods that no view refers to, and the schema if none is left.

    Those that a query still uses remain until the next time.
    """
    schema = schema_of(release)
    with Cluster(layout).connect(state.postgres_port) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [_LOCK_TIMEOUT])
        cursor.execute(_UNUSED, [schema])
        for (table,) in cursor.fetchall():
            try:
                cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(schema, table)))
            except psycopg2.errors.LockNotAvailable:
                return
        cursor.execute(
            "SELECT to_regnamespace(%s) IS NOT NULL AND NOT EXISTS"
            " (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(%s))",
            [schema, schema],
        )
        if cursor.fetchone()[0]:
            cursor.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(schema)))


def _tables(layout: Layout, state: InstanceState, release: str) -> set[str]:
    """Return the tables of periods that exist; make their schema."""
    schema = schema_of(release)
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(
                sql.Identifier(schema), sql.Identifier(_OWNER)
            )
        )
        connection.commit()
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        return {str(table) for (table,) in cursor.fetchall()}
