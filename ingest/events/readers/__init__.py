"""Readers: one module per delivered format, all behind :class:`~.base.Reader`.

A new format is one new module and one line in :data:`READERS`.
"""

from __future__ import annotations

from typing import Final

from ingest.events.readers.antares_text import AntaresTextReader
from ingest.events.readers.base import FileFacts, Reader

READERS: Final[dict[str, type[Reader]]] = {
    reader.format: reader
    for reader in (AntaresTextReader,)
}
"""The readers by the name of the format in a manifest."""

__all__ = ["READERS", "FileFacts", "Reader"]
