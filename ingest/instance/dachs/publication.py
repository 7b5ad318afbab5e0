"""Publication of a release: its descriptor, products and table change together or not at all.

DaCHS imports in one transaction, and the replacement of folders can be undone, but nothing spans
both. Therefore a journal exists while a publication is in progress or after it was interrupted.
Since an import changes the table's object id, the id shows whether the interruption came before
or after the end of the transaction; :func:`recover` then makes the folders match the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from psycopg2 import sql

from ingest.core.errors import ImportFailedError, IngestError, InstanceError
from ingest.core.files import atomic_write, read_regular
from ingest.instance.dachs import deploy
from ingest.instance.dachs.client import Dachs
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster

COMBINED_DESCRIPTORS = (f"{deploy.SHARED}/nu", f"{deploy.SHARED}/obscore_hea")
"""Descriptors of the tables that combine all releases, imported again after each release."""


@dataclass(frozen=True)
class Publication:
    """The published resource of a release.

    Attributes
    ----------
    descriptor : str
        DaCHS' id of its resource descriptor.
    table : str
        The table with its events, as ``schema.name``.
    """

    descriptor: str
    table: str

    @property
    def folder(self) -> str:
        """The descriptor's folder below ``rd/``."""
        return self.descriptor.partition("/")[0]


@dataclass(frozen=True)
class _Journal:
    """What is needed to undo a publication.

    Attributes
    ----------
    descriptor, table : str
        As in :class:`Publication`.
    before : int or None
        The object id of the previous table; None if there was none.
    existed : bool
        Whether the descriptor's folder existed before.
    """

    descriptor: str
    table: str
    before: int | None
    existed: bool

    @property
    def publication(self) -> Publication:
        return Publication(self.descriptor, self.table)


def publish(
    publication: Publication,
    layout: Layout,
    state: InstanceState,
    products: Sequence[Path],
    rows: int,
    simulated: bool,
) -> None:
    """Publish products and their table, or leave everything unchanged.

    Parameters
    ----------
    publication : Publication
        The release.
    layout, state : Layout, InstanceState
        The instance, locked; its database must be running.
    products : sequence of pathlib.Path
        The files for the descriptor's ``data`` folder, which are moved there.
    rows : int
        The expected number of rows of the table.
    simulated : bool
        Whether the products are a simulated stand-in.

    Raises
    ------
    ImportFailedError
        If DaCHS fails; the previous state is then online again.
    """
    dachs = Dachs(layout)
    with _all_or_nothing(publication, layout, state):
        known = simulated and _known_to_registries(publication, layout, state)
        deploy.install(layout, publication.folder, products, simulated, known)
        _bring_online(dachs, publication)
        found = count(publication, layout, state)
        if found != rows:
            raise ImportFailedError(
                f"{publication.table} does not hold all rows",
                value=f"{found} rows",
                expected=f"{rows} rows",
                remedy="import again; if this persists, the disk or the database is damaged",
            )
        dachs.reload()
        _index_circles(publication, layout, state)


def count(publication: Publication, layout: Layout, state: InstanceState) -> int | None:
    """Return the number of rows of the published table; None if there is no table."""
    if _object_id(publication, layout, state) is None:
        return None
    query = sql.SQL("SELECT count(*) FROM {}").format(_identifier(publication))
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def recover(layout: Layout, state: InstanceState) -> None:
    """Complete or undo an interrupted publication, so that its folders match its table."""
    path = _journal(layout)
    try:
        journal = _Journal(**json.loads(read_regular(path)))
    except FileNotFoundError:
        return
    dachs = Dachs(layout)
    if _object_id(journal.publication, layout, state) == journal.before:
        deploy.roll_back(layout, journal.publication.folder, journal.existed)
        import_combined_tables(dachs)
    else:
        # The steps after the import of the table may be missing; all of them are repeated.
        _bring_online(dachs, journal.publication)
        deploy.commit(layout, journal.publication.folder)
    path.unlink()
    dachs.reload()


