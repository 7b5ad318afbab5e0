"""The archive product: one event list per FITS file, in the form of GADF 0.3.

GADF (https://gamma-astro-data-formats.readthedocs.io) is what gammapy reads. Its five columns
come first, in its units; then this project's own columns follow. DETX and DETY are not
written: they are relative to a pointing, and a neutrino telescope does not point.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.core.errors import ManifestError
from ingest.core.files import atomic_write
from ingest.core.fitstable import Card, Column, TableWriter, write_primary, write_table
from ingest.core.timescales import MJD_REFERENCE, tt_to_iso, unix_to_tt, utc_mjd_to_tt
from ingest.core.units import gev_to_tev
from ingest.events.fields import MISSING_INTEGER, Chunk

FORMAT_CARDS: Final[tuple[Card, ...]] = (
    ("HDUCLASS", "GADF", "format"),
    ("HDUDOC", "https://github.com/open-gamma-ray-astro/gamma-astro-data-formats", ""),
    ("HDUVERS", "0.3", "version of the format"),
)
TIME_CARDS: Final[tuple[Card, ...]] = (
    ("MJDREFI", MJD_REFERENCE, "[d] reference of times, whole days"),
    ("MJDREFF", 0.0, "[d] reference of times, rest"),
    ("TIMEUNIT", "s", ""),
    ("TIMESYS", "TT", "Terrestrial Time"),
    ("TIMEREF", "LOCAL", "times as measured at the detector"),
)
GTI_COLUMNS: Final = (
    Column("START", "f8", "s", "TT since MJDREFI + MJDREFF", "time.start"),
    Column("STOP", "f8", "s", "TT since MJDREFI + MJDREFF", "time.end"),
)
_GADF_COLUMNS: Final = (
    Column("EVENT_ID", "i8", "", "number of the event", "meta.id"),
    Column("TIME", "f8", "s", "TT since MJDREFI + MJDREFF", "time"),
    Column("RA", "f8", "deg", "ICRS", "pos.eq.ra;meta.main"),
    Column("DEC", "f8", "deg", "ICRS", "pos.eq.dec;meta.main"),
    Column("ENERGY", "f8", "TeV", "NaN where not given", "phys.energy"),
)
# by field; the order is that of the file
_OWN_COLUMNS: Final = {
    "event_name": Column("EVENT_NAME", "S48", "", "", "meta.id;meta.main"),
    "mjd": Column("MJD", "f8", "d", "UTC, as delivered", "time.epoch"),
    "glon": Column("GLON", "f8", "deg", "galactic", "pos.galactic.lon"),
    "glat": Column("GLAT", "f8", "deg", "galactic", "pos.galactic.lat"),
    "ang_err": Column("ANG_ERR", "f8", "deg", "estimated angular error", "stat.error;pos"),
    "ang_err_cl": Column("ANG_ERR_CL", "f8", "", "containment of ANG_ERR", "stat.confidenceLevel"),
    "err_50": Column("ERR_50", "f8", "deg", "radius of 50 % containment", "stat.error;pos"),
    "err_68": Column("ERR_68", "f8", "deg", "radius of 68 % containment", "stat.error;pos"),
    "err_90": Column("ERR_90", "f8", "deg", "radius of 90 % containment", "stat.error;pos"),
    "err_99": Column("ERR_99", "f8", "deg", "radius of 99 % containment", "stat.error;pos"),
    "n_hits": Column("N_HITS", "i4", "", "", "meta.number", MISSING_INTEGER),
    "det_id": Column("DET_ID", "i4", "", "", "meta.id;instr.det", MISSING_INTEGER),
    "run_id": Column("RUN_ID", "i4", "", "", "meta.id;obs", MISSING_INTEGER),
    "frame_index": Column("FRAME_INDEX", "i4", "", "", "meta.id", MISSING_INTEGER),
    "trigger_counter": Column("TRIGGER_COUNTER", "i8", "", "", "meta.id", MISSING_INTEGER),
    "zenith": Column("ZENITH", "f8", "deg", "where it comes from", "pos.az.zd"),
    "azimuth": Column("AZIMUTH", "f8", "deg", "from north over east", "pos.az.azi"),
    "likelihood": Column("LIKELIHOOD", "f8", "", "", "stat.likelihood"),
    "topology": Column("TOPOLOGY", "S16", "", "", "meta.code.class"),
    "quality": Column("QUALITY", "i8", "", "flags", "meta.code.qual", MISSING_INTEGER),
}


@dataclass(frozen=True)
class Metadata:
    """What is true of all events of a product.

    Parameters
    ----------
    release, title, reference, licence : str
        Name of the release, its title, the DOI to cite, the licence's SPDX name.
    obs_id : int
        Number of the observation: the run, or 1 for a whole sample.
    telescope, instrument : str
        ``KM3NeT`` and ``ORCA6``, or ``ANTARES`` and ``ANTARES``.
    longitude, latitude, height : float
        Of the detector: deg east, deg north (WGS84), m above the ellipsoid.
    creator : str
        The program and its version.
    kid : str
        Identifies the product's provenance document, as does `provenance` in one line.
    gtis : sequence of (float, float)
        Start and stop of the good time intervals, MJD UTC, in order. If there are none, the
        time from the first to the last event is taken.
    livetime : float, optional
        s; the time of the intervals is taken where it is not known.
    simulated : bool
        Whether the events are simulated.
    more : sequence of Card
        Further keywords of the primary header.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the intervals are not in order or overlap, or the livetime is longer than they are.
    """

    release: str
    obs_id: int
    telescope: str
    instrument: str
    longitude: float
    latitude: float
    height: float
    creator: str
    kid: str
    provenance: str = ""
    title: str = ""
    reference: str = ""
    licence: str = ""
    origin: str = "KM3NeT"
    gtis: Sequence[tuple[float, float]] = ()
    livetime: float | None = None
    simulated: bool = False
    more: Sequence[Card] = ()

    def __post_init__(self) -> None:
        edges = [edge for interval in self.gtis for edge in interval]
        if any(not low <= high for low, high in itertools.pairwise(edges)):
            raise ManifestError(
                "the good time intervals are not in order",
                value=str(list(self.gtis)),
                expected="pairs of start and stop, MJD UTC, that follow each other",
                remedy="correct the times in release.toml",
            )


@dataclass(frozen=True)
class Product:
    """A file that was written.

    Attributes
    ----------
    rows : int
        Number of events.
    first_mjd, last_mjd : float or None
        Times of the first and the last event, MJD UTC; None if there are no events.
    outside : int
        Number of events outside the good time intervals; gammapy leaves these out.
    """

    path: Path
    rows: int
    first_mjd: float | None
    last_mjd: float | None
    outside: int


def write_event_list(
    path: Path, chunks: Iterable[Chunk], metadata: Metadata, dry_run: bool = False
) -> Product:
    """Write located events as a GADF event list.

    The rows are written as the chunks come; memory does not depend on their number. If
    anything is raised on the way, a file that was there before stays as it is. The same
    events and metadata give the same bytes.

    Parameters
    ----------
    path : pathlib.Path
        The FITS file.
    chunks : iterable of numpy.ndarray
        Structured arrays with at least ``ra, dec, mjd``, all with the same fields. If
        ``unix_seconds`` is among them, TIME is made of that, to the nanosecond. Without
        ``event_no`` the events are numbered from 1.
    metadata : Metadata
        What the headers say.
    dry_run : bool
        Do everything, but leave no file.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the livetime is longer than the good time intervals.
    ValueError
        If there are neither events nor good time intervals, or the chunks differ in fields.
    """
    stream_of_chunks = iter(chunks)
    first = next(stream_of_chunks, None)
    fields = () if first is None else first.dtype.names or ()
    own = {field: column for field, column in _OWN_COLUMNS.items() if field in fields}
    times = _Range()
    mjds = _Range()
    given = _given_intervals(metadata)
    outside = 0
    with Path(os.devnull).open("w+b") if dry_run else atomic_write(path) as stream:
        write_primary(stream, _primary_cards(metadata), _history(metadata))
        table = TableWriter(
            stream, "EVENTS", (*_GADF_COLUMNS, *own.values()), _event_cards(metadata)
        )
        for chunk in itertools.chain([] if first is None else [first], stream_of_chunks):
            if chunk.dtype.names != fields:
                raise ValueError(f"chunk fields {chunk.dtype.names} differ from {fields}")
            rows = _rows(chunk, own, table.dtype, table.rows)
            times.include(rows["TIME"])
            mjds.include(rows["MJD"])
            table.append(rows)
            outside += _outside(rows["TIME"], given)
        intervals = given or [times.ends()]
        table.finish(_time_values(metadata, intervals))
        cards = (*FORMAT_CARDS, ("HDUCLAS1", "GTI", ""), *TIME_CARDS)
        write_table(stream, "GTI", GTI_COLUMNS, intervals, cards)
    return Product(path, table.rows, mjds.low, mjds.high, outside)


class _Range:
    """The smallest and the largest value so far; None before the first."""

    def __init__(self) -> None:
        self.low: float | None = None
        self.high: float | None = None

    def include(self, values: npt.NDArray[np.float64]) -> None:
        if len(values):
            low, high = float(values.min()), float(values.max())
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)

    def ends(self) -> tuple[float, float]:
        if self.low is None or self.high is None:
            raise ValueError("neither events nor good time intervals are given")
        return self.low, self.high


def _rows(
    chunk: Chunk, own: dict[str, Column], dtype: np.dtype[np.void], before: int
) -> npt.NDArray[np.void]:
    """Return a chunk as rows of the table; `before` rows were written already."""
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


def _given_intervals(metadata: Metadata) -> list[tuple[float, float]]:
    """Return the good time intervals that were given, in seconds of TT."""
    edges = utc_mjd_to_tt(np.array(metadata.gtis, np.float64).reshape(-1, 2))
    return [(float(start), float(stop)) for start, stop in edges]


def _outside(times: npt.NDArray[np.float64], intervals: list[tuple[float, float]]) -> int:
    """Count the times that lie in none of the intervals."""
    if not intervals:
        return 0
    starts, stops = np.array(intervals).T
    # as many intervals have begun as have ended: the time is in a gap
    gap = np.searchsorted(starts, times, "right") == np.searchsorted(stops, times, "left")
    return int(np.count_nonzero(gap))


def _time_values(
    metadata: Metadata, intervals: list[tuple[float, float]]
) -> dict[str, str | int | float | bool]:
    start, stop = intervals[0][0], intervals[-1][1]
    ontime = sum(high - low for low, high in intervals)
    livetime = ontime if metadata.livetime is None else metadata.livetime
    if not 0 <= livetime <= ontime * (1 + 1e-9):
        raise ManifestError(
            "the livetime does not fit into the good time intervals",
            value=f"{livetime} s",
            expected=f"0 to {ontime} s",
            remedy="correct livetime or the times in release.toml",
        )
    return {
        "TSTART": start,
        "TSTOP": stop,
        "TELAPSE": stop - start,
        "ONTIME": ontime,
        "LIVETIME": livetime,
        "DEADC": min(livetime / ontime, 1.0) if ontime else 0.0,
        "DATE-OBS": tt_to_iso(start),
        "DATE-END": tt_to_iso(stop),
    }


def _common_cards(metadata: Metadata) -> Iterator[Card]:
    yield ("ORIGIN", metadata.origin, "who made the file")
    yield ("CREATOR", metadata.creator, "program that made the file")
    yield ("TELESCOP", metadata.telescope, "")
    yield ("INSTRUME", metadata.instrument, "")
    yield ("OBS_ID", metadata.obs_id, "")
    yield ("RELEASE", metadata.release, "data release")
    yield ("KID", metadata.kid, "id of the provenance document")
    yield ("SIMULATE", metadata.simulated, "whether the events are simulated")


def _primary_cards(metadata: Metadata) -> Iterator[Card]:
    yield from _common_cards(metadata)
    if metadata.title:
        yield ("TITLE", metadata.title, "")
    if metadata.reference:
        yield ("REFERENC", metadata.reference, "")
    if metadata.licence:
        yield ("LICENSE", metadata.licence, "")
    yield from metadata.more


def _history(metadata: Metadata) -> list[str]:
    return [metadata.provenance] if metadata.provenance else []


def _event_cards(metadata: Metadata) -> Iterator[Card]:
    """Yield the keywords of EVENTS; those of the times are completed at the end."""
    yield from FORMAT_CARDS
    yield ("HDUCLAS1", "EVENTS", "")
    yield from _common_cards(metadata)
    yield from TIME_CARDS
    given = "first and last event" if not metadata.gtis else "good time intervals"
    yield ("TSTART", 0.0, f"[s] {given}")
    yield ("TSTOP", 0.0, f"[s] {given}")
    yield ("TELAPSE", 0.0, "[s] TSTOP - TSTART")
    yield ("ONTIME", 0.0, "[s] sum of the good time intervals")
    known = "[s]" if metadata.livetime is not None else "[s] not known: as ONTIME"
    yield ("LIVETIME", 0.0, known)
    yield ("DEADC", 0.0, "LIVETIME / ONTIME")
    yield ("DATE-OBS", tt_to_iso(0.0), "TT, as TSTART")
    yield ("DATE-END", tt_to_iso(0.0), "TT, as TSTOP")
    yield ("OBS_MODE", "DRIFT", "the detector does not point")
    yield ("ALT_PNT", 90.0, "[deg] the detector's axis is vertical")
    yield ("AZ_PNT", 0.0, "[deg]")
    yield ("GEOLON", metadata.longitude, "[deg] east")
    yield ("GEOLAT", metadata.latitude, "[deg] north")
    yield ("ALTITUDE", metadata.height, "[m]")
    yield ("RADECSYS", "ICRS", "")
    yield ("RADESYS", "ICRS", "the same, by its name in FITS")
    yield ("EQUINOX", 2000.0, "")
