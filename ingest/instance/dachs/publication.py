"""Publishing a release: its descriptor, its products and its table change together or not.

DaCHS imports in one transaction, and folders can be taken back, but nothing spans both. So
there is a journal: while it exists, a publication is under way or was cut off. The table has
another object id after an import, which tells on which side of the transaction's end the cut
was; :func:`settle` then makes the folders fit the table.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from psycopg2 import sql

from ingest.core.errors import ImportFailedError, IngestError, InstanceError
from ingest.core.files import atomic_write
from ingest.instance.dachs import deploy
from ingest.instance.dachs.client import Dachs, digest
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster

JOINING = (f"{deploy.SHARED}/nu", f"{deploy.SHARED}/obscore_hea")
"""Descriptors of what joins all releases; they are made anew after each."""


@dataclass(frozen=True)
class Publication:
    """What a release publishes.

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
    """What has to be known to take a publication back."""

    descriptor: str
    table: str
    before: int | None
    """The object id of the table that was there before."""
    existed: bool
    """Whether the descriptor's folder was there before."""

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
    """Bring products and their table online, or leave all as it was.

    Parameters
    ----------
    publication : Publication
        The release.
    layout, state : Layout, InstanceState
        The instance, locked; its database must run.
    products : sequence of pathlib.Path
        The files for the descriptor's ``data`` folder; they are moved.
    rows : int
        How many rows the table must have then.
    simulated : bool
        Whether it is a simulated stand-in.

    Raises
    ------
    ImportFailedError
        If DaCHS could not do it; what was online before is so again.
    """
    dachs = Dachs(layout)
    with _all_or_nothing(publication, layout, state):
        known = simulated and _known_to_registries(publication, layout, state)
        deploy.put(layout, publication.folder, products, simulated, known)
        _bring_online(dachs, publication)
        found = count(publication, layout, state)
        if found != rows:
            raise ImportFailedError(
                f"{publication.table} does not hold what was sent",
                value=f"{found} rows",
                expected=f"{rows} rows",
                remedy="import again; if it stays so, the disk or the database is damaged",
            )
        dachs.reload()
        _index_circles(publication, layout, state)


def count(publication: Publication, layout: Layout, state: InstanceState) -> int | None:
    """Count the rows of the published table; None if there is no table."""
    if _object_id(publication, layout, state) is None:
        return None
    query = sql.SQL("SELECT count(*) FROM {}").format(_identifier(publication))
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def settle(layout: Layout, state: InstanceState) -> None:
    """Bring the folders of a publication that was cut off in line with its table."""
    path = _journal(layout)
    try:
        journal = _Journal(**json.loads(path.read_text()))
    except FileNotFoundError:
        return
    dachs = Dachs(layout)
    if _object_id(journal.publication, layout, state) == journal.before:
        deploy.take_back(layout, journal.publication.folder, journal.existed)
        join(dachs)
    else:
        # What comes after the table may be missing; the same once more makes it whole.
        _bring_online(dachs, journal.publication)
        deploy.keep(layout, journal.publication.folder)
    path.unlink()
    dachs.reload()


@contextmanager
def _all_or_nothing(
    publication: Publication, layout: Layout, state: InstanceState
) -> Iterator[None]:
    """Take folders and table back if the block raises."""
    settle(layout, state)
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
        _take_back(journal, layout, state)
        raise
    deploy.keep(layout, publication.folder)
    _journal(layout).unlink()


def _take_back(journal: _Journal, layout: Layout, state: InstanceState) -> None:
    dachs = Dachs(layout)
    publication = journal.publication
    try:
        imported = _object_id(publication, layout, state) != journal.before
    except InstanceError:
        return  # Without a database nothing is served; settle() has the last word.
    if imported and journal.before is None:
        dachs.command("drop", publication.descriptor)
    deploy.take_back(layout, publication.folder, journal.existed)
    if imported and journal.before is not None:
        # What failed comes after the import: the former release has to be imported again.
        try:
            _bring_online(dachs, publication)
        except IngestError as error:
            error.problem = f"the former release could not be brought back: {error.problem}"
            raise
    elif imported:
        join(dachs)
    _journal(layout).unlink()
    dachs.reload()


def _bring_online(dachs: Dachs, publication: Publication) -> None:
    """Import a release and what joins all of them; tell the registry what they cover."""
    raise_on_failure(
        dachs.together(
            ["imp", publication.descriptor],
            *(["imp", descriptor] for descriptor in JOINING),
            # Not of columns: with column statistics, DaCHS 2.7 declares the minimum of a column,
            # which may be a fraction, for the integer count() of it, and astropy rejects that.
            ["limits", "--tables-only", publication.descriptor],
            # The description of the TAP service lists the tables.
            ["pub", publication.descriptor, *JOINING, "//tap"],
        )
    )


def join(dachs: Dachs) -> None:
    """Make the tables and views over all releases anew; what changed one has dropped them."""
    if any(dachs.layout.inputs.glob("[a-z]*/data/*.fits")):
        raise_on_failure(dachs.together(*(["imp", descriptor] for descriptor in JOINING)))


def raise_on_failure(
    done: subprocess.CompletedProcess[str],
    problem: str = "DaCHS could not import or register it; what was online before still is",
) -> None:
    """Raise an ImportFailedError about a `problem` if DaCHS reports a failure."""
    # "dachs pub" only says so where it leaves a service out.
    if done.returncode or "Aborting publication" in done.stdout + done.stderr:
        raise ImportFailedError(
            problem,
            value=digest(done.stdout + done.stderr),
            remedy="if the message does not help, look into the directory dachs/logs of the"
            " instance",
        )


def _index_circles(publication: Publication, layout: Layout, state: InstanceState) -> None:
    """Index the error circles of a published table.

    Not declared in the descriptor, as the other indices are: for a million events it takes as
    long as all the rest of the import, and the table can be read while it is built.
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
    """Return PostgreSQL's id of the table, a new one after each import; None without a table."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT to_regclass(%s)::oid::bigint", [publication.table])
        found = cursor.fetchone()[0]
        return None if found is None else int(found)


def _known_to_registries(publication: Publication, layout: Layout, state: InstanceState) -> bool:
    """Say whether registries could ever harvest a record of the release."""
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
