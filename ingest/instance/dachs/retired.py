"""Deletion of tables and views that a switch has replaced.

They are in schemas that nobody can name any more, but a query that began before the switch may
still read them. PostgreSQL makes it wait for the deletion or the deletion for it; in the first
case for a moment only, and in the second the deletion is put off.
"""

from __future__ import annotations

import logging
import time

import psycopg2
import psycopg2.extensions
from psycopg2 import errors, sql

from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster

_ATTEMPTS = 3
_LOCK_TIMEOUT = "200ms"
"""How long a query may have to wait. Less than ``deadlock_timeout``, one second."""

logger = logging.getLogger(__name__)


def drop(layout: Layout, state: InstanceState) -> None:
    """Delete the retired schemas, except those that are in use: the next call deletes them."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        for attempt in range(_ATTEMPTS):
            try:
                _drop(connection)
                return
            except errors.LockNotAvailable:
                connection.rollback()
                time.sleep(0.1 * attempt)
            except psycopg2.Error as error:
                # nothing that is served depends on it
                logger.warning("retired tables remain: %s", str(error).strip())
                connection.rollback()
                return
    logger.info("retired tables are still in use")


def _drop(connection: psycopg2.extensions.connection) -> None:
    cursor = connection.cursor()
    cursor.execute(r"SELECT nspname FROM pg_namespace WHERE nspname ~ '^retired_\d+_' ORDER BY oid")
    schemas = [str(row[0]) for row in cursor.fetchall()]
    if not schemas:
        return
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", [_LOCK_TIMEOUT])
    # Views first, as a query locks them: none can then hold one of ours and wait for another.
    for kind, word in (("v", "VIEW"), ("r", "TABLE")):
        cursor.execute(
            "SELECT relnamespace::regnamespace::text, relname FROM pg_class"
            " WHERE relkind = %s AND relnamespace::regnamespace::text = ANY (%s) ORDER BY oid",
            [kind, schemas],
        )
        names = [sql.Identifier(*row) for row in cursor.fetchall()]
        if names:
            drop = sql.SQL("DROP {} {}").format(sql.SQL(word), sql.SQL(", ").join(names))
            cursor.execute(drop)
    # Not CASCADE, which might delete what is served.
    cursor.execute(
        sql.SQL("DROP SCHEMA {}").format(sql.SQL(", ").join(map(sql.Identifier, schemas)))
    )
    connection.commit()
