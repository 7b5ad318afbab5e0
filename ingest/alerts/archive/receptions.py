"""The log of receptions: where and when each message of a live stream was received.

``receptions.tsv`` has one line per message, appended before its packet gets rows; see
:mod:`ingest.alerts.archive.append_log`. A message that a broker delivers again, for example after
a crash, has several lines, of which the first one counts. The same packet may be received from
several streams.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Final

from ingest.alerts.archive.append_log import AppendLog
from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.index import CHECKSUM

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


class Receptions:
    """The log of receptions of an archive.

    Parameters
    ----------
    archive : Archive
        The archive.
    """

    def __init__(self, archive: Archive) -> None:
        names = [field.name for field in fields(Reception)]
        self._log = AppendLog(archive, "receptions.tsv", "receptions", names)
        self.path = self._log.path

    def append(self, receptions: Sequence[Reception]) -> None:
        """Write receptions durably; see :meth:`.AppendLog.append`."""
        self._log.append([astuple(one) for one in receptions])

    def __iter__(self) -> Iterator[Reception]:
        """Yield all receptions in order.

        Raises
        ------
        ArchiveError
            If a line is damaged.
        """
        return map(self._parse, self._log.rows())

    def last(self, count: int) -> Iterator[Reception]:
        """Yield about the last `count` receptions in order."""
        return map(self._parse, self._log.rows(count * _LINE))

    def _parse(self, row: Sequence[str | None]) -> Reception:
        sha256, received, source, broker, topic, partition, offset, produced, schema = row
        try:
            if not CHECKSUM.fullmatch(sha256 or ""):
                raise ValueError("the first field is not a SHA-256 checksum")
            return Reception(
                sha256=str(sha256),
                received=_required(received),
                source=_required(source),
                broker=_required(broker),
                topic=_required(topic),
                partition=None if partition is None else int(partition),
                offset=None if offset is None else int(offset),
                produced=produced,
                schema=_required(schema),
            )
        except ValueError:
            raise self._log.damage(row) from None


def _required(text: str | None) -> str:
    if text is None:
        raise ValueError("the field has no value")
    return text
