"""``km3vo notebooks``: the notebooks for astronomers, executed and published."""

from __future__ import annotations

from pathlib import Path

import click

from ingest.commands.output import console, json_option, show_table
from ingest.instance import current_layout, lifecycle


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--node",
    envvar="KM3VO_NODE",
    help="The address of the node that they query; by default the local one, and 8080 is its port.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="A directory for the pages, instead of the server's.",
)
@json_option
def notebooks(names: tuple[str, ...], node: str | None, output: Path | None, as_json: bool) -> None:
    """Execute the notebooks NAMES, or all, and publish them as web pages.

    They are in docs/notebooks. If a cell fails, nothing is published.
    """
    from ingest.publish import notebooks as made

    pages = []
    node = (node or made.DEFAULT_NODE).rstrip("/")
    for one in made.find(names):
        with console.status(f"executing {one.name} …"):
            pages.append(made.page_of(one, made.execute(one, node), node))
    if output is not None:
        made.write(pages, output)
        places = [str(output / f"{page.notebook.name}.html") for page in pages]
    else:
        layout = current_layout()
        made.publish(pages, layout)
        url = lifecycle.status(layout).url
        places = [made.address_of(url, f"{page.notebook.name}.html") for page in pages]
    rows = ((page.notebook.name, page.notebook.title, place)
            for page, place in zip(pages, places, strict=True))  # fmt: skip
    show_table(("notebook", "title", "page"), rows, as_json=as_json)
