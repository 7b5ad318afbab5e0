"""``km3vo alerts convert`` and ``validate``: packets of one format as the other, and checked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from ingest.alerts.conversion import (
    VERSIONS,
    format_of,
    load_json,
    save_json,
    to_json,
    to_voevent,
    validate_json,
    validate_voevent,
)
from ingest.core.errors import ExitCode, IngestError, InputError, UnavailableError
from ingest.core.files import atomic_write

STANDARD: Final = "-"
"""Stands for standard input or output."""

FILE: Final = click.Path(path_type=Path, allow_dash=True)
LARGEST: Final = 100_000_000
"""Size limit of a packet in bytes; real ones have a few kilobytes, or megabytes with a sky map."""


@click.command()
@click.argument("file", type=FILE)
@click.option(
    "--to",
    "wanted",
    required=True,
    type=click.Choice(["voevent", "json"]),
    help="The format to convert to.",
)
@click.option(
    "--voevent-version",
    type=click.Choice(VERSIONS),
    default=VERSIONS[0],
    show_default=True,
    help="The version of VOEvent to write.",
)
@click.option("-o", "--output", default=STANDARD, type=FILE, help="Write there, not to stdout.")
def convert(file: Path, wanted: str, voevent_version: str, output: Path) -> None:
    """Convert a notice of GCN in JSON to a VOEvent, or a VOEvent to JSON.

    FILE may be - for standard input. Doubts about the notice are printed to stderr.
    """
    content = _read(file)
    found = _format_of(file, content)
    if found == wanted:
        raise InputError(
            f"this is in the format {wanted} already",
            file=file,
            remedy=f"convert it --to {'json' if wanted == 'voevent' else 'voevent'},"
            " or use it as it is",
        )
    try:
        document = load_json(content) if found == "json" else to_json(content)
        result = to_voevent(document, voevent_version) if found == "json" else save_json(document)
    except IngestError as error:
        error.file = error.file or str(file)
        raise
    try:
        for finding in validate_json(document):
            click.echo(f"{file}: {finding}", err=True)
    except UnavailableError as reason:
        click.echo(f"{file}: not validated\n{reason}", err=True)
    if str(output) == STANDARD:
        click.echo(result, nl=False)
        return
    with atomic_write(output) as stream:
        stream.write(result)


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
def validate(files: tuple[Path, ...]) -> None:
    """Check packets, VOEvents or notices in JSON, against their schemas and common sense.

    The exit code is 2 if there are any findings.
    """
    wrong = False
    for file in files:
        findings = _findings(file)
        wrong = wrong or bool(findings)
        for finding in findings:
            click.echo(f"{file}: {finding}")
        if not findings:
            click.echo(f"{file}: ok")
    if wrong:
        raise SystemExit(ExitCode.BAD_INPUT)


def _findings(file: Path) -> list[str]:
    try:
        content = _read(file)
        if _format_of(file, content) == "voevent":
            return validate_voevent(content)
        return validate_json(load_json(content))
    except UnavailableError:
        raise
    except InputError as error:
        # the file is named before each finding
        error.file = None
        return [" ".join(str(error).split())]


def _format_of(file: Path, content: bytes) -> str:
    try:
        return format_of(content)
    except InputError as error:
        error.file = str(file)
        raise


def _read(file: Path) -> bytes:
    """Return the bytes of a file, or of standard input."""
    if str(file) == STANDARD:
        content = sys.stdin.buffer.read(LARGEST + 1)
    else:
        try:
            with file.open("rb") as stream:
                content = stream.read(LARGEST + 1)
        except OSError as error:
            raise InputError(
                f"cannot be read: {error.strerror}",
                file=file,
                remedy="name a file with a packet, or - for standard input",
            ) from None
    if len(content) > LARGEST:
        raise InputError(
            "this is too large for a packet", file=file, expected=f"at most {LARGEST:,} bytes"
        )
    return content
