"""The survey of an import, over all of its files and products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ingest.events.checks import CheckReport
from ingest.events.fields import Array, Chunk
from ingest.events.survey.distribution import Distribution, Mask, distributions
from ingest.events.survey.skycounts import SkyCounts


class Survey:
    """What a report shows of events; it takes constant memory.

    Parameters
    ----------
    start_mjd, stop_mjd : float, optional
        The time range of the release, MJD UTC.

    Attributes
    ----------
    checks : list of CheckReport
        The checks of each product, also of one that failed them.
    distributions : list of Distribution
        Of the rows read, and of those accepted.
    sky : SkyCounts
        The accepted events.
    """

    def __init__(self, start_mjd: float | None = None, stop_mjd: float | None = None) -> None:
        self.checks: list[CheckReport] = []
        self.distributions: list[Distribution] = distributions(start_mjd, stop_mjd)
        self.sky = SkyCounts()

    @property
    def time_range(self) -> tuple[float, float]:
        """The range of the distribution of times, MJD UTC."""
        (times,) = (one for one in self.distributions if one.name == "mjd")
        return times.low, times.high

    @property
    def read(self) -> int:
        """Number of rows read."""
        return sum(one.read for one in self.checks)

    @property
    def accepted(self) -> int:
        """Number of rows accepted."""
        return sum(one.accepted for one in self.checks)

    @property
    def rejected(self) -> int:
        """Number of rows rejected."""
        return sum(one.rejected for one in self.checks)

    def add(self, other: Survey) -> None:
        """Include what another survey has collected of other events."""
        self.checks += other.checks
        for mine, its in zip(self.distributions, other.distributions, strict=True):
            mine.add(its)
        self.sky.add(other.sky)

    def include(self, columns: dict[str, Array], rejected: Mask) -> None:
        """Include rows as they were read, with corrected values, and which were rejected."""
        some = rejected if rejected.any() else None
        for one in self.distributions:
            one.include(columns, some)

    def located(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Yield chunks of accepted, located events, and include their positions."""
        (sin_dec,) = (one for one in self.distributions if one.name == "sin_dec")
        for chunk in chunks:
            self.sky.include(chunk["ra"], chunk["dec"])
            # otherwise the files give declinations, which were included as they were read
            if not sin_dec.read.any():
                sin_dec.include_accepted({"dec": chunk["dec"]})
            yield chunk
