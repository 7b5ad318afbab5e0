"""Positions of the detectors, from ``detectors.toml`` in this directory."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from ingest.core.errors import InputError

_WGS84_E2: Final = 0.00669437999014  # first eccentricity squared


@dataclass(frozen=True, slots=True)
class Detector:
    """One detector; the numbers and their sources are in ``detectors.toml``."""

    name: str
    """``antares``, ``orca`` or ``arca``."""
    telescope: str
    facility: str
    utm_zone: int
    """Zone of the UTM grid (WGS84, north) along which x (easting) and y (northing) run."""
    easting: float
    """m, UTM, of the origin of the detector frame."""
    northing: float
    """m, UTM."""
    latitude: float
    """deg, geodetic, WGS84."""
    longitude: float
    """deg, east positive, WGS84."""
    height: float
    """m above the WGS84 ellipsoid."""
    det_ids: tuple[int, ...]
    """The numbers of its configurations, as far as they are listed."""

    @property
    def meridian_convergence(self) -> float:
        """Angle from true north to grid north, deg, east positive (see the function)."""
        return meridian_convergence(self.latitude, self.longitude, self.utm_zone)


def meridian_convergence(latitude: float, longitude: float, utm_zone: int) -> float:
    r"""Return the azimuth of UTM grid north.

    With :math:`\omega` the longitude from the zone's central meridian, :math:`t = \tan\varphi`
    and :math:`\eta^2 = e'^2 \cos^2\varphi`:

    .. math:: \gamma = \omega\sin\varphi \left[1 + \frac{\omega^2\cos^2\varphi}{3}
        (1 + 3\eta^2 + 2\eta^4) + \frac{\omega^4\cos^4\varphi}{15} (2 - t^2)\right]

    Parameters
    ----------
    latitude, longitude : float
        Geodetic, WGS84, deg.
    utm_zone : int
        1 to 60.

    Returns
    -------
    float
        deg; positive east of the central meridian on the northern hemisphere. A direction's
        true azimuth is its grid azimuth plus this. Within a zone exact to 0.001 arcsec.

    Notes
    -----
    The series is J. C. B. Redfearn's ("Transverse Mercator formulae", Empire Survey Review 9,
    1948, 318), to fifth order. The collaboration's programs (aanet, Jpp, km3astro 0.17) give its
    higher terms the opposite sign of the first; their angle is 7.1" off for ORCA, 6.2" for
    ANTARES and 0.3" for ARCA.
    """
    phi = math.radians(latitude)
    omega = math.radians(longitude - (6 * utm_zone - 183))
    tan2 = math.tan(phi) ** 2
    eta2 = _WGS84_E2 / (1 - _WGS84_E2) * math.cos(phi) ** 2
    u = (omega * math.cos(phi)) ** 2
    series = 1 + u / 3 * (1 + 3 * eta2 + 2 * eta2**2) + u**2 / 15 * (2 - tan2)
    return math.degrees(omega * math.sin(phi) * series)


def _load() -> dict[str, Detector]:
    text = resources.files(__package__).joinpath("detectors.toml").read_text(encoding="utf-8")
    tables: dict[str, dict[str, Any]] = tomllib.loads(text)
    return {
        name: Detector(name=name, **{**table, "det_ids": tuple(table["det_ids"])})
        for name, table in tables.items()
    }


_ALL: Final = _load()
_SEVERAL: Final = "km3net"
DETECTORS: Final = {name: one for name, one in _ALL.items() if name != _SEVERAL}
"""All detectors by name, without the one that stands for several."""


def detector(name: str) -> Detector:
    """Return the detector called `name`; ``km3net`` for a catalogue of alerts of several.

    Raises
    ------
    ingest.core.errors.InputError
        If it does not exist.
    """
    try:
        return _ALL[name]
    except KeyError:
        raise InputError(
            "the detector does not exist",
            value=name,
            expected=f"one of {', '.join(DETECTORS)}",
            remedy="correct the name, or add the detector to ingest/events/sky/detectors.toml",
        ) from None


def detector_with_id(det_id: int) -> Detector | None:
    """Return the detector with the configuration number `det_id`; None if it is not listed."""
    return next((d for d in DETECTORS.values() if det_id in d.det_ids), None)
