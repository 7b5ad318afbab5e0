"""The published samples, as the database and the deployed descriptions have them.

Only what everyone may see counts: the releases in ``km3net.events`` (which leaves out those that
are not public, withdrawn or superseded) whose products are open and which are neither tests nor
simulated.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
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
        AND product_type NOT IN ('hea-event-bundle', 'response-function')
        AND release = ANY (%s)"""
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


class PublishedSamples:
    """The samples that are public now; they are read again when anything is published.

    The times and directions of all events are kept in memory, in 16 bytes each.

    Parameters
    ----------
    inputs : pathlib.Path
        The directory of deployed descriptors; each publication exchanges it.

    Attributes
    ----------
    samples : mapping of str to Sample
        By the names of their releases.
    detectors : mapping of str to str
        ``antares``, ``orca`` or ``arca``, by the names of the releases.
    """

    def __init__(self, inputs: Path) -> None:
        self._inputs = inputs
        self._seen: tuple[int, int] | None = None
        self._events: dict[str, tuple[Floats, Integers]] = {}
        self.samples: dict[str, Sample] = {}
        self.detectors: Mapping[str, str] = {}

    def refresh(self, store: Store) -> bool:
        """Read what is public, if that may have changed; return whether it was read."""
        try:
            status = self._inputs.stat()
        except FileNotFoundError:
            return False
        now = status.st_ino, status.st_ctime_ns
        if now == self._seen:
            return False
        self._read(store)
        self._seen = now
        return True

    def events(
        self, store: Store, release: str, region: Region, start: float, stop: float
    ) -> list[PublishedEvent]:
        """Return the events of a release in a region and a time window, MJD in UTC."""
        mjd, cells = self._events[release]
        near = slice(*np.searchsorted(mjd, [start, stop], side="left"))
        times = np.unique(mjd[near][region.contains_cells(cells[near])])
        if not len(times):
            return []
        found = [PublishedEvent(*row) for row in store.fetch(_EVENTS, [release, times.tolist()])]
        # others may have the same times
        inside = region.contains([one.ra for one in found], [one.dec for one in found])
        return [one for one, is_inside in zip(found, inside, strict=True) if is_inside]

    def _read(self, store: Store) -> None:
        facts = {
            name: one
            for name, one in facts_in(self._inputs).items()
            if one.get("kind") == "sample" and not one.get("simulated") and not one["protected"]
        }
        self.samples, self.detectors, self._events = {}, {}, {}
        ((present,),) = store.fetch("SELECT to_regclass('km3net.events')")
        if not facts or present is None:
            return
        spans: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        livetimes: defaultdict[str, list[float | None]] = defaultdict(list)
        for release, start, stop, livetime in store.fetch(_LISTS, [list(facts)]):
            spans[release].append((start, stop))
            livetimes[release].append(livetime)
        for release in spans:
            mjd, cells = _directions(store, release)
            if len(mjd):
                self._events[release] = mjd, cells
                self.samples[release] = Sample(
                    release,
                    _total(livetimes[release]),
                    merged(spans[release]),
                    counts_by_ring(cells >> (2 * (29 - ORDER))),
                )
        self.detectors = {release: facts[release]["detector"] for release in self.samples}


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
