"""``km3vo import``: check delivered files and publish them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

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
from ingest.commands.progress import Telling
from ingest.core.errors import (
    ExitCode,
    ImportFailedError,
    IngestError,
    InputError,
    ManifestError,
    UnavailableError,
)
from ingest.events.delivery import (
    is_draft,
    is_draft_of_responses,
    load_manifest,
    load_responses,
    overlay_directory,
    release_names,
    responses_names,
)
from ingest.events.import_record import ImportResult
from ingest.events.import_release import import_release
from ingest.events.import_responses import import_responses
from ingest.instance import Layout, current_layout, lifecycle
from ingest.publish import release as releases

if TYPE_CHECKING:
    from ingest.events.workflow import Collection


@click.command(name="import")
@click.option("--release", "-r", "names", multiple=True, help="A release; all by default.")
@click.option(
    "--inputs",
    metavar="DIR",
    help="A directory with delivered files, searched before all other sources.",
)
@click.option("--force", is_flag=True, help="Also import what has not changed.")
@click.option(
    "--workflow",
    "profile",
    metavar="PROFILE",
    help="Convert the files by Snakemake: a profile of workflow/profiles, or a directory.",
)
@click.option(
    "--converted",
    "work",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Import what a workflow has converted in this directory, of one release.",
)
@click.option("--leave-out", is_flag=True, help="With --workflow: leave out files it refuses.")
@click.option("--if-available", is_flag=True, help="Skip releases whose files are unavailable.")
@json_option
def import_(
    names: tuple[str, ...],
    inputs: str | None,
    force: bool,
    profile: str | None,
    work: Path | None,
    leave_out: bool,
    if_available: bool,
    as_json: bool,
) -> None:
    """Check delivered files and publish them.

    A release that is refused stays online as it was, and does not affect the others. Drafts are
    imported only if they are named.
    """
    overlay = overlay_directory(inputs)
    announce = partial(say, as_json=as_json)
    results: list[ImportResult] = []
    refused: dict[str, IngestError] = {}
    converted: dict[str, Collection] = {}
    if leave_out and profile is None:
        raise click.UsageError("--leave-out is for --workflow")
    if work is not None and (profile is not None or len(names) != 1):
        raise click.UsageError("--converted is for one --release, and not for --workflow")
    samples = _samples(names, as_json)
    if work is not None:
        converted = _converted(samples, work)
    elif profile is not None:
        # before the command acts as the instance's account: jobs run as whoever called it
        converted, refused = _convert(samples, profile, overlay, leave_out)
        samples = list(converted)
        if refused and not converted:
            if as_json:
                show_json([])
            raise SystemExit(_report(refused, results))
    for name, one in converted.items():
        for line in one.lines():
            announce(f"{name}: {line}")
    layout = current_layout()
    with console.status("starting the database …") as shown, lifecycle.database(layout) as state:
        responses = _responses(names, as_json)
        for name in samples:
            shown.update(f"importing {name} …")
            try:
                result = import_release(
                    load_manifest(name),
                    layout,
                    state,
                    overlay,
                    force,
                    announce,
                    converted.get(name),
                    Telling(shown, f"importing {name}"),
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
            if result.imported >= releases.LARGE and not (result.unchanged or result.revised):
                shown.update(f"partitioning {name} …")
                _partition(name, layout, announce)
        if responses:
            shown.update("importing instrument responses …")
            published, reasons = import_responses(responses, layout, state, overlay, force)
            for name, why in reasons.items():
                if if_available and isinstance(why, UnavailableError):
                    say(f"{name}: skipped\n{why}", as_json)
                else:
                    refused[name] = why
            for result in published:
                say(f"{result.release}: taken from {result.source}", as_json)
            results += published
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


def _partition(name: str, layout: Layout, announce: Callable[[str], None]) -> None:
    """Make a HATS catalogue of a large release, which is online whether this succeeds or not."""
    try:
        releases.write_hats(name, layout)
    except IngestError as reason:
        announce(f"{name}: online, but not as a HATS catalogue\n{reason}")
    else:
        announce(f"{name}: online as a HATS catalogue as well")


def _convert(
    names: list[str], profile: str, overlay: Path | None, leave_out: bool
) -> tuple[dict[str, Collection], dict[str, IngestError]]:
    """Convert releases by workflows; return what was converted, and why others were not."""
    # loads the libraries of all formats
    from ingest.events.workflow import run_workflow, work_directory

    converted: dict[str, Collection] = {}
    refused: dict[str, IngestError] = {}
    for name in names:
        try:
            manifest = load_manifest(name)
            work = work_directory(name)
            converted[name] = run_workflow(manifest, profile, overlay, work, leave_out)
        except IngestError as reason:
            refused[name] = reason
    return converted, refused


def _converted(names: list[str], work: Path) -> dict[str, Collection]:
    """Return what a workflow has converted of a release."""
    from ingest.events.workflow import Collection, WorkDirectory

    directory = WorkDirectory(work.absolute())
    return {name: Collection.read(load_manifest(name), directory) for name in names}


def _samples(names: tuple[str, ...], as_json: bool) -> list[str]:
    """Return the releases of events to be imported: those that are named, or all."""
    if names:
        return [name for name in names if name not in responses_names()]
    found = []
    for name in release_names():
        if is_draft(name):
            say(f"{name}: a draft, not imported; km3vo release check {name}", as_json)
        elif reason := _withdrawn(name):
            say(f"{name}: withdrawn, not imported; {reason}", as_json)
        else:
            found.append(name)
    return found


def _responses(names: tuple[str, ...], as_json: bool) -> list[str]:
    """Return the releases of responses to be imported: those that are named, or all."""
    if names:
        return [name for name in responses_names() if name in names]
    found = []
    for name in responses_names():
        if is_draft_of_responses(name):
            say(f"{name}: a draft, not imported", as_json)
        elif reason := _responses_withdrawn(name):
            say(f"{name}: withdrawn, not imported; {reason}", as_json)
        else:
            found.append(name)
    return found


def _responses_withdrawn(name: str) -> str | None:
    try:
        return load_responses(name).release.withdrawn
    except ManifestError:
        return None  # its import reports it


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
