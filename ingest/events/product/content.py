"""The content of an event list in a few numbers, so that it need not be read again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.core.fitsrows import TableRows


@dataclass(frozen=True)
class EventListContent:
    """The content of an event list.

    Attributes
    ----------
    rows : int
        The number of events.
    begin, end : float
        The times of the first and the last one (MJD, UTC); 0 for an empty list.
    checksum : str
        SHA-256 of the columns and the rows, without the headers.
    """

    rows: int
    begin: float
    end: float
    checksum: str

    @classmethod
    def of(cls, product: Path) -> EventListContent:
        """Read the content of a product."""
        table = TableRows(product)
        digest = hashlib.sha256(f"{table.dtype.descr} {table.units}".encode())
        begin, end = np.inf, -np.inf
        for rows in table.blocks():
            digest.update(rows.tobytes())
            begin, end = min(begin, rows["MJD"].min()), max(end, rows["MJD"].max())
        times = (float(begin), float(end)) if len(table) else (0.0, 0.0)
        return cls(len(table), *times, digest.hexdigest())
