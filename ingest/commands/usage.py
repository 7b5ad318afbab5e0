"""``km3vo usage``: statistics of the use of the services."""

from __future__ import annotations

import csv
import dataclasses
import sys

import click

from ingest.commands.output import json_option, show_json, show_table
from ingest.instance import current_layout


@click.command()
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def usage(as_json: bool, as_csv: bool) -> None:
    """Show how services were used, by month: requests, rows, bytes and clients.

    Neither addresses nor queries are stored. The number of clients is the sum of the distinct
    clients of each day, estimated to about 3 %.
    """
    from ingest.publish.watching import COLUMNS, usage_by_month

    found = [dataclasses.asdict(one) for one in usage_by_month(current_layout())]
    if as_json:
        show_json(found)
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    else:
        show_table(COLUMNS, [list(one.values()) for one in found])
