r"""A text file of the archive to which lines are only appended, durably.

It starts with a header that names the fields, which are separated by tabs; ``\N`` is a value that
does not exist. A line that a power cut or a full disk has cut is removed by the next writer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.index import ArchiveError, printable
from ingest.alerts.archive.line_log import append_lines, complete_lines

_NULL: Final = "\\N"


class AppendLog:
    """The file. It has one writer at a time, the listener, and any number of readers.

    Parameters
    ----------
    archive : Archive
        The archive.
    name : str
        Name of the file.
    what : str
        What it is a log of, for error messages.
    fields : sequence of str
        Names of the fields.
    """

    def __init__(self, archive: Archive, name: str, what: str, fields: Sequence[str]) -> None:
        self.path: Path = archive.root / name
        self._account = archive.account
        self._what = what
        self._fields = fields

    def append(self, rows: Sequence[Sequence[str | int | None]]) -> None:
        """Write rows durably.

        Raises
        ------
        OSError
            If the disk is full or not writable. Some of the rows may be in the log then.
        """
        lines = [_line(row) for row in rows]
        append_lines(self.path, lines, self._account, _line(self._fields))

    def rows(self, last_bytes: int | None = None) -> Iterator[list[str | None]]:
        """Yield the rows in order: all, or those in the last bytes of the file.

        Raises
        ------
        ArchiveError
            If a line is damaged.
        """
        lines = complete_lines(self.path, -(last_bytes or 0))
        next(lines, None)  # the header, or the rest of a line
        for line in lines:
            texts = line[:-1].decode(errors="backslashreplace").split("\t")
            if len(texts) != len(self._fields):
                raise self.damage(texts)
            yield [None if text == _NULL else text for text in texts]

    def damage(self, row: Sequence[str | None]) -> ArchiveError:
        """Return the error for a row that cannot be read."""
        return ArchiveError(
            f"the log of {self._what} is damaged",
            file=self.path,
            value="\t".join(_text(value) for value in row)[:200],
            expected="a line with the fields " + ", ".join(self._fields),
            remedy="restore the file from a backup, or delete the line; packets are not affected",
        )


def _line(row: Sequence[str | int | None]) -> bytes:
    return ("\t".join(map(_text, row)) + "\n").encode("utf-8", "backslashreplace")


def _text(value: str | int | None) -> str:
    return _NULL if value is None else printable(str(value))
