r"""The log of receptions: where and when each message of a live stream was received.

``receptions.tsv`` has one line per message, appended before its packet gets rows. A header names
the fields, which are separated by tabs; ``\N`` is a value that does not exist. A message that a
broker delivers again, for example after a crash, has several lines, of which the first one counts.
The same packet may be received from several streams.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final

from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.index import CHECKSUM, ArchiveError, printable
from ingest.alerts.archive.line_log import append_lines
from ingest.core.files import open_regular

_NULL: Final = "\\N"
_LONGEST_LINE: Final = 1 << 16
"""More bytes than a line has: each text is :func:`.printable`."""
_LINE: Final = 1000
"""More bytes than nearly all lines have."""


@dataclass(frozen=True, slots=True)
class Reception:
    """A message of a live stream, as it was received.

    Attributes
    ----------
    sha256 : str
        Checksum of its bytes, which are in the archive.
    received : str
        Time of receipt, ISO 8601 in UTC with microseconds and Z, by the clock of this machine.
    source : str
        Name of the source in ``live.toml``.
    broker : str
        Who delivered it, such as ``kafka.gcn.nasa.gov``; or ``directory``.
    topic : str
        Topic of the stream, or the name of the file.
    partition, offset : int or None
        Its place in the topic.
    produced : str or None
        When the producer sent it, according to the broker, ISO 8601 in UTC.
    schema : str
        What validation found: ``valid``, ``invalid: …``, or ``none`` if no schema applies.
    """

    sha256: str
    received: str
    source: str
    broker: str
    topic: str
    partition: int | None
    offset: int | None
    produced: str | None
    schema: str

    @property
    def place(self) -> tuple[str, str, str, int | None, int | None]:
        """What identifies the message: one delivered again has the same."""
        return self.sha256, self.source, self.topic, self.partition, self.offset

    @property
    def line(self) -> bytes:
        """The line in the log."""
        values = (getattr(self, field.name) for field in fields(self))
        return ("\t".join(map(_text, values)) + "\n").encode("utf-8", "backslashreplace")


HEADER: Final = "\t".join(field.name for field in fields(Reception)).encode() + b"\n"


class Receptions:
    """The log of an archive. It has one writer at a time, the listener, and any number of readers.

    Parameters
    ----------
    archive : Archive
        The archive.
    """

    def __init__(self, archive: Archive) -> None:
        self.path = archive.root / "receptions.tsv"
        self._account = archive.account

    def append(self, receptions: Sequence[Reception]) -> None:
        """Write lines durably.

        Raises
        ------
        OSError
            If the disk is full or not writable. Some of the lines may be in the log then.
        """
        lines = [one.line for one in receptions]
        append_lines(self.path, lines, self._account, _LONGEST_LINE, HEADER)

    def __iter__(self) -> Iterator[Reception]:
        """Yield all receptions in order.

        Raises
        ------
        ArchiveError
            If a line is damaged.
        """
        return self._read(0)

    def last(self, count: int) -> Iterator[Reception]:
        """Yield about the last `count` receptions in order."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return iter(())
        return self._read(max(0, size - count * _LINE))

    def _read(self, start: int) -> Iterator[Reception]:
        try:
            stream = open_regular(self.path)
        except FileNotFoundError:
            return
        with stream:
            stream.seek(start)
            stream.readline()  # the header, or the rest of a line
            for line in stream:
                if not line.endswith(b"\n"):
                    return  # it is being written
                yield self._parse(line)

    def _parse(self, line: bytes) -> Reception:
        try:
            sha256, received, source, broker, topic, *place, produced, schema = (
                line[:-1].decode().split("\t")
            )
            if not CHECKSUM.fullmatch(sha256):
                raise ValueError("the first field is not a SHA-256 checksum")
            partition, offset = (None if one == _NULL else int(one) for one in place)
            return Reception(
                sha256=sha256,
                received=received,
                source=source,
                broker=broker,
                topic=topic,
                partition=partition,
                offset=offset,
                produced=None if produced == _NULL else produced,
                schema=schema,
            )
        except ValueError:
            raise ArchiveError(
                "the log of receptions is damaged",
                file=self.path,
                value=line[:200].decode(errors="backslashreplace"),
                expected="a line with the fields " + ", ".join(HEADER.decode().split()),
                remedy="restore the file from a backup, or delete the line; packets are not"
                " affected",
            ) from None


def _text(value: str | int | None) -> str:
    if value is None:
        return _NULL
    return printable(str(value))
