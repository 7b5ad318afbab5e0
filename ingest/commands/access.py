"""``km3vo access``: who may see releases that are not public."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ingest.commands.output import json_option, say, show_table
from ingest.instance import current_layout, lifecycle, load_site
from ingest.instance.dachs import members, remove_member, set_member
from ingest.instance.gateway import gateway_configuration


@click.group()
def access() -> None:
    """Say who may log in to see releases that are not public."""


@access.command()
@click.argument("name")
def add(name: str) -> None:
    """Add the member NAME, or replace the password of one.

    The password is asked for, or read from standard input: the first line.
    """
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    layout = current_layout()
    with lifecycle.database(layout) as state:
        is_new = set_member(name, password, layout, state)
    say(f"{name} may log in." if is_new else f"{name} has a new password.")


@access.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove the member NAME, who cannot log in any more."""
    layout = current_layout()
    with lifecycle.database(layout) as state:
        remove_member(name, layout, state)
    say(f"{name} cannot log in any more.")


@access.command(name="list")
@json_option
def list_(as_json: bool) -> None:
    """List the members who may log in."""
    layout = current_layout()
    with lifecycle.database(layout) as state:
        found = members(layout, state)
    show_table(("member",), [(name,) for name in found], as_json=as_json)


@access.command()
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default="/run/km3vo-gateway",
    show_default=True,
    help="Where it keeps its files and its log; it must exist.",
)
@click.option("--user", default="www-data", show_default=True, help="Account; empty for no change.")
def gateway(directory: Path, user: str) -> None:
    """Print the configuration of the gateway at which browsers log in."""
    click.echo(gateway_configuration(load_site(), directory, user), nl=False)
