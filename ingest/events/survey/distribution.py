"""The distribution of one quantity: of all rows read, and of those accepted by the checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ingest.core.timescales import unix_to_mjd
from ingest.events.fields import MISSING_INTEGER, Array

Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Values = Callable[[dict[str, Array]], Array | None]
"""Returns a quantity from the fields of events, NaN where it is missing; None if it has none."""


@dataclass
class Distribution:
    """A histogram with bins of equal width, filled twice.

    Parameters
    ----------
    name, label, unit : str
        The quantity, and how it is called in a plot.
    low, high : float
        The range of the bins; of the decimal logarithm if `logarithmic`.
    bins : int
        Their number: more than a plot shows, which depends on the data.
    values : callable
        Returns the quantity.
    logarithmic, long_tail : bool
        Whether the bins are those of the decimal logarithm; whether a plot leaves out the few
        largest values.

    Attributes
    ----------
    read, accepted : ndarray
        Counts of all rows and of the accepted ones: below the range, in the bins, above the range,
        and missing.
    """

    name: str
    label: str
    unit: str
    low: float
    high: float
    bins: int
    values: Values
    logarithmic: bool = False
    long_tail: bool = False
    read: Counts = field(init=False)
    accepted: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.read = np.zeros(self.bins + 3, np.int64)
        self.accepted = self.read.copy()

    def include(self, columns: dict[str, Array], rejected: Mask | None) -> None:
        """Count the rows of a chunk; `rejected` is None if all are accepted."""
        bins = self._bins(columns)
        if bins is None:
            return
        counts = self._count(bins)
        self.read += counts
        self.accepted += counts if rejected is None else self._count(bins[~rejected])

    def include_accepted(self, columns: dict[str, Array]) -> None:
        """Count accepted rows only, for a quantity that rejected rows do not have."""
        bins = self._bins(columns)
        if bins is not None:
            self.accepted += self._count(bins)

    def add(self, other: Distribution) -> None:
        """Add the counts of the same quantity of other events.

        Of another range, they go to the bins with the centres of the former ones.
        """
        self.read += self._rebinned(other, other.read)
        self.accepted += self._rebinned(other, other.accepted)

    @property
    def outside(self) -> int:
        """Number of rows read, or accepted if only those have it, outside the range."""
        counts = self.read if self.read.any() else self.accepted
        return int(counts[0] + counts[-2])

    @property
    def missing(self) -> int:
        """Number of rows read, or accepted if only those have it, without a value."""
        return int((self.read if self.read.any() else self.accepted)[-1])

    def _bins(self, columns: dict[str, Array]) -> npt.NDArray[np.intp] | None:
        values = self.values(columns)
        if values is None:
            return None
        with np.errstate(all="ignore"):
            if self.logarithmic:
                values = np.log10(values)
            # so little narrower that the upper end is in the last bin, as in numpy.histogram
            scale = self.bins / (self.high - self.low) * (1 - 1e-12)
            place = np.floor((values - self.low) * scale)
            np.clip(place, -1, self.bins, out=place)
            place[np.isnan(place)] = self.bins + 1
            return place.astype(np.intp) + 1

    def _rebinned(self, other: Distribution, counts: Counts) -> Counts:
        if (self.low, self.high) == (other.low, other.high):
            return counts
        centres = other.low + (np.arange(-1, other.bins + 1) + 0.5) * (
            (other.high - other.low) / other.bins
        )
        place = np.floor((centres - self.low) * (self.bins / (self.high - self.low)))
        place = np.append(np.clip(place, -1, self.bins) + 1, self.bins + 2)
        weighted = np.bincount(place.astype(np.intp), counts, minlength=self.bins + 3)
        return weighted.astype(np.int64)

    def _count(self, bins: npt.NDArray[np.intp]) -> Counts:
        return np.bincount(bins, minlength=self.bins + 3)


def distributions(start_mjd: float | None, stop_mjd: float | None) -> list[Distribution]:
    """Return the empty distributions of a release of this time range, MJD UTC."""
    if start_mjd is None or stop_mjd is None:
        start_mjd, stop_mjd = 50_000.0, 70_000.0
    return [
        Distribution("sin_dec", "sin(declination)", "", -1, 1, 200, _sin_dec),
        Distribution("cos_zenith", "cos(zenith)", "", -1, 1, 200, _cos_zenith),
        Distribution(
            "n_hits", "number of hits", "", -0.5, 16_383.5, 16_384, _n_hits, long_tail=True
        ),
        Distribution("energy", "energy", "GeV", -2, 11, 520, _energy, logarithmic=True),
        Distribution("ang_err", "angular error", "deg", -5, 3, 320, _ang_err, logarithmic=True),
        Distribution("mjd", "time", "MJD", start_mjd, stop_mjd, 20_000, _mjd),
    ]


def _energy(columns: dict[str, Array]) -> Array | None:
    return columns.get("energy")


def _ang_err(columns: dict[str, Array]) -> Array | None:
    return columns.get("ang_err")


def _sin_dec(columns: dict[str, Array]) -> Array | None:
    return np.sin(np.radians(columns["dec"])) if "dec" in columns else None


def _cos_zenith(columns: dict[str, Array]) -> Array | None:
    if "dir_z" in columns:
        # the direction of propagation is opposite to that of origin
        return -columns["dir_z"]
    return np.cos(np.radians(columns["zenith"])) if "zenith" in columns else None


def _n_hits(columns: dict[str, Array]) -> Array | None:
    if "n_hits" not in columns:
        return None
    hits = columns["n_hits"]
    return np.where(hits == MISSING_INTEGER, np.nan, hits)


def _mjd(columns: dict[str, Array]) -> Array | None:
    if "mjd" in columns:
        return columns["mjd"]
    if "unix_seconds" in columns:
        return unix_to_mjd(columns["unix_seconds"])
    return None
