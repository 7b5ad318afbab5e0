"""``km3vo alerts publish``, and what ``km3vo alerts status`` says of the outbox."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psycopg2

from ingest.alerts import pipeline
from ingest.alerts.archive import Accepted, Archive, Outbox
from ingest.alerts.matching import MatchConfig, load_matches
from ingest.alerts.tables import Store
from ingest.commands.output import json_option, say, show_json, show_table
from ingest.core import privileges
from ingest.core.errors import IngestError, InputError, in_one_line
from ingest.core.files import open_regular
from ingest.instance import Layout, current_layout

if TYPE_CHECKING:
    from ingest.alerts.publishing import Document, Request, Sinks


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--update", metavar="ALERT", help="Update this alert: its name, or an ivorn.")
@click.option("--retract", metavar="ALERT", help="Retract this alert: its name, or an ivorn.")
@click.option("--set", "pairs", metavar="FIELD=VALUE", multiple=True, help="Set a field.")
@click.option("--live", is_flag=True, help="Publish a real alert; otherwise it is a test.")
@click.option("--dry-run", is_flag=True, help="Show the notice and who gets it; send nothing.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The sinks. Default: the file KM3VO_LIVE names, or site/live.toml.",
)
@json_option
def publish(
    files: tuple[Path, ...],
    update: str | None,
    retract: str | None,
    pairs: tuple[str, ...],
    live: bool,
    dry_run: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Publish an alert of KM3NeT, and show where each broker stored it.

    FILE has the alert in JSON, with the fields of KM3NeT's notices at GCN. Several files are what
    several pipelines found of one event. --update and --retract take everything that is not
    given from the notice before. Without --live the alert is a test, and goes to the sinks for
    tests only.

    Without a file and without options it sends what could not be sent before.
    """
    from ingest.alerts import live as live_streams  # loads the client of Kafka
    from ingest.alerts import publishing

    if update is not None and retract is not None:
        raise click.UsageError("--update and --retract exclude each other.")
    found = live_streams.load_live(config)
    layout = current_layout()
    archive = pipeline.open_archive(layout)
    pipeline.check_archive(layout, archive)
    outbox = Outbox(archive)
    contents = [_read(file) for file in files]
    documents = _documents(files, contents, pairs)
    accepted = None
    if documents or update is not None or retract is not None:
        originals = (*contents, "\n".join(pairs).encode()) if pairs else tuple(contents)
        request = publishing.Request(documents, live, update, retract, originals)
        if dry_run:
            _show_draft(archive, outbox, layout, found, request, as_json)
            return
        with _store(layout) as store:
            accepted, remarks = publishing.accept(
                archive, outbox, store, found, request, _catalogues()
            )
        for remark in remarks:
            _remark(remark)
    elif dry_run:
        raise click.UsageError("--dry-run needs an alert.")
    _make_rows(layout, archive, outbox)
    problems = publishing.send_waiting(archive, found.sink, found.publish.wait)
    _reflect(layout, outbox)
    _show(outbox.refresh(), accepted, problems, as_json)


def outbox_status(layout: Layout) -> list[dict[str, Any]]:
    """Return for each sink what was sent and what waits."""
    from ingest.alerts import publishing

    return publishing.summary(Outbox(Archive(layout.archive, layout.account)).refresh())


def show_outbox_status(found: Sequence[Mapping[str, Any]]) -> None:
    """Print what was sent and what waits."""
    if found:
        names = ("sink", "kind", "sent", "waiting", "last_sent", "problem")
        rows = [[one[name] or ("" if one[name] is None else one[name]) for name in names]
                for one in found]  # fmt: skip
        show_table([name.replace("_", " ") for name in names], rows)


def _read(file: Path) -> bytes:
    from ingest.alerts import publishing

    try:
        with privileges.caller(), open_regular(file) as stream:
            return stream.read(publishing.LARGEST + 1)
    except OSError as error:
        raise InputError(
            f"the alert cannot be read ({error.strerror or error})",
            file=file,
            expected="a file in JSON",
            remedy="correct the path; nothing was published",
        ) from None


def _documents(
    files: Sequence[Path], contents: Sequence[bytes], pairs: Sequence[str]
) -> tuple[Document, ...]:
    from ingest.alerts import publishing

    given = publishing.settings(pairs)
    found = [
        publishing.read_document(content, str(file)) | given
        for file, content in zip(files, contents, strict=True)
    ]
    return tuple(found) or ((given,) if given else ())


