"""Previews of sky maps show regions at their right position and size."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from PIL import Image

from ingest.alerts.notices.model import Position
from ingest.alerts.skymaps.making import make_map
from ingest.alerts.skymaps.preview import (
    _at_offsets,
    _offsets,
    _round_length,
    area_text,
    write_map_preview,
)
from ingest.core.errors import InputError
from ingest.core.skyplot import mollweide


def colours(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def pixels_of(pixels, colour, within=24):
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return np.argwhere(np.abs(pixels - wanted).max(axis=2) < within)


def sky_ellipse(pixels, beyond):
    """Return left, right, top, bottom of the dark sky that is left of a column."""
    rows, columns = pixels_of(pixels[:, :beyond], "#0d1b33", 6).T
    return columns.min(), columns.max(), rows.min(), rows.max()


@pytest.mark.parametrize(("ra", "dec"), [(10, 5), (350, -40), (83.63, 22), (266.4, -29), (180, 75)])
def test_a_small_region_is_marked_where_it_is_on_the_sky(tmp_path, ra, dec):
    where = Position(ra=ra, dec=dec, radius=0.5, containment=0.9)
    pixels = colours(write_map_preview(where, tmp_path / "a.png", "small"))
    left, right, top, bottom = sky_ellipse(pixels, 740)
    found = pixels_of(pixels[:, :740], "#ffd166")
    middle = (found.min(axis=0) + found.max(axis=0)) / 2
    x, y = mollweide(ra, dec)
    assert middle[1] == pytest.approx((left + right) / 2 + x / 4 * (right - left), abs=3)
    assert middle[0] == pytest.approx((top + bottom) / 2 - y / 2 * (bottom - top), abs=3)


def test_a_wide_region_fills_its_part_of_the_sky(tmp_path):
    # the northern hemisphere at 90 %, a third of it at 50 %
    where = Position(ra=0, dec=90, radius_50=48.19, radius_90=90)
    pixels = colours(write_map_preview(where, tmp_path / "a.png", "wide"))
    area = {}
    for name, colour in (("dark", "#0d1b33"), ("middle", "#2b6386"), ("bright", "#b9bf7b")):
        area[name] = len(pixels_of(pixels, colour, 14))
    whole = sum(area.values())
    # an equal-area projection: 1/6, 1/3 and 1/2 of the sky, except for lines and text
    assert area["bright"] / whole == pytest.approx(1 / 6, abs=0.02)
    assert area["middle"] / whole == pytest.approx(1 / 3, abs=0.02)
    assert area["dark"] / whole == pytest.approx(1 / 2, abs=0.02)


def test_the_enlarged_view_shows_circles_of_the_right_size(tmp_path):
    where = Position(ra=50, dec=60, radius_50=1.0, radius_90=2.0)
    pixels = colours(write_map_preview(where, tmp_path / "a.png", "zoom"))[:, 765:]
    # all but the scale bar and letters: the box reaches to 1.3 times the larger radius
    inner, outer = pixels_of(pixels, "#b9bf7b", 14), pixels_of(pixels, "#2b6386", 14)
    inner_width, outer_width = (np.ptp(found[:, 1]) for found in (inner, outer))
    assert outer_width / inner_width == pytest.approx(2, rel=0.05)
    assert outer_width == pytest.approx(0.275 * 1100 / 1.3, rel=0.03)


def test_previews_are_small_and_reproducible(tmp_path):
    sky = make_map(83, 22, radius=2, containment=0.9)
    first = write_map_preview(sky, tmp_path / "a.png", "KM3-230213A", "KM3NeT").read_bytes()
    assert first == write_map_preview(sky, tmp_path / "b.png", "KM3-230213A", "KM3NeT").read_bytes()
    assert len(first) < 100_000


@pytest.mark.parametrize(
    "source",
    [
        make_map(0, 90, radius=2e-5, containment=0.9),
        make_map(0, 0, radius=100, containment=0.9),
        Position(ra=0, dec=0, radius=180),
        Position(ra=0, dec=-90, radius=1e-7),
    ],
    ids=["tiny map", "wide map", "whole sky", "tiny circle"],
)
def test_extreme_regions_are_drawn(tmp_path, source):
    path = write_map_preview(source, tmp_path / "a.png", "extreme")
    assert path.stat().st_size < 100_000
    is_whole_sky = source == Position(ra=0, dec=0, radius=180)
    assert is_whole_sky or len(pixels_of(colours(path), "#ffd166")) > 5


def test_a_position_without_error_radius_cannot_be_drawn(tmp_path):
    with pytest.raises(InputError, match="no error radius"):
        write_map_preview(Position(ra=1, dec=1), tmp_path / "a.png", "nothing")
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("centre", [(10.0, 20.0), (0.0, 90.0), (359.0, -89.0)])
def test_offsets_are_those_of_astropy(centre):
    random = np.random.default_rng(1)
    east, north = random.uniform(-20, 20, (2, 50))
    ra, dec = _at_offsets(centre, east, north)
    there, here = SkyCoord(ra, dec, unit="deg"), SkyCoord(*centre, unit="deg")
    assert here.separation(there).deg == pytest.approx(np.hypot(east, north))
    angle = np.degrees(np.arctan2(east, north)) % 360
    assert here.position_angle(there).to_value(u.deg) % 360 == pytest.approx(angle)
    back = _offsets(centre, (float(ra[0]), float(dec[0])))
    assert back == pytest.approx((east[0], north[0]))


@pytest.mark.parametrize(
    ("area", "text"),
    [(41252.96, "41\u202f253 deg²"), (3.14159, "3.14 deg²"), (0.5, "0.500 deg²"),
     (0.01, "36 arcmin²"), (1e-6, "13 arcsec²")],
)  # fmt: skip
def test_areas_have_suitable_units(area, text):
    assert area_text(area) == text


@pytest.mark.parametrize(
    ("longest", "length"), [(7, 5), (1.9, 1), (0.5, 30 / 60 * 20 / 30), (0.01, 20 / 3600)]
)
def test_the_scale_bar_has_a_round_length(longest, length):
    assert _round_length(longest) == pytest.approx(length)
