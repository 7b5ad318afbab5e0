"""The tables and services of the alert archive in an instance: made, kept in line, checked.

What is published is defined in ``rd/alerts``. Where only services or descriptions changed, rows
stay; where columns changed, the tables are made anew, and filled from the archive again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg2.extensions
from lxml import etree

from ingest.alerts.tables.store import SCHEMA, TABLES, Store
from ingest.core.checkout import RD
from ingest.core.errors import ImportFailedError
from ingest.core.files import atomic_write
from ingest.instance import Cluster, Layout, Memory
from ingest.instance.dachs import Dachs, deploy, publication

FOLDER: Final = "alerts"
DESCRIPTOR: Final = f"{FOLDER}/nu"
_MADE: Final = "alerts.made"
"""File of the instance with the checksum of what was imported last."""
_FUNCTIONS: Final = RD / FOLDER / "regions.sql"


def ensure(layout: Layout, memory: Memory, anew: bool = False) -> None:
    """Make the tables of an instance or renew them, where need be.

    Parameters
    ----------
    layout, memory : Layout, Memory
        The instance, locked; its database must run.
    anew : bool, optional
        Make tables anew whose columns changed; they are empty then, and whoever asks for it
        fills them. Otherwise they are served as they are.

    Raises
    ------
    ImportFailedError
        If DaCHS refuses the descriptors.
    """
    with Cluster(layout).connect(memory.postgres_port) as connection:
        columns = _columns(connection)
    fits = _fits(columns)
    changed = bool(columns) and not fits
    if changed and not anew:
        return
    if not fits or _digest(memory) != _made(layout):
        _publish(layout, memory, changed)


def renew(layout: Layout, memory: Memory) -> None:
    """Renew what depends on the server's address and on descriptors, if there are tables."""
    if _made(layout) is not None:
        ensure(layout, memory)


@contextmanager
def opened(layout: Layout, memory: Memory) -> Iterator[Store]:
    """Yield the store of an instance, to be filled; see :func:`ensure`."""
    ensure(layout, memory, anew=True)
    with Cluster(layout).connect(memory.postgres_port) as connection:
        yield Store(connection)


def declared() -> dict[str, dict[str, str]]:
    """Return the columns that the resource descriptor declares with their types, by table."""
    root = etree.parse(RD / f"{DESCRIPTOR}.rd").getroot()
    streams = {stream.get("id"): stream for stream in root.iter("STREAM")}
    found = {}
    for table in root.iter("table"):
        sources = [streams[feed.get("source")] for feed in table.iter("FEED")]
        found[table.get("id")] = {
            column.get("name"): column.get("type")
            for part in (*sources, table)
            for column in part.iter("column")
        }
    return found


def _publish(layout: Layout, memory: Memory, anew: bool) -> None:
    """Deploy the descriptors and let DaCHS make what is missing."""
    with Cluster(layout).connect(memory.postgres_port) as connection:
        lacking = _lacks_indices(connection)
        connection.cursor().execute(_FUNCTIONS.read_text("utf-8"))
        connection.commit()
    dachs = Dachs(layout)
    existed = deploy.exists(layout, FOLDER)
    (layout.var / _MADE).unlink(missing_ok=True)
    deploy.put(layout, FOLDER, [])
    commands = [["imp", DESCRIPTOR], ["pub", DESCRIPTOR, "//tap"]]
    if anew:
        commands.insert(0, ["drop", DESCRIPTOR])
    elif lacking:
        commands.append(["imp", "-I", DESCRIPTOR])
    try:
        publication.tell(dachs.together(*commands), "DaCHS could not make the tables of the alerts")
    except ImportFailedError:
        deploy.take_back(layout, FOLDER, existed)
        raise
    deploy.keep(layout, FOLDER)
    with atomic_write(layout.var / _MADE) as stream:
        stream.write(_digest(memory).encode())
    (layout.var / _MADE).chmod(0o600)
    dachs.reload()


def _digest(memory: Memory) -> str:
    """Return a checksum of all descriptors that the alerts use, and of what they depend on.

    An upgrade of DaCHS brings its own functions for regions, and ObsCore has the server's URL.
    """
    checksum = hashlib.sha256(f"{memory.dachs_version} {memory.server_url}".encode())
    for folder in (deploy.SHARED, FOLDER):
        for path in sorted((RD / folder).rglob("*")):
            if path.is_file() and path.suffix in deploy.SUFFIXES:
                checksum.update(path.name.encode() + path.read_bytes())
    checksum.update(_FUNCTIONS.read_bytes())
    return checksum.hexdigest()


def _made(layout: Layout) -> str | None:
    try:
        return (layout.var / _MADE).read_text()
    except FileNotFoundError:
        return None


def _columns(connection: psycopg2.extensions.connection) -> dict[str, dict[str, str]]:
    """Return the columns of the tables in the database with their types, by table."""
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
    """Say whether a table that is there has fewer indices than the descriptor declares."""
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
        for table in etree.parse(RD / f"{DESCRIPTOR}.rd").getroot().iter("table")
    )


def _fits(columns: dict[str, dict[str, str]]) -> bool:
    """Say whether all tables are there, with the columns that the descriptor declares."""
    return all(columns.get(table) == kinds for table, kinds in declared().items()) and all(
        columns.get(table, {}).keys() == set(names) for table, names in TABLES.items()
    )
