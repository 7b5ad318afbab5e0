"""Responses in fewer, wider bands of zenith angle or declination, and quantiles, for pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ingest.responses.model import Axis, Floats, Response

_MOST: Final = 6
_HORIZON: Final = 90.0
_COMPLETE: Final = 0.9
"""The least integral over the sphere with which a point-spread function is shown."""


@dataclass(frozen=True)
class Band:
    """The mean of a response over a band.

    Parameters
    ----------
    label : str
        Its edges, such as ``90° to 120°``.
    values : ndarray of float64
        The response without the axis of the bands.
    """

    label: str
    values: Floats


def bands(response: Response, name: str, most: int = _MOST, upgoing: bool = False) -> list[Band]:
    """Return the mean of a response over bands of an axis, weighted by solid angle.

    Bins in which the response is zero throughout are left out.

    Parameters
    ----------
    response : Response
        The response.
    name : str
        ``zenith`` or ``dec``. A response without this axis is one band.
    most : int, optional
        The largest number of bands.
    upgoing : bool, optional
        Take only what lies beyond a zenith angle of 90 deg.
    """
    axis = response.axis(name)
    if axis is None:
        return [Band("", response.values)]
    position = response.axes.index(axis)
    values = np.moveaxis(response.values, position, 0)
    lo, hi = np.radians(axis.lo), np.radians(axis.hi)
    weights = np.cos(lo) - np.cos(hi) if name == "zenith" else np.sin(hi) - np.sin(lo)
    filled = values.reshape(len(axis), -1).any(axis=1)
    wanted = filled & (axis.lo >= _HORIZON) if upgoing else filled
    chosen = np.flatnonzero(wanted if wanted.any() else np.ones(len(axis), bool))
    found = []
    for some in np.array_split(chosen, min(most, len(chosen))):
        mean = np.tensordot(weights[some], values[some], 1) / weights[some].sum()
        label = f"{axis.lo[some[0]]:.0f}° to {axis.hi[some[-1]]:.0f}°".replace("-", "−")
        found.append(Band(label, mean))
    return found


def median_of(matrix: Floats, axis: Axis) -> Floats:
    """Return the median along the second dimension, interpolated in the logarithm; NaN if empty."""
    medians = np.full(len(matrix), np.nan)
    for row, values in enumerate(matrix):
        if values.sum() > 0:
            share = np.append(0.0, np.cumsum(values)) / values.sum()
            medians[row] = np.exp(np.interp(0.5, share, np.log(axis.edges)))
    return medians


def containment_radius(density: Floats, radius: Axis, containment: float) -> Floats:
    """Return the radius with a containment for each row of a point-spread function.

    Parameters
    ----------
    density : ndarray of float64, shape (energies, radii)
        Probability per sr.
    radius : Axis
        The bins of the radius, deg.
    containment : float
        The containment, of the sphere.

    Returns
    -------
    ndarray of float64, shape (energies,)
        In deg; NaN where the density does not integrate to about 1.
    """
    edges = np.radians(radius.edges)
    solid_angle = -2 * np.pi * np.diff(np.cos(edges))
    radii = np.full(len(density), np.nan)
    for row, values in enumerate(density):
        inside = np.append(0.0, np.cumsum(values * solid_angle))
        if inside[-1] >= _COMPLETE:
            radii[row] = np.interp(containment * inside[-1], inside, radius.edges)
    return radii
