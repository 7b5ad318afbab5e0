"""A sample of events with its responses, and the pairs of its events with positions in the sky."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .acceptance import Acceptance
from .arrays import Bools, Floats, Integers, numbers, ranges
from .background import Polynomial
from .errors import AnalysisError
from .sphere import fraction_of_parallel, unit_vectors


class Pairs(NamedTuple):
    """Pairs of a position and an event whose declination is within the position's radius.

    Attributes
    ----------
    position, event : ndarray
        Indices into the positions and into the sample.
    fraction : ndarray
        Of the event's circle of constant declination that is within the radius: the probability
        that the event is inside after its right ascension is scrambled.
    separation : ndarray
        Angle between position and event in deg.
    """

    position: Integers
    event: Integers
    fraction: Floats
    separation: Floats


@dataclass(frozen=True, eq=False)
class Sample:
    """The events of a release, and what is known of the detector.

    Parameters
    ----------
    release : str
        Name of the release, such as ``ant20_01``.
    event_id : ndarray of str, shape (n,)
        Identifiers of the events.
    ra, dec : ndarray, shape (n,)
        Directions in deg, ICRS.
    ang_err : ndarray, shape (n,)
        Estimated angular error of each event in deg, NaN where unknown.
    mjd : ndarray, shape (n,)
        Times as Modified Julian Date, UTC.
    polynomial : Polynomial
        The published background.
    acceptance : Acceptance
        The published acceptance.
    resolution : float
        Median angle between the true and the reconstructed direction of a neutrino from a source,
        in deg.

    Raises
    ------
    AnalysisError
        If the arrays differ in length, or a direction is invalid.
    """

    release: str
    event_id: npt.NDArray[Any]
    ra: Floats
    dec: Floats
    ang_err: Floats
    mjd: Floats
    polynomial: Polynomial
    acceptance: Acceptance
    resolution: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "event_id", np.asarray(self.event_id))
        for name in ("ra", "dec", "ang_err", "mjd"):
            object.__setattr__(self, name, numbers(name, getattr(self, name)))
            if getattr(self, name).shape != self.event_id.shape:
                raise AnalysisError(
                    name, f"of shape {getattr(self, name).shape}", f"shape {self.event_id.shape}"
                )
        if not (np.isfinite(self.ra).all() and (np.abs(self.dec) <= 90).all()):
            raise AnalysisError("dec", "not a direction for some event", "-90 to 90 deg")
        if not self.resolution > 0:
            raise AnalysisError("resolution", self.resolution, "an angle above 0 deg")

    @cached_property
    def _by_dec(self) -> tuple[Integers, Floats, Floats, Floats]:
        """Order of the events by declination; their declinations, its sines, and vectors."""
        order = np.argsort(self.dec, kind="stable")
        dec = self.dec[order]
        return order, dec, np.sin(np.radians(dec)), unit_vectors(self.ra[order], dec)

    def sees(self, dec_deg: Any) -> Bools:
        """Return whether the sample has events of a source at a declination in deg.

        There the polynomial is valid, and the acceptance for an index of 2 is at least 1 % of the
        largest. ANTARES' table has values for all of the sky, but they drop by a factor of 370 at
        +53.13 deg, north of which the sample has no event.
        """
        acceptance = self.acceptance.at(dec_deg, 2.0)
        largest = self.acceptance.at(
            np.degrees(np.arcsin(self.acceptance.sin_dec_edges[:-1])), 2.0
        ).max()
        seen = self.polynomial.valid(dec_deg) & (acceptance >= 0.01 * largest)
        return np.asarray(seen, dtype=bool)

    def pairs(self, ra: Floats, dec: Floats, radius: Floats) -> Pairs:
        """Return the pairs of positions and events; see `Pairs`.

        Parameters
        ----------
        ra, dec, radius : ndarray, shape (m,)
            Positions and radii in deg.
        """
        order, sorted_dec, sines, vectors = self._by_dec
        # one more in the last digits: a declination of 24.7 is 24.699999999999999
        first = np.searchsorted(sorted_dec, dec - radius - 1e-9, "left")
        last = np.searchsorted(sorted_dec, dec + radius + 1e-9, "right")
        position, event = ranges(first, last)
        # from the chord: accurate for small angles
        chord = np.linalg.norm(unit_vectors(ra, dec)[position] - vectors[event], axis=-1)
        fraction = fraction_of_parallel(
            sines[event],
            np.sin(np.radians(dec))[position],
            np.cos(np.radians(radius))[position],
        )
        separation = np.degrees(2 * np.arcsin(np.minimum(chord / 2, 1)))
        return Pairs(position, order[event], fraction, separation)
