"""The background of a release: a polynomial of the number of events below a declination."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .arrays import Bools, Floats, numbers
from .errors import AnalysisError
from .sphere import fraction_of_parallel

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


@dataclass(frozen=True, eq=False)
class Polynomial:
    """Cumulative number of events below a declination, as published with a sample.

    Parameters
    ----------
    coefficients : ndarray
        Of the powers of the declination in deg, the constant first.

    Notes
    -----
    A cumulative number must grow. It is used between the declinations where it does
    (`south`, `north`); beyond them the density of events is 0, as the sample has none there.
    """

    coefficients: Floats

    @classmethod
    def from_text(cls, text: str) -> Polynomial:
        """Read the file of a release: coefficients in one line, the constant first.

        Raises
        ------
        AnalysisError
            If it has other content than numbers, or does not grow anywhere.
        """
        try:
            coefficients = np.array([float(word) for word in text.split()])
        except ValueError:
            coefficients = np.empty(0)
        if len(coefficients) < 2 or not np.isfinite(coefficients).all():
            raise AnalysisError(
                "background", repr(text[:60]), "two or more coefficients of a polynomial"
            )
        polynomial = cls(coefficients)
        if polynomial.south >= polynomial.north:
            raise AnalysisError("background", repr(text[:60]), "a polynomial that grows somewhere")
        return polynomial

    @cached_property
    def _derivative(self) -> Floats:
        return self.coefficients[1:] * np.arange(1, len(self.coefficients))

    @cached_property
    def _limits(self) -> tuple[float, float]:
        roots = np.roots(self._derivative[::-1])
        real = roots[np.abs(roots.imag) < 1e-9].real
        edges = np.concatenate([[-90], np.sort(real[np.abs(real) < 90]), [90]])
        growth = np.diff(_value(self.coefficients, edges))
        at = int(np.argmax(growth))
        return (float(edges[at]), float(edges[at + 1])) if growth[at] > 0 else (0.0, 0.0)

    @property
    def south(self) -> float:
        """The declination in deg where the number of events begins to grow."""
        return self._limits[0]

    @property
    def north(self) -> float:
        """The declination in deg where the number of events is largest."""
        return self._limits[1]

    def valid(self, dec_deg: Any) -> Bools:
        """Return whether a declination in deg is between `south` and `north`."""
        dec = numbers("dec", dec_deg)
        return np.asarray((dec >= self.south) & (dec <= self.north))

    def below(self, dec_deg: Any) -> Floats:
        """Return the number of events below a declination in deg, NaN outside `south`, `north`."""
        dec = numbers("dec", dec_deg)
        valid = self.valid(dec)
        return np.where(valid, _value(self.coefficients, np.where(valid, dec, 0)), np.nan)

    def in_band(self, dec1_deg: Any, dec2_deg: Any) -> Floats:
        """Return the expected number of events between two declinations in deg."""
        ends = (
            _value(self.coefficients, np.clip(numbers("dec", dec), self.south, self.north))
            for dec in (dec1_deg, dec2_deg)
        )
        first, second = ends
        return np.asarray(second - first)

    def density(self, dec_deg: Any) -> Floats:
        """Return the expected number of events per sr at a declination in deg.

        It is P'(δ) / (2π cos δ) with P' per radian; 0 beyond `south` and `north`. Towards a pole it
        grows without bound, unless P' is 0 there, but its integrals are those of P.
        """
        dec = numbers("dec", dec_deg)
        valid = self.valid(dec)
        inside = np.where(valid, dec, 0)
        cos_dec = np.maximum(np.cos(np.radians(inside)), 1e-12)
        density = np.degrees(_value(self._derivative, inside)) / (2 * np.pi * cos_dec)
        return np.where(np.isnan(dec), np.nan, np.where(valid, density, 0.0))

    def in_circle(self, dec_deg: Any, radius_deg: Any) -> Floats:
        """Return the expected number of events in circles.

        Parameters
        ----------
        dec_deg, radius_deg : array_like
            Declination of the centre; radius, from 0 to 90 deg.

        Returns
        -------
        ndarray
            The integral of P'(δ) times the fraction of the circle of constant declination δ that
            lies in the circle; NaN where the centre is outside `south`, `north`.

        Notes
        -----
        With δ = m + h cos θ, the square roots at both ends of the integral become smooth, so that
        24 points of Gauss and Legendre suffice. Where a pole is inside, the band around it that is
        inside as a whole is taken from P.
        """
        dec, radius = np.broadcast_arrays(numbers("dec", dec_deg), numbers("radius", radius_deg))
        # a pole that is inside: within this distance of it, all of each parallel is inside
        around = np.maximum(radius - (90 - np.abs(dec)), 0)
        ends = np.abs(dec) + radius
        outer = np.where(around > 0, 90 - around, np.minimum(ends, 90))
        low = np.maximum(np.where(dec >= 0, dec - radius, -outer), self.south)
        high = np.minimum(np.where(dec >= 0, outer, dec + radius), self.north)
        caps = np.where(
            around > 0,
            np.where(dec >= 0, self.in_band(90 - around, 90), self.in_band(-90, around - 90)),
            0.0,
        )
        angles = (_NODES + 1) * np.pi / 2
        middle, half = (high + low)[..., None] / 2, np.maximum(high - low, 0)[..., None] / 2
        points = middle + half * np.cos(angles)
        fraction = fraction_of_parallel(
            np.sin(np.radians(points)),
            np.sin(np.radians(dec))[..., None],
            np.cos(np.radians(radius))[..., None],
        )
        values = _value(self._derivative, points) * fraction
        integral = (values * np.sin(angles) * _WEIGHTS).sum(axis=-1) * np.pi / 2
        return np.where(self.valid(dec), caps + half[..., 0] * integral, np.nan)


def _value(coefficients: Floats, x: Floats) -> Floats:
    return np.asarray(np.polynomial.polynomial.polyval(x, coefficients), dtype=np.float64)
