"""The hits of an event and its reconstructed track, in JSON as KM3io writes it (``tojson``).

All times are in ns, counted from ``utc_timestamp``, the UTC time of the first hit that is listed,
in s since 1970. Positions are in the frame of the detector, m. A hit's direction is the axis of
its photomultiplier, and that of the track where the particle flies to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest.core.errors import InputError
from ingest.core.fitstable import FitsColumn, row_dtype
from ingest.core.timescales import DAY, unix_to_mjd
from ingest.events.tables._files import json_records, read_json
from ingest.events.tables.base import (
    DIRECTION,
    POSITION,
    REDELIVER,
    Field,
    Table,
    require_unique,
    require_unit_vectors,
    table_of,
)

CHANNELS: Final = 31
"""The photomultipliers of an optical module."""
LARGEST_ID: Final = 2**31 - 1
_T: Final = Field("t", FitsColumn("t", "f8", "ns"), -1e9, 1e9)
_HIT: Final = (
    _T,
    Field("dom_id", FitsColumn("dom_id", "i4"), 1, LARGEST_ID),
    Field("channel_id", FitsColumn("channel_id", "i2"), 0, CHANNELS - 1),
    Field("detection_unit", FitsColumn("detection_unit", "i2"), 1, 999),
    Field("floor", FitsColumn("floor", "i2"), 1, 18),
    Field("tdc", FitsColumn("tdc", "i4", "ns"), 0, LARGEST_ID),
    Field("tot", FitsColumn("tot", "i2", "ns"), 0, 255),
    Field("triggered", FitsColumn("triggered", "i2"), is_flag=True),
    *POSITION,
    *DIRECTION,
)
_TRACK: Final = (_T, *POSITION, *DIRECTION)
_YEARS: Final = (1_000_000_000.0, 4_102_444_800.0)
"""The Unix times of 2001 and 2100."""


def hits(path: Path, _bins: Path | None = None) -> Table:
    """Return the hits, in the order of the file, with their absolute times.

    Raises
    ------
    ingest.core.errors.InputError
        If the file is damaged, a value cannot be right, a direction is not a unit vector, or a
        photomultiplier has two hits at the same time.
    """
    content = _content(path)
    found = table_of(path, _HIT, json_records(path, "hits", content.get("hits")))
    require_unit_vectors(path, found, "hit")
    require_unique(path, found, ("dom_id", "channel_id", "tdc"), "hit")
    return _with_mjd(path, content, found)


def track(path: Path, _bins: Path | None = None) -> Table:
    """Return the reconstructed track, as a table with one row.

    Raises
    ------
    ingest.core.errors.InputError
        If the file is damaged or has no track, or a value cannot be right.
    """
    content = _content(path)
    tracks = [content.get("reconstructed_track")]
    found = table_of(path, _TRACK, json_records(path, "reconstructed_track", tracks))
    require_unit_vectors(path, found, "track")
    return _with_mjd(path, content, found)


PARTS: Final = {"hits": hits, "track": track}


def _content(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(
            "the file does not describe an event",
            file=path,
            value=type(content).__name__,
            expected="an object with utc_timestamp, hits and reconstructed_track",
            remedy=REDELIVER,
        )
    return content


def _with_mjd(path: Path, content: dict[str, Any], table: Table) -> Table:
    """Add the absolute times, MJD UTC: a double has them to 1 μs, while t is exact."""
    zero = content.get("utc_timestamp")
    if not isinstance(zero, float | int) or not _YEARS[0] < zero < _YEARS[1]:
        raise InputError(
            "the time of the event cannot be right",
            file=path,
            where="utc_timestamp",
            value=zero,
            expected="the Unix time of the first hit, s",
            remedy=REDELIVER,
        )
    columns = (*table.columns, FitsColumn("mjd", "f8", "d"))
    rows = np.empty(len(table), row_dtype(columns))
    for one in table.columns:
        rows[one.name] = table.rows[one.name]
    rows["mjd"] = unix_to_mjd(float(zero)) + table.rows["t"] * 1e-9 / DAY
    return Table(columns, rows)
