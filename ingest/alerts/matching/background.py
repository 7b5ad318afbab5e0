r"""Where a detector sees its background: the density of a published sample by declination.

Neutrino telescopes turn with the Earth, so that their background depends on declination alone.
Where it has the density b, the overlap of its directions with others is

.. math:: I = \frac{1}{b(n)} \int p_1 p_2 \, d\Omega

with the best direction n of the neutrino, whose distribution by chance is b: the ratio of signal
and background in searches for point sources. The average of I is 1 again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ingest.alerts.tables import Store

BINS: Final = 20
"""Number of bins of equal solid angle."""
_COUNTS: Final = """
    SELECT width_bucket(sin(radians(dec)), -1, 1, %s), count(*) FROM km3net.events
    WHERE release = %s AND dec IS NOT NULL GROUP BY 1"""


@dataclass(frozen=True)
class DeclinationDensity:
    """The density of directions relative to the uniform one, constant in bins of sin(dec).

    Attributes
    ----------
    release : str
        The sample.
    values : tuple of float
        Its density in bins of equal width from the south pole to the north pole; the mean is 1.
    """

    release: str
    values: tuple[float, ...]

    @classmethod
    def of_counts(cls, release: str, counts: Sequence[float]) -> DeclinationDensity:
        """Return the density for numbers of events in each bin.

        One event is added to each, the mean of the posterior distribution for a uniform prior:
        no direction is impossible because the sample has no event there.
        """
        numbers = [count + 1 for count in counts]
        return cls(release, tuple(number * len(numbers) / sum(numbers) for number in numbers))

    def at(self, dec: float) -> float:
        """Return the density at a declination in deg."""
        place = int((math.sin(math.radians(dec)) + 1) / 2 * len(self.values))
        return self.values[min(max(place, 0), len(self.values) - 1)]


class Backgrounds:
    """The densities of the samples that are online; each is read once."""

    def __init__(self) -> None:
        self._known: dict[str, DeclinationDensity] = {}

    def of(self, release: str, store: Store) -> DeclinationDensity | None:
        """Return the density of a sample; None if it is not online."""
        if release not in self._known:
            if store.fetch("SELECT to_regclass('km3net.events')")[0][0] is None:
                return None
            rows = store.fetch(_COUNTS, [BINS, release])
            if not rows:
                return None
            counts = [0] * BINS
            for number, count in rows:
                counts[min(max(number, 1), BINS) - 1] += count  # a pole is in the bin after
            self._known[release] = DeclinationDensity.of_counts(release, counts)
        return self._known[release]
