"""What all readers have in common."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ingest.core.errors import InputError
from ingest.events.fields import Chunk, chunk_dtype
from ingest.events.readers._columns import RowRange

DEFAULT_CHUNK_ROWS = 65_536
"""Events per chunk: enough for vectorised code, few enough to stay in memory."""


@dataclass(frozen=True)
class FileFacts:
    """What the header of a delivered file says about all its events.

    A fact that the file does not state is None.
    """

    detector: str | None = None
    """``antares``, ``orca`` or ``arca``."""
    det_id: int | None = None
    runs: tuple[int, ...] = ()
    n_events: int | None = None
    """Number of events, where it is known without reading the whole file."""
    start_mjd: float | None = None
    """Start of data taking, UTC."""
    stop_mjd: float | None = None
    """End of data taking, UTC."""
    livetime: float | None = None
    """In seconds."""
    simulated: bool | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    """How the file was made: identifiers, program versions, parameters."""


class Reader(abc.ABC):
    """One delivered file.

    Opening is cheap and checks that the file is of this format; the events are streamed.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Raises
    ------
    ingest.core.errors.InputError
        If the file is not of this format, or is damaged.
    """

    format: ClassVar[str]
    """The format's name in manifests and on the command line."""
    title: ClassVar[str]
    """A short description of the format."""
    topologies: ClassVar[tuple[str, ...]] = ()
    """What a release can take from files with several reconstructions of each event, ``track`` or
    ``shower``; the first is the default. Empty if a file has one reconstruction of each."""
    gives: tuple[str, ...]
    """The fields of the chunks, in order; a subset of :data:`ingest.events.fields.FIELDS`.

    On the class, all fields the format may have; on an instance, those of its file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    @abc.abstractmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether the file looks like this format, by its first bytes or structure."""

    def select(self, topology: str) -> None:
        """Take the reconstructions of this topology, if the format has several.

        Raises
        ------
        ingest.core.errors.InputError
            If this is not one of :attr:`topologies`.
        """
        if self.topologies and topology not in self.topologies:
            raise InputError(
                "this topology cannot be taken from the file",
                file=self.path,
                value=topology,
                expected=f"{' or '.join(self.topologies)}, for the format {self.format}",
                remedy="correct event_type in the manifest, or --topology",
            )

    @abc.abstractmethod
    def facts(self) -> FileFacts:
        """Return what the header says."""

    @abc.abstractmethod
    def chunks(self, rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the events in file order, at most `rows` at a time, with the fields `gives`.

        Raises
        ------
        ingest.core.errors.InputError
            At the first row that cannot be read; the message names file, row and value.
        """

    def where(self, row: int) -> str:
        """Return the place of an event for messages; `row` counts from 0 in file order."""
        return f"row {row}"


class TableReader(Reader):
    """A file whose events are the rows of a table of known length.

    A subclass sets :attr:`n_rows` when it opens the file, and implements :meth:`_open_events`
    and :meth:`_fill`; streaming is the same for all.
    """

    n_rows: int
    """Number of events."""

    def chunks(self, rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the events in file order, at most `rows` at a time, with the fields `gives`.

        Raises
        ------
        ingest.core.errors.InputError
            If the file has no events, rows cannot be read, or a value does not fit its field.
        """
        if self.n_rows == 0:
            raise InputError(
                "the file contains no events",
                file=self.path,
                expected="at least one event",
                remedy="fetch the file again, or remove it from the release",
            )
        with self._open_events() as events:
            for first in range(0, self.n_rows, rows):
                span = RowRange(self.path, first, min(first + rows, self.n_rows), self.where)
                chunk = np.empty(len(span), chunk_dtype(self.gives))
                self._fill(chunk, events, span)
                yield chunk

    @abc.abstractmethod
    def _open_events(self) -> AbstractContextManager[Any]:
        """Open whatever :meth:`_fill` reads from."""

    @abc.abstractmethod
    def _fill(self, chunk: Chunk, events: Any, rows: RowRange) -> None:
        """Read the rows `rows` from `events` into all fields of `chunk`."""
