"""``km3vo qa``: KM3NeT's open-science review of a release."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from ingest.core.descriptors import read_descriptor
from ingest.core.errors import ExitCode
from ingest.events.delivery import load_manifest
from ingest.instance import current_layout
from ingest.publish.review import checklist as reviews
from ingest.publish.review import page

console = Console(soft_wrap=True, highlight=False)


@click.command()
@click.argument("release")
def qa(release: str) -> None:
    """Review RELEASE by KM3NeT's checklist for open science, with evidence."""
    layout = current_layout()
    with console.status(f"reviewing {release} …"):
        reviewed = reviews.review(release, layout)
    title = read_descriptor(load_manifest(release).release.descriptor).title
    path = page.write(release, title, layout, reviewed)
    table = Table("id", "question", "result", Column("evidence", overflow="fold"), show_lines=True)
    colours = {"ok": "green", "missing": "red", "not applicable": ""}
    for one in reviewed:
        result = one.answer.result.value
        evidence = Text("\n".join(one.answer.evidence))
        table.add_row(one.item.id, one.item.title, Text(result, colours[result]), evidence)
    console.print(table)
    shown = layout.place / path.relative_to(layout.var)
    console.print(f"This review is kept as {shown}", markup=False)
    if not reviews.passed(reviewed):
        raise SystemExit(ExitCode.FAILURE)
