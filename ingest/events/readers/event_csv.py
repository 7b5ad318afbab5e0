"""A list of published events as CSV: single events, or the table of a paper.

The first line names the columns, which are fields of :data:`ingest.events.fields.FIELDS` in
their units; lines that start with ``#`` are comments. An empty cell is a missing value. The
events are already on the sky, so ``mjd``, ``ra`` and ``dec`` are required; ``mjd`` may be
replaced by ``time``, UTC, such as 2023-02-13T01:16:47.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

import numpy as np
from astropy.time import Time

from ingest.core.errors import InputError
from ingest.events.fields import FIELDS, MISSING_INTEGER, Chunk, chunk_dtype
from ingest.events.readers._files import open_delivered, unreadable
from ingest.events.readers.base import DEFAULT_CHUNK_ROWS, FileFacts, Reader

_REQUIRED: Final = ("event_name", "mjd", "ra", "dec")
_REMEDY: Final = "correct the line and deliver the file again"


class EventCsvReader(Reader):
    """Reads a list of published events."""

    format = "event-csv"
    title = "List of published events (CSV)"
    gives = tuple(FIELDS)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with _numbered_lines(path) as lines:
            header = next(lines, None)
        if header is None:
            raise InputError("the file is empty", file=path, remedy="fetch the file again")
        self._columns = [name.strip() for name in header[1]]
        fields = tuple("mjd" if name == "time" else name for name in self._columns)
        unknown = [name for name in fields if name not in FIELDS or name.startswith("dir_")]
        missing = [name for name in _REQUIRED if name not in fields]
        if unknown or missing or len(set(fields)) != len(fields):
            raise InputError(
                "the columns are not those of an event list",
                file=path,
                where=f"line {header[0]}",
                value=", ".join(self._columns),
                expected=f"{', '.join(_REQUIRED)} (or time for mjd), and any of "
                + ", ".join(name for name in FIELDS if not name.startswith("dir_")),
                remedy="correct the first line",
            )
        self.gives = fields
        self._lines: list[int] = []

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether the first line names the required columns."""
        with open_delivered(path) as stream:
            head = stream.read(4096)
        try:
            lines = [line for line in head.decode().splitlines() if not line.startswith("#")]
        except UnicodeDecodeError:
            return False
        names = {name.strip() for name in lines[0].split(",")} if lines else set()
        return {"event_name", "ra", "dec"} <= names

    def facts(self) -> FileFacts:
        """Return no facts: the list has no header."""
        return FileFacts()

    def where(self, row: int) -> str:
        """Return the line of a row."""
        return f"line {self._lines[row]}" if row < len(self._lines) else f"row {row}"

    def chunks(self, rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the events in file order.

        Raises
        ------
        ingest.core.errors.InputError
            If a line has too few or too many values, or a value of the wrong type.
        """
        dtype = chunk_dtype(self.gives)
        self._lines = []
        with _numbered_lines(self.path) as lines:
            next(lines)
            while block := list(itertools.islice(lines, rows)):
                chunk = np.empty(len(block), dtype)
                for index, (number, cells) in enumerate(block):
                    chunk[index] = self._event(number, cells)
                self._lines += [number for number, _ in block]
                yield chunk

    def _event(self, number: int, cells: list[str]) -> tuple[object, ...]:
        if len(cells) != len(self._columns):
            raise InputError(
                f"wrong number of values: {len(cells)}",
                file=self.path,
                where=f"line {number}",
                value=", ".join(cells),
                expected=f"{len(self._columns)}: {', '.join(self._columns)}",
                remedy=_REMEDY,
            )
        return tuple(
            self._value(number, column, cell.strip())
            for column, cell in zip(self._columns, cells, strict=True)
        )

    def _value(self, number: int, column: str, cell: str) -> object:
        kind = "time" if column == "time" else np.dtype(FIELDS[column]).kind
        try:
            match kind:
                case "U":
                    return cell
                case "time":
                    return float(Time(cell, scale="utc").mjd)
                case "i":
                    return int(cell) if cell else MISSING_INTEGER
                case _:
                    return float(cell) if cell else np.nan
        except ValueError:
            expected = {"i": "a whole number", "time": "2023-02-13T01:16:47"}
            raise InputError(
                f"the value of {column} cannot be read",
                file=self.path,
                where=f"line {number}",
                value=cell,
                expected=expected.get(kind, "a number"),
                remedy=_REMEDY,
            ) from None


@contextmanager
def _numbered_lines(path: Path) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """Open a CSV file and yield its lines without the comments, each with its number."""
    try:
        stream = io.TextIOWrapper(open_delivered(path), encoding="utf-8", newline="")
    except OSError as error:
        raise unreadable(path, error) from None
    with stream:
        yield _read_lines(path, stream)


def _read_lines(path: Path, stream: TextIO) -> Iterator[tuple[int, list[str]]]:
    table = csv.reader(stream, strict=True)
    try:
        for cells in table:
            if cells and not cells[0].startswith("#"):
                yield table.line_num, cells
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(
            "the line is not CSV in UTF-8",
            file=path,
            where=f"line {table.line_num + 1}",
            value=str(error),
            remedy=_REMEDY,
        ) from None
