"""``km3vo backup`` and ``km3vo restore``: copies of an instance, and instances from a copy."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from ingest.commands.instance import start
from ingest.commands.output import console, json_option, say, show_json
from ingest.commands.progress import progress
from ingest.core import privileges
from ingest.core.errors import ExitCode
from ingest.instance import SITE_VARIABLE, current_layout


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--keep", type=click.IntRange(1), help="Delete all but this many backups.")
@json_option
def backup(directory: Path, keep: int | None, as_json: bool) -> None:
    """Back up the instance into DIRECTORY, while it serves.

    Each backup is complete: database, products, archive of alerts, settings of the site. What
    did not change takes no space again. A new backup appears when it is complete.
    """
    from ingest.publish.backup import save

    with progress(console, "packets copied", None) as on_progress:
        made = save(current_layout(), directory, keep, on_progress)
    if as_json:
        show_json(dataclasses.asdict(made))
    say(f"backup {made.path}", as_json)
    say(f"{made.files} packets and sky maps, {made.new} of them new", as_json)
    for name in made.removed:
        say(f"deleted {name}", as_json)
    for path in made.left_out:
        say(f"{path}: neither a file nor a directory, not saved; delete it", as_json)
    for sha256 in made.damaged:
        say(f"{sha256}: missing or damaged in the archive, not saved", as_json)
    if made.damaged:
        say("km3vo alerts verify explains what is damaged", as_json)
    if made.damaged or made.left_out:
        raise SystemExit(ExitCode.FAILURE)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--port", type=click.IntRange(1024, 65535), help="Port of the web server.")
@click.option("--replace", is_flag=True, help="Delete the present instance.")
def restore(directory: Path, port: int | None, replace: bool) -> None:
    """Make an instance from a backup, and start it.

    DIRECTORY is one backup, or the directory with all of them, of which the newest is taken.
    The backup is compared with its checksums before anything is changed.
    """
    from ingest.publish.backup import restore as restore_instance

    layout = current_layout()
    with progress(console, "packets checked", None) as on_progress:
        taken = restore_instance(layout, directory, port, replace, on_progress)
    say(f"restored from {taken.path}")
    with privileges.caller():
        has_site = taken.site.exists()
    if has_site:
        say(f"the settings of its site are in {taken.site}; {SITE_VARIABLE} has to name a copy")
    start(layout, None)
