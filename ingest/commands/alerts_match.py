"""``km3vo alerts match``: what else there was."""

from __future__ import annotations

from pathlib import Path

import click

from ingest.alerts import pipeline
from ingest.alerts.archive import Archive
from ingest.alerts.matching import MatchConfig, load_matches
from ingest.commands.output import console, say
from ingest.commands.progress import progress
from ingest.instance import Layout, current_layout


@click.command()
@click.option("--all", "again", is_flag=True, help="Compute those of all notices again.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Streams and time windows. Default: the file KM3VO_MATCHES names, or site/matches.toml.",
)
def match(again: bool, config: Path | None) -> None:
    """Compute the matches of alerts that are new or have changed.

    The import of packets and the listener do this, too. After a change of the configuration, the
    option --all makes the table alerts.matches agree with it.
    """
    found = load_matches(config)
    layout = current_layout()
    archive = pipeline.open_archive(layout)
    pipeline.update_tables(layout, archive)  # after an upgrade they may be empty
    compute_matches(layout, archive, found, again)


def compute_matches(
    layout: Layout, archive: Archive, config: MatchConfig, again: bool = False
) -> None:
    """Compute matches, with a progress bar."""
    with progress(console, "notices matched", None) as on_progress:
        count = pipeline.compute_matches(layout, archive, config, again, on_progress)
    say(f"{count:11}  matched")
