"""The log of silences, ``silences.tsv``: times without the heartbeat of a broker.

Kafka brokers deliver later what was sent then; what brokers of VOEvents (VTP) sent is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime

from ingest.alerts.archive.append_log import AppendLog
from ingest.alerts.archive.archive import Archive


@dataclass(frozen=True, slots=True)
class Silence:
    """A time without heartbeat.

    Attributes
    ----------
    source : str
        Name of the source in ``live.toml``.
    topic : str
        Topic of the heartbeat; ``vtp`` for VOEvents by VTP.
    since, until : str
        When the heartbeats before and after it were received, ISO 8601 in UTC.
    """

    source: str
    topic: str
    since: str
    until: str


class Silences:
    """The log of silences of an archive.

    Parameters
    ----------
    archive : Archive
        The archive.
    """

    def __init__(self, archive: Archive) -> None:
        names = [field.name for field in fields(Silence)]
        self._log = AppendLog(archive, "silences.tsv", "silences", names)

    def append(self, silences: Sequence[Silence]) -> None:
        """Write silences durably; see :meth:`.AppendLog.append`."""
        self._log.append([astuple(one) for one in silences])

    def __iter__(self) -> Iterator[Silence]:
        """Yield all silences in order.

        Raises
        ------
        ArchiveError
            If a line is damaged.
        """
        for row in self._log.rows():
            try:
                for moment in row[2:]:
                    datetime.fromisoformat(str(moment))
            except ValueError:
                raise self._log.damage(row) from None
            yield Silence(*map(str, row))
