"""``km3vo qa``: KM3NeT's open-science review of a release."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from ingest.errors import ExitCode
from ingest.events.manifest import load_manifest
from ingest.instance.layout import current_layout
from ingest.publish import qa as reviews
from ingest.publish import qa_page
from ingest.publish.descriptor import read_descriptor

console = Console(soft_wrap=True, highlight=False)


@click.command()
@click.argument("release")
def qa(release: str) -> None:
    """Review RELEASE by KM3NeT's checklist for open science, with evidence."""
    layout = current_layout()
    with console.status(f"reviewing {release} …"):
        reviewed = reviews.review(release, layout)
    title = read_descriptor(load_manifest(release).release.descriptor).title
    path = qa_page.write(release, title, layout, reviewed)
    table = Table("id", "question", "result", Column("evidence", overflow="fold"), show_lines=True)
    colours = {"ok": "green", "missing": "red", "not applicable": ""}
    for one in reviewed:
        result = one.answer.result.value
        evidence = Text("\n".join(one.answer.evidence))
        table.add_row(one.item.id, one.item.title, Text(result, colours[result]), evidence)
    console.print(table)
    page = layout.place / path.relative_to(layout.var)
    console.print(f"This review is kept as {page}", markup=False)
    if not reviews.passed(reviewed):
        raise SystemExit(ExitCode.FAILURE)
