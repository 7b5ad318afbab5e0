"""The extensions of the database for geometry on the sphere."""

from __future__ import annotations

from pathlib import Path

import psycopg2
import pytest

from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import HOST, PATCHED_VERSION, SUPERUSER, Cluster
from tests.instances import Instance

SCRIPT = Path(f"/usr/share/postgresql/15/extension/pg_sphere--{PATCHED_VERSION}.sql")


@pytest.mark.skipif(not SCRIPT.exists(), reason="this PostgreSQL does not need a patched pgSphere")
def test_the_patched_pgsphere_is_complete(instance: Instance) -> None:
    layout = Layout(instance.var, Account.current())
    state = InstanceState.read(layout)
    assert state is not None
    password = Cluster(layout).password

    def connect(database: str) -> psycopg2.extensions.connection:
        connection = psycopg2.connect(
            host=HOST,
            port=state.postgres_port,
            dbname=database,
            user=SUPERUSER,
            password=password,
        )
        connection.autocommit = True
        return connection

    with connect("postgres").cursor() as cursor:
        cursor.execute("CREATE DATABASE patched")
    try:
        connection = connect("patched")
        cursor = connection.cursor()
        cursor.execute(f"CREATE EXTENSION pg_sphere VERSION '{PATCHED_VERSION}'")
        point, circle = "spoint(1.0, 0.05)", "scircle(spoint(1.0, 0.0), 0.1)"
        cursor.execute(
            f"SELECT {point} <@ {circle}, {circle} @> {point}, {point} @ {circle},"
            f" {circle} ~ {point}, {point} !<@ {circle}"
        )
        assert cursor.fetchone() == (True, True, True, True, False)
        # the operators of the indices exist, with their commutators
        cursor.execute(
            "SELECT count(*) FROM pg_operator o JOIN pg_operator p ON o.oprcom = p.oid"
            " WHERE o.oprname = '<@' AND p.oprname = '@>' AND o.oprright = 'scircle'::regtype"
        )
        assert cursor.fetchone()[0] > 0
        cursor.execute(
            "CREATE TABLE circles (c scircle); CREATE INDEX ON circles USING gist (c);"
            f"INSERT INTO circles VALUES ({circle}); SET enable_seqscan = off;"
            f"EXPLAIN SELECT * FROM circles WHERE {point} <@ c"
        )
        assert "Index" in "".join(row[0] for row in cursor.fetchall())
        connection.close()
    finally:
        with connect("postgres").cursor() as cursor:
            cursor.execute("DROP DATABASE patched")
