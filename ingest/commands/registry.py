"""``km3vo registry``: registry records of what is online, and of what was withdrawn."""

from __future__ import annotations

import click

from ingest.commands.output import console, say
from ingest.events.delivery import release_names
from ingest.instance import current_layout, lifecycle, load_site


@click.group()
def registry() -> None:
    """Make registry records, and withdraw releases."""


@registry.command()
@click.option("--dry-run", is_flag=True, help="Only check; make no records.")
@click.option("--offline", is_flag=True, help="Do not ask other registries about the authority.")
@click.option("--stilts", default="stilts", help="The STILTS program.")
def publish(dry_run: bool, offline: bool, stilts: str) -> None:
    """Make registry records.

    Everything is checked first; then the steps to register the server are printed. What has to be
    corrected is listed by who can do it. The exit code is 2 if this includes the curator or the
    site, and 1 if only this software has faults.
    """
    from ingest.publish.registry import exit_code, plain_page, publish_records, write_page

    layout = current_layout()
    with console.status("checking; this takes a minute …"):
        outcome = publish_records(layout, dry_run=dry_run, offline=offline, stilts=stilts)
    site = load_site()
    path, _ = write_page(layout, site, outcome)
    say(plain_page(site, outcome).rstrip())
    # the path as the user knows it; the directory itself may be elsewhere
    console.print(f"\nThis page was written to {layout.path / path.relative_to(layout.var)}")
    if code := exit_code(outcome.findings):
        raise SystemExit(code)


@registry.command()
@click.argument("release")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def withdraw(release: str, yes: bool) -> None:
    """Take RELEASE offline without a mark: its records are published as deleted.

    For what has no manifest any more. A release that has one comes back with the next import;
    km3vo release withdraw marks it, so that it does not.
    """
    from ingest.publish.release import take_offline

    if not yes:
        click.confirm(f"Take {release} offline, with its table and products?", abort=True)
    layout = current_layout()
    with console.status(f"withdrawing {release} …"), lifecycle.database(layout) as state:
        gone = take_offline(release, "", layout, state)
    say(f"{release} is offline.")
    if release in release_names():
        say(f"warning: the next import brings it back, unless: km3vo release withdraw {release}")
    for identifier in gone:
        say(f"Registries will see {identifier} as deleted.")
