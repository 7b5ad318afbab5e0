"""The map of the sky: places by astropy's Mollweide projection, lines, and dots in a short path."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

_PATH = Path(__file__).parents[2] / "site" / "dachs" / "pages" / "projection.py"
_SPEC = importlib.util.spec_from_file_location("projection", _PATH)
assert _SPEC and _SPEC.loader
projection = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(projection)

RANDOM = np.random.default_rng(13)
RA, DEC = RANDOM.uniform(0.1, 359.9, 2000), np.degrees(np.arcsin(RANDOM.uniform(-1, 1, 2000)))


def test_places_are_those_of_mollweides_projection() -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cdelt = ["RA---MOL", "DEC--MOL"], [180, 0], [-1, 1]
    x, y = wcs.all_world2pix(RA, DEC, 0)
    half = 2 * np.sqrt(2) * np.degrees(1)
    seen = projection.project(RA, DEC)
    np.testing.assert_allclose(seen[0], 360 + (x + 1) / half * 360, atol=1e-3)
    np.testing.assert_allclose(seen[1], 180 - (y + 1) / half * 360, atol=1e-3)


def test_galactic_positions_are_those_of_astropy() -> None:
    there = SkyCoord(l=RA, b=DEC, unit="deg", frame="galactic").icrs
    found = SkyCoord(*projection.galactic(RA, DEC), unit="deg")
    assert there.separation(found).arcsec.max() < 0.1


def test_a_circle_has_its_radius_everywhere_also_around_a_pole() -> None:
    for ra, dec, radius in ((10, 20, 5), (0, 89, 3), (359, -60, 40)):
        found = SkyCoord(*projection.circle(ra, dec, radius), unit="deg")
        separation = found.separation(SkyCoord(ra, dec, unit="deg")).deg
        np.testing.assert_allclose(separation, radius, rtol=1e-6)


def test_a_line_over_the_edge_is_interrupted() -> None:
    assert projection.line(np.array([350.0, 359, 1, 10]), np.zeros(4)).count("M") == 2


def test_dots_are_all_places_once() -> None:
    x, y = projection.project(RA, DEC)
    path = projection.dots(x, y)
    steps = [(int(right), int(down)) for right, down in re.findall(r"m(-?\d+) ?(-?\d+)h0", path)]
    assert "".join(f"m{right}{down if down < 0 else f' {down}'}h0" for right, down in steps) == path
    places = set(map(tuple, np.cumsum(steps, axis=0)))
    assert places == set(zip(np.rint(x), np.rint(y), strict=True))
    assert len(places) == len(steps)
