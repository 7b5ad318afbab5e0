"""The command line of the project, ``km3vo``."""

from __future__ import annotations

import errno
import importlib
import sys
import tempfile
import traceback
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.table import Column, Table

from ingest import __version__
from ingest.core.errors import ExitCode, IngestError, UnavailableError
from ingest.instance import current_layout, lifecycle

if TYPE_CHECKING:
    from ingest.events.import_release import ImportResult
    from ingest.instance import Layout

# Reading events needs libraries that take a second to load, which those who only bring the
# server up should not wait for: commands import below what they alone need.
_ELSEWHERE: Final = {
    "alerts": "ingest.commands.alerts",
    "events": "ingest.commands.events",
    "publish": "ingest.commands.cite",
    "qa": "ingest.commands.qa",
    "registry": "ingest.commands.registry",
    "release": "ingest.commands.release",
}

console = Console(soft_wrap=True, highlight=False)


def main() -> None:
    """Run the command line; whatever goes wrong becomes a message and an exit code."""
    try:
        commands(prog_name="km3vo", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.BAD_INPUT)
    except click.exceptions.Exit as request:
        sys.exit(request.exit_code)
    except IngestError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        click.echo(f"error: {_explain(error)}", err=True)
        sys.exit(ExitCode.FAILURE)
    except Exception as error:
        with tempfile.NamedTemporaryFile("w", prefix="km3vo-", suffix=".log", delete=False) as log:
            traceback.print_exc(file=log)
        click.echo(
            f"error: this is a fault of km3vo, not of your input ({type(error).__name__})\n"
            f"  remedy:   please report it, with the file {log.name}",
            err=True,
        )
        sys.exit(ExitCode.FAILURE)


class _Commands(click.Group):
    """The commands here, and those of other modules, which are loaded when they are wanted."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted([*super().list_commands(context), *_ELSEWHERE])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name in _ELSEWHERE:
            found: click.Command = getattr(importlib.import_module(_ELSEWHERE[name]), name)
            return found
        return super().get_command(context, name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="km3vo")
def commands() -> None:
    """Bring neutrino events of KM3NeT and ANTARES into the Virtual Observatory."""


@commands.command(name="import")
@click.option("--release", "-r", "names", multiple=True, help="A release; all if not given.")
@click.option(
    "--inputs",
    metavar="DIR",
    help="A directory with delivered files, asked before all other sources.",
)
@click.option("--force", is_flag=True, help="Import also what did not change.")
@click.option("--if-available", is_flag=True, help="Leave out releases whose files cannot be had.")
def import_(names: tuple[str, ...], inputs: str | None, force: bool, if_available: bool) -> None:
    """Check delivered files and publish them; bad input changes nothing."""
    from ingest.alerts.tables import descriptors
    from ingest.events.delivery import load_manifest, overlay_directory, release_names
    from ingest.events.import_release import import_release

    manifests = [load_manifest(name) for name in names or release_names()]
    overlay = overlay_directory(inputs)
    layout = current_layout()
    results = []
    with (
        console.status("looking after the database …") as shown,
        lifecycle.database(layout) as memory,
    ):
        for manifest in manifests:
            shown.update(f"importing {manifest.name} …")
            try:
                result = import_release(manifest, layout, memory, overlay, force)
            except UnavailableError as reason:
                if not if_available:
                    raise
                console.print(f"{manifest.name}: left out\n{reason}")
                continue
            for refusal in result.refused if result.simulated else ():
                console.print(f"{manifest.name}: not from {refusal}")
            console.print(f"{manifest.name}: taken from {result.source}")
            results.append(result)
        # Empty where no alert came yet; but queries, examples and links name them.
        shown.update("looking after the tables of the alerts …")
        descriptors.ensure(layout, memory)
    if results:
        _describe(layout)
        console.print(_import_table(results))


@commands.group()
def instance() -> None:
    """Run the private PostgreSQL and DaCHS below var/."""


@instance.command()
@click.option("--port", type=click.IntRange(1024, 65535), help="Port of the web server.")
def up(port: int | None) -> None:
    """Start the instance, making what is missing; print its URL."""
    from ingest.alerts.tables import descriptors

    layout = current_layout()
    with console.status("starting …"):
        url = lifecycle.up(layout, port)
        with lifecycle.database(layout) as memory:
            descriptors.renew(layout, memory)
        _describe(layout)
    console.print(f"The server answers at {url}")


@instance.command()
def down() -> None:
    """Stop the instance; its data stay."""
    lifecycle.down(current_layout())
    console.print("The instance is down.")


@instance.command()
def status() -> None:
    """Say what runs."""
    found = lifecycle.status(current_layout())
    if not found.created:
        console.print("There is no instance yet; make up creates it.")
        raise SystemExit(ExitCode.FAILURE)
    words = {True: "runs", False: "does not run"}
    console.print(f"database  {words[found.database_runs]}, port {found.postgres_port}")
    server = words[found.server_runs]
    if found.server_runs and not found.server_answers:
        server += ", but does not answer"
    console.print(f"server    {server}, {found.url}")
    if not found.is_up:
        raise SystemExit(ExitCode.FAILURE)


@instance.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--with-archive", is_flag=True, help="Delete the archive of alerts, too.")
def reset(yes: bool, with_archive: bool) -> None:
    """Stop the instance and delete it with all that was imported."""
    layout = current_layout()
    if not yes:
        click.confirm(f"Delete the instance in {layout.place}?", abort=True)
    lifecycle.reset(layout, with_archive)
    console.print("The instance is deleted.")


@commands.command()
@click.option("--stilts", default="stilts", help="The STILTS program.")
def check(stilts: str) -> None:
    """Validate what the running instance publishes; print a table of findings."""
    from ingest.publish import validators

    results = validators.run_all(current_layout(), stilts)
    table = Table("check", Column("of", overflow="fold"), "result", "findings")
    for result in results:
        verdict = "[green]ok[/]" if result.passed else "[red]FAILED[/]"
        table.add_row(result.check, result.subject, verdict, result.summary)
    console.print(table)
    for result in results:
        for line in result.details:
            console.print(f"{result.check} {result.subject}: {line}", markup=False)
    if not all(result.passed for result in results):
        raise SystemExit(ExitCode.FAILURE)


@commands.command()
def demo() -> None:
    """Send three queries to the running instance and show the answers."""
    from ingest.publish.demo import show_queries

    show_queries(current_layout(), console)


def _describe(layout: Layout) -> None:
    """Renew what search engines read in the web pages; say where that is not possible."""
    from ingest.publish.documents import webpage

    for problem in webpage.refresh(layout):
        click.echo(f"warning: {problem}", err=True)


def _import_table(results: list[ImportResult]) -> Table:
    table = Table("release", "read", "accepted", "rejected", "imported", "seconds", "")
    for column in table.columns[1:6]:
        column.justify = "right"
    for result in results:
        remarks = []
        if result.simulated:
            remarks.append("SIMULATED")
        if result.unchanged:
            remarks.append("unchanged")
        counts = (result.read, result.accepted, result.rejected, result.imported)
        table.add_row(result.release, *map(str, counts), f"{result.seconds:.1f}", " ".join(remarks))
    return table


def _explain(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{place}the disk is full\n  remedy:   make room, then run the command again;"
            " what was online before still is"
        )
    return f"{place}{error.strerror or error}"
