"""Circulars as rows of ``alerts.circulars``, and which of their versions is the newest."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ingest.alerts.tables.rows import received_mjd, text_line, text_rows

if TYPE_CHECKING:
    from ingest.alerts.archive import Entry
    from ingest.alerts.notices import Circular

COLUMNS: Final = (
    "notice_id", "circular_id", "version", "is_latest", "created", "edited", "received", "subject",
    "event_name", "submitter", "body", "text_format", "bibcode", "sha256", "packet_size", "origin",
)  # fmt: skip
"""Columns of ``circulars``."""
_NOT_FROM_GCN: Final = r"^[^:]*:((gcn\.notices|gcn\.classic|igwn)\.[^/]*/\d+/\d+|vtp)$"
"""Origins in which GCN sends no circulars."""
_RANK: Final = """
    UPDATE alerts.circulars AS c SET is_latest = ranked.is_latest FROM (
        SELECT notice_id, (row_number() OVER (PARTITION BY circular_id
            ORDER BY origin ~ %s, version DESC, edited DESC NULLS LAST, notice_id DESC) = 1
            )::int AS is_latest
        FROM alerts.circulars WHERE circular_id = ANY (%s)) AS ranked
    WHERE c.notice_id = ranked.notice_id AND c.is_latest != ranked.is_latest"""


@dataclass(frozen=True, slots=True)
class CircularRows:
    """The rows of a packet with a circular.

    Attributes
    ----------
    number : int
        Number of the packet in the archive.
    circular_id : str
        Number of the circular.
    circular : bytes
        The row of ``circulars``, not yet marked as the newest version.
    parts : dict of str to bytes
        The rows of the other tables, by table.
    """

    number: int
    circular_id: str
    circular: bytes
    parts: dict[str, bytes]


def circular_rows(entry: Entry, circular: Circular) -> CircularRows:
    """Return the rows of one circular.

    Parameters
    ----------
    entry : Entry
        The packet's entry in the archive.
    circular : Circular
        The circular in the packet.
    """
    row = (
        entry.number,
        circular.circular_id,
        circular.version,
        False,
        circular.created,
        circular.edited,
        received_mjd(entry),
        _two_bytes(circular.subject),
        circular.event_name,
        _two_bytes(circular.submitter),
        _two_bytes(circular.body),
        circular.text_format,
        circular.bibcode,
        entry.sha256,
        entry.size,
        entry.source,
    )
    names = text_rows(entry.number, ((name,) for name in circular.names))
    return CircularRows(entry.number, circular.circular_id, text_line(row), {"event_names": names})


def _two_bytes(text: str) -> str:
    """Return a text without characters that need more than the two bytes of a unicodeChar.

    DaCHS counts them as one in binary VOTables, which nobody could read then. Mathematical letters
    become ordinary ones, others U+FFFD.
    """
    if not text or max(text) <= "\uffff":
        return text
    return "".join(
        one if one <= "\uffff" else simple if max(simple) <= "\uffff" else "\ufffd"
        for one, simple in ((one, unicodedata.normalize("NFKC", one)) for one in text)
    )


def rank(circular_ids: Iterable[str], cursor: Any) -> None:
    """Mark the newest version of each of some circulars, after rows were added or removed.

    It is the one with the highest version, of several the last one that was edited or received:
    GCN publishes a circular again also when only its bibcode is added. What came from a topic of
    others under the number of a circular never supersedes it.
    """
    if wanted := sorted(set(circular_ids)):
        cursor.execute(_RANK, [_NOT_FROM_GCN, wanted])


def remove(numbers: list[int], cursor: Any) -> list[int]:
    """Remove the rows of packets if they are circulars; return the numbers of those removed."""
    cursor.execute(
        "DELETE FROM alerts.circulars WHERE notice_id = ANY (%s) RETURNING notice_id, circular_id",
        [numbers],
    )
    found = cursor.fetchall()
    removed = [int(number) for number, _ in found]
    cursor.execute("DELETE FROM alerts.event_names WHERE notice_id = ANY (%s)", [removed])
    rank((circular_id for _, circular_id in found), cursor)
    return removed
