"""Three queries an astronomer would send, with their answers from the running instance."""

from __future__ import annotations

import pyvo
from rich.console import Console
from rich.table import Column
from rich.table import Table as Screen

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
        "The samples of this server in ObsCore",
        "SELECT obs_collection, t_min, t_max, access_url FROM ivoa.obscore",
    ),
)


def show_queries(layout: Layout, console: Console) -> None:
    """Send :data:`QUERIES` by TAP and print them with their answers.

    Raises
    ------
    InstanceError
        If the instance is not up.
    """
    found = lifecycle.status(layout)
    if not found.is_up:
        raise InstanceError("the instance is not up", remedy="make up")
    service = pyvo.dal.TAPService(found.url + TAP_PATH)
    for title, query in QUERIES:
        answer = service.run_sync(query).to_table()
        console.print(f"\n[bold]{title}[/]\n{query}")
        screen = Screen(*(Column(name, overflow="fold") for name in answer.colnames))
        for row in answer:
            cells = [
                f"{value:.6g}" if name == "separation" else str(value)
                for name, value in zip(answer.colnames, row, strict=True)
            ]
            screen.add_row(*cells)
        console.print(screen)
    console.print(f"\nWeb pages: {found.url}\nTAP:       {found.url}{TAP_PATH}")
