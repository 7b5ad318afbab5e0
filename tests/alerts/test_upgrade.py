"""What an upgrade and a new address of the server do to the tables that are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.alerts.tables import RECORDS, TABLES
from ingest.instance import ARCHIVE_VARIABLE
from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from tests.instances import Instance

pytestmark = pytest.mark.slow

COUNT = "SELECT count(*) FROM alerts.notices"


def add_a_column(checkout: Path) -> None:
    for path, old, new in (
        (
            checkout / "rd" / "alerts" / "nu.rd",
            '<column name="origin"',
            '<column name="shade" type="text" ucd="meta.note" description="New."/>\n'
            '<column name="origin"',
        ),
        (
            checkout / "ingest" / "alerts" / "tables" / "rows.py",
            '"origin", ',
            '"shade", "origin", ',
        ),
        (
            checkout / "ingest" / "alerts" / "tables" / "rows.py",
            "        entry.source,\n",
            '        "dark",\n        entry.source,\n',
        ),
    ):
        text = path.read_text("utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), "utf-8")


def test_tables_with_a_new_column_are_served_as_they_were_until_they_are_filled(
    filled_instance: Instance, checkout: Path, delivered: Path
) -> None:
    add_a_column(checkout)
    layout = Layout(filled_instance.var, Account.current())
    state = InstanceState.read(layout)
    with Cluster(layout).connect(state.postgres_port) as connection:
        # the first version of the software had no others
        kept = ("notices", "events", "counterparts", "params", "citations", "receptions", "aliases")
        new = ", ".join(f"alerts.{table}" for table in {*TABLES, *RECORDS}.difference(kept))
        connection.cursor().execute(f"DROP TABLE {new} CASCADE")
        connection.commit()
    upgraded = {"PYTHONPATH": str(checkout)}
    done = filled_instance.km3vo("alerts", "status", **upgraded)
    assert (done.returncode, done.stderr) == (0, "")
    assert "No rows: the tables are those of an earlier version" in done.stdout
    done = filled_instance.km3vo("instance", "up", **upgraded)
    assert done.returncode == 0, done.stderr
    assert filled_instance.adql(COUNT) == [["24"]]
    not_mounted = {ARCHIVE_VARIABLE: str(layout.path.resolve() / "not_mounted")}
    done = filled_instance.km3vo("alerts", "match", **upgraded, **not_mounted)
    assert done.returncode == 1
    assert "filled from another archive" in done.stderr and "Traceback" not in done.stderr
    assert filled_instance.adql(COUNT) == [["24"]]
    done = filled_instance.km3vo("alerts", "import", str(delivered / "alerts" / "gcn"), **upgraded)
    assert done.returncode == 0, done.stderr
    shades = "SELECT shade, count(*) AS n FROM alerts.notices GROUP BY shade"
    assert filled_instance.adql(shades) == [["dark", "24"]]
    assert filled_instance.km3vo("alerts", "verify", **upgraded).returncode == 0


def test_a_new_address_and_a_new_index_come_with_the_next_start(
    filled_instance: Instance, checkout: Path
) -> None:
    layout = Layout(filled_instance.var, Account.current())
    state = InstanceState.read(layout)
    assert state is not None
    descriptor = checkout / "rd" / "alerts" / "nu.rd"
    descriptor.write_text(descriptor.read_text("utf-8") + "<!-- changed -->\n", "utf-8")
    index = "SELECT count(*) FROM pg_indexes WHERE indexname = 'notices_event_name'"
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute("DROP INDEX alerts.notices_event_name")
        connection.commit()
        filled_instance.port += 1
        upgraded = {"PYTHONPATH": str(checkout)}
        done = filled_instance.km3vo(
            "instance", "up", "--port", str(filled_instance.port), **upgraded
        )
        assert done.returncode == 0, done.stderr
        cursor.execute(index)
        assert cursor.fetchone() == (1,)
    ((address,),) = filled_instance.adql("SELECT TOP 1 access_url FROM ivoa.obscore")
    assert address.startswith(f"{filled_instance.url}/alerts/nu/dl/")
    assert filled_instance.adql(COUNT) == [["24"]]