@contextmanager
def _all_or_nothing(
    publication: Publication, layout: Layout, state: InstanceState
) -> Iterator[None]:
    """Undo the publication if the block raises."""
    recover(layout, state)
    journal = _Journal(
        **asdict(publication),
        before=_object_id(publication, layout, state),
        existed=deploy.exists(layout, publication.folder),
    )
    with atomic_write(_journal(layout)) as stream:
        stream.write(json.dumps(asdict(journal)).encode())
    try:
        yield
    except BaseException:
        _roll_back(journal, layout, state)
        raise
    deploy.commit(layout, publication.folder)
    _journal(layout).unlink()


def _roll_back(journal: _Journal, layout: Layout, state: InstanceState) -> None:
    dachs = Dachs(layout)
    publication = journal.publication
    try:
        imported = _object_id(publication, layout, state) != journal.before
    except InstanceError:
        return  # Without a database nothing is served; recover() will complete this.
    if imported and journal.before is None:
        dachs.run("drop", publication.descriptor)
    deploy.roll_back(layout, publication.folder, journal.existed)
    if imported and journal.before is not None:
        # A step after the import failed: the previous release has to be imported again.
        try:
            _bring_online(dachs, publication)
        except IngestError as error:
            error.problem = f"the previous release could not be restored: {error.problem}"
            raise
    elif imported:
        import_combined_tables(dachs)
    _journal(layout).unlink()
    dachs.reload()


def _bring_online(dachs: Dachs, publication: Publication) -> None:
    """Import a release and the combined tables, and publish them with their coverage."""
    dachs.run_batch(
        ["imp", publication.descriptor],
        *(["imp", descriptor] for descriptor in COMBINED_DESCRIPTORS),
        # Tables only: with column statistics, DaCHS 2.7 declares the minimum of a column, which
        # may be a fraction, for the integer count() of it, and astropy rejects that.
        ["limits", "--tables-only", publication.descriptor],
        # The description of the TAP service lists the tables.
        ["pub", publication.descriptor, *COMBINED_DESCRIPTORS, "//tap"],
    )


def import_combined_tables(dachs: Dachs) -> None:
    """Import the tables and views over all releases again: a change of one release drops them."""
    if any(dachs.layout.inputs.glob("[a-z]*/data/*.fits")):
        dachs.run_batch(*(["imp", descriptor] for descriptor in COMBINED_DESCRIPTORS))


def _index_circles(publication: Publication, layout: Layout, state: InstanceState) -> None:
    """Index the error circles of a published table.

    Unlike all others, these indices are not declared in the descriptor: for a million events they
    take as long as the rest of the import, and the table can be queried while they are built.
    """
    schema, table = publication.table.split(".")
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass"
            " AND atttypid = 'scircle'::regtype AND NOT EXISTS (SELECT FROM pg_index"
            " WHERE indrelid = attrelid AND attnum = ANY (indkey))",
            [publication.table],
        )
        for (column,) in cursor.fetchall():
            cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
            cursor.execute(
                sql.SQL("CREATE INDEX ON {} USING gist ({})").format(
                    sql.Identifier(schema, table), sql.Identifier(column)
                )
            )
        connection.commit()


def _object_id(publication: Publication, layout: Layout, state: InstanceState) -> int | None:
    """Return PostgreSQL's id of the table, which each import changes; None without a table."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT to_regclass(%s)::oid::bigint", [publication.table])
        found = cursor.fetchone()[0]
        return None if found is None else int(found)


def _known_to_registries(publication: Publication, layout: Layout, state: InstanceState) -> bool:
    """Return whether registries may have harvested a record of the release."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM dc.sets WHERE sourcerd = %s AND setname = 'ivo_managed')",
            [publication.descriptor],
        )
        return bool(cursor.fetchone()[0])


def _identifier(publication: Publication) -> sql.Identifier:
    return sql.Identifier(*publication.table.split("."))


def _journal(layout: Layout) -> Path:
    return layout.var / "publishing.json"
