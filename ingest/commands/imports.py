"""``km3vo import``: check delivered files and publish them."""

from __future__ import annotations

import dataclasses

import click

from ingest.alerts.tables import ensure_tables
from ingest.commands.instance import describe_releases
from ingest.commands.output import console, json_option, say, show_json, show_table
from ingest.core.errors import UnavailableError
from ingest.events.delivery import load_manifest, overlay_directory, release_names
from ingest.events.import_release import ImportResult, import_release
from ingest.instance import current_layout, lifecycle


@click.command(name="import")
@click.option("--release", "-r", "names", multiple=True, help="A release; all by default.")
@click.option(
    "--inputs",
    metavar="DIR",
    help="A directory with delivered files, searched before all other sources.",
)
@click.option("--force", is_flag=True, help="Also import what has not changed.")
@click.option("--if-available", is_flag=True, help="Skip releases whose files are unavailable.")
@json_option
def import_(
    names: tuple[str, ...], inputs: str | None, force: bool, if_available: bool, as_json: bool
) -> None:
    """Check delivered files and publish them.

    Bad input changes nothing.
    """
    manifests = [load_manifest(name) for name in names or release_names()]
    overlay = overlay_directory(inputs)
    layout = current_layout()
    results = []
    with console.status("starting the database …") as shown, lifecycle.database(layout) as state:
        for manifest in manifests:
            shown.update(f"importing {manifest.name} …")
            try:
                result = import_release(manifest, layout, state, overlay, force)
            except UnavailableError as reason:
                if not if_available:
                    raise
                say(f"{manifest.name}: skipped\n{reason}", as_json)
                continue
            for source in result.unavailable if result.simulated else ():
                say(f"{manifest.name}: not from {source}", as_json)
            say(f"{manifest.name}: taken from {result.source}", as_json)
            results.append(result)
        # They are empty before the first alert, but queries, examples and links refer to them.
        shown.update("updating the tables of alerts …")
        ensure_tables(layout, state)
    if results:
        describe_releases(layout)
    if as_json:
        show_json([dataclasses.asdict(result) for result in results])
    elif results:
        _show_results(results)


def _show_results(results: list[ImportResult]) -> None:
    rows = []
    for one in results:
        marks = {"SIMULATED": one.simulated, "unchanged": one.unchanged}
        remarks = " ".join(mark for mark, applies in marks.items() if applies)
        counts = (one.read, one.accepted, one.rejected, one.imported)
        rows.append((one.release, *counts, round(one.seconds, 1), remarks))
    show_table(("release", "read", "accepted", "rejected", "imported", "seconds", "remarks"), rows)
