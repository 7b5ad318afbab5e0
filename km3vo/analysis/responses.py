"""Instrument responses from rows of the tables in ``irf``: areas, resolutions and backgrounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .arrays import Floats
from .errors import AnalysisError

_ROUNDING = 1e-5
"""Relative; the edges in the tables have single precision."""


@dataclass(frozen=True)
class EffectiveArea:
    """An effective area in bins of neutrino energy and zenith angle.

    Parameters
    ----------
    energy_edges : numpy.ndarray, shape (energies + 1,)
        GeV.
    zenith_edges : numpy.ndarray, shape (zeniths + 1,)
        deg; 0 is what comes from above.
    values : numpy.ndarray, shape (energies, zeniths)
        m2.
    """

    energy_edges: Floats
    zenith_edges: Floats
    values: Floats

    @classmethod
    def from_rows(cls, rows: Any) -> EffectiveArea:
        """Return the effective area in rows of ``irf.aeff``.

        Parameters
        ----------
        rows : astropy.table.Table, numpy.recarray or mapping of str to array
            The rows of one response, in any order, with the columns ``energy_true_lo``,
            ``energy_true_hi``, ``zenith_lo``, ``zenith_hi`` and ``aeff``.

        Raises
        ------
        AnalysisError
            If the rows are not a complete grid of bins, as those of several responses are not.
        """
        (energy, zenith), values = _grid(rows, ("energy_true", "zenith"), "aeff")
        return cls(energy, zenith, values)


@dataclass(frozen=True)
class EnergyResponse:
    """The distribution of the reconstructed energy in bins of the true energy.

    Parameters
    ----------
    true_edges, reco_edges : numpy.ndarray
        GeV.
    values : numpy.ndarray, shape (true energies, reconstructed energies)
        The probability of each bin of the reconstructed energy.
    """

    true_edges: Floats
    reco_edges: Floats
    values: Floats

    @classmethod
    def from_rows(cls, rows: Any) -> EnergyResponse:
        """Return the response in rows of ``irf.edisp`` that have reconstructed energies.

        Raises
        ------
        AnalysisError
            If the rows are not a complete grid of bins.
        """
        (true, reco), values = _grid(rows, ("energy_true", "energy_reco"), "probability")
        return cls(true, reco, values)

    def fold(self, events: npt.ArrayLike) -> Floats:
        """Return the events in bins of reconstructed energy.

        Parameters
        ----------
        events : array_like, shape (..., true energies)
            Expected events in the bins of true energy.
        """
        given = np.asarray(events, float)
        if not given.shape or given.shape[-1] != len(self.values):
            raise AnalysisError(
                "events",
                f"shape {given.shape}",
                f"{len(self.values)} numbers in the last dimension, one for each true energy",
            )
        folded: Floats = given @ self.values
        return folded


@dataclass(frozen=True)
class PointSpread:
    """The distribution of the angle between true and reconstructed direction.

    Parameters
    ----------
    energy_edges, zenith_edges, radius_edges : numpy.ndarray
        GeV, deg and deg.
    values : numpy.ndarray, shape (energies, zeniths, radii)
        Probability per sr.
    """

    energy_edges: Floats
    zenith_edges: Floats
    radius_edges: Floats
    values: Floats

    @classmethod
    def from_rows(cls, rows: Any) -> PointSpread:
        """Return the point-spread function in rows of ``irf.psf``, of one response.

        Raises
        ------
        AnalysisError
            If the rows are not a complete grid of bins.
        """
        axes = ("energy_true", "zenith", "radius")
        (energy, zenith, radius), values = _grid(rows, axes, "density")
        return cls(energy, zenith, radius, values)

    def containment(self, radius: float) -> Floats:
        """Return the fraction of events within a radius of their source.

        Parameters
        ----------
        radius : float
            deg.

        Returns
        -------
        numpy.ndarray, shape (energies, zeniths)
            Relative to the integral over the sphere, whether or not this is 1; NaN where there
            are no events.
        """
        if not 0 < radius <= 180:
            raise AnalysisError("radius", radius, "a radius above 0, up to 180 deg")
        edges = np.cos(np.radians(self.radius_edges))
        within = np.cos(np.radians(np.minimum(self.radius_edges, radius)))
        inside = self.values @ -np.diff(within)
        total = self.values @ -np.diff(edges)
        fraction = np.full(total.shape, np.nan)
        np.divide(inside, total, out=fraction, where=total > 0)
        return fraction

    def contained_area(self, area: EffectiveArea, radius: float) -> EffectiveArea:
        """Return the effective area for events within a radius of their source.

        Parameters
        ----------
        area : EffectiveArea
            The effective area for all events. In each of its bins the point-spread function is
            taken at the centre; outside its range, that of the nearest bin.
        radius : float
            deg.
        """
        fraction = np.nan_to_num(self.containment(radius))
        energy = np.sqrt(area.energy_edges[1:] * area.energy_edges[:-1])
        cosine = np.cos(np.radians(area.zenith_edges))
        zenith = np.degrees(np.arccos((cosine[1:] + cosine[:-1]) / 2))
        rows, columns = (
            np.clip(np.searchsorted(edges, values) - 1, 0, len(edges) - 2)
            for edges, values in ((self.energy_edges, energy), (self.zenith_edges, zenith))
        )
        values = area.values * fraction[np.ix_(rows, columns)]
        return EffectiveArea(area.energy_edges, area.zenith_edges, values)


@dataclass(frozen=True)
class BackgroundRate:
    """A rate of background events in bins of reconstructed energy and of zenith or declination.

    Parameters
    ----------
    energy_edges : numpy.ndarray, shape (energies + 1,)
        GeV, reconstructed.
    edges : numpy.ndarray, shape (bins + 1,)
        deg; zenith angles, or declinations if `by_declination`.
    values : numpy.ndarray, shape (energies, bins)
        GeV-1 sr-1 s-1.
    by_declination : bool
        Whether the second axis is the declination, and the rate the mean over a day.
    """

    energy_edges: Floats
    edges: Floats
    values: Floats
    by_declination: bool

    @classmethod
    def from_rows(cls, rows: Any) -> BackgroundRate:
        """Return the rate in rows of ``irf.bkgrate``, of one response.

        Raises
        ------
        AnalysisError
            If the rows are not a complete grid of bins.
        """
        by_declination = not np.isfinite(_column(rows, "zenith_lo")).any()
        second = "dec" if by_declination else "zenith"
        (energy, angle), values = _grid(rows, ("energy_reco", second), "rate")
        return cls(energy, angle, values, by_declination)

    def integrated(self, energy_min: float = 0.0, energy_max: float = np.inf) -> Floats:
        """Return the rate between two reconstructed energies in GeV, in sr-1 s-1 for each bin."""
        if not energy_min < energy_max:
            raise AnalysisError("energy_min", energy_min, f"an energy below {energy_max} GeV")
        low = np.clip(self.energy_edges[:-1], energy_min, energy_max)
        high = np.clip(self.energy_edges[1:], energy_min, energy_max)
        rate: Floats = (high - low) @ self.values
        return rate


def _grid(rows: Any, axes: Sequence[str], value: str) -> tuple[tuple[Floats, ...], Floats]:
    """Return the edges of the axes and the values of rows that are a complete grid."""
    edges, places = [], []
    for name in axes:
        lo, hi = _column(rows, f"{name}_lo"), _column(rows, f"{name}_hi")
        if not lo.size or not (np.isfinite(lo) & np.isfinite(hi) & (lo < hi)).all():
            raise AnalysisError("rows", f"{lo.size} rows", f"bins of {name} in each of them")
        starts, place = np.unique(lo, return_inverse=True)
        place = place.reshape(-1)
        ends = np.zeros_like(starts)
        ends[place] = hi
        tolerance = _ROUNDING * np.abs(ends)
        apart = np.abs(starts[1:] - ends[:-1]) > tolerance[:-1]
        if apart.any() or (np.abs(ends[place] - hi) > tolerance[place]).any():
            raise AnalysisError(
                "rows", f"bins of {name}", "adjacent bins", "select the rows of one response"
            )
        edges.append(np.append(starts, ends[-1]))
        places.append(place)
    shape = tuple(len(one) - 1 for one in edges)
    flat = np.ravel_multi_index(tuple(places), shape)
    size = int(np.prod(shape))
    if len(flat) != size or len(np.unique(flat)) != size:
        raise AnalysisError(
            "rows", f"{len(flat)} rows", f"one row for each of {size} bins",
            "select all rows of one response",
        )  # fmt: skip
    values = np.empty(size)
    values[flat] = _column(rows, value)
    return tuple(edges), values.reshape(shape)


def _column(rows: Any, name: str) -> Floats:
    """Return a column as plain numbers; what is masked is NaN."""
    try:
        column = rows[name]
    except (KeyError, ValueError, IndexError):
        raise AnalysisError("rows", "no such column", f"a column {name}") from None
    numbers: Floats = np.ma.filled(np.ma.asarray(column).astype(float), np.nan)
    return numbers
