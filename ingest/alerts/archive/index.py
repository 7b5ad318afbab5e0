"""The index of the raw archive: a text file with a line for each packet, in order of receipt.

A header names the fields, tabs part them: a person can read it without this program. Lines
are only ever appended. They begin with a number that counts them, which is how one is found
quickly among a million.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import BinaryIO, Final

from ingest.core.errors import IngestError

CHECKSUM: Final = re.compile("[0-9a-f]{64}")
_LONGEST_SOURCE: Final = 1000
_TAIL: Final = 1 << 16
"""bytes; longer than any line."""


class ArchiveError(IngestError):
    """The raw archive is damaged, or not where it should be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A packet in the archive.

    Attributes
    ----------
    number : int
        1, 2, 3 … in order of receipt; ``notice_id`` in all tables.
    sha256 : str
        Checksum of its bytes, 64 hexadecimal digits.
    received : str
        When, ISO 8601 in UTC with microseconds and Z.
    source : str
        Where from: ``file:NAME``, ``tar:NAME!MEMBER``, ``kafka:TOPIC``.
    media_type : str
        ``application/xml``, ``application/json`` or ``application/octet-stream``.
    size : int
        Number of bytes.
    """

    number: int
    sha256: str
    received: str
    source: str
    media_type: str
    size: int

    @property
    def line(self) -> bytes:
        """The entry as it stands in the index."""
        return (
            f"{self.number}\t{self.sha256}\t{self.received}"
            f"\t{self.source}\t{self.media_type}\t{self.size}\n"
        ).encode()


HEADER: Final = "\t".join(field.name for field in fields(Entry)).encode() + b"\n"


def printable(source: str) -> str:
    r"""Return a source as the index takes it: no control characters, not endless.

    Tabs and line ends become ``\t`` and ``\n``, what else is no text ``\x..``.
    """
    text = source
    if not source.isprintable():
        text = "".join(
            one if one.isprintable() else one.encode("unicode_escape").decode() for one in source
        )
    return text if len(text) <= _LONGEST_SOURCE else text[: _LONGEST_SOURCE - 1] + "…"


def parse_line(line: bytes) -> Entry:
    """Return the entry of a line with its line end.

    Raises
    ------
    ValueError
        If it is not a whole line of an index.
    """
    if not line.endswith(b"\n"):
        raise ValueError("the line has no end")
    number, sha256, received, source, media_type, size = line[:-1].decode().split("\t")
    if not CHECKSUM.fullmatch(sha256):
        raise ValueError("the checksum is none")
    return Entry(int(number), sha256, received, source, media_type, int(size))


class Index:
    """The file ``index.tsv``. One process at a time may write, any may read meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries with numbers above `after`, in order.

        Raises
        ------
        ArchiveError
            At a line that is damaged, or whose number is not the next one.
        """
        try:
            stream = self.path.open("rb")
        except FileNotFoundError:
            return
        with stream:
            stream.seek(self._first_above(stream, after))
            expected = after + 1
            for line in stream:
                if not line.endswith(b"\n"):
                    return  # it is being written
                entry = self._parsed(line, expected)
                yield entry
                expected = entry.number + 1

    def last_number(self) -> int:
        """Return the number of the newest entry, 0 where there is none."""
        try:
            with self.path.open("rb") as stream:
                end = stream.seek(0, os.SEEK_END)
                stream.seek(max(0, end - _TAIL))
                lines = stream.read().splitlines(keepends=True)
        except FileNotFoundError:
            return 0
        whole = [line for line in lines if line.endswith(b"\n")]
        if not whole or whole[-1] == HEADER:
            return 0
        try:
            return parse_line(whole[-1]).number
        except ValueError:
            raise self._damaged(whole[-1], "the last one") from None

    def append(self, lines: Sequence[bytes], size: int) -> None:
        """Make `lines` durable as those that begin at byte `size`.

        What stands there already is the same, a part of it, or what a power cut left of it;
        it is written anew.

        Raises
        ------
        ArchiveError
            If there is more behind `size` than `lines` can explain; nothing is changed then.
        """
        content = b"".join(lines)
        with self._open_to_write() as stream:
            present = os.fstat(stream.fileno()).st_size
            if not size <= present <= size + len(content):
                raise ArchiveError(
                    "the index does not fit the packets that are to be added",
                    file=self.path,
                    value=f"{present} bytes",
                    expected=f"{size} to {size + len(content)} bytes",
                    remedy="was it restored from another day's backup than the packets? restore"
                    " the whole archive",
                )
            stream.seek(size)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())

    def heal(self) -> int:
        """Cut off a last line without an end; return the size of the file in bytes."""
        with self._open_to_write() as stream:
            end = stream.seek(0, os.SEEK_END)
            begin = max(0, end - _TAIL)
            stream.seek(begin)
            tail = stream.read()
            whole = begin + tail.rfind(b"\n") + 1
            if whole < len(HEADER):
                raise self._damaged(tail[: len(HEADER)], "the header")
            if whole < end:
                stream.truncate(whole)
                os.fsync(stream.fileno())
        return whole

    def _open_to_write(self) -> BinaryIO:
        return os.fdopen(os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "r+b")

    def _first_above(self, stream: BinaryIO, number: int) -> int:
        """Return where the first line with a number above `number` begins, by bisection."""
        header = stream.readline()
        if header != HEADER:
            raise self._damaged(header, "the header")
        low, high = len(header), stream.seek(0, os.SEEK_END)
        while low < high and number > 0:
            middle = (low + high) // 2
            stream.seek(middle - 1)
            stream.readline()
            start = stream.tell()
            line = stream.readline() if start < high else b""
            if line.endswith(b"\n") and self._parsed(line).number <= number:
                low = stream.tell()
            else:
                high = middle
        return low

    def _parsed(self, line: bytes, expected: int | None = None) -> Entry:
        try:
            entry = parse_line(line)
        except ValueError:
            raise self._damaged(line, f"after entry {expected - 1}" if expected else None) from None
        if expected is not None and entry.number != expected:
            raise self._damaged(line, f"after entry {expected - 1}")
        return entry

    def _damaged(self, line: bytes, where: str | None) -> ArchiveError:
        return ArchiveError(
            "the index of the alert archive is damaged",
            file=self.path,
            where=where,
            value=line[:200].decode(errors="backslashreplace"),
            expected="a line with the fields " + ", ".join(HEADER.decode().split()),
            remedy="restore the file from a backup; the packets themselves are not touched",
        )


def read_lines(lines: Iterable[bytes]) -> list[Entry]:
    """Return the entries of whole lines; ValueError if one is damaged."""
    return [parse_line(line) for line in lines]
