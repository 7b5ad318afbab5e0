"""Coverage maps of circles: speed, points of the circle that are lost, and excess area.

``python -m tests.bench circles`` prints the figures of docs/decisions/010-circle-coverage.md.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from astropy import units as u
from astropy.coordinates import Latitude, Longitude, SkyCoord
from mocpy import MOC

from ingest.alerts.skymaps.circle_coverage import circle_mocs
from tests.bench.report import Line

CIRCLES = 200
POINTS = 4000
RADII = (0.01, 0.3, 2.0, 20.0, 90.0, 140.0, 170.0)
"""deg"""
Floats = npt.NDArray[np.float64]
Maker = Callable[[Floats, Floats, float, int], Sequence[MOC]]


def lines(_: int) -> Iterator[Line]:
    """Yield a comparison with mocpy at the same order of cells, for each radius."""
    random = np.random.default_rng(1)
    ra = random.uniform(0, 360, CIRCLES)
    dec = np.degrees(np.arcsin(random.uniform(-1, 1, CIRCLES)))
    ra, dec = np.append(ra, [0, 123, 45, 90, 10]), np.append(dec, [90, -90, -41.81, 0.001, 89.99])
    for radius in RADII:
        order = circle_mocs(ra[:1], dec[:1], [radius])[0].max_order
        ours, cones, cone = (
            _Figures(maker, ra, dec, radius, order) for maker in (_circle_mocs, _cones, _cone)
        )
        yield Line(
            f"{radius:g} deg, order {order}: µs per circle",
            f"{ours.microseconds:,.0f}",
            f"from_cones {cones.microseconds:,.0f}; from_cone {cone.microseconds:,.0f}",
            f"{ours.microseconds / cones.microseconds:.2f}",
        )
        yield Line(
            "  circles with lost points; largest share lost",
            f"{ours.incomplete:.0%}; {ours.lost:.2%}",
            f"from_cones {cones.incomplete:.0%}; {cones.lost:.2%}"
            f"; from_cone {cone.incomplete:.0%}; {cone.lost:.2%}",
            "",
            "none",
        )
        yield Line(
            "  area of the map to that of the circle, median",
            f"{ours.area:.3f}",
            f"from_cones {cones.area:.3f}; from_cone {cone.area:.3f}",
        )


class _Figures:
    """What one way of making coverage maps does with circles of one radius."""

    def __init__(self, maker: Maker, ra: Floats, dec: Floats, radius: float, order: int) -> None:
        self.microseconds = min(_cpu_time(maker, ra, dec, radius, order) for _ in range(5)) * 1e6
        mocs = maker(ra, dec, radius, order)
        lost = [_lost(*circle, radius) for circle in zip(mocs, ra, dec, strict=True)]
        self.incomplete = float(np.mean(np.array(lost) > 0))
        self.lost = max(lost)
        fraction = (1 - math.cos(math.radians(radius))) / 2
        self.area = float(np.median([moc.sky_fraction for moc in mocs])) / fraction


def _cpu_time(maker: Maker, ra: Floats, dec: Floats, radius: float, order: int) -> float:
    """Return the processor time per circle in s."""
    begin = time.process_time()
    maker(ra, dec, radius, order)
    return (time.process_time() - begin) / len(ra)


def _lost(moc: MOC, ra: float, dec: float, radius: float) -> float:
    """Return the share of points in a circle, half of them at its edge, that a map lacks."""
    angle = np.linspace(0, 360, POINTS, endpoint=False) * u.deg
    distance = radius * np.resize([0.3, 1 - 1e-6, 0.9, 1 - 1e-6], POINTS) * u.deg
    points = SkyCoord(ra, dec, unit="deg").directional_offset_by(angle, distance)
    inside = moc.contains_lonlat(Longitude(points.ra), Latitude(points.dec))
    return float(1 - inside.mean())


def _circle_mocs(ra: Floats, dec: Floats, radius: float, _: int) -> Sequence[MOC]:
    return circle_mocs(ra, dec, np.full(len(ra), radius))


def _cones(ra: Floats, dec: Floats, radius: float, order: int) -> Sequence[MOC]:
    found: Sequence[MOC] = MOC.from_cones(
        lon=Longitude(ra, u.deg),
        lat=Latitude(dec, u.deg),
        radius=radius * u.deg,
        max_depth=order,
        n_threads=1,
    )
    return found


def _cone(ra: Floats, dec: Floats, radius: float, order: int) -> Sequence[MOC]:
    return [
        MOC.from_cone(lon=lon * u.deg, lat=lat * u.deg, radius=radius * u.deg, max_depth=order)
        for lon, lat in zip(ra, dec, strict=True)
    ]
