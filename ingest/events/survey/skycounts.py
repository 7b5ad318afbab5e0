"""Events on the sky in constant memory: the first as positions, all as counts in equal areas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy import units
from astropy_healpix import lonlat_to_healpix, nside_to_npix

Floats = npt.NDArray[np.float64]

MOST_POINTS: Final = 20_000
"""Above this number of events, their density is drawn instead of points."""
EVENTS_PER_PIXEL: Final = 10
"""Minimum of the mean number; with fewer, statistical fluctuations would dominate."""
_NSIDE: Final = 32
_COARSEST: Final = 8


@dataclass
class SkyCounts:
    """Positions of events, ICRS, deg; above :data:`MOST_POINTS` only their counts.

    Attributes
    ----------
    count : int
        Number of events.
    """

    count: int = 0
    _parts: list[tuple[Floats, Floats]] = field(default_factory=list)
    _counts: npt.NDArray[np.int64] | None = None

    def include(self, ra: Floats, dec: Floats) -> None:
        """Include events."""
        self.count += len(ra)
        if self._counts is not None:
            self._counts += np.bincount(pixels(_NSIDE, ra, dec), minlength=len(self._counts))
            return
        self._parts.append((np.array(ra, np.float64), np.array(dec, np.float64)))
        if self.count > MOST_POINTS:
            self._counts = self._counted()

    def add(self, other: SkyCounts) -> None:
        """Include the events of other counts."""
        if other._counts is None:
            for part in other._parts:
                self.include(*part)
            return
        if self._counts is None:
            self._counts = self._counted()
        self._counts += other._counts
        self.count += other.count

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return everything as arrays, for :meth:`load`."""
        if self._counts is not None:
            return {"sky_count": np.array(self.count), "sky_counts": self._counts}
        ra, dec = self.positions
        return {"sky_ra": ra, "sky_dec": dec}

    def load(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Include the events of which :meth:`arrays` returned the arrays."""
        if "sky_ra" in arrays:
            self.include(arrays["sky_ra"], arrays["sky_dec"])
        else:
            self.add(SkyCounts(int(arrays["sky_count"]), [], arrays["sky_counts"]))

    def _counted(self) -> npt.NDArray[np.int64]:
        """Return the counts of the events whose positions are known, and forget these."""
        parts, self._parts = self._parts, []
        counts = np.zeros(nside_to_npix(_NSIDE), np.int64)
        for part in parts:
            counts += np.bincount(pixels(_NSIDE, *part), minlength=len(counts))
        return counts

    @property
    def positions(self) -> tuple[Floats, Floats]:
        """Right ascensions and declinations; empty where there are too many."""
        columns = zip(*self._parts, strict=True) if self._parts else ([], [])
        ra, dec = (np.concatenate([np.empty(0), *column]) for column in columns)
        return ra, dec

    @property
    def density(self) -> npt.NDArray[np.int64] | None:
        """Counts in HEALPix pixels, nested scheme; None where there are positions."""
        if self._counts is None:
            return None
        nside = _COARSEST
        while nside < _NSIDE and nside_to_npix(2 * nside) * EVENTS_PER_PIXEL <= self.count:
            nside *= 2
        # in the nested scheme, the parts of a pixel have consecutive numbers
        density: npt.NDArray[np.int64] = self._counts.reshape(nside_to_npix(nside), -1).sum(axis=1)
        return density


def pixels(nside: int, ra: Floats, dec: Floats) -> npt.NDArray[np.int64]:
    """Return the HEALPix pixels, nested scheme, of positions in deg."""
    found: npt.NDArray[np.int64] = lonlat_to_healpix(
        ra * units.deg, dec * units.deg, nside, order="nested"
    )
    return found
