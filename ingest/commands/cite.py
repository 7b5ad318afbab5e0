"""``km3vo cite``: documents that make a release citable, for repositories and search engines."""

from __future__ import annotations

from pathlib import Path

import click

from ingest.commands.output import messages, say
from ingest.instance import current_layout, load_site
from ingest.publish.documents import DOCUMENTS, deposit_to_dataverse, read_record, write


@click.command()
@click.argument("release")
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Choice(sorted(DOCUMENTS)),
    help="The repository or format.",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the documents to this directory instead of standard output.",
)
@click.option(
    "--deposit/--dry-run",
    default=False,
    help="Send the document (to a Dataverse only), or show what would be sent.",
)
def cite(release: str, target: str, output: Path | None, deposit: bool) -> None:
    """Write the citable documents of RELEASE.

    They are made from its registry record.
    """
    if deposit and target != "dataverse":
        raise click.BadParameter("only a Dataverse takes deposits", param_hint="--deposit")
    record = read_record(release, current_layout())
    if output:
        for path in write(record, target, output):
            say(str(path))
    elif not deposit:
        click.echo(DOCUMENTS[target][0].text(record), nl=False)
    if target == "dataverse":
        where = load_site().deposit
        if deposit:
            result = deposit_to_dataverse(record, where.dataverse, where.dataverse_collection)
            say(f"{result.what} {result.identifier}")
        else:
            messages.print(
                f"Nothing was sent. --deposit sends it to {where.dataverse}, collection"
                f" {where.dataverse_collection}."
            )
