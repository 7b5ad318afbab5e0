"""``km3vo release``: the life of a release."""

from __future__ import annotations

import click

from ingest.commands.output import console, json_option, say, show_json, show_table
from ingest.commands.release_life import files, history_, list_, remove, rename, show, withdraw
from ingest.core.errors import ExitCode, InputError
from ingest.events.delivery import overlay_directory
from ingest.instance import current_layout, lifecycle
from ingest.publish.release import (
    HATS,
    ROWS_PER_PARTITION,
    check_release,
    set_facts,
    write_hats,
)


class _Commands(click.Group):
    """The commands; what ``new`` needs to read files loads slowly, so it is loaded when called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted([*super().list_commands(context), "new"])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name == "new":
            from ingest.commands.release_new import new

            return new
        return super().get_command(context, name)


@click.group(cls=_Commands)
def release() -> None:
    """Begin, check, change and end releases, and show what is known of them."""


for command in (files, history_, list_, remove, rename, show, withdraw):
    release.add_command(command)


@release.command(
    name="set",
    epilog='Example: km3vo release set evts24_01 description=@a.rst --reason "livetime corrected"',
)
@click.argument("name")
@click.argument("facts", nargs=-1, metavar="KEY=VALUE...")
@click.option("--reason", metavar="TEXT", help="What is corrected, if the release is online.")
@json_option
def set_(name: str, facts: tuple[str, ...], reason: str | None, as_json: bool) -> None:
    """Change facts of the release NAME in its manifest, or its texts: description=@FILE.

    An empty value removes a fact. What is online changes with the next import. After texts were
    edited by hand, --reason alone records that they were.
    """
    if not (facts or reason):
        raise click.UsageError("give at least one KEY=VALUE, or --reason TEXT.")
    given = {}
    for one in facts:
        key, equals, value = one.partition("=")
        if not equals:
            raise InputError(
                "this is not a fact",
                value=one,
                expected="key=value",
                remedy="put values with blanks in quotes",
            )
        given[key] = value
    changed = set_facts(name, given, current_layout(), reason)
    if as_json:
        show_json({"release": name, "changed": changed})
    for key in changed:
        say(f"{name}: {key} changed", as_json)
    if not changed:
        say(f"{name}: {'the revision is recorded' if reason else 'unchanged'}", as_json)


@release.command(name="check", epilog="Example: km3vo release check evts24_01 --all")
@click.argument("name")
@click.option("--inputs", metavar="DIR", help="A directory with delivered files.")
@click.option("--all", "everything", is_flag=True, help="Print passed checks as well.")
@json_option
def check_(name: str, inputs: str | None, everything: bool, as_json: bool) -> None:
    """Say what is missing before the release NAME can be imported."""
    overlay = overlay_directory(inputs)
    findings = check_release(name, current_layout(), overlay)
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


@release.command(name="due", epilog="Example: km3vo release due")
def due_() -> None:
    """Make releases public whose embargo is over; for a timer, see docs/operations.md."""
    from ingest.commands.instance import describe_releases, publish_due

    layout = current_layout()
    complete = publish_due(layout)
    describe_releases(layout)
    if not complete:
        raise SystemExit(ExitCode.FAILURE)


@release.command(name="hats", epilog="Example: km3vo release hats evts24_01")
@click.argument("name")
@click.option(
    "--rows",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    default=ROWS_PER_PARTITION,
    help=f"Divide partitions with more rows; {ROWS_PER_PARTITION:,} by default.",
)
@json_option
def hats_(name: str, rows: int, as_json: bool) -> None:
    """Make a HATS catalogue of the release NAME, which is online, for LSDB.

    Imports of large releases do this by themselves, if the extra hats is installed.
    """
    layout = current_layout()
    with console.status(f"partitioning {name} …"), lifecycle.database(layout) as state:
        write_hats(name, layout, rows)
    address = f"{state.server_url}/{name}/nu/files/static/{HATS}"
    if as_json:
        show_json({"release": name, "address": address})
    say(f"{name}: {address}", as_json)
