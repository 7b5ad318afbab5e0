"""The acceptance of a sample: how many events a source of a given flux causes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import Bools, Floats, Integers, numbers
from .errors import AnalysisError

INDICES = np.round(np.arange(15, 31) / 10, 1)
"""The spectral indices of the rows of ANTARES' table."""
BINS = 20
"""The columns of ANTARES' table: bins of equal size in the sine of the declination."""
FILE_UNIT = 1e8
"""GeV cm² s in the unit of the file. The publisher's program divides a number of events by the
number in the table and multiplies by 1e-8, to get a flux in GeV⁻¹ cm⁻² s⁻¹."""


@dataclass(frozen=True, eq=False)
class Acceptance:
    """Number of events of the sample per flux of a point source, for power laws in energy.

    A source with dN/dE = Φ₀ (E/GeV)^−γ causes Φ₀ A(δ, γ) events in the sample.

    Parameters
    ----------
    indices : ndarray, shape (n,)
        The spectral indices γ.
    sin_dec_edges : ndarray, shape (m + 1,)
        The limits of the bins in the sine of the declination.
    values : ndarray, shape (n, m)
        A in GeV cm² s, so that Φ₀ is in GeV⁻¹ cm⁻² s⁻¹, for one flavour.
    """

    indices: Floats
    sin_dec_edges: Floats
    values: Floats

    @classmethod
    def from_text(cls, text: str) -> Acceptance:
        """Read ANTARES' table: a row per spectral index, in units of 1e8 GeV cm² s.

        Raises
        ------
        AnalysisError
            If it does not have 16 rows of 20 positive numbers.
        """
        try:
            rows = [[float(word) for word in line.split()] for line in text.strip().splitlines()]
            table = np.array(rows)
        except ValueError:
            table = np.empty(0)
        shape = (len(INDICES), BINS)
        if table.shape != shape or not (np.isfinite(table).all() and (table > 0).all()):
            raise AnalysisError("acceptance", repr(text[:60]), "16 rows of 20 positive numbers")
        return cls(INDICES, np.linspace(-1, 1, BINS + 1), table * FILE_UNIT)

    def in_range(self, index: Any) -> Bools:
        """Return whether the table has a spectral index or its neighbours."""
        values = numbers("index", index)
        return np.asarray((values >= self.indices[0]) & (values <= self.indices[-1]))

    def bins(self, sin_dec: Floats) -> Integers:
        """Return the bins of sines of declinations; on an edge, the northern one."""
        # sin 30° is 0.49999999999999994
        column = np.searchsorted(self.sin_dec_edges, sin_dec + 1e-12, side="right") - 1
        return np.clip(column, 0, self.values.shape[1] - 1)

    def at(self, dec_deg: Any, index: Any) -> Floats:
        """Return the acceptance in GeV cm² s, NaN outside the table.

        Parameters
        ----------
        dec_deg, index : array_like
            Declination in deg; spectral index.

        Notes
        -----
        The value of the declination's bin, as the publisher's program uses it; a declination on
        the edge of two bins has the value of the northern one. The logarithm is interpolated
        linearly in the spectral index, so that the table's own indices give the table's values.
        """
        dec, gamma = np.broadcast_arrays(numbers("dec", dec_deg), numbers("index", index))
        known = self.in_range(gamma) & (np.abs(dec) <= 90)
        column = self.bins(np.sin(np.radians(np.where(known, dec, 0))))
        gamma = np.where(known, gamma, self.indices[0])
        row = np.clip(np.searchsorted(self.indices, gamma, "right") - 1, 0, len(self.indices) - 2)
        step = (gamma - self.indices[row]) / (self.indices[row + 1] - self.indices[row])
        lower, upper = self.values[row, column], self.values[row + 1, column]
        between = lower * (upper / lower) ** step
        value = np.where(step == 0, lower, np.where(step == 1, upper, between))
        return np.where(known, value, np.nan)
