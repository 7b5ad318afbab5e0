"""What an import reports while it runs: rows, rows per second, and the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest.core.progress import Pace, ProgressCallback, telling
from ingest.instance import InstanceState, Layout
from ingest.instance.dachs import watched_loading

if TYPE_CHECKING:
    from ingest.events.survey import Survey


class ImportProgress:
    """Tells how far the steps of an import have come that take long.

    Parameters
    ----------
    tell : callable
        Called about every second with a line.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    @contextmanager
    def reading(self, survey: Survey, rows: int) -> Iterator[None]:
        """Tell in this block how many of the delivered rows have been read."""
        pace = Pace(rows)
        with telling(lambda: f"reading {pace.text(survey.read)}", self._tell):
            yield

    @contextmanager
    def writing_columns(self, rows: int) -> Iterator[ProgressCallback]:
        """Yield the function to call with each number of rows that were written as Parquet."""
        pace, written = Pace(rows), 0

        def add(more: int) -> None:
            nonlocal written
            written += more
            self._tell(f"writing Parquet, {pace.text(written)}")

        yield add

    @contextmanager
    def loading(self, layout: Layout, state: InstanceState, rows: int) -> Iterator[None]:
        """Tell in this block how far the database has come with these rows."""
        with watched_loading(layout, state, rows) as loading:
            if loading is None:
                yield
                return
            with telling(loading.state, self._tell):
                yield
