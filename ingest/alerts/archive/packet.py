"""Packets as they are received, and the media type of their bytes."""

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
"""White space, the byte order marks of UTF-8 and UTF-16, and the zero bytes of UTF-16."""


def media_type_of(content: bytes) -> str:
    """Return the media type according to the first non-blank character.

    File names and XML or HTTP headers are ignored, because they are often wrong.
    """
    first = content[:4096].lstrip(_BLANK)[:1]
    return XML if first == b"<" else JSON if first in (b"{", b"[") else OTHER


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet that was received and may already be in the archive.

    Attributes
    ----------
    content : bytes or iterable of bytes
        Its bytes; as an iterable of blocks, consumed once, if it is too large for memory.
    source : str
        Where it was received from, see :class:`ingest.alerts.archive.index.Entry`.
    received : datetime.datetime, optional
        Time of receipt, with a time zone. Default: when the packet is added to the archive.
    """

    content: bytes | Iterable[bytes]
    source: str
    received: datetime | None = None


class HashingStream:
    """Pass on blocks of bytes, and compute their checksum, size and media type on the way.

    Attributes
    ----------
    size : int
        Number of bytes so far.
    media_type : str
        Media type according to the first block.
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
        """The SHA-256 of the blocks so far, as 64 hexadecimal digits."""
        return self._digest.hexdigest()
