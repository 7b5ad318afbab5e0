"""``km3vo alerts seal``, ``prove``, ``hide`` and ``replay``: what was received when, and shown."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

import click

from ingest.alerts import pipeline
from ingest.alerts.archive import Archive, moment, replay
from ingest.commands.alerts_convert import FILE, STANDARD
from ingest.commands.output import drop_output, json_option, messages, say, show_table
from ingest.core import privileges
from ingest.core.errors import IngestError, InputError
from ingest.core.files import atomic_write
from ingest.instance import Layout, current_layout


class _Moment(click.ParamType[datetime]):
    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            return moment(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-11-27 or 2026-11-27T12:00:00", param)


@click.command()
@click.option("--replace", is_flag=True, help="Publish other seals in place of those that were.")
@json_option
def seal(replace: bool, as_json: bool) -> None:
    """Seal the days that are over, UTC: later nobody can change what was received on them.

    A day that is sealed stays as it is, so the command may run at any time. It also runs with each
    import and when the instance starts.
    """
    layout = current_layout()
    new = pipeline.seal(layout, pipeline.open_archive(layout), replace)
    if new or as_json:
        rows = ((one.number, one.day, one.first, one.packets, one.root, one.hash) for one in new)
        names = ("seal", "day", "first packet", "packets", "root", "seal hash")
        show_table(names, rows, as_json=as_json)
    say(f"{len(new) or 'no'} days were sealed", as_json)


def seal_alerts(layout: Layout) -> None:
    """Seal the days of the archive that are over; warn where that fails."""
    try:
        pipeline.seal(layout, Archive(layout.archive, layout.account))
    except (IngestError, OSError) as reason:
        messages.print(f"warning: the alerts could not be sealed: {reason}")


@click.command()
@click.argument("packet")
@click.option("-o", "--output", default=STANDARD, type=FILE, help="Write there, not to stdout.")
def prove(packet: str, output: Path) -> None:
    """Write the proof that PACKET was received when the archive says.

    PACKET is its number, its SHA-256, or its ivorn. The program at /alerts/nu/verifier, also
    rd/alerts/verify_alert.py, verifies the proof.
    """
    layout = current_layout()
    proof = pipeline.prove_packet(layout, pipeline.open_archive(layout), packet)
    content = json.dumps(proof, indent=1).encode() + b"\n"
    if str(output) == STANDARD:
        sys.stdout.buffer.write(content)
        return
    with privileges.caller(), atomic_write(output) as stream:
        stream.write(content)


@click.command()
@click.argument("packet")
@click.option("--reason", metavar="TEXT", help="Why; it is published.")
@click.option("--undo", is_flag=True, help="Show the packet again.")
def hide(packet: str, reason: str | None, undo: bool) -> None:
    """Withhold PACKET from all services, for a reason that is published in alerts.withheld.

    PACKET is its number, its SHA-256, or its ivorn. Its bytes stay in the archive, and it remains
    sealed.
    """
    if not undo and not (reason or "").strip():
        raise InputError(
            "a packet is withheld with a reason",
            expected="--reason TEXT, which is published",
            remedy="say in a sentence why, without the data that are to be withheld",
        )
    layout = current_layout()
    archive = pipeline.open_archive(layout)
    if undo:
        entry = pipeline.show(layout, archive, packet, reason)
        say(f"packet {entry.number} is shown again")
    else:
        entry = pipeline.hide(layout, archive, packet, reason or "")
        say(f"packet {entry.number} is withheld; km3vo alerts hide {entry.number} --undo shows it")


@click.command(name="replay")
@click.argument("begin", metavar="FROM", type=_Moment())
@click.argument("end", metavar="TO", type=_Moment())
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    help="Times faster than they were received; without it, at once.",
)
@click.option("--broker", metavar="HOST:PORT", help="Send to this Kafka broker on this machine.")
@click.option("--topic", help="The topic, with --broker.")
def replay_(
    begin: datetime, end: datetime, speed: float | None, broker: str | None, topic: str | None
) -> None:
    """Send the packets received between FROM and TO again, in order of receipt.

    They are written as lines of JSON with the fields of the archive's index, and the packet in
    base64 as content; or sent to a topic of Kafka as they were received. FROM and TO are times in
    UTC such as 2026-11-27T12:00:00; TO is not included.
    """
    if (broker is None) != (topic is None):
        raise click.UsageError("--broker and --topic belong together")
    if end <= begin:
        raise click.UsageError(f"TO, {end.isoformat()}, has to be after FROM, {begin.isoformat()}")
    layout = current_layout()
    packets = replay(pipeline.open_archive(layout), begin, end, speed)
    if broker is not None and topic is not None:
        from ingest.alerts.live import send_replay  # loads the client of Kafka

        say(f"{send_replay(packets, broker, topic)} packets were sent to {topic}")
        return
    try:
        for one in packets:
            sys.stdout.buffer.write(one.line)
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        drop_output()
