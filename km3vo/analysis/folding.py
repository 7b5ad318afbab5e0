"""Expected events of a flux that depends on energy and direction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .arrays import Floats
from .errors import AnalysisError
from .exposure import (
    CM2_PER_M2,
    check_livetime,
    checked_declinations,
    checked_edges,
    exposure_by_energy,
)
from .flux import energy_nodes
from .responses import EffectiveArea

Intensity = Callable[[Floats, Floats], npt.ArrayLike]

_ANGLE_NODES, _ANGLE_WEIGHTS = np.polynomial.legendre.leggauss(4)


def fold(
    area: EffectiveArea,
    intensity: Intensity,
    livetime: float,
    latitude: float | None = None,
    dec_edges: npt.ArrayLike | None = None,
) -> Floats:
    """Fold a flux that depends on energy and direction with an effective area.

    Parameters
    ----------
    area : EffectiveArea
        The effective area.
    intensity : callable
        The flux per solid angle, GeV-1 cm-2 s-1 sr-1, as a function of two arrays that are
        broadcast: the energy in GeV, and the zenith angle or, with `dec_edges`, the declination,
        in deg. It is averaged over the azimuth or the right ascension.
    livetime : float
        Seconds; with `dec_edges`, spread evenly over the sidereal day.
    latitude : float, optional
        Geodetic latitude of the detector, deg. Needed with `dec_edges`.
    dec_edges : array_like, shape (bands + 1,), optional
        Edges of bands of declination, deg. Without it, the result is in bins of the zenith angle.

    Returns
    -------
    numpy.ndarray, shape (energies, zeniths) or (energies, bands)
        Expected events of the whole band.

    Raises
    ------
    AnalysisError
        If a parameter is out of range, or the latitude is missing.
    """
    check_livetime(livetime)
    energies, energy_weights = energy_nodes(area.energy_edges)
    if dec_edges is None:
        angles, angle_weights = _angle_nodes(np.cos(np.radians(area.zenith_edges))[::-1])
        angles = np.degrees(np.arccos(np.clip(angles, -1, 1)))[::-1]
        exposure = np.broadcast_to(
            area.values[:, :, np.newaxis] * (CM2_PER_M2 * livetime),
            (*area.values.shape, angles.shape[1]),
        )
        angle_weights = angle_weights[::-1]
    else:
        if latitude is None:
            raise AnalysisError("latitude", latitude, "the latitude of the detector in deg")
        limits = checked_edges("dec_edges", dec_edges)
        checked_declinations(limits)
        angles, angle_weights = _angle_nodes(np.sin(np.radians(limits)))
        angles = np.degrees(np.arcsin(np.clip(angles, -1, 1)))
        exposure = np.moveaxis(exposure_by_energy(area, angles, latitude, livetime), -1, 0)
    flux = np.asarray(
        intensity(energies[:, np.newaxis, :, np.newaxis], angles[np.newaxis, :, np.newaxis, :]),
        float,
    )
    shape = (*energies.shape, *angles.shape)
    flux = np.broadcast_to(flux, (shape[0], shape[2], shape[1], shape[3]))
    per_angle = np.einsum("ijkl,ik->ijl", flux, energy_weights)
    events: Floats = 2 * np.pi * (per_angle * exposure * angle_weights).sum(axis=-1)
    return events


def _angle_nodes(edges: Floats) -> tuple[Floats, Floats]:
    """Return points and weights for integrals over bins of a sine or cosine."""
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges)[:, np.newaxis] / 2
    return middle[:, np.newaxis] + half * _ANGLE_NODES, half * _ANGLE_WEIGHTS
