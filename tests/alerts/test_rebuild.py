"""The tables can be made again from the archive alone."""

from __future__ import annotations

import csv
import io

from ingest.alerts.tables.store import TABLES, Store

csv.field_size_limit(1 << 30)


def content(store: Store) -> dict[str, list[list[str]]]:
    """Return all rows of all tables, as text, in the order of their keys.

    When a match was computed is left out.
    """
    found = {}
    for table, names in TABLES.items():
        columns = [name for name in names if name != "computed"]
        identifiers = ("notice_id", "match_id", "alias")
        keys = [name for name in columns if name in identifiers or name.endswith("_no")]
        query = f"SELECT {', '.join(columns)} FROM alerts.{table} ORDER BY {', '.join(keys)}"
        text = io.StringIO()
        with store._transaction() as cursor:
            cursor.copy_expert(f"COPY ({query}) TO STDOUT WITH CSV", text)
        found[table] = list(csv.reader(io.StringIO(text.getvalue())))
    return found


def test_a_rebuild_gives_the_same_rows(instance, empty_store):
    before = content(empty_store.store)
    numbers = {table: len(rows) for table, rows in before.items()}
    assert numbers | {"params": 0, "matches": 0, "match_events": 0} == {
        "notices": 14,
        "events": 2,
        "counterparts": 0,
        "params": 0,
        "citations": 16,
        "event_names": 11,
        "circulars": 0,
        "receptions": 0,
        "aliases": 0,
        "match_queue": 0,
        "matches": 0,
        "match_events": 0,
    }
    assert numbers["params"] > 500
    # those of IceCube's alerts with the published events
    assert numbers["matches"] > 0
    done = instance.km3vo("alerts", "rebuild")
    assert done.returncode == 0, done.stderr
    assert content(empty_store.store) == before


def test_readers_see_the_former_rows_until_the_end_of_a_rebuild(instance, empty_store):
    query = "SELECT count(*) FROM alerts.notices"
    before = instance.adql(query)
    with empty_store.forgotten():
        assert empty_store.store.count() == 0
        assert instance.adql(query) == before
