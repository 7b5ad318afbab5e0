"""The published samples, as the database and the deployed descriptions have them.

Only what everyone may see counts: the releases in ``km3net.events`` (which leaves out those that
are not public, withdrawn or superseded) whose products are open and which are neither tests nor
simulated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from ingest.alerts.matching.samples import ORDER, Sample, counts_by_ring, merged
from ingest.alerts.tables import Store
from ingest.instance.dachs import facts_in

_LISTS: Final = """
    SELECT release, t_min, t_max, livetime FROM km3net.observations
    WHERE owner IS NULL AND embargo IS NULL AND ev_xel IS NOT NULL
        AND product_type NOT IN ('hea-event-bundle', 'response-function')
        AND release = ANY (%s)"""
_DENSITY: Final = f"""
    SELECT release, cell, count(*)
    FROM (SELECT release, healpix_nest({ORDER}, spoint(radians(ra), radians(dec))) AS cell
        FROM km3net.events WHERE release = ANY (%s)) AS located
    GROUP BY release, cell"""
_EVENTS: Final = """
    SELECT release, event_id, mjd, ra, dec FROM km3net.events
    WHERE mjd BETWEEN %s AND %s AND dec BETWEEN %s AND %s AND release = ANY (%s)
    ORDER BY mjd, event_id"""


class PublishedEvent(NamedTuple):
    """A row of ``km3net.events``: MJD in UTC, and deg in ICRS."""

    release: str
    event_id: str
    mjd: float
    ra: float
    dec: float


class PublishedSamples:
    """The samples that are public now; they are read again when anything is published.

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
        self.samples: Mapping[str, Sample] = {}
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
        self, store: Store, times: tuple[float, float], declinations: tuple[float, float]
    ) -> list[PublishedEvent]:
        """Return the events in a range of times, MJD in UTC, and declinations in deg."""
        found = store.fetch(_EVENTS, [*times, *declinations, list(self.samples)])
        return [PublishedEvent(*row) for row in found]

    def _read(self, store: Store) -> None:
        facts = {
            name: one
            for name, one in facts_in(self._inputs).items()
            if one.get("kind") == "sample" and not one.get("simulated") and not one["protected"]
        }
        self.samples, self.detectors = {}, {}
        ((present,),) = store.fetch("SELECT to_regclass('km3net.events')")
        if not facts or present is None:
            return
        spans: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        livetimes: defaultdict[str, list[float | None]] = defaultdict(list)
        for release, start, stop, livetime in store.fetch(_LISTS, [list(facts)]):
            spans[release].append((start, stop))
            livetimes[release].append(livetime)
        cells: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for release, cell, number in store.fetch(_DENSITY, [list(spans)]):
            cells[release].append((cell, number))
        self.samples = {
            release: Sample(
                release,
                _total(livetimes[release]),
                merged(spans[release]),
                counts_by_ring(*np.array(counted, np.int64).T),
            )
            for release, counted in cells.items()
        }
        self.detectors = {release: facts[release]["detector"] for release in self.samples}


def _total(livetimes: Sequence[float | None]) -> float | None:
    known = [one for one in livetimes if one is not None]
    return sum(known) if known and len(known) == len(livetimes) else None
