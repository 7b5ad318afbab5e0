"""Event lists as FITS files in the format GADF 0.3.

GADF (https://gamma-astro-data-formats.readthedocs.io) is the format that gammapy reads. Its five
columns come first, in its units, followed by this project's own columns. DETX and DETY are not
written: they are relative to a pointing, and a neutrino telescope does not point.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.core.files import atomic_write
from ingest.core.fitstable import FitsColumn, TableWriter, write_primary, write_table
from ingest.core.timescales import unix_to_tt, utc_mjd_to_tt
from ingest.core.units import gev_to_tev
from ingest.events.fields import MISSING_INTEGER, Array, Chunk
from ingest.events.identity import NAME
from ingest.events.product.header import (
    FORMAT_CARDS,
    TIME_CARDS,
    ProductMetadata,
    event_cards,
    primary_cards,
    time_values,
)

GTI_COLUMNS: Final = (
    FitsColumn("START", "f8", "s", "TT since MJDREFI + MJDREFF", "time.start"),
    FitsColumn("STOP", "f8", "s", "TT since MJDREFI + MJDREFF", "time.end"),
)
_GADF_COLUMNS: Final = (
    FitsColumn("EVENT_ID", "i8", "", "number of the event", "meta.id"),
    FitsColumn("TIME", "f8", "s", "TT since MJDREFI + MJDREFF", "time"),
    FitsColumn("RA", "f8", "deg", "ICRS", "pos.eq.ra;meta.main"),
    FitsColumn("DEC", "f8", "deg", "ICRS", "pos.eq.dec;meta.main"),
    FitsColumn("ENERGY", "f8", "TeV", "NaN if missing", "phys.energy"),
)
# by field, in the order of the file
_OWN_COLUMNS: Final = {
    "event_name": FitsColumn("EVENT_NAME", NAME, "", "", "meta.id;meta.main"),
    "mjd": FitsColumn("MJD", "f8", "d", "UTC, as delivered", "time.epoch"),
    "glon": FitsColumn("GLON", "f8", "deg", "galactic", "pos.galactic.lon"),
    "glat": FitsColumn("GLAT", "f8", "deg", "galactic", "pos.galactic.lat"),
    "ang_err": FitsColumn("ANG_ERR", "f8", "deg", "estimated angular error", "stat.error;pos"),
    "ang_err_cl": FitsColumn(
        "ANG_ERR_CL", "f8", "", "containment of ANG_ERR", "stat.confidenceLevel"
    ),
    "err_50": FitsColumn("ERR_50", "f8", "deg", "radius of 50 % containment", "stat.error;pos"),
    "err_68": FitsColumn("ERR_68", "f8", "deg", "radius of 68 % containment", "stat.error;pos"),
    "err_90": FitsColumn("ERR_90", "f8", "deg", "radius of 90 % containment", "stat.error;pos"),
    "err_99": FitsColumn("ERR_99", "f8", "deg", "radius of 99 % containment", "stat.error;pos"),
    "n_hits": FitsColumn("N_HITS", "i4", "", "", "meta.number", MISSING_INTEGER),
    "det_id": FitsColumn("DET_ID", "i4", "", "", "meta.id;instr.det", MISSING_INTEGER),
    "run_id": FitsColumn("RUN_ID", "i4", "", "", "meta.id;obs", MISSING_INTEGER),
    "frame_index": FitsColumn("FRAME_INDEX", "i4", "", "", "meta.id", MISSING_INTEGER),
    "trigger_counter": FitsColumn("TRIGGER_COUNTER", "i8", "", "", "meta.id", MISSING_INTEGER),
    "zenith": FitsColumn("ZENITH", "f8", "deg", "of the direction of origin", "pos.az.zd"),
    "azimuth": FitsColumn("AZIMUTH", "f8", "deg", "from north through east", "pos.az.azi"),
    "likelihood": FitsColumn("LIKELIHOOD", "f8", "", "", "stat.likelihood"),
    "topology": FitsColumn("TOPOLOGY", "S16", "", "", "meta.code.class"),
    "quality": FitsColumn("QUALITY", "i8", "", "flags", "meta.code.qual", MISSING_INTEGER),
    "alert_id": FitsColumn("ALERT_ID", "S128", "", "", "meta.id"),
    "ivorn": FitsColumn("IVORN", "S255", "", "of the newest notice", "meta.ref.ivoid"),
    "sha256": FitsColumn("SHA256", "S64", "", "of its packet", "meta.checksum"),
    "retracted": FitsColumn("RETRACTED", "i4", "", "1 or 0", "meta.code", MISSING_INTEGER),
    "revision": FitsColumn("REVISION", "i4", "", "", "meta.version", MISSING_INTEGER),
    "notice_mjd": FitsColumn("NOTICE_MJD", "f8", "d", "UTC", "time.creation"),
    "instrument": FitsColumn("INSTRUMENT", "S32", "", "", "meta.id;instr"),
    "pipeline": FitsColumn("PIPELINE", "S64", "", "", "meta.id"),
    "far": FitsColumn("FAR", "f8", "Hz", "false-alarm rate", "arith.rate"),
    "signalness": FitsColumn("SIGNALNESS", "f8", "", "", "stat.probability"),
    "p_value": FitsColumn("P_VALUE", "f8", "", "", "stat.probability"),
    "n_events": FitsColumn("N_EVENTS", "i4", "", "", "meta.number", MISSING_INTEGER),
    "event_ids": FitsColumn("EVENT_IDS", "S1024", "", "separated by spaces", "meta.id"),
    "region_90": FitsColumn("REGION_90", "S4000", "", "MOC in ASCII", "pos.outline"),
}


@dataclass(frozen=True)
class Product:
    """A product that was written.

    Attributes
    ----------
    rows : int
        Number of events.
    first_mjd, last_mjd : float or None
        Times of the first and the last event, MJD UTC; None if there are no events.
    outside : int
        Number of events outside the good time intervals, which gammapy ignores.
    """

    path: Path
    rows: int
    first_mjd: float | None
    last_mjd: float | None
    outside: int


def write_event_list(
    path: Path, chunks: Iterable[Chunk], metadata: ProductMetadata, dry_run: bool = False
) -> Product:
    """Write located events as a GADF event list.

    The rows are streamed, so that memory use does not depend on their number. On any error an
    existing file remains unchanged. The same events and metadata give the same bytes.

    Parameters
    ----------
    path : pathlib.Path
        The FITS file.
    chunks : iterable of numpy.ndarray
        Events with at least the fields ``ra, dec, mjd``, the same in all chunks. TIME is
        computed from ``unix_seconds`` if given, otherwise from ``mjd``. Without ``event_no`` the
        events are numbered from 1.
    metadata : ProductMetadata
        The headers.
    dry_run : bool
        Do everything except writing the file.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the livetime is longer than the good time intervals.
    ValueError
        If there are neither events nor good time intervals, or the fields of chunks differ.
    """
    remaining = iter(chunks)
    first = next(remaining, None)
    fields = () if first is None else first.dtype.names or ()
    own = {field: column for field, column in _OWN_COLUMNS.items() if field in fields}
    times = _Range()
    mjds = _Range()
    given = _given_intervals(metadata)
    outside = 0
    with Path(os.devnull).open("w+b") if dry_run else atomic_write(path) as stream:
        write_primary(stream, primary_cards(metadata), filter(None, [metadata.provenance]))
        table = TableWriter(
            stream, "EVENTS", (*_GADF_COLUMNS, *own.values()), event_cards(metadata)
        )
        for chunk in itertools.chain([] if first is None else [first], remaining):
            if chunk.dtype.names != fields:
                raise ValueError(f"chunk fields {chunk.dtype.names} differ from {fields}")
            rows = _rows(chunk, own, table.dtype, table.rows)
            times.include(rows["TIME"])
            mjds.include(rows["MJD"])
            table.append(rows)
            outside += _count_outside(rows["TIME"], given)
        intervals = given or [times.ends()]
        table.finish(time_values(metadata, intervals))
        cards = (*FORMAT_CARDS, ("HDUCLAS1", "GTI", ""), *TIME_CARDS)
        write_table(stream, "GTI", GTI_COLUMNS, intervals, cards)
    return Product(path, table.rows, mjds.low, mjds.high, outside)


class _Range:
    """The smallest and the largest of the values included; None before the first."""

    def __init__(self) -> None:
        self.low: float | None = None
        self.high: float | None = None

    def include(self, values: Array) -> None:
        if len(values):
            low, high = float(values.min()), float(values.max())
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)

    def ends(self) -> tuple[float, float]:
        if self.low is None or self.high is None:
            raise ValueError("neither events nor good time intervals are given")
        return self.low, self.high


def _rows(
    chunk: Chunk, own: dict[str, FitsColumn], dtype: np.dtype[np.void], before: int
) -> npt.NDArray[np.void]:
    """Return a chunk as rows of the table, after `before` rows written earlier."""
    names = chunk.dtype.names or ()
    rows = np.zeros(len(chunk), dtype)
    if "event_no" in names:
        rows["EVENT_ID"] = chunk["event_no"]
    else:
        rows["EVENT_ID"] = np.arange(before + 1, before + len(chunk) + 1)
    if "unix_seconds" in names:
        rows["TIME"] = unix_to_tt(chunk["unix_seconds"], chunk["unix_nanoseconds"])
    else:
        rows["TIME"] = utc_mjd_to_tt(chunk["mjd"])
    rows["RA"] = chunk["ra"]
    rows["DEC"] = chunk["dec"]
    rows["ENERGY"] = gev_to_tev(chunk["energy"]) if "energy" in names else np.nan
    for field, column in own.items():
        rows[column.name] = chunk[field]
    return rows


def _given_intervals(metadata: ProductMetadata) -> list[tuple[float, float]]:
    """Return the good time intervals of the metadata, s of TT."""
    edges = utc_mjd_to_tt(np.array(metadata.gtis, np.float64).reshape(-1, 2))
    return [(float(start), float(stop)) for start, stop in edges]


def _count_outside(times: Array, intervals: list[tuple[float, float]]) -> int:
    """Return the number of times outside all intervals."""
    if not intervals:
        return 0
    starts, stops = np.array(intervals).T
    # in a gap, as many intervals have started as have stopped
    gap = np.searchsorted(starts, times, "right") == np.searchsorted(stops, times, "left")
    return int(np.count_nonzero(gap))
