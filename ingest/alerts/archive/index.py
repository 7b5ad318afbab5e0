"""The index of the alert archive: a text file with one line per packet, in order of receipt.

The file is readable without this program: a header names the fields, which are separated by
tabs. Lines are only appended. Each line starts with its number, so that a line can be
found by bisection.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import BinaryIO, Final

from ingest.core.errors import IngestError
from ingest.core.files import open_regular

CHECKSUM: Final = re.compile("[0-9a-f]{64}")
_MAX_SOURCE: Final = 1000
"""Maximum number of characters of a source in the index."""
_TOPIC: Final = re.compile(r"(?!(?:file|tar|lines):)[^:]+:([\w.-]+)/\d+/\d+", re.ASCII)
_TAIL: Final = 1 << 16
"""Number of bytes at the end of the file that contain at least one whole line."""


class ArchiveError(IngestError):
    """The alert archive is damaged or missing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A packet in the archive.

    Attributes
    ----------
    number : int
        1, 2, 3 … in order of receipt; ``notice_id`` in all tables.
    sha256 : str
        SHA-256 of its bytes, as 64 hexadecimal digits.
    received : str
        Time of receipt, ISO 8601 in UTC with microseconds and Z.
    source : str
        Where it was received from: ``file:NAME``, ``tar:NAME!MEMBER``, ``lines:NAME!LINE``; or
        ``recovered``, see :meth:`.Archive.reindex`. For live streams ``NAME:FILE``, or
        ``NAME:TOPIC/PARTITION/OFFSET`` with the name of the source and its place in a topic.
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
    def topic(self) -> str | None:
        """The Kafka topic from which the packet was first received."""
        match = _TOPIC.fullmatch(self.source)
        return match[1] if match else None

    @property
    def line(self) -> bytes:
        """The line of the entry in the index."""
        return (
            f"{self.number}\t{self.sha256}\t{self.received}"
            f"\t{self.source}\t{self.media_type}\t{self.size}\n"
        ).encode()


HEADER: Final = "\t".join(field.name for field in fields(Entry)).encode() + b"\n"


def printable(text: str) -> str:
    r"""Return a text without control characters, shortened to 1000 characters.

    Tabs and line breaks become ``\t`` and ``\n``, other unprintable characters ``\x..``.
    """
    if not text.isprintable():
        text = "".join(
            one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
        )
    return text if len(text) <= _MAX_SOURCE else text[: _MAX_SOURCE - 1] + "…"


def parse_line(line: bytes) -> Entry:
    """Return the entry in a line of the index.

    Raises
    ------
    ValueError
        If it is not a complete line, including the line break.
    """
    if not line.endswith(b"\n"):
        raise ValueError("the line break is missing")
    number, sha256, received, source, media_type, size = line[:-1].decode().split("\t")
    if not CHECKSUM.fullmatch(sha256):
        raise ValueError("the second field is not a SHA-256 checksum")
    return Entry(int(number), sha256, received, source, media_type, int(size))


class Index:
    """The file ``index.tsv``. It has one writer at a time, and any number of readers."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries with numbers above `after`, in order.

        Raises
        ------
        ArchiveError
            If a line is damaged, or its number does not follow the previous one.
        """
        try:
            stream = open_regular(self.path)
        except FileNotFoundError:
            return
        with stream:
            stream.seek(self._offset_after(stream, after))
            expected = after + 1
            for line in stream:
                if not line.endswith(b"\n"):
                    return  # it is being written
                entry = self._parse(line, expected)
                yield entry
                expected = entry.number + 1

    def last_number(self) -> int:
        """Return the number of the last entry; 0 if the index is empty or does not exist."""
        try:
            with open_regular(self.path) as stream:
                end = stream.seek(0, os.SEEK_END)
                stream.seek(max(0, end - _TAIL))
                lines = stream.read().splitlines(keepends=True)
        except FileNotFoundError:
            return 0
        complete = [line for line in lines if line.endswith(b"\n")]
        if not complete or complete[-1] == HEADER:
            return 0
        try:
            return parse_line(complete[-1]).number
        except ValueError:
            raise self._damage(complete[-1], "the last line") from None

    def append(self, entries: Sequence[Entry], size: int) -> None:
        """Write entries, starting at byte `size`; they become durable with :func:`.sync`.

        After an interrupted call the file may already contain some of them; they are rewritten.

        Raises
        ------
        ArchiveError
            If the file is longer than `entries` can explain; nothing is changed then.
        """
        content = b"".join(entry.line for entry in entries)
        with self._open_to_write() as stream:
            present = os.fstat(stream.fileno()).st_size
            if not size <= present <= size + len(content):
                raise ArchiveError(
                    "the index does not match the packets to be added",
                    file=self.path,
                    value=f"{present} bytes",
                    expected=f"{size} to {size + len(content)} bytes",
                    remedy="restore the whole archive from one backup; index and packets"
                    " may stem from different ones",
                )
            stream.seek(size)
            stream.write(content)

    def truncate(self) -> int:
        """Remove an incomplete last line; return the size of the file in bytes."""
        with self._open_to_write() as stream:
            end = stream.seek(0, os.SEEK_END)
            begin = max(0, end - _TAIL)
            stream.seek(begin)
            tail = stream.read()
            size = begin + tail.rfind(b"\n") + 1
            if size < len(HEADER):
                raise self._damage(tail[: len(HEADER)], "the header")
            if size < end:
                stream.truncate(size)
                os.fsync(stream.fileno())
        return size

    def _open_to_write(self) -> BinaryIO:
        return os.fdopen(
            os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "r+b"
        )

    def _offset_after(self, stream: BinaryIO, number: int) -> int:
        """Return where the first line with a number above `number` starts, by bisection."""
        header = stream.readline()
        if header != HEADER:
            raise self._damage(header, "the header")
        low, high = len(header), stream.seek(0, os.SEEK_END)
        while low < high and number > 0:
            middle = (low + high) // 2
            stream.seek(middle - 1)
            stream.readline()
            start = stream.tell()
            line = stream.readline() if start < high else b""
            if line.endswith(b"\n") and self._parse(line).number <= number:
                low = stream.tell()
            else:
                high = middle
        return low

    def _parse(self, line: bytes, expected: int | None = None) -> Entry:
        try:
            entry = parse_line(line)
        except ValueError:
            raise self._damage(line, f"after entry {expected - 1}" if expected else None) from None
        if expected is not None and entry.number != expected:
            raise self._damage(line, f"after entry {expected - 1}")
        return entry

    def _damage(self, line: bytes, where: str | None) -> ArchiveError:
        return ArchiveError(
            "the index of the alert archive is damaged",
            file=self.path,
            where=where,
            value=line[:200].decode(errors="backslashreplace"),
            expected="a line with the fields " + ", ".join(HEADER.decode().split()),
            remedy="restore the file from a backup; the packets themselves are not affected",
        )
