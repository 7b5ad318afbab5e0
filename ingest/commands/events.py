"""``km3vo events``: inspect files of events, and convert them to event lists."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import click

from ingest.commands.output import console, say
from ingest.commands.progress import progress
from ingest.core.errors import InputError
from ingest.core.files import atomic_write
from ingest.events import batch
from ingest.events.checks import REJECTING
from ingest.events.inspection import inspect_file
from ingest.events.readers import AUTO, READERS
from ingest.events.sky import DETECTORS

FILE = click.Path(path_type=Path)
format_option = click.option(
    "--format",
    type=click.Choice([AUTO, *READERS]),
    default=AUTO,
    show_default=True,
    help="The files' format.",
)
detector_option = click.option(
    "--detector", type=click.Choice(list(DETECTORS)), help="For files that do not state it."
)
topology_option = click.option(
    "--topology",
    type=click.Choice(["track", "shower"]),
    help="What to take from files with several reconstructions of each event; track by default.",
)
reject_option = click.option(
    "--reject",
    multiple=True,
    type=click.Choice(sorted(REJECTING)),
    metavar="RULE",
    help="Leave out rows that violate this rule instead of stopping; repeatable.",
)


@click.group()
def events() -> None:
    """Inspect delivered files, and convert them without publishing."""


@events.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
@click.option("--release", metavar="NAME", help="Use the rules and metadata of this release.")
@detector_option
@format_option
@topology_option
@click.option(
    "-o",
    "--output",
    "out",
    required=True,
    metavar="OUT.fits",
    type=FILE,
    help="The event list, or a directory for one event list per file.",
)
@reject_option
@click.option("--galactic", is_flag=True, help="Add galactic coordinates, GLON and GLAT.")
@click.option("--simulation", is_flag=True, help="Allow simulated files; their product is marked.")
@click.option("--overwrite", is_flag=True, help="Replace event lists that exist.")
@click.option("--dry-run", is_flag=True, help="Do everything except writing.")
@click.option("--report", metavar="FILE.json", type=FILE, help="Write the check report there.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Event lists made at the same time.",
)
def convert(
    files: tuple[Path, ...],
    release: str | None,
    detector: str | None,
    format: str,
    topology: str | None,
    out: Path,
    reject: tuple[str, ...],
    galactic: bool,
    simulation: bool,
    overwrite: bool,
    dry_run: bool,
    report: Path | None,
    jobs: int,
) -> None:
    """Convert files of events to GADF event lists with sky positions.

    Without --release the metadata are those of the files themselves.
    """
    if release and (detector or topology):
        raise click.UsageError("--release determines detector and topology; give none of them.")
    request = batch.ConversionRequest(
        files,
        out,
        release,
        detector,
        format,
        topology,
        reject,
        galactic,
        simulation,
        overwrite,
        dry_run,
    )
    planned = batch.plan(request)
    # clean up also when a batch system ends the process
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parallel = jobs > 1 and len(planned) > 1
    total = len(planned) if parallel else batch.events_in(request)
    with progress(console, "files" if parallel else "events", total) as on_progress:
        conversions = batch.run(request, planned, jobs, on_progress)
    for product, one in zip(planned, conversions, strict=True):
        names = ", ".join(path.name for path in product.files)
        verb = "would become" if dry_run else "→"
        say(f"{names} {verb} {one.product}: {one.rows} events")
        for line in one.lines():
            say(f"  {line}")
    if report:
        _write_report(report, {"conversions": [one.to_dict() for one in conversions]})


@events.command()
@click.argument("file", type=FILE)
@detector_option
@format_option
@topology_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def inspect(
    file: Path, detector: str | None, format: str, topology: str | None, as_json: bool
) -> None:
    """Say what a file is, what would be taken from it, and what a release lacks."""
    with progress(console, "events", None) as on_progress:
        found = inspect_file(file, format, detector, on_progress, topology)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1, default=str))
        return
    lines = list(found.lines())
    width = max(len(heading) for heading, _ in lines) + 2
    for heading, text in lines:
        say(f"{heading:<{width}}{text}")


def _write_report(path: Path, content: object) -> None:
    if not path.parent.is_dir():
        raise InputError(
            "there is no such directory", file=path.parent, remedy=f"mkdir -p {path.parent}"
        )
    with atomic_write(path) as stream:
        stream.write(f"{json.dumps(content, indent=1, default=str)}\n".encode())
