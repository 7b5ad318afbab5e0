"""The contract with those who query: which tables and columns are published.

``published.csv`` is that list, as TAP tells it. Its fingerprint has to stand in the newest
section "Published tables" of the changelog, so that nobody changes a published column without
telling its users.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from pathlib import Path

from instances import ROOT, Instance

GOLDEN = Path(__file__).with_name("published.csv")
CHANGELOG = ROOT / "CHANGELOG.md"
HEADER = ("table", "column", "type", "unit", "ucd")
_QUERY = """
    SELECT table_name, column_name, datatype, arraysize, xtype, unit, ucd
    FROM tap_schema.columns ORDER BY table_name, column_index
"""


def published(instance: Instance) -> list[tuple[str, ...]]:
    """Return what an instance publishes, but for TAP's tables about tables."""
    rows = []
    for table, column, kind, size, xtype, unit, ucd in instance.adql(_QUERY):
        if not table.lower().startswith("tap_schema."):
            shape = f"{kind}({size})" if size else kind
            rows.append((table, column, f"{shape} {xtype}".strip(), unit, ucd))
    return sorted(rows, key=lambda row: row[0])  # DaCHS' order of columns stays


def as_text(rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    return text.getvalue()


def fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def newest_entry(changelog: str) -> str:
    """Return the newest section of the changelog about published tables."""
    found = re.search(
        r"^### Published tables\n(.*?)(?=^##|\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    assert found, "the changelog has no section Published tables"
    return found[1]
