"""``km3vo cite``: documents that make a release citable, for repositories and search engines."""

from __future__ import annotations

from pathlib import Path

import click

from ingest.commands.output import messages, say
from ingest.events.delivery import MANIFEST, load_manifest
from ingest.instance import current_layout, load_site
from ingest.publish.deposits import ACTIONS, address, preview, send
from ingest.publish.documents import DOCUMENTS, json_text, read_record, write

_NOTES = {
    "reserved": "{0} is reserved, as a draft.",
    "found": "{0} exists already ({1}); nothing was sent.",
    "created": "created {0}",
    "updated": "updated {0}",
    "published": "{0} is published.",
}


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
@click.option("--dry-run", is_flag=True, help="Only show what would be sent; the default.")
@click.option(
    "--reserve",
    "action",
    flag_value="reserve",
    help="Reserve a DOI at DataCite or Zenodo, and write it into the manifest.",
)
@click.option(
    "--deposit",
    "action",
    flag_value="deposit",
    help="Send the metadata, to Zenodo also the files, as a draft.",
)
@click.option(
    "--publish",
    "action",
    flag_value="publish",
    help="Send them and publish them at DataCite or Zenodo; this cannot be undone.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def cite(
    release: str, target: str, output: Path | None, dry_run: bool, action: str | None, yes: bool
) -> None:
    """Write the citable documents of RELEASE, or send them to a repository.

    They are made from its registry record.
    """
    actions = ACTIONS.get(target, ())
    if action and action not in actions:
        allowed = " or ".join(f"--{one}" for one in actions) or "nothing else"
        raise click.BadParameter(f"{target} takes {allowed}", param_hint=f"--{action}")
    layout = current_layout()
    record = read_record(release, layout)
    if output:
        for path in write(record, target, output):
            say(str(path))
    manifest, site = load_manifest(release), load_site()
    if dry_run or not action:
        if actions and not output:
            click.echo(json_text(preview(target, record, manifest, site)), nl=False)
        elif not output:
            click.echo(DOCUMENTS[target][0].text(record), nl=False)
        if actions:
            options = ", ".join(f"--{one}" for one in actions)
            messages.print(f"Nothing was sent to {address(target, site)}. To send it: {options}.")
        return
    if action == "publish" and not yes:
        click.confirm(f"Publish {release} at {address(target, site)}, for ever?", abort=True)
    result = send(target, action, record, manifest, layout, site)
    say(_NOTES[result.what].format(result.identifier, result.state or "state unknown"))
    if load_manifest(release) != manifest:
        messages.print(
            f"It is in {manifest.folder / MANIFEST} now; make import RELEASE={release} puts it into"
            " the records."
        )
