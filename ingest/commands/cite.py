"""``km3vo publish``: a release's metadata for repositories and search engines."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from ingest.instance import current_layout, load_site
from ingest.publish.documents import FORMS, deposit_to_dataverse, read_record, write

console = Console(soft_wrap=True, highlight=False)


@click.command()
@click.argument("release")
@click.option("--to", "target", required=True, type=click.Choice(sorted(FORMS)), help="For whom.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the documents there, not to the terminal.",
)
@click.option(
    "--deposit/--dry-run",
    default=False,
    help="Send it (only to a Dataverse), or only show what would be sent.",
)
def publish(release: str, target: str, output: Path | None, deposit: bool) -> None:
    """Make the documents that describe RELEASE, from its registry record."""
    if deposit and target != "dataverse":
        raise click.BadParameter("only a Dataverse takes deposits", param_hint="--deposit")
    record = read_record(release, current_layout())
    if output:
        for path in write(record, target, output):
            console.print(f"{path}", markup=False)
    elif not deposit:
        click.echo(FORMS[target][0].text(record), nl=False)
    if target == "dataverse":
        where = load_site().deposit
        if deposit:
            result = deposit_to_dataverse(record, where.dataverse, where.dataverse_collection)
            console.print(f"{result.what} {result.identifier}", markup=False)
        else:
            click.echo(
                f"Nothing was sent. --deposit sends it to {where.dataverse}, collection"
                f" {where.dataverse_collection}.",
                err=True,
            )
