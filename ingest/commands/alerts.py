"""``km3vo alerts``: the archive of alert packets, and the tables made from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from ingest.alerts.archive import LIMIT, Archive, Delivery, audit, check_paths, printable
from ingest.alerts.pipeline import Outcome, intake
from ingest.commands.alerts_convert import convert, validate
from ingest.commands.alerts_map import inspect_map, map_
from ingest.commands.progress import progress
from ingest.core.errors import ExitCode, InputError
from ingest.instance import current_layout

console = Console(soft_wrap=True, highlight=False)
_MOST_TOLD: Final = 20
"""incidents that are printed."""


@click.group()
def alerts() -> None:
    """Keep alert packets for ever, and publish what they say."""


for command in (convert, validate, map_, inspect_map):
    alerts.add_command(command)


def _place(text: str) -> Path:
    """Return a path; that of nothing would be the current directory."""
    if not text:
        raise click.BadParameter("it is empty; was a variable of the shell not set?")
    return Path(text)


_LARGEST: Final = click.option(
    "--largest",
    type=click.IntRange(1),
    default=LIMIT >> 20,
    show_default=True,
    help="Megabytes (2^20) of a packet that is read into memory.",
)


@alerts.command(name="import")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=_place)
@_LARGEST
def import_(paths: tuple[Path, ...], largest: int) -> None:
    """Archive the packets in files and directories, and make rows of them.

    A PATH is a packet, lines of JSON, a tar archive, each compressed or not, or a directory
    with such files. What was archived before is passed over, so the same again goes on where
    it was interrupted. The exit code is 2 if a file could not be read to its end; packets that
    could be read but not understood are in quarantine, and no failure.
    """
    check_paths(paths)
    layout = current_layout()
    archive = intake.archive_of(layout)
    intake.check_archive(layout, archive)
    with progress(console, "packets archived", None) as watch:
        archived = intake.receive(archive, paths, watch, largest << 20)
    _show_archived(archived)
    with progress(console, "packets read", archived.new) as watch:
        outcome = intake.fill_tables(layout, archive, watch, limit=largest << 20)
    _show_outcome(outcome)
    _tell_incidents(archived.delivery)


@alerts.command()
@click.option("--retry", is_flag=True, help="Read them again, for instance after an upgrade.")
@click.option("--show", metavar="NUMBER", type=int, help="Print the packet with this number.")
@_LARGEST
def quarantine(retry: bool, show: int | None, largest: int) -> None:
    """List the packets that were kept but could not be understood, and why."""
    layout = current_layout()
    archive = Archive(layout.archive, layout.account)
    if show is not None:
        _show_packet(archive, show)
        return
    held = archive.quarantined()
    if retry and held:
        with progress(console, "packets read", len(held)) as watch:
            outcome = intake.fill_tables(layout, archive, watch, True, largest << 20)
        _show_outcome(outcome)
        held = archive.quarantined()
    table = Table(
        "number", "received", Column("from", overflow="fold"), Column("reason", overflow="fold")
    )
    for one in held:
        reason = printable(" ".join(one.reason.split()))
        # as text, for packets may have brackets that would be taken for colours
        table.add_row(
            str(one.entry.number), one.entry.received[:19], Text(one.entry.source), Text(reason)
        )
    if held:
        console.print(table)
    console.print(f"{len(held)} of {len(archive)} packets are in quarantine")


@alerts.command()
@click.option("--repair", is_flag=True, help="Put packets back into an index that lost them.")
def verify(repair: bool) -> None:
    """Read every packet in the archive again, and compare with its checksum."""
    layout = current_layout()
    archive = Archive(layout.archive, layout.account)
    if repair:
        adopted = archive.adopt(audit.unlisted(archive))
        console.print(f"{len(adopted)} packets were put back into the index")
    with progress(console, "packets", len(archive)) as watch:
        findings = audit.verify(archive, watch)
    for finding in findings:
        console.print(f"{finding.name}: {finding.problem}", markup=False)
    lost = audit.unlisted(archive)
    for sha256 in lost:
        console.print(f"packet {sha256}: not in the index; add --repair to put it back")
    if findings or lost:
        console.print(f"{len(findings) + len(lost)} of {len(archive)} packets are not in order")
        raise SystemExit(ExitCode.FAILURE)
    console.print(f"all {len(archive)} packets are as they came")


@alerts.command()
@click.argument("notice")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def attach(notice: str, file: Path) -> None:
    """Keep FILE as the sky map of a NOTICE, given by its ivorn or its number.

    Its regions then come from the map, and DataLink offers it. Packets mostly say where their
    map is and do not bring it; nothing is fetched by itself.
    """
    layout = current_layout()
    told = intake.attach_map(layout, intake.archive_of(layout), notice, file)
    console.print(f"{file}: the sky map of {notice}; {told}", markup=False)


@alerts.command()
@_LARGEST
def rebuild(largest: int) -> None:
    """Make the tables anew from the archive alone; the former rows are served until the end."""
    layout = current_layout()
    archive = intake.archive_of(layout)
    with progress(console, "packets read", len(archive)) as watch:
        outcome = intake.rebuild(layout, archive, watch, largest << 20)
    _show_outcome(outcome)


@alerts.command()
def status() -> None:
    """Say how many packets there are, and what became of them."""
    layout = current_layout()
    archive = Archive(layout.archive, layout.account)
    packets, held = len(archive), len(archive.quarantined())
    rows = intake.count_rows(layout)
    intake.check_archive(layout, archive)
    counts = {"packets": packets, "in quarantine": held}
    if rows is not None:
        counts |= {"with rows": rows, "waiting": packets - held - rows}
    console.print(f"archive {archive.root}", markup=False)
    _show_counts(counts)
    if rows is None:
        console.print("The database does not run, or has no tables of alerts yet.")


def _show_archived(archived: intake.Archived) -> None:
    delivery, seconds = archived.delivery, archived.seconds
    _show_counts(
        {
            "packets found": delivery.packets,
            "new": archived.new,
            "already there": delivery.packets - archived.new,
            **{f"left out: {kind}": count for kind, count in delivery.left_out.items()},
        }
    )
    rate = delivery.packets / seconds if seconds else 0.0
    console.print(f"archived in {seconds:.1f} s, {rate:.0f} per second")


def _show_outcome(outcome: Outcome) -> None:
    _show_counts({"with rows": outcome.with_rows, "in quarantine": outcome.quarantined})
    for problem, count in outcome.problems.most_common():
        console.print(f"  {count:9}  {problem}", markup=False)
    rate = outcome.done / outcome.seconds if outcome.seconds else 0.0
    console.print(f"read in {outcome.seconds:.1f} s, {rate:.0f} per second")
    if outcome.quarantined:
        console.print(
            f"{outcome.quarantined} packets are archived but were not understood;"
            " km3vo alerts quarantine lists them"
        )


def _show_counts(counts: Mapping[str, int]) -> None:
    for what, count in counts.items():
        console.print(f"{count:11}  {what}", markup=False)


def _tell_incidents(delivery: Delivery) -> None:
    """End with the exit code for bad input where something could not be read."""
    count = len(delivery.incidents) + delivery.more_incidents
    if not count:
        return
    told = delivery.incidents[:_MOST_TOLD]
    if count > len(told):
        told = [*told, f"and {count - len(told)} more"]
    raise InputError(
        "not everything could be read; what could be is imported",
        value="\n".join(told),
        remedy="get these files again, and import them",
    )


def _show_packet(archive: Archive, number: int) -> None:
    entry = next(iter(archive.entries(after=number - 1)), None) if number > 0 else None
    if entry is None:
        raise InputError(
            "there is no packet with this number",
            value=number,
            expected=f"1 to {len(archive)}",
            remedy="km3vo alerts quarantine lists those in quarantine",
        )
    console.print(f"received  {entry.received}")
    console.print(f"from      {entry.source}", markup=False)
    console.print(f"file      {archive.path(entry)}", markup=False)
    reasons = [one.reason for one in archive.quarantined() if one.entry == entry]
    for reason in reasons or ["none: it is not in quarantine"]:
        text = "\n          ".join(map(printable, reason.splitlines()))
        console.print(f"reason    {text}", markup=False)
