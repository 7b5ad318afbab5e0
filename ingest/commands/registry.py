"""``km3vo registry``: telling the world's registries what is here, and what is here no longer."""

from __future__ import annotations

import click
from rich.console import Console

from ingest.core.errors import ExitCode
from ingest.instance import current_layout, lifecycle, load_site
from ingest.instance.dachs import registration

console = Console(soft_wrap=True, highlight=False, markup=False)


@click.group()
def registry() -> None:
    """Make records for the VO registry, and take releases back."""


@registry.command()
@click.option("--dry-run", is_flag=True, help="Only check; make no records.")
@click.option("--offline", is_flag=True, help="Do not ask other registries about the authority.")
@click.option("--stilts", default="stilts", help="The STILTS program.")
def publish(dry_run: bool, offline: bool, stilts: str) -> None:
    """Check everything, make the registry records, and say how to register them."""
    from ingest.publish.registry import page
    from ingest.publish.registry import publishing as pipeline

    layout = current_layout()
    with console.status("checking; this takes a minute …"):
        outcome = pipeline.publish(layout, dry_run=dry_run, offline=offline, stilts=stilts)
    site = load_site()
    path, _ = page.write(layout, site, outcome)
    console.print(page.plain(site, outcome), end="")
    # as the user knows it; the directory itself may be elsewhere
    console.print(f"\nThis page is kept as {layout.place / path.relative_to(layout.var)}")
    if outcome.findings:
        raise SystemExit(ExitCode.BAD_INPUT)


@registry.command()
@click.argument("release")
@click.option("--yes", is_flag=True, help="Do not ask.")
def withdraw(release: str, yes: bool) -> None:
    """Take RELEASE offline; registries are told that its records are deleted."""
    if not yes:
        click.confirm(f"Take {release} offline, with its table and products?", abort=True)
    layout = current_layout()
    with console.status(f"withdrawing {release} …"), lifecycle.database(layout) as memory:
        gone = registration.withdraw(release, layout, memory)
    console.print(f"{release} is offline.")
    for identifier in gone:
        console.print(f"Registries are told that {identifier} is deleted.")
