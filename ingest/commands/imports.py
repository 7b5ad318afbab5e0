"""``km3vo import``: check delivered files and publish them."""

from __future__ import annotations

import dataclasses
from functools import partial

import click

from ingest.alerts.tables import ensure_tables
from ingest.commands.instance import describe_releases
from ingest.commands.output import (
    console,
    json_option,
    messages,
    report,
    say,
    show_json,
    show_table,
)
from ingest.core.errors import (
    ExitCode,
    ImportFailedError,
    IngestError,
    InputError,
    ManifestError,
    UnavailableError,
)
from ingest.events.delivery import is_draft, load_manifest, overlay_directory, release_names
from ingest.events.import_record import ImportResult
from ingest.events.import_release import import_release
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

    A release that is refused stays online as it was, and does not affect the others. Drafts are
    imported only if they are named.
    """
    overlay = overlay_directory(inputs)
    layout = current_layout()
    announce = partial(say, as_json=as_json)
    results: list[ImportResult] = []
    refused: dict[str, IngestError] = {}
    with console.status("starting the database …") as shown, lifecycle.database(layout) as state:
        for name in names or _releases(as_json):
            shown.update(f"importing {name} …")
            try:
                result = import_release(
                    load_manifest(name),
                    layout,
                    state,
                    overlay,
                    force,
                    announce,
                )
            except (InputError, ImportFailedError) as reason:
                if if_available and isinstance(reason, UnavailableError):
                    say(f"{name}: skipped\n{reason}", as_json)
                else:
                    refused[name] = reason
                continue
            for source in result.unavailable if result.simulated else ():
                say(f"{name}: not from {source}", as_json)
            say(f"{name}: taken from {result.source}", as_json)
            say(f"{name}: report in {result.report}", as_json)
            results.append(result)
        # They are empty before the first alert, but queries, examples and links refer to them.
        shown.update("updating the tables of alerts …")
        ensure_tables(layout, state)
    if any(not result.unchanged for result in results):
        describe_releases(layout)
    if as_json:
        show_json([dataclasses.asdict(result) for result in results])
    elif results:
        _show_results(results)
    if refused:
        raise SystemExit(_report(refused, results))


def _releases(as_json: bool) -> list[str]:
    """Return the releases that are imported unless some are named."""
    found = []
    for name in release_names():
        if is_draft(name):
            say(f"{name}: a draft, not imported; km3vo release check {name}", as_json)
        elif reason := _withdrawn(name):
            say(f"{name}: withdrawn, not imported; {reason}", as_json)
        else:
            found.append(name)
    return found


def _withdrawn(name: str) -> str | None:
    try:
        return load_manifest(name).release.withdrawn
    except ManifestError:
        return None  # its import reports it


def _report(refused: dict[str, IngestError], results: list[ImportResult]) -> ExitCode:
    """Print why releases were refused; return the exit code."""
    for reason in refused.values():
        report(reason)
    changed = [result.release for result in results if not result.unchanged]
    if len(refused) > 1 or results:
        messages.print(f"not imported: {', '.join(refused)}")
    if not all(isinstance(reason, InputError) for reason in refused.values()):
        return ExitCode.FAILURE
    return ExitCode.PARTIAL if changed else ExitCode.BAD_INPUT


def _show_results(results: list[ImportResult]) -> None:
    rows = []
    for one in results:
        marks = {
            "SIMULATED": one.simulated,
            "unchanged": one.unchanged,
            "descriptions revised": one.revised,
        }
        remarks = " ".join(mark for mark, applies in marks.items() if applies)
        counts = (one.read, one.accepted, one.rejected, one.imported)
        rows.append((one.release, *counts, round(one.seconds, 1), remarks))
    show_table(("release", "read", "accepted", "rejected", "imported", "seconds", "remarks"), rows)
