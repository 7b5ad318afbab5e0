"""``km3vo doctor``: the likeliest faults of an instance."""

from __future__ import annotations

import dataclasses

import click

from ingest.commands.output import json_option, say, show_json, show_table
from ingest.core.errors import ExitCode


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Find and explain the likeliest faults; exit code 1 if there is one. Nothing is changed.

    The server is asked a query by TAP, a cone search and an asynchronous job, which is deleted
    again.
    """
    from ingest.publish.doctor import Severity, diagnose

    findings = list(diagnose())
    if as_json:
        show_json([dataclasses.asdict(one) for one in findings])
    else:
        show_table(
            ("check", "result", "finding"),
            ((one.check, one.severity.value, one.finding) for one in findings),
        )
        for one in findings:
            if one.remedy:
                say(f"\n{one.check}: {one.finding}\n  {one.explanation}\n  remedy: {one.remedy}")
    if any(one.severity is Severity.FAULT for one in findings):
        raise SystemExit(ExitCode.FAILURE)
