"""Units: energies in tables (GeV), GADF event lists (TeV) and the registry (J); the Julian year.

Units that delivered files or alert packets declare are converted where these are read.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

ELEMENTARY_CHARGE: Final = 1.602_176_634e-19
"""In C, which is also J per eV; exact by definition of the SI."""

JULIAN_YEAR: Final = 31_557_600.0
"""s; 365.25 days (IAU)."""

EV_PER_GEV: Final = 1e9
GEV_PER_TEV: Final = 1000.0

Energy = TypeVar("Energy", float, npt.NDArray[np.float64])
"""One energy or an array of them; NaN stays NaN."""


def gev_to_tev(energy: Energy) -> Energy:
    """Convert energies from GeV to TeV."""
    return energy / GEV_PER_TEV


def gev_to_joule(energy: Energy) -> Energy:
    """Convert energies from GeV to joules."""
    return energy * (EV_PER_GEV * ELEMENTARY_CHARGE)
