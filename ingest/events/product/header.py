"""Headers of products: facts that hold for all events, as FITS keywords of GADF 0.3."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ingest.core.errors import ManifestError
from ingest.core.fitstable import Card, Value
from ingest.core.timescales import MJD_REFERENCE, tt_to_iso

FORMAT_CARDS: Final[tuple[Card, ...]] = (
    ("HDUCLASS", "GADF", "format"),
    ("HDUDOC", "https://github.com/open-gamma-ray-astro/gamma-astro-data-formats", ""),
    ("HDUVERS", "0.3", "version of the format"),
)
TIME_CARDS: Final[tuple[Card, ...]] = (
    ("MJDREFI", MJD_REFERENCE, "[d] reference of times, whole days"),
    ("MJDREFF", 0.0, "[d] reference of times, fraction"),
    ("TIMEUNIT", "s", ""),
    ("TIMESYS", "TT", "Terrestrial Time"),
    ("TIMEREF", "LOCAL", "times as measured at the detector"),
)


@dataclass(frozen=True)
class ProductMetadata:
    """The facts that hold for all events of a product, for its headers.

    Parameters
    ----------
    release, title, reference, licence : str
        Name of the release, its title, the DOI to cite, the SPDX identifier of its licence.
    obs_id : int
        Number of the observation: the run, or 1 for a whole sample.
    telescope, instrument : str
        ``KM3NeT`` and ``ORCA6``, or ``ANTARES`` and ``ANTARES``.
    longitude, latitude, height : float
        Position of the detector: deg east, deg north (WGS84), m above the ellipsoid.
    creator : str
        The program and its version.
    kid : str
        Identifier of the provenance document, which `provenance` summarises in one line.
    gtis : sequence of (float, float)
        Start and stop of the good time intervals, MJD UTC, in order. If empty, the time from
        the first to the last event is used.
    livetime : float, optional
        In s; by default the length of the good time intervals.
    simulated : bool
        Whether the events are simulated.
    more : sequence of Card
        Further keywords of the primary header.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the intervals are not in order or overlap.
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
                expected="pairs of start and stop, MJD UTC, in ascending order",
                remedy="correct the times in release.toml",
            )


def time_values(
    metadata: ProductMetadata, intervals: Sequence[tuple[float, float]]
) -> dict[str, Value]:
    """Return the keywords of EVENTS that are known when all rows are written.

    Parameters
    ----------
    metadata : ProductMetadata
        The header.
    intervals : sequence of (float, float)
        Good time intervals, s of TT since :data:`~ingest.core.timescales.MJD_REFERENCE`.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the livetime is longer than the intervals.
    """
    start, stop = intervals[0][0], intervals[-1][1]
    ontime = sum(high - low for low, high in intervals)
    livetime = ontime if metadata.livetime is None else metadata.livetime
    if not 0 <= livetime <= ontime * (1 + 1e-9):
        raise ManifestError(
            "the livetime is negative or longer than the good time intervals",
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


def _common_cards(metadata: ProductMetadata) -> Iterator[Card]:
    yield ("ORIGIN", metadata.origin, "organisation that made the file")
    yield ("CREATOR", metadata.creator, "program that made the file")
    yield ("TELESCOP", metadata.telescope, "")
    yield ("INSTRUME", metadata.instrument, "")
    yield ("OBS_ID", metadata.obs_id, "")
    yield ("RELEASE", metadata.release, "data release")
    yield ("KID", metadata.kid, "id of the provenance document")
    yield ("SIMULATE", metadata.simulated, "whether the events are simulated")


def primary_cards(metadata: ProductMetadata) -> Iterator[Card]:
    """Yield the keywords of the primary header."""
    yield from _common_cards(metadata)
    if metadata.title:
        yield ("TITLE", metadata.title, "")
    if metadata.reference:
        yield ("REFERENC", metadata.reference, "")
    if metadata.licence:
        yield ("LICENSE", metadata.licence, "")
    yield from metadata.more


def event_cards(metadata: ProductMetadata) -> Iterator[Card]:
    """Yield the keywords of EVENTS, with placeholders for those of :func:`time_values`."""
    yield from FORMAT_CARDS
    yield ("HDUCLAS1", "EVENTS", "")
    yield from _common_cards(metadata)
    yield from TIME_CARDS
    source = "first and last event" if not metadata.gtis else "good time intervals"
    yield ("TSTART", 0.0, f"[s] {source}")
    yield ("TSTOP", 0.0, f"[s] {source}")
    yield ("TELAPSE", 0.0, "[s] TSTOP - TSTART")
    yield ("ONTIME", 0.0, "[s] sum of the good time intervals")
    comment = "[s]" if metadata.livetime is not None else "[s] unknown: as ONTIME"
    yield ("LIVETIME", 0.0, comment)
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
    yield ("RADESYS", "ICRS", "the same, with the keyword of FITS")
    yield ("EQUINOX", 2000.0, "")
