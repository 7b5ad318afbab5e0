"""The descriptor, the code and the database agree on the tables."""

from __future__ import annotations

from ingest.alerts.tables.records import RECORDS
from ingest.alerts.tables.schema import DESCRIPTOR, declared_columns
from ingest.alerts.tables.store import TABLES
from ingest.core.descriptors import expand_descriptor


def test_rows_are_written_to_the_columns_that_the_descriptor_declares():
    view = declared_columns()
    latest = view.pop("latest")
    for name in ("circular_alerts", "gaps", "latency", "latency_percentiles"):  # views
        del view[name]
    assert {table: sorted(names) for table, names in view.items()} == {
        table: sorted(names) for table, names in (*TABLES.items(), *RECORDS.items())
    }
    assert latest | {"superseded": "double precision"} == view["notices"]


def test_the_database_has_the_columns_that_the_descriptor_declares(empty_store):
    rows = empty_store.store.fetch(
        "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position)"
        " FROM information_schema.columns WHERE table_schema = 'alerts' GROUP BY table_name"
    )
    assert dict(rows) == {table: list(columns) for table, columns in declared_columns().items()}


def test_no_published_column_is_a_reserved_word_of_adql(instance):
    root = expand_descriptor(DESCRIPTOR)
    tables = [table for table in root.iter("table") if table.get("adql") == "True"]
    assert len(tables) >= 14
    for table in tables:
        name = table.get("id")
        columns = ", ".join(declared_columns()[name])
        assert instance.adql(f"SELECT TOP 0 {columns} FROM alerts.{name}") == []


def test_foreign_keys_are_declared_to_clients(instance, empty_store):
    keys = instance.adql(
        "SELECT from_table, from_column, target_table, target_column FROM tap_schema.keys"
        " JOIN tap_schema.key_columns USING (key_id) WHERE from_table LIKE 'alerts.%'"
    )
    parts = ("citations", "counterparts", "events", "matches", "params", "receptions")
    assert sorted(keys) == sorted(
        [[f"alerts.{table}", "notice_id", "alerts.notices", "notice_id"] for table in parts]
        + [["alerts.match_events", "match_id", "alerts.matches", "match_id"]]
    )


def test_an_index_answers_whether_a_region_contains_a_position(empty_store):
    """Without the SQL functions of ``regions.sql`` pgSphere reads the whole table."""
    with empty_store.forgotten(), empty_store.store._transaction() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT 1 FROM alerts.notices WHERE spoint(1, 0.5) <@ region_90")
        plan = " ".join(line for (line,) in cursor.fetchall())
    assert "Bitmap Index Scan on notices_region_90" in plan
