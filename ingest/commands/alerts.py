"""``km3vo alerts``: the archive of alert packets, and the tables made from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from ingest.alerts import archive as archives
from ingest.alerts import pipeline
from ingest.alerts.archive import (
    MAX_PARSED_BYTES,
    Archive,
    SourceReport,
    check_paths,
    printable,
    withheld_packets,
)
from ingest.alerts.matching import load_matches
from ingest.alerts.proof import verify_seals
from ingest.commands.alerts_convert import convert, validate
from ingest.commands.alerts_live import (
    broadcast,
    latency,
    listen,
    live_status,
    show_live_status,
)
from ingest.commands.alerts_map import inspect_map, map_
from ingest.commands.alerts_match import catalogues, compute_matches, match
from ingest.commands.alerts_proof import hide, prove, replay_, seal, seal_alerts
from ingest.commands.alerts_publish import outbox_status, publish, show_outbox_status
from ingest.commands.output import console, json_option, say, show_json, show_table
from ingest.commands.progress import progress
from ingest.core.errors import ExitCode, InputError
from ingest.instance import current_layout

_MOST_TOLD: Final = 20
"""The number of problems that are printed."""


@click.group()
def alerts() -> None:
    """Archive alert packets, and publish their content."""


for command in (
    convert,
    validate,
    map_,
    inspect_map,
    listen,
    publish,
    latency,
    broadcast,
    catalogues,
    match,
    seal,
    prove,
    hide,
    replay_,
):
    alerts.add_command(command)


def _place(text: str) -> Path:
    """Return a path; an empty text would mean the current directory."""
    if not text:
        raise click.BadParameter("it is empty; is a shell variable not set?")
    return Path(text)


_LARGEST: Final = click.option(
    "--largest",
    type=click.IntRange(1),
    default=MAX_PARSED_BYTES >> 20,
    show_default=True,
    help="Size limit of a packet in MiB; larger ones are archived but not read.",
)


@alerts.command(name="import")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=_place)
@_LARGEST
def import_(paths: tuple[Path, ...], largest: int) -> None:
    """Archive the packets in files and directories, and add their rows to the tables.

    A PATH is a packet, a file with a packet per line (JSON lines), or a tar archive, each
    compressed or not, or a directory with such files. Packets that are archived already are
    skipped, so an interrupted import is continued by the same command. The exit code is 2 if a
    file could not be read completely. Packets that cannot be understood are put in quarantine;
    this is not a failure.
    """
    check_paths(paths)
    config = load_matches()
    layout = current_layout()
    archive = pipeline.open_archive(layout)
    pipeline.check_archive(layout, archive)
    seal_alerts(layout)
    with progress(console, "packets read", None) as on_progress:
        archived, outcome = pipeline.import_packets(
            layout, archive, paths, on_progress, largest << 20
        )
    _show_archived(archived)
    _show_outcome(outcome)
    compute_matches(layout, archive, config)
    _raise_on_problems(archived.sources)


@alerts.command()
@click.option(
    "--retry", is_flag=True, help="Read the packets again, for instance after an upgrade."
)
@click.option("--show", metavar="NUMBER", type=int, help="Show the packet with this number.")
@_LARGEST
@json_option
def quarantine(retry: bool, show: int | None, largest: int, as_json: bool) -> None:
    """List the packets that could not be understood, with the reasons."""
    layout = current_layout()
    archive = Archive(layout.archive, layout.account)
    if show is not None:
        _show_packet(archive, show)
        return
    held = archive.quarantined()
    if retry and held:
        with progress(console, "packets read", len(held)) as on_progress:
            outcome = pipeline.retry_quarantined(layout, archive, on_progress, largest << 20)
        _show_outcome(outcome, as_json)
        held = archive.quarantined()
    if held or as_json:
        rows = (
            (one.entry.number, one.entry.received[:19], one.entry.source, _reason(one.reason))
            for one in held
        )
        show_table(("number", "received", "source", "reason"), rows, as_json=as_json)
    say(f"{len(held)} of {len(archive)} packets are in quarantine", as_json)


@alerts.command()
@click.option("--repair", is_flag=True, help="Add packets to the index that it lost.")
def verify(repair: bool) -> None:
    """Compare archive, index and tables: every packet with its checksum, its line and its row."""
    layout = current_layout()
    archive = Archive(layout.archive, layout.account)
    if repair:
        reindexed = archive.reindex(archives.find_unindexed(archive))
        say(f"{len(reindexed)} packets were added to the index")
    with progress(console, "packets", len(archive)) as on_progress:
        damaged = archives.verify(archive, on_progress)
    for file in damaged:
        say(f"{file.name}: {file.problem}; restore it from a backup")
    lost = archives.find_unindexed(archive)
    for sha256 in lost:
        say(f"packet {sha256}: not in the index; --repair adds it")
    with progress(console, "rows", len(archive)) as on_progress:
        different = pipeline.compare_tables(layout, archive, on_progress)
    for one in different or ():
        say(f"{one.name}: {one.problem}; {one.remedy}")
    broken = list(verify_seals(archive))
    for problem in broken:
        say(f"{problem}; restore the archive from a backup")
    if damaged or lost:
        say(f"{len(damaged) + len(lost)} of {len(archive)} packets are damaged or not in the index")
    else:
        say(f"all {len(archive)} packets are intact")
    if different is None:
        say(f"the tables were not compared: {pipeline.why_no_tables(layout)}")
    else:
        say(f"{len(different) or 'no'} differences between archive and tables")
    say(f"{len(broken) or 'no'} problems with seals")
    if damaged or lost or different or broken:
        raise SystemExit(ExitCode.FAILURE)


@alerts.command()
@click.argument("notice")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def attach(notice: str, file: Path) -> None:
    """Attach FILE as the sky map of NOTICE, given by its ivorn or its number.

    The regions of the notice are then taken from the map, and DataLink offers it. Most packets
    only contain the address of their map, which km3vo does not fetch.
    """
    layout = current_layout()
    areas = pipeline.attach_map(layout, pipeline.open_archive(layout), notice, file)
    areas_text = ", ".join(
        f"{level:.0%}: {area:.4g} square degrees" for level, area in areas.items()
    )
    say(f"{file}: the sky map of {notice}; {areas_text}")


@alerts.command()
@_LARGEST
def rebuild(largest: int) -> None:
    """Rebuild the tables from the archive; the present rows are served until the end."""
    layout = current_layout()
    archive = pipeline.open_archive(layout)
    with progress(console, "packets read", len(archive)) as on_progress:
        outcome = pipeline.rebuild_tables(layout, archive, on_progress, largest << 20)
    _show_outcome(outcome)


@alerts.command()
@json_option
def status(as_json: bool) -> None:
    """Report how many packets are archived and in the tables, and how live streams are doing.

    For each partition of a topic: what was received, when the last message came, and how many
    offsets before it were skipped. For each sink: what was sent, and what waits.
    """
    layout = current_layout()
    archive = Archive(layout.archive, layout.account)
    packets, held = len(archive), len(archive.quarantined())
    rows = pipeline.count_rows(layout)
    pipeline.check_archive(layout, archive)
    withheld = len(withheld_packets(archive))
    counts = {"packets": packets, "in quarantine": held}
    if withheld:
        counts |= {"withheld": withheld}
    if rows is not None:
        counts |= {"with rows": rows, "waiting": packets - held - withheld - rows}
    if as_json:
        keys = {what.replace(" ", "_"): count for what, count in counts.items()}
        show_json(
            {"archive": str(archive.root)}
            | keys
            | live_status(layout)
            | {"outbox": outbox_status(layout)}
        )
        return
    say(f"archive {archive.root}")
    _show_counts(counts)
    if rows is None:
        say(f"No rows: {pipeline.why_no_tables(layout)}.")
    show_live_status(live_status(layout))
    show_outbox_status(outbox_status(layout))


def _show_archived(archived: pipeline.ArchivingReport) -> None:
    sources, seconds = archived.sources, archived.seconds
    _show_counts(
        {
            "packets found": sources.packets,
            "new": archived.new,
            "already there": sources.packets - archived.new,
            **{f"skipped: {kind}": count for kind, count in sources.skipped.items()},
        }
    )
    rate = sources.packets / seconds if seconds else 0.0
    say(f"archived in {seconds:.1f} s, {rate:.0f} per second")


def _show_outcome(outcome: pipeline.ProcessingReport, as_json: bool = False) -> None:
    _show_counts({"with rows": outcome.with_rows, "in quarantine": outcome.quarantined}, as_json)
    for problem, count in outcome.problems.most_common():
        say(f"  {count:9}  {problem}", as_json)
    rate = outcome.processed / outcome.seconds if outcome.seconds else 0.0
    say(f"read in {outcome.seconds:.1f} s, {rate:.0f} per second", as_json)
    if outcome.quarantined:
        say(
            f"{outcome.quarantined} packets are archived but were not understood;"
            " km3vo alerts quarantine lists them",
            as_json,
        )


def _show_counts(counts: Mapping[str, int], as_json: bool = False) -> None:
    for what, count in counts.items():
        say(f"{count:11}  {what}", as_json)


def _raise_on_problems(sources: SourceReport) -> None:
    """End with the exit code for bad input where something could not be read."""
    count = len(sources.problems) + sources.more_problems
    if not count:
        return
    shown = sources.problems[:_MOST_TOLD]
    if count > len(shown):
        shown = [*shown, f"and {count - len(shown)} more"]
    raise InputError(
        "not everything could be read; what could be is imported",
        value="\n".join(shown),
        remedy="get these files again, and import them",
    )


def _reason(text: str) -> str:
    """Return the reason of a packet in quarantine in one line."""
    return printable("; ".join(" ".join(line.split()) for line in text.splitlines()))


def _show_packet(archive: Archive, number: int) -> None:
    entry = archive.entry(number)
    if entry is None:
        raise InputError(
            "there is no packet with this number",
            value=number,
            expected=f"1 to {len(archive)}",
            remedy="km3vo alerts quarantine lists those in quarantine",
        )
    say(f"received  {entry.received}")
    say(f"from      {entry.source}")
    say(f"file      {archive.path(entry)}")
    reasons = [one.reason for one in archive.quarantined() if one.entry == entry]
    for reason in reasons or ["none: it is not in quarantine"]:
        text = "\n          ".join(map(printable, reason.splitlines()))
        say(f"reason    {text}")
