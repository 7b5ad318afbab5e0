"""``km3vo release``: commands that end, rename or show releases and their files."""

from __future__ import annotations

from dataclasses import asdict

import click

from ingest.commands.output import console, json_option, say, show_json, show_table
from ingest.events.delivery import load_manifest, release_names, responses_names
from ingest.events.history import history
from ingest.instance import current_layout, lifecycle
from ingest.publish import release as releases

yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


@click.command(epilog="Example: km3vo release rename evts24_01 evts25_01")
@click.argument("old")
@click.argument("new")
@json_option
def rename(old: str, new: str, as_json: bool) -> None:
    """Give the release OLD, which was never online, the name NEW."""
    others = releases.rename(old, new, current_layout())
    if as_json:
        show_json({"release": new, "formerly": old, "superseded_by": others})
    say(f"{old} is called {new} now.", as_json)
    for name in others:
        say(f"{name}: supersedes {new}", as_json)


@click.command(epilog="Example: km3vo release remove evts24_01")
@click.argument("name")
@yes_option
@json_option
def remove(name: str, yes: bool, as_json: bool) -> None:
    """Remove the release NAME, which was never online; delivered files stay."""
    layout = current_layout()
    releases.refuse_removal(name, layout)
    if not yes:
        click.confirm(f"Remove manifest, texts and descriptor of {name}?", abort=True, err=as_json)
    left = releases.remove(name, layout)
    if as_json:
        show_json({"release": name, "left": [str(path) for path in left]})
    say(f"{name} is removed.", as_json)
    for path in left:
        say(f"{path} stays", as_json)


@click.command(
    epilog='Example: km3vo release withdraw evts24_01 --reason "the calibration was wrong"'
)
@click.argument("name")
@click.option("--reason", metavar="TEXT", help="Why, in one line, for the manifest.")
@click.option("--undo", is_flag=True, help="Remove the mark: the next import brings it back.")
@yes_option
@json_option
def withdraw(name: str, reason: str | None, undo: bool, yes: bool, as_json: bool) -> None:
    """Take the release NAME offline; its records are published as deleted.

    What it superseded is current again. If this was interrupted, give the same command again.
    """
    if undo == (reason is not None):
        raise click.UsageError("give --reason TEXT, or --undo.")
    layout = current_layout()
    if undo or reason is None:
        releases.undo_withdrawal(name)
        if as_json:
            show_json({"release": name, "withdrawn": None})
        say(f"{name} can be imported again: km3vo import --release {name}", as_json)
        return
    if not yes:
        question = f"Take {name} offline, with its table and products?"
        click.confirm(question, abort=True, err=as_json)
    with console.status(f"withdrawing {name} …"), lifecycle.database(layout) as state:
        of_responses = name in responses_names()
        take = releases.withdraw_responses if of_responses else releases.withdraw_release
        gone = take(name, reason, layout, state)
    if as_json:
        show_json({"release": name, "withdrawn": reason, "deleted_records": gone})
    say(f"{name} is offline.", as_json)
    for identifier in gone:
        say(f"Registries will see {identifier} as deleted.", as_json)


@click.command(name="history", epilog="Example: km3vo release history evts24_01")
@click.argument("name")
@json_option
def history_(name: str, as_json: bool) -> None:
    """Show the imports, revisions and withdrawal of the release NAME."""
    entries = history(current_layout(), name)
    if not entries:
        releases.require_release(name)
    revisions = load_manifest(name).release.revisions if entries and name in release_names() else ()
    if as_json:
        show_json({"history": [asdict(one) for one in entries], "revisions": list(revisions)})
        return
    rows = [
        (one.date, one.what, one.rows, one.version, one.reason or "; ".join(_checksums(one.files)))
        for one in entries
    ]
    show_table(("date", "what", "rows", "km3vo", "files or reason"), rows)
    for revision in revisions:
        say(f"revision {revision}")


@click.command(epilog="Example: km3vo release files evts24_01")
@click.argument("name", required=False)
@click.option("--prune", is_flag=True, help="Delete those that no release refers to any more.")
@yes_option
@json_option
def files(name: str | None, prune: bool, yes: bool, as_json: bool) -> None:
    """List the delivered files that are kept in the instance, of the release NAME or of all."""
    layout = current_layout()
    if prune and name is not None:
        raise click.UsageError("--prune concerns all files; leave NAME out.")
    found = releases.deliveries(layout, name)
    rows = [
        (
            ", ".join(one.releases) or "none",
            one.kept.path.name,
            one.kept.size,
            one.kept.sha256,
            "yes" if one.releases else "no",
            one.state,
        )
        for one in found
    ]
    unused = [one for one in found if not one.releases]
    if prune and unused and not yes:
        size = sum(one.kept.size for one in unused)
        question = f"Delete {len(unused)} files that no release refers to ({size} bytes)?"
        click.confirm(question, abort=True, err=as_json)
    if prune:
        releases.prune(layout, unused)
    columns = ("release", "file", "size", "sha256", "needed", "state")
    show_table(columns, rows, as_json=as_json)
    if prune:
        say(f"{len(unused)} files deleted", as_json)


@click.command(name="list", epilog="Example: km3vo release list --json")
@json_option
def list_(as_json: bool) -> None:
    """List all releases with their states."""
    layout = current_layout()
    found = [*releases.list_releases(layout), *releases.list_responses(layout)]
    nothing = None if as_json else ""
    rows = [
        (
            one.name,
            one.title,
            str(one.state),
            nothing if one.rows is None else one.rows,
            one.imported[:10] if one.imported else nothing,
        )
        for one in found
    ]
    show_table(("name", "title", "state", "rows", "imported"), rows, as_json=as_json)


@click.command(epilog="Example: km3vo release show evts24_01")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show everything about the release NAME, and what differs from what is online."""
    layout = current_layout()
    if name in responses_names():
        found = releases.describe_responses(releases.state_of_responses(name, layout), layout)
    else:
        found = releases.describe(releases.state_of(name, layout), layout)
    if as_json:
        show_json(found)
        return
    lines = [(key, line) for key, value in found.items() for line in _lines(value)]
    width = max(len(key) for key, _ in lines) + 2
    former = ""
    for key, line in lines:
        say(f"{'' if key == former else key.replace('_', ' '):<{width}}{line}")
        former = key


def _lines(value: object) -> list[str]:
    match value:
        case None:
            return []
        case list():
            return [str(one) for one in value]
        case dict():
            return [f"{key}: {_joined(one)}" for key, one in value.items()]
    return [str(value)]


def _joined(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _checksums(found: object) -> list[str]:
    return [f"{name} {checksum[:12]}…" for name, checksum in dict(found).items()]  # type: ignore[call-overload]
