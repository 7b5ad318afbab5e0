"""Conversions of energies: the only place where they are written down.

Tables hold GeV, GADF files TeV, the Registry's spectral coverage joule, and ObsCore the
wavelength of a photon of the same energy in metres.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

PLANCK: Final = 6.626_070_15e-34
"""J s; exact by definition of the SI (CODATA 2018 and later)."""
LIGHT_SPEED: Final = 299_792_458
"""m/s; exact by definition of the SI."""
ELEMENTARY_CHARGE: Final = 1.602_176_634e-19
"""C, and J per eV; exact by definition of the SI."""

EV_PER_GEV: Final = 1e9
GEV_PER_TEV: Final = 1000.0

Energy = TypeVar("Energy", float, npt.NDArray[np.float64])
"""One energy or an array of them; NaN stays NaN."""


def gev_to_tev(energy: Energy) -> Energy:
    """Return energies given in GeV in TeV."""
    return energy / GEV_PER_TEV


def tev_to_gev(energy: Energy) -> Energy:
    """Return energies given in TeV in GeV."""
    return energy * GEV_PER_TEV


def gev_to_ev(energy: Energy) -> Energy:
    """Return energies given in GeV in eV."""
    return energy * EV_PER_GEV


def gev_to_joule(energy: Energy) -> Energy:
    """Return energies given in GeV in joule."""
    return energy * (EV_PER_GEV * ELEMENTARY_CHARGE)


def energy_to_wavelength_m(energy: Energy) -> Energy:
    """Return the vacuum wavelength in m of photons of energies given in GeV.

    λ = h c / E. The largest energy gives the smallest wavelength: ObsCore's em_min comes from
    the upper end of an energy range.
    """
    return PLANCK * LIGHT_SPEED / (EV_PER_GEV * ELEMENTARY_CHARGE) / energy
