"""``km3vo alerts match`` and ``catalogues``: what else there was."""

from __future__ import annotations

from pathlib import Path

import click

from ingest.alerts import pipeline
from ingest.alerts.archive import Archive
from ingest.alerts.matching import MatchConfig, load_matches
from ingest.commands.output import console, say
from ingest.commands.progress import progress
from ingest.core.errors import IngestError
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


@click.command()
@click.option("--fetch", is_flag=True, help="Renew the copies of those that a TAP service has.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The catalogues. Default: the file KM3VO_MATCHES names, or site/matches.toml.",
)
def catalogues(fetch: bool, config: Path | None) -> None:
    """List the catalogues of sources with which alerts are compared.

    A copy that cannot be renewed stays as it is, and the exit code is that of its error. After a
    change, km3vo alerts match --all compares all alerts again; restart the listener.
    """
    from ingest.alerts.matching import fetch_catalogue, read_catalogue  # load slowly

    failed = None
    for one in load_matches(config).catalogue:
        if fetch and one.tap is not None:
            try:
                fetch_catalogue(one)
            except IngestError as error:
                failed = error
        is_missing = one.tap is not None and not one.file.exists()
        sources = "-" if is_missing else f"{len(read_catalogue(one).names)}"
        say(f"{sources:>9}  {one.name}: {one.reference}; {one.licence}")
    if failed is not None:
        raise failed
