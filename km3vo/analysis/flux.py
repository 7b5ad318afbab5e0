"""Models of the flux of a neutrino source, in GeV-1 cm-2 s-1 at 1 GeV."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .arrays import Floats
from .errors import AnalysisError

# in each bin of energy; exact to 1e-9 for bins of a third of a decade
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


@dataclass(frozen=True)
class PowerLaw:
    """The flux ``norm (E / GeV)^-index exp(-E / cutoff)`` of a point source.

    Parameters
    ----------
    norm : float
        GeV-1 cm-2 s-1 at 1 GeV. It has to be of the particles that the effective area is for:
        neutrinos and antineutrinos of one flavour for KM3NeT's published areas.
    index : float
        The spectral index, such as 2.
    cutoff : float, optional
        Energy of the exponential cutoff, GeV. Without it, there is no cutoff.
    """

    norm: float
    index: float
    cutoff: float | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.norm) and self.norm >= 0):
            raise AnalysisError("norm", self.norm, "a number from 0, in GeV-1 cm-2 s-1")
        if not np.isfinite(self.index):
            raise AnalysisError("index", self.index, "a finite number")
        if self.cutoff is not None and not self.cutoff > 0:
            raise AnalysisError("cutoff", self.cutoff, "a positive energy in GeV, or none")

    def at(self, energy: npt.ArrayLike) -> Floats:
        """Return the flux at energies in GeV, in GeV-1 cm-2 s-1."""
        energies = np.asarray(energy, float)
        flux: Floats = self.norm * energies**-self.index
        return flux if self.cutoff is None else flux * np.exp(-energies / self.cutoff)

    def integrals(self, edges: npt.ArrayLike) -> Floats:
        """Return the flux in bins of energy.

        Parameters
        ----------
        edges : array_like, shape (bins + 1,)
            GeV, increasing.

        Returns
        -------
        numpy.ndarray, shape (bins,)
            cm-2 s-1. Exact without a cutoff.
        """
        limits = np.asarray(edges, float)
        if self.cutoff is None:
            logs = np.log(limits)
            power = 1 - self.index
            width = np.diff(logs)
            # expm1 keeps precision near index 1, where the integral is a logarithm
            ratio = np.ones_like(width)
            np.divide(np.expm1(power * width), power * width, out=ratio, where=power * width != 0)
            exact: Floats = self.norm * np.exp(power * logs[:-1]) * width * ratio
            return exact
        energies, weights = energy_nodes(limits)
        summed: Floats = (self.at(energies) * weights).sum(axis=-1)
        return summed


def energy_nodes(edges: Floats) -> tuple[Floats, Floats]:
    """Return points and weights for integrals over bins of energy, Gauss-Legendre in log E.

    Parameters
    ----------
    edges : numpy.ndarray, shape (bins + 1,)
        GeV, positive and increasing.

    Returns
    -------
    energies, weights : numpy.ndarray, shape (bins, nodes)
        GeV; the integral of f over bin i is ``sum(f(energies[i]) * weights[i])``.
    """
    logs = np.log(edges)
    middle, half = (logs[1:] + logs[:-1]) / 2, np.diff(logs) / 2
    energies = np.exp(middle[:, np.newaxis] + half[:, np.newaxis] * _NODES)
    weights = half[:, np.newaxis] * _WEIGHTS * energies
    return energies, weights
