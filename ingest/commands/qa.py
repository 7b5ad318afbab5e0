"""``km3vo qa``: KM3NeT's open-science review of a release."""

from __future__ import annotations

import click

from ingest.commands.output import console, json_option, say, show_table
from ingest.core.errors import ExitCode
from ingest.events.delivery import load_manifest
from ingest.instance import current_layout
from ingest.publish.review import passed, review, write_page


@click.command()
@click.argument("release")
@json_option
def qa(release: str, as_json: bool) -> None:
    """Review RELEASE by the open-science checklist.

    Each answer is given with its evidence.
    """
    layout = current_layout()
    with console.status(f"reviewing {release} …"):
        reviewed = review(release, layout)
    title = load_manifest(release).release.title
    path = write_page(release, title, layout, reviewed)
    rows = (
        (one.item.id, one.item.title, one.answer.result.value, "\n".join(one.answer.evidence))
        for one in reviewed
    )
    show_table(("id", "question", "result", "evidence"), rows, as_json=as_json)
    shown = layout.path / path.relative_to(layout.var)
    say(f"The review was written to {shown}", as_json)
    if not passed(reviewed):
        raise SystemExit(ExitCode.FAILURE)
