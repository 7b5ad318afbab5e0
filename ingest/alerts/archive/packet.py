"""Packets on their way into the archive, and what their bytes are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

XML: Final = "application/xml"
JSON: Final = "application/json"
OTHER: Final = "application/octet-stream"

_BLANK: Final = b" \t\r\n\0\xef\xbb\xbf\xff\xfe"
"""White space, and the marks of UTF-8 and UTF-16 with the zeros of the latter."""


def media_type_of(content: bytes) -> str:
    """Return the media type by the first character that is not blank; names and headers lie."""
    first = content[:4096].lstrip(_BLANK)[:1]
    return XML if first == b"<" else JSON if first in (b"{", b"[") else OTHER


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet that may be new.

    Attributes
    ----------
    content : bytes or iterable of bytes
        Its bytes; in pieces where it is too large for the memory. Pieces are read once.
    source : str
        Where from, see :class:`ingest.alerts.archive.index.Entry`.
    received : datetime.datetime, optional
        When, with a time zone; when it is added, if None.
    """

    content: bytes | Iterable[bytes]
    source: str
    received: datetime | None = None


class Measure:
    """Passes pieces on, and knows afterwards what they were together.

    Attributes
    ----------
    size : int
        Number of bytes so far.
    media_type : str
        By the first piece.
    """

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = blocks
        self._digest = hashlib.sha256()
        self.size = 0
        self.media_type = media_type_of(b"")

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            if self.size == 0:
                self.media_type = media_type_of(block)
            self.size += len(block)
            self._digest.update(block)
            yield block

    @property
    def sha256(self) -> str:
        """The checksum of all pieces that were passed on."""
        return self._digest.hexdigest()