def _catalogues() -> MatchConfig | None:
    """Return what alerts are matched with; without it they are published nevertheless."""
    try:
        return load_matches()
    except IngestError as error:
        _remark(f"the catalogues were not searched: {error}")
        return None


@contextlib.contextmanager
def _store(layout: Layout) -> Iterator[Store | None]:
    """Yield the tables; None if they cannot be asked, which must not stop an alert."""
    with contextlib.ExitStack() as stack:
        try:
            store = stack.enter_context(pipeline.existing_store(layout))
        except psycopg2.Error as error:
            _remark(f"the database does not answer: {in_one_line(error)}")
            store = None
        yield store


def _make_rows(layout: Layout, archive: Archive, outbox: Outbox) -> None:
    """Archive what was accepted and make rows of it; sending does not depend on the database."""
    from ingest.alerts import publishing

    if not publishing.complete_archive(archive, outbox):
        return
    try:
        with _store(layout) as store:
            ready = store is not None
        if ready:
            pipeline.update_tables(layout, archive)
        else:
            _remark("rows will be made when the database runs, by the next import for example")
    except (psycopg2.Error, IngestError) as error:
        _remark(f"rows could not be made yet: {in_one_line(error)}")


def _reflect(layout: Layout, outbox: Outbox) -> None:
    try:
        with _store(layout) as store:
            if store is not None:
                pipeline.reflect_outbox(store, outbox)
    except (psycopg2.Error, IngestError) as error:
        _remark(f"alerts.outbox is not up to date: {in_one_line(error)}")


def _show_draft(
    archive: Archive,
    outbox: Outbox,
    layout: Layout,
    config: Sinks,
    request: Request,
    as_json: bool,
) -> None:
    from ingest.alerts import publishing

    outbox.refresh()
    with _store(layout) as store:
        made = publishing.draft(archive, outbox, store, config, request, _catalogues())
    for remark in made.remarks:
        _remark(remark)
    if publishing.find(outbox, request) is not None:
        _remark("this was published before")
    if as_json:
        sinks = [one.sink for one in made.recipients]
        show_json({"notice": made.document, "ivorn": made.facts["ivorn"], "sinks": sinks})
        return
    show_json(made.document)
    say(f"It would be sent to: {', '.join(one.sink for one in made.recipients) or 'nobody'}")


def _show(
    outbox: Outbox, accepted: Accepted | None, problems: Mapping[str, str], as_json: bool
) -> None:
    """Print where the notice is now; the exit code is 1 if something was not sent."""
    if accepted is None:
        if as_json:
            show_json({"outbox": _summary(outbox), "problems": dict(problems)})
        else:
            show_outbox_status(_summary(outbox))
            say(f"{len(outbox.waiting()) or 'no'} notices wait")
    else:
        deliveries = outbox.of([accepted.sha256])
        number = outbox.numbers.get(accepted.sha256)
        rows = [
            (
                one.recipient.sink,
                one.recipient.kind,
                one.recipient.topic,
                one.partition,
                one.offset,
                one.sent,
            )
            for one in deliveries
        ]
        names = ("sink", "kind", "topic", "partition", "offset", "sent")
        if as_json:
            show_json(
                {
                    "ivorn": accepted.facts["ivorn"],
                    "record_number": accepted.facts["record"],
                    "notice_id": number,
                    "sha256": accepted.sha256,
                    "deliveries": [dict(zip(names, row, strict=True)) for row in rows],
                    "problems": dict(problems),
                }
            )
        else:
            say(f"{accepted.facts['ivorn']}, record {accepted.facts['record']}, packet {number}")
            if rows:
                shown = [["" if one is None else one for one in row] for row in rows]
                show_table(names, shown)
    if problems:
        raise IngestError(
            "not everything could be sent; it is in the outbox",
            value="\n".join(f"{name}: {text}" for name, text in sorted(problems.items())),
            remedy="the listener keeps trying; to try now, type km3vo alerts publish",
        )


def _summary(outbox: Outbox) -> list[dict[str, Any]]:
    from ingest.alerts import publishing

    return publishing.summary(outbox)


def _remark(text: str) -> None:
    click.echo(text, file=sys.stderr)
