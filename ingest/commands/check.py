"""``km3vo check`` and ``km3vo demo``: validators and example queries on the running instance."""

from __future__ import annotations

import dataclasses

import click

from ingest.commands.output import json_option, say, show_json, show_table
from ingest.core.errors import ExitCode
from ingest.instance import current_layout


@click.command()
@click.option("--stilts", default="stilts", help="The STILTS program.")
@json_option
def check(stilts: str, as_json: bool) -> None:
    """Run external validators on the instance."""
    from ingest.publish.validators import run_all

    results = run_all(current_layout(), stilts)
    if as_json:
        show_json([dataclasses.asdict(result) for result in results])
    else:
        show_table(
            ("check", "subject", "result", "findings"),
            ((one.check, one.subject, "ok" if one.passed else "FAILED", one.summary)
             for one in results),
        )  # fmt: skip
        for one in results:
            for line in one.details:
                say(f"{one.check} {one.subject}: {line}")
    if not all(result.passed for result in results):
        raise SystemExit(ExitCode.FAILURE)


@click.command()
@json_option
def demo(as_json: bool) -> None:
    """Run example queries on the instance."""
    from ingest.publish.demo import addresses, query_results

    layout = current_layout()
    shown = list(query_results(layout))
    if as_json:
        show_json([dataclasses.asdict(result) for result in shown])
        return
    for result in shown:
        say(f"\n{result.title}\n{result.query}")
        show_table(result.names, result.rows)
    say("")
    for name, address in addresses(layout).items():
        say(f"{name + ':':10} {address}")
