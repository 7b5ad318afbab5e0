"""What requests may use is limited, and those of others are answered meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg2
import pytest

from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from tests.instances import Instance


@pytest.fixture
def untrusted(instance: Instance) -> Iterator[psycopg2.extensions.connection]:
    """Provide a connection with the role under which queries of visitors run."""
    lines = (instance.var / "dachs" / "etc" / "untrustedquery").read_text().splitlines()
    profile = dict(re.split(r"\s*=\s*", line, maxsplit=1) for line in lines if "=" in line)
    state = InstanceState.read(Layout(instance.var, Account.current()))
    assert state is not None
    connection = psycopg2.connect(
        host="127.0.0.1",
        port=state.postgres_port,
        dbname="gavo",
        user=profile["user"],
        password=profile["password"],
    )
    yield connection
    connection.close()


# -- database -----------------------------------------------------------------------------------


def test_a_query_that_takes_too_much_memory_fails_and_no_other(instance, untrusted) -> None:
    cursor = untrusted.cursor()
    with pytest.raises(psycopg2.errors.OutOfMemory):
        # 0.9 GB, less than the length that PostgreSQL allows for a text
        cursor.execute(
            "SELECT length(string_agg(repeat('x', 1000000), '')) FROM generate_series(1, 900)"
        )
    untrusted.rollback()
    cursor.execute("SELECT count(*) FROM ant20_01.main")  # PostgreSQL has not restarted
    assert cursor.fetchall() == [(8754,)]
    assert instance.adql("SELECT COUNT(*) AS n FROM ant20_01.main") == [["8754"]]


def test_an_older_instance_gets_the_limits(instance) -> None:
    # The file as older versions wrote it; the last setting of a name is valid.
    main = (instance.var / "postgres" / "postgresql.conf").read_text()
    assert main.rstrip().endswith("include = 'km3vo.conf'")
