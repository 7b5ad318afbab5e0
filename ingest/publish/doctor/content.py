"""Checks of what is published: descriptors, products, tables, reports and alerts agree."""

from __future__ import annotations

import json
from typing import Final

from psycopg2 import sql

from ingest.alerts.archive import withheld_packets
from ingest.alerts.pipeline import count_rows
from ingest.events.delivery import (
    is_draft,
    is_draft_of_responses,
    load_manifest,
    load_responses,
    release_names,
    responses_names,
)
from ingest.events.deployment import deployment
from ingest.events.import_responses import responses_deployment
from ingest.instance.dachs import deploy, online_releases, online_responses
from ingest.publish.doctor.patient import Advice, Fault, Patient, Unknown


def _publication(patient: Patient) -> None:
    path = patient.layout.staged
    if path.exists():
        raise Fault(
            f"{path} exists: a publication was interrupted, or is under way",
            "What was online before still is. The next command completes or discards it.",
            "make up",
        )


def _products(patient: Patient) -> None:
    """Compare the products with the tables."""
    releases = _releases(patient)
    tables = {
        f"{schema}.{table}": kind
        for schema, table, kind in patient.rows(
            "SELECT relnamespace::regnamespace::text, relname, relkind FROM pg_class"
            " WHERE relkind IN ('r', 'v') AND relnamespace::regnamespace::text !~ '^pg_'"
        )
    }
    for release in releases:
        if f"{release}.main" not in tables:
            raise Fault(
                f"{release} has products but no table {release}.main",
                "Its files are served, but it cannot be queried.",
                f"make import RELEASE={release}",
            )
    for name in sorted(tables):
        schema, _, table = name.partition(".")
        if table == "main" and schema not in releases:
            raise Fault(
                f"the table {name} has no products",
                "Its rows can be queried, but their files and descriptor are missing.",
                f"make import RELEASE={schema}, or km3vo registry withdraw {schema}",
            )


def _rows(patient: Patient) -> None:
    """Compare the number of rows with the report of the import."""
    for release in _releases(patient):
        path = patient.layout.record(release)
        try:
            imported = json.loads(path.read_text("utf-8"))["result"]["imported"]
        except (OSError, ValueError, KeyError, TypeError):
            raise Fault(
                f"the report {path} is missing or damaged",
                "Nothing says how many rows the release should have.",
                f"km3vo import --release {release} --force",
            ) from None
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(release, "main"))
        ((found,),) = patient.rows(query)
        if found != imported:
            raise Fault(
                f"{release} has {found} rows, but {imported} were imported",
                "The table was changed by hand, or is damaged.",
                f"km3vo import --release {release} --force",
            )


def _descriptors(patient: Patient) -> None:
    deployed = {
        release: deployment(load_manifest(release), patient.layout, patient.state)
        for release in _releases(patient)
        if release in release_names() and not is_draft(release)
    }
    deployed |= {
        release: responses_deployment(load_responses(release))
        for release in online_responses(patient.layout)
        if release in responses_names() and not is_draft_of_responses(release)
    }
    for release, present in deployed.items():
        if different := deploy.differences(patient.layout, present):
            raise Advice(
                f"files of {release} that differ from rd/: {len(different)}; first {different[0]}",
                "What is online is older than the checkout, or was changed by hand.",
                f"make import RELEASE={release}",
            )


def _alerts(patient: Patient) -> None:
    archive = patient.archive
    if (archive.root / "pending.tsv").exists():
        raise Fault(
            "a batch of packets was interrupted while it was archived, or is being archived",
            "Its packets have no rows yet.",
            "km3vo alerts import, with the same files",
        )
    patient.rows("SELECT 1")
    rows = count_rows(patient.layout)
    packets, held = len(archive), len(archive.quarantined())
    withheld = len(withheld_packets(archive))
    if rows is None:
        if packets:
            raise Fault(
                f"{packets} packets are archived, but tables of alerts are missing",
                "Alerts cannot be queried, or only as an earlier version had them.",
                "km3vo alerts rebuild",
            )
        return
    if rows + held + withheld != packets:
        raise Fault(
            f"{packets} packets are archived, but {rows} have rows, {held} are in quarantine and"
            f" {withheld} are withheld",
            "Some packets cannot be queried, or rows have lost their packets.",
            "km3vo alerts verify",
        )


def _quarantine(patient: Patient) -> None:
    packets, held = len(patient.archive), len(patient.archive.quarantined())
    if held > 10 and held > packets // 10:
        raise Advice(
            f"{held} of {packets} packets are in quarantine",
            "A stream may have changed its format.",
            "km3vo alerts quarantine; after an upgrade: km3vo alerts quarantine --retry",
        )


def _releases(patient: Patient) -> list[str]:
    if not patient.layout.inputs.is_dir():
        raise Unknown("nothing is deployed")
    return online_releases(patient.layout)


CHECKS: Final = (
    ("interrupted publication", _publication),
    ("products and tables", _products),
    ("rows and reports", _rows),
    ("descriptors", _descriptors),
    ("alerts", _alerts),
    ("quarantine", _quarantine),
)
