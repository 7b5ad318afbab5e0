"""Publication of a release: its descriptor, products and table change together or not at all."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg2 import sql

from ingest.instance.dachs import deploy
from ingest.instance.dachs.deploy import Deployment
from ingest.instance.dachs.periods import Period, drop_unused, load_periods
from ingest.instance.dachs.switch import bring_online, recover
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster

logger = logging.getLogger(__name__)

COMBINED_DESCRIPTORS = (
    f"{deploy.SHARED}/nu",
    f"{deploy.SHARED}/obscore_hea",
    f"{deploy.RESPONSES}/nu",
)
"""Descriptors of the tables that combine all releases, imported again after each release."""
COMBINED_SCHEMAS = (deploy.SHARED, deploy.RESPONSES)
"""Their schemas, except for that of ObsCore."""
COMBINED = [["imp", descriptor] for descriptor in COMBINED_DESCRIPTORS]
"""The commands that import them."""
COMBINED_TABLES = ("ivoa.obscore_hea", f"{deploy.SHARED}.events", f"{deploy.SHARED}.observations")
"""Their tables and views."""


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

    @property
    def schema(self) -> str:
        """The table's schema in the database."""
        return self.table.partition(".")[0]


def publish(
    publication: Publication,
    layout: Layout,
    state: InstanceState,
    deployments: Sequence[Deployment],
    rows: int,
    further: Mapping[str, int] | None = None,
    periods: Sequence[Period] = (),
) -> None:
    """Publish a release, or leave everything unchanged.

    Parameters
    ----------
    publication : Publication
        The release.
    layout, state : Layout, InstanceState
        The instance, locked; its database must be running.
    deployments : sequence of Deployment
        The release, then others whose descriptions change with it. If it comes with products, its
        table is made again from them; otherwise only descriptions and privileges change.
    rows : int
        The expected number of rows of the table.
    further : mapping of str to int, optional
        The expected numbers of rows of further tables of the schema, if they are made again.
    periods : sequence of Period, optional
        The periods of a release that has them, if it comes with products: the table is then a view
        of theirs.

    Raises
    ------
    ImportFailedError
        If DaCHS fails; nothing that is served has changed then.
    """
    recover(layout, state)
    deploy.stage(layout, deployments)
    release, *others = deployments
    if periods:
        loaded = load_periods(layout, state, publication.schema, periods)
        logger.info("%s: loaded %s", publication.schema, ", ".join(loaded) or "nothing")
    descriptor = publication.descriptor
    schemas = [*COMBINED_SCHEMAS]
    commands = [["imp", "-m", f"{one.folder}/nu"] for one in others]
    if release.products is None:
        commands.insert(0, ["imp", "-m", descriptor])
        commands += COMBINED
    else:
        schemas.insert(0, publication.schema)
        commands.insert(0, ["imp", descriptor])
        commands += COMBINED
        # Tables only: with column statistics, DaCHS 2.7 declares the minimum of a column, which
        # may be a fraction, for the integer count() of it, and astropy rejects that.
        commands.append(["limits", "--tables-only", descriptor])
    described = [descriptor, *(f"{one.folder}/nu" for one in others), *COMBINED_DESCRIPTORS]
    bring_online(
        layout,
        state,
        schemas,
        *commands,
        # The description of the TAP service lists the tables.
        ["pub", *described, "//tap"],
        ["expect", publication.table, str(rows)],
        *(
            ["expect", f"{publication.schema}.{table}", str(number)]
            for table, number in (further or {}).items()
        ),
    )
    drop_unused(layout, state, publication.schema)


def publish_responses(
    layout: Layout,
    state: InstanceState,
    deployments: Sequence[Deployment],
    tables: Mapping[str, Mapping[str, int]],
) -> None:
    """Publish releases of responses, which have no events; all of them, or none.

    Parameters
    ----------
    layout, state : Layout, InstanceState
        The instance, locked; its database must be running.
    deployments : sequence of Deployment
        The releases.
    tables : mapping of str to mapping of str to int
        The expected numbers of rows of their tables, by schema and name.

    Raises
    ------
    ImportFailedError
        If DaCHS fails; nothing that is served has changed then.
    """
    recover(layout, state)
    deploy.stage(layout, deployments)
    described = [*(f"{one.folder}/nu" for one in deployments), *COMBINED_DESCRIPTORS]
    # without tables this only reads the descriptors; "pub" would pass over one with an error
    read = [["imp", f"{one.folder}/nu"] for one in deployments]
    counts = [
        ["expect", f"{schema}.{table}", str(rows)]
        for schema, numbers in tables.items()
        for table, rows in numbers.items()
    ]
    schemas = [*(schema for schema, numbers in tables.items() if numbers), *COMBINED_SCHEMAS]
    published = ["pub", *described, "//tap"]
    bring_online(layout, state, schemas, *read, *COMBINED, published, *counts)


def count(publication: Publication, layout: Layout, state: InstanceState) -> int | None:
    """Return the number of rows of the published table; None if there is no table."""
    query = sql.SQL("SELECT count(*) FROM {}").format(_identifier(publication))
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT to_regclass(%s)", [publication.table])
        if cursor.fetchone()[0] is None:
            return None
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def known_to_registries(publication: Publication, layout: Layout, state: InstanceState) -> bool:
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
