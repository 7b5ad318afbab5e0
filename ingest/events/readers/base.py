"""What every reader has in common."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ingest.events.fields import Chunk

DEFAULT_CHUNK_ROWS = 65_536
"""Events per chunk: large enough for vectors to pay, small enough to stay in memory."""


@dataclass(frozen=True)
class FileFacts:
    """What the header of a delivered file says about all its events.

    A fact the file does not state is None.
    """

    detector: str | None = None
    """``antares``, ``orca`` or ``arca``."""
    det_id: int | None = None
    runs: tuple[int, ...] = ()
    n_events: int | None = None
    """Number of events, where the file knows it without being read through."""
    start_mjd: float | None = None
    """Begin of data taking, UTC."""
    stop_mjd: float | None = None
    livetime: float | None = None
    """Seconds."""
    simulated: bool | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    """What the file says of its own making: ids, program versions, parameters."""


class Reader(abc.ABC):
    """One delivered file.

    Opening is cheap and tells at once whether the file is of this format; the events stream.

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
    """The format in words."""
    gives: tuple[str, ...]
    """The fields of the chunks, of :data:`ingest.events.fields.FIELDS`, in their order.

    On the class, what the format can give; on an opened reader, what this file does give."""
    needs: ClassVar[tuple[str, ...]] = ()
    """What the format cannot tell by itself and someone has to provide, in words."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    @abc.abstractmethod
    def recognises(cls, path: Path) -> bool:
        """Say whether the file looks like this format, from its first bytes or its structure."""

    @abc.abstractmethod
    def facts(self) -> FileFacts:
        """Return what the header says."""

    @abc.abstractmethod
    def chunks(self, rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the events in file order, at most `rows` at a time, with the fields `gives`.

        Raises
        ------
        ingest.core.errors.InputError
            At the first row that cannot be read; it names file, row and value.
        """

    def where(self, row: int) -> str:
        """Name the place of an event for a person; `row` counts from 0 in file order."""
        return f"row {row}"
