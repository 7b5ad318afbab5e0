"""How far the database has come with loading the tables of an import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final

import psycopg2

from ingest.core.errors import InstanceError
from ingest.core.progress import Pace
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster

_COPIED: Final = "SELECT sum(tuples_processed)::bigint FROM pg_stat_progress_copy"
_INDEXED: Final = """
    SELECT sum(blocks_done + tuples_done)::float8 / nullif(sum(blocks_total + tuples_total), 0)
    FROM pg_stat_progress_create_index"""


class Loading:
    """What the database is doing for an import.

    Parameters
    ----------
    cursor : psycopg2 cursor
        Of a connection of its own.
    rows : int
        The number of rows to be loaded.
    """

    def __init__(self, cursor: Any, rows: int) -> None:
        self._cursor, self._rows = cursor, rows
        self._pace: Pace | None = None
        self._before = self._now = 0

    def state(self) -> str | None:
        """Return what to tell the curator; None if nothing is known."""
        with suppress(psycopg2.Error):
            copied = self._value(_COPIED)
            if copied is not None:
                return self._loaded(int(copied))
            part = self._value(_INDEXED)
            if part is not None:
                return f"building indices, {part:.0%} of this one"
            if self._pace is not None:
                return "completing the tables"
        return None

    def _loaded(self, copied: int) -> str:
        self._pace = self._pace or Pace(self._rows)
        if copied < self._now:  # of another table
            self._before += self._now
        self._now = copied
        return f"loading {self._pace.text(min(self._before + copied, self._rows))}"

    def _value(self, query: str) -> Any:
        self._cursor.execute(query)
        return self._cursor.fetchone()[0]


@contextmanager
def watched_loading(layout: Layout, state: InstanceState, rows: int) -> Iterator[Loading | None]:
    """Yield what the database is doing in this block; None if it accepts no further connection."""
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(Cluster(layout).connect(state.postgres_port))
        except InstanceError:
            yield None
            return
        connection.autocommit = True
        yield Loading(stack.enter_context(connection.cursor()), rows)
