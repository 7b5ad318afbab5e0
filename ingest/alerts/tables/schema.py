"""The schema ``alerts`` in an instance: its tables, functions and services.

``rd/alerts`` defines them. After an upgrade that changes only services or descriptions, the rows
stay. If columns change, the tables are created again and filled from the archive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg2.extensions

from ingest.alerts.tables.store import SCHEMA, Store
from ingest.core import privileges
from ingest.core.checkout import RD
from ingest.core.descriptors import expand_descriptor, table_columns
from ingest.core.files import atomic_write, read_regular
from ingest.instance import Cluster, InstanceState, Layout
from ingest.instance.dachs import (
    COMBINED,
    COMBINED_SCHEMAS,
    bring_online,
    deploy,
    online_releases,
    online_responses,
    recover,
)

FOLDER: Final = "alerts"
DESCRIPTOR: Final = f"{FOLDER}/nu"
_DEPLOYED: Final = "alerts.made"
"""File of the instance with the checksum of the definitions that it serves."""
_FUNCTIONS: Final = ("order.sql", "regions.sql")


def ensure_tables(layout: Layout, state: InstanceState, replace: bool = False) -> None:
    """Create the tables of an instance, or update them to the current definition.

    Parameters
    ----------
    layout, state : Layout, InstanceState
        The instance, locked. Its database must run.
    replace : bool, optional
        Whether to create tables again if their columns changed. They are empty then, and the
        caller has to fill them. Otherwise such tables are served as they are.

    Raises
    ------
    ImportFailedError
        If DaCHS refuses the descriptors.
    """
    with Cluster(layout).connect(state.postgres_port) as connection:
        columns = _columns(connection)
    current = _is_current(columns)
    outdated = bool(columns) and not current
    if outdated and not replace:
        return
    if not current or _digest(state) != _deployed_digest(layout):
        _deploy(layout, state, outdated)


def refresh_tables(layout: Layout, state: InstanceState) -> None:
    """Update an instance's tables, if it has some, after an upgrade."""
    if _deployed_digest(layout) is not None:
        ensure_tables(layout, state)


@contextmanager
def open_store(layout: Layout, state: InstanceState) -> Iterator[Store]:
    """Yield the store of an instance, which the caller fills; see :func:`ensure_tables`."""
    ensure_tables(layout, state, replace=True)
    with Cluster(layout).connect(state.postgres_port) as connection:
        yield Store(connection)


def declared_columns() -> dict[str, dict[str, str]]:
    """Return the columns and their types that the resource descriptor declares, by table."""
    return table_columns(expand_descriptor(DESCRIPTOR))


def _deploy(layout: Layout, state: InstanceState, replace: bool) -> None:
    """Deploy the descriptors, and let DaCHS create what is missing."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        lacking = _lacks_indices(connection)
        for name in _FUNCTIONS:
            connection.cursor().execute(_definition(name))
        connection.commit()
    (layout.var / _DEPLOYED).unlink(missing_ok=True)
    recover(layout, state)
    deploy.stage(layout, [deploy.Deployment(FOLDER, {}, [])])
    # Tables that stay are changed last: from then on their readers wait for the commit.
    commands = [*COMBINED] if online_releases(layout) or online_responses(layout) else []
    commands += [["pub", DESCRIPTOR, "//tap"], ["imp", DESCRIPTOR]]
    if lacking and not replace:
        commands.append(["imp", "-I", DESCRIPTOR])
    bring_online(
        layout,
        state,
        [SCHEMA, *COMBINED_SCHEMAS] if replace else COMBINED_SCHEMAS,
        *commands,
        problem="DaCHS could not create the tables of the alerts",
    )
    with atomic_write(layout.var / _DEPLOYED) as stream:
        stream.write(_digest(state).encode())
    (layout.var / _DEPLOYED).chmod(0o600)


def _digest(state: InstanceState) -> str:
    """Return a checksum of the definitions and of DaCHS' version.

    An upgrade of DaCHS replaces our functions for regions.
    """
    checksum = hashlib.sha256(state.dachs_version.encode())
    for name, content in deploy.sources(FOLDER):
        checksum.update(name.encode() + content)
    for name in _FUNCTIONS:
        checksum.update(_definition(name))
    return checksum.hexdigest()


def _definition(name: str) -> bytes:
    """Return the SQL that defines a function of the database."""
    with privileges.caller():
        return (RD / FOLDER / name).read_bytes()


def _deployed_digest(layout: Layout) -> str | None:
    try:
        return read_regular(layout.var / _DEPLOYED).decode()
    except FileNotFoundError:
        return None
    except PermissionError:  # written by an earlier version of the software, as root
        return "unknown"


def _columns(connection: psycopg2.extensions.connection) -> dict[str, dict[str, str]]:
    """Return the columns and their types of the tables in the database, by table."""
    cursor = connection.cursor()
    cursor.execute(
        "SELECT relname, attname, format_type(atttypid, atttypmod)"
        " FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid"
        " WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'v')"
        " AND attnum > 0 AND NOT attisdropped",
        [SCHEMA],
    )
    found: dict[str, dict[str, str]] = {}
    for table, name, kind in cursor.fetchall():
        found.setdefault(table, {})[name] = kind
    return found


def _lacks_indices(connection: psycopg2.extensions.connection) -> bool:
    """Return whether an existing table has fewer indices than the descriptor declares."""
    cursor = connection.cursor()
    cursor.execute(
        "SELECT tablename, count(*) FROM pg_indexes WHERE schemaname = %s GROUP BY tablename",
        [SCHEMA],
    )
    found = dict(cursor.fetchall())
    return bool(found) and any(
        found.get(table.get("id"), 0)
        < sum(index.get("metaOnly") is None for index in table.iter("index"))
        + (table.get("primary") is not None)
        for table in expand_descriptor(DESCRIPTOR).iter("table")
    )


def _is_current(columns: dict[str, dict[str, str]]) -> bool:
    """Return whether all tables exist with the columns that the descriptor declares."""
    return all(columns.get(table) == kinds for table, kinds in declared_columns().items())
