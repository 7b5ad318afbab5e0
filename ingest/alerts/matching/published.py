"""The published samples, as the database and the deployed descriptions have them.

Only what everyone may see counts: the releases in ``km3net.events`` (which leaves out those that
are not public, withdrawn or superseded) whose products are open and which are neither tests nor
simulated.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from ingest.alerts.matching.samples import (
    ORDER,
    Floats,
    Integers,
    Region,
    Sample,
    counts_by_ring,
    merged,
)
from ingest.alerts.tables import Store
from ingest.instance.dachs import facts_in

_LISTS: Final = """
    SELECT release, t_min, t_max, livetime FROM km3net.observations
    WHERE owner IS NULL AND embargo IS NULL AND ev_xel IS NOT NULL
        AND product_type NOT IN ('hea-event-bundle', 'measurements', 'response-function')
        AND release = ANY (%s)"""
_ANY: Final = "SELECT 1 FROM km3net.events WHERE release = %s LIMIT 1"
_DIRECTIONS: Final = """
    COPY (SELECT mjd, healpix_nest(29, spoint(radians(ra), radians(dec)))
        FROM km3net.events WHERE release = %s ORDER BY mjd) TO STDOUT WITH BINARY"""
_ROW: Final = np.dtype([("_", ">i2,>i4"), ("mjd", ">f8"), ("__", ">i4"), ("cell", ">i8")])
"""A row of PostgreSQL's binary COPY; the file has 19 bytes before the rows, and 2 after them."""
_EVENTS: Final = """
    SELECT event_id, mjd, ra, dec FROM km3net.events
    WHERE release = %s AND mjd = ANY (%s) ORDER BY mjd, event_id"""


class PublishedEvent(NamedTuple):
    """A row of ``km3net.events``: MJD in UTC, and deg in ICRS."""

    event_id: str
    mjd: float
    ra: float
    dec: float


@dataclass(frozen=True, eq=False)
class Published:
    """A public sample, without its events.

    Attributes
    ----------
    release, detector : str
        Its name, and ``antares``, ``orca`` or ``arca``.
    livetime : float or None
        In s; None if it is not known.
    intervals : array of float64, shape (n, 2)
        Start and stop of data taking, MJD in UTC, in order.
    """

    release: str
    detector: str
    livetime: float | None
    intervals: Floats

    def overlaps(self, start: float, stop: float) -> bool:
        """Return whether data were taken at any time of a window, MJD in UTC."""
        return bool(((self.intervals[:, 1] >= start) & (self.intervals[:, 0] <= stop)).any())


class PublishedSamples:
    """The samples that are public now; they are read again when anything is published.

    The times and directions of the events of a sample are read when the first alert is compared
    with it, and kept in memory, in 16 bytes each.

    Parameters
    ----------
    inputs : pathlib.Path
        The directory of deployed descriptors; each publication exchanges it.

    Attributes
    ----------
    found : list of Published
        The samples.
    """

    def __init__(self, inputs: Path) -> None:
        self._inputs = inputs
        self._seen: tuple[int, int] | None = None
        self._loaded: dict[str, tuple[Sample, Floats, Integers]] = {}
        self.found: list[Published] = []

    def refresh(self, store: Store) -> bool:
        """Read what is public, if that may have changed; return whether it was read."""
        try:
            status = self._inputs.stat()
        except FileNotFoundError:
            return False
        now = status.st_ino, status.st_ctime_ns
        if now == self._seen:
            return False
        self._loaded = {}
        self.found = self._read(store)
        self._seen = now
        return True

    def sample(self, store: Store, one: Published) -> Sample:
        """Return a sample with the density of its events."""
        return self._load(store, one)[0]

    def events(
        self, store: Store, one: Published, region: Region, start: float, stop: float
    ) -> list[PublishedEvent]:
        """Return the events of a sample in a region and a time window, MJD in UTC."""
        _, mjd, cells = self._load(store, one)
        near = slice(*np.searchsorted(mjd, [start, stop], side="left"))
        times = np.unique(mjd[near][region.contains_cells(cells[near])])
        if not len(times):
            return []
        rows = store.fetch(_EVENTS, [one.release, times.tolist()])
        found = [PublishedEvent(*row) for row in rows]
        # others may have the same times
        inside = region.contains([event.ra for event in found], [event.dec for event in found])
        return [event for event, is_inside in zip(found, inside, strict=True) if is_inside]

    def _read(self, store: Store) -> list[Published]:
        facts = {
            name: one
            for name, one in facts_in(self._inputs).items()
            if one.get("kind") == "sample" and not one.get("simulated") and not one["protected"]
        }
        ((present,),) = store.fetch("SELECT to_regclass('km3net.events')")
        if not facts or present is None:
            return []
        spans: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        livetimes: defaultdict[str, list[float | None]] = defaultdict(list)
        for release, start, stop, livetime in store.fetch(_LISTS, [list(facts)]):
            spans[release].append((start, stop))
            livetimes[release].append(livetime)
        return [
            Published(release, facts[release]["detector"], _total(livetimes[release]), merged(span))
            for release, span in spans.items()
            if store.fetch(_ANY, [release])
        ]

    def _load(self, store: Store, one: Published) -> tuple[Sample, Floats, Integers]:
        if one.release not in self._loaded:
            mjd, cells = _directions(store, one.release)
            counts = counts_by_ring(cells >> (2 * (29 - ORDER)))
            sample = Sample(one.release, one.livetime, one.intervals, counts)
            self._loaded[one.release] = sample, mjd, cells
        return self._loaded[one.release]


def _directions(store: Store, release: str) -> tuple[Floats, Integers]:
    """Return times in order, MJD in UTC, and cells of order 29 of the events of a release."""
    stream = io.BytesIO()
    with store.together() as cursor:
        cursor.copy_expert(cursor.mogrify(_DIRECTIONS, [release]).decode(), stream)
    rows = np.frombuffer(stream.getvalue()[19:-2], _ROW)
    return rows["mjd"].astype(np.float64), rows["cell"].astype(np.int64)


def _total(livetimes: Sequence[float | None]) -> float | None:
    known = [one for one in livetimes if one is not None]
    return sum(known) if known and len(known) == len(livetimes) else None
