"""``km3vo release``: creating a release, and checking what it lacks."""

from __future__ import annotations

from pathlib import Path

import click

from ingest.commands.events import (
    FILE,
    detector_option,
    format_option,
    reject_option,
    topology_option,
)
from ingest.commands.output import console, json_option, say, show_table
from ingest.commands.progress import progress
from ingest.core.configuration import blanks
from ingest.core.errors import ExitCode
from ingest.events.delivery import overlay_directory
from ingest.events.inspection import inspect_file
from ingest.instance import current_layout
from ingest.publish.release import CuratorInput, begin_release, check_name, check_release


@click.group()
def release() -> None:
    """Create a release, and check what it lacks."""


@release.command()
@click.argument("name")
@click.option(
    "--from", "file", required=True, metavar="FILE", type=FILE, help="The delivered file."
)
@format_option
@topology_option
@detector_option
@click.option("--title", help="The release's title.")
@click.option("--instrument", help="The detector as in papers, such as ORCA6.")
@click.option("--energies", type=(float, float), metavar="MIN MAX", help="The energy range in GeV.")
@reject_option
def new(
    name: str,
    file: Path,
    format: str,
    topology: str | None,
    detector: str | None,
    title: str | None,
    instrument: str | None,
    energies: tuple[float, float] | None,
    reject: tuple[str, ...],
) -> None:
    """Write manifest and resource descriptor of the release NAME, with blanks to fill in."""
    if energies and not 0 < energies[0] <= energies[1]:
        raise click.BadParameter("two energies above 0, the lower first", param_hint="--energies")
    check_name(name)
    with progress(console, "events", None) as on_progress:
        found = inspect_file(file, format, detector, on_progress, topology)
    written = begin_release(name, found, CuratorInput(title, instrument, energies, reject))
    for path in written:
        say(f"{path}: {len(blanks(path))} blanks")
    for line in found.checks.lines():
        say(f"  {line}")
    if found.path.resolve().parent != written[0].parent:
        say(f"Put {file.name} into {written[0].parent}.")
    say(f"Fill in what is marked FILL IN, then: km3vo release check {name}")


@release.command(name="check")
@click.argument("name")
@click.option("--inputs", metavar="DIR", help="A directory with delivered files.")
@click.option("--all", "everything", is_flag=True, help="Print passed checks as well.")
@json_option
def check_(name: str, inputs: str | None, everything: bool, as_json: bool) -> None:
    """Say what is missing before the release NAME can be imported."""
    findings = check_release(name, overlay_directory(inputs))
    missing = [finding for finding in findings if not finding.passed]
    rows = [
        (one.check, one.subject, "ok" if one.passed else "TO DO", one.finding)
        for one in (findings if everything else missing)
    ]
    if rows or as_json:
        show_table(("check", "subject", "result", "finding"), rows, as_json=as_json)
    if missing:
        say(f"{name}: {len(missing)} of {len(findings)} checks found something to do", as_json)
        raise SystemExit(ExitCode.BAD_INPUT)
    say(f"{name}: nothing is missing; {len(findings)} checks passed", as_json)


@release.command(name="due")
def due_() -> None:
    """Make releases public whose embargo is over; for a timer, see docs/operations.md."""
    from ingest.commands.instance import describe_releases, publish_due

    layout = current_layout()
    complete = publish_due(layout)
    describe_releases(layout)
    if not complete:
        raise SystemExit(ExitCode.FAILURE)
