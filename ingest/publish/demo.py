"""Queries that an astronomer would send, with the running instance's responses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyvo

from ingest.core import privileges
from ingest.core.errors import InstanceError
from ingest.instance import Layout, lifecycle
from ingest.publish.validators import TAP_PATH

QUERIES = (
    (
        "The events with the most light",
        "SELECT TOP 5 id, mjd, ra, decl, beta, nhit FROM ant20_01.main ORDER BY nhit DESC",
    ),
    (
        "Events within 3 degrees of the blazar TXS 0506+056",
        "SELECT id, mjd, beta, nhit, DISTANCE(ra, decl, 77.3582, 5.6931) AS separation"
        " FROM ant20_01.main WHERE DISTANCE(ra, decl, 77.3582, 5.6931) < 3 ORDER BY separation",
    ),
    (
        "Alerts with RA 96.2, Dec -7.8 in their 90 % region",
        "SELECT event_name, stream, ra, dec, pos_err, pos_err_cl FROM alerts.latest"
        " WHERE 1 = CONTAINS(POINT(96.2, -7.8), region_90) AND retracted = 0",
    ),
    (
        "The samples of this server in ObsCore",
        "SELECT obs_collection, dataproduct_type, t_min, t_max, access_url FROM ivoa.obscore"
        " WHERE NOT obs_collection LIKE 'alerts/%'",
    ),
)


@dataclass(frozen=True)
class QueryResult:
    """A query, and the table that the server returned."""

    title: str
    query: str
    names: tuple[str, ...]
    rows: list[list[str]]


def query_results(layout: Layout) -> Iterator[QueryResult]:
    """Send :data:`QUERIES` by TAP and yield the results.

    Raises
    ------
    InstanceError
        If the instance is not up, or has not the tables of a query.
    """
    service = pyvo.dal.TAPService(addresses(layout)["TAP"])
    for title, query in QUERIES:
        with privileges.caller():  # astropy reads the list of UCDs
            try:
                table = service.run_sync(query).to_table()
            except pyvo.dal.DALQueryError as error:
                raise InstanceError(
                    f"the server refused an example query: {error.reason}",
                    value=query,
                    remedy="import all releases: make demo; the queries need ant20_01 and alerts",
                ) from None
        rows = [
            [
                f"{value:.6g}" if name == "separation" else str(value)
                for name, value in zip(table.colnames, row, strict=True)
            ]
            for row in table
        ]
        yield QueryResult(title, query, tuple(table.colnames), rows)


def addresses(layout: Layout) -> dict[str, str]:
    """Return the addresses of the running instance; raise InstanceError if it is not up."""
    found = lifecycle.status(layout)
    if not found.is_up:
        raise InstanceError("the instance is not up", remedy="make up")
    return {"Web pages": found.url, "TAP": found.url + TAP_PATH}
