"""Regions contain their circles, everywhere on the sky and at any radius."""

import math
import re
import time
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import Latitude, Longitude, SkyCoord
from astropy_healpix import healpix_to_lonlat
from hypothesis import given, settings
from hypothesis import strategies as st
from mocpy import MOC

from ingest.alerts.notices.containment import Regions, scaled_radius
from ingest.alerts.notices.model import Position
from ingest.alerts.skymaps.circle_coverage import (
    MAX_CIRCLE_ORDER,
    circle_mocs,
    circle_regions,
)

RADII_DEG = [0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 3.0, 7.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0]
SPECIAL_POSITIONS = [
    (0, 0),
    (0, 90),
    (123, -90),
    (359.9999, 41.81),
    (45, -41.81),
    (90, 0.001),
    (10, 89.99),
]
"""Where HEALPix cells meet, or are most distorted."""


def random_positions(count, seed):
    random = np.random.default_rng(seed)
    ra, dec = random.uniform(0, 360, count), np.degrees(np.arcsin(random.uniform(-1, 1, count)))
    return np.append(ra, [s[0] for s in SPECIAL_POSITIONS]), np.append(
        dec, [s[1] for s in SPECIAL_POSITIONS]
    )


def contains(moc, ra, dec):
    return moc.contains_lonlat(Longitude(ra, u.deg), Latitude(dec, u.deg))


def sky_fraction(radius):
    """Return the fraction of the sky that a circle covers."""
    return (1 - math.cos(math.radians(radius))) / 2


@pytest.mark.parametrize("radius", [2e-5, 1e-3, *RADII_DEG, 89.0, 90.0, 91.0, 120.0, 150.0, 179.9])
def test_no_point_of_a_circle_is_missed(radius):
    ra, dec = random_positions(150, 1)
    around = np.linspace(0, 360, 180, endpoint=False) * u.deg
    for number, moc in enumerate(circle_mocs(ra, dec, np.full(len(ra), radius))):
        centre = SkyCoord(ra[number], dec[number], unit="deg")
        edge = centre.directional_offset_by(around, radius * (1 - 1e-6) * u.deg)
        inside = centre.directional_offset_by(
            around, radius * np.resize([0, 0.5, 0.9], 180) * u.deg
        )
        for points in (edge, inside):
            assert contains(moc, points.ra.deg, points.dec.deg).all(), (ra[number], dec[number])


@pytest.mark.parametrize("radius", RADII_DEG)
def test_a_region_is_at_most_half_as_large_again_as_its_circle(radius):
    ra, dec = random_positions(150, 2)
    sizes = np.array([moc.sky_fraction for moc in circle_mocs(ra, dec, np.full(len(ra), radius))])
    assert sizes.max() / sky_fraction(radius) <= 1.5
    assert sizes.min() / sky_fraction(radius) >= 1


@pytest.mark.parametrize("radius", [5.0, 30.0, 100.0, 170.0])
def test_a_region_ends_within_two_cells_of_its_circle(radius):
    ra, dec = random_positions(20, 3)
    for number, moc in enumerate(circle_mocs(ra, dec, np.full(len(ra), radius))):
        cells = moc.flatten().astype(np.int64)
        nside = 2**moc.max_order
        lon, lat = healpix_to_lonlat(cells, nside, order="nested")
        apart = SkyCoord(ra[number], dec[number], unit="deg").separation(SkyCoord(lon, lat))
        assert apart.deg.max() <= radius + 2 * math.degrees(math.sqrt(math.pi / 3) / nside)


@settings(max_examples=200, deadline=None)
@given(
    ra=st.floats(0, 360, exclude_max=True),
    dec=st.floats(-90, 90),
    radius=st.floats(1e-6, 180),
    far=st.floats(0, 1),
    angle=st.floats(0, 360),
)
def test_every_point_of_every_circle_is_in_its_region(ra, dec, radius, far, angle):
    (moc,) = circle_mocs([ra], [dec], [radius])
    point = SkyCoord(ra, dec, unit="deg").directional_offset_by(
        angle * u.deg, radius * far * (1 - 1e-6) * u.deg
    )
    assert contains(moc, [point.ra.deg], [point.dec.deg])[0]


def test_the_whole_sky_is_twelve_cells():
    (regions,) = circle_regions([Position(ra=10, dec=10, radius=180, containment=0.9)])
    # the last order is the resolution of the coverage map
    assert regions.region_90 == "0/0-11 2/"


def test_radii_follow_the_rayleigh_distribution():
    # from tables of the normal distribution in two dimensions: 1.1774 and 2.1460 sigma
    assert scaled_radius(1.1774, 0.5, 0.9) == pytest.approx(2.1460, abs=1e-4)
    assert scaled_radius(2.1460, 0.9, 0.5) == pytest.approx(1.1774, abs=1e-4)
    # one sigma contains 1 - exp(-1/2)
    assert scaled_radius(1, 0.393469, 0.5) == pytest.approx(1.1774, abs=1e-4)
    assert scaled_radius(170, 0.5, 0.9) == 180


@pytest.mark.parametrize(
    ("position", "small", "large", "origin"),
    [
        ({"radius": 2.146, "containment": 0.9}, 1.1774, 2.146, "circle"),
        ({"radius": 1.1774, "containment": 0.5}, 1.1774, 2.146, "circle"),
        ({"radius": 1.1774}, 1.1774, 2.146, "circle of unknown containment"),
        ({"radius": 1.1774, "containment": 0}, 1.1774, 2.146, "circle of unknown containment"),
        # KM3-230213A has radii that are not Rayleigh's
        ({"radius": 3, "containment": 0.9, "radius_50": 1.2, "radius_90": 2.2}, 1.2, 2.2, "circle"),
        ({"radius_90": 2.146}, 1.1774, 2.146, "circle"),
        ({"radius": 2.0, "containment": 1.0}, 2.0, 2.0, "circle"),
        ({"radius": 0, "containment": 0.9, "radius_50": 1.1774}, 1.1774, 2.146, "circle"),
    ],
)  # fmt: skip
def test_regions_follow_from_the_radii_of_the_packet(position, small, large, origin):
    (regions,) = circle_regions([Position(ra=100, dec=30, **position)])
    assert regions.origin == origin
    for text, radius in ((regions.region_50, small), (regions.region_90, large)):
        assert 1 <= MOC.from_string(text).sky_fraction / sky_fraction(radius) <= 1.5


def test_without_a_circle_there_is_no_region():
    nothing = Regions(None, None, None)
    where = [
        None,
        Position(ra=1, dec=1),
        Position(ra=1, dec=1, radius=0),
        Position(ra=1, dec=1, radius=0, containment=0.9),
        Position(ra=1, dec=1, containment=0.9),
    ]
    assert circle_regions(where) == [nothing] * 5
    assert circle_regions([]) == []


def test_the_order_of_positions_is_kept():
    positions = [Position(ra=ra, dec=0, radius=1, containment=0.9) for ra in (10, 200)]
    first, none, second = circle_regions([positions[0], None, positions[1]])
    assert none.region_90 is None
    for regions, ra in ((first, 10.0), (second, 200.0)):
        moc = MOC.from_string(regions.region_90)
        assert list(contains(moc, [10.0, 200.0], [0.0, 0.0])) == [ra == 10, ra == 200]


def test_regions_have_the_syntax_of_the_standard_and_of_pgsphere():
    positions = [
        Position(ra=50, dec=dec, radius=radius, containment=0.9)
        for dec in (-90, 0, 33)
        for radius in (2e-5, 0.1, 5, 60, 180)
    ]
    # order/cells, with cells or ranges separated by single blanks; an order may have none
    form = re.compile(r"\d+/(\d+(-\d+)?)?( \d+(-\d+)?)*( \d+/(\d+(-\d+)?)?( \d+(-\d+)?)*)*")
    for regions in circle_regions(positions):
        for text in (regions.region_50, regions.region_90):
            assert form.fullmatch(text), text
            assert max(int(order) for order in re.findall(r"(\d+)/", text)) <= MAX_CIRCLE_ORDER
            assert len(text) < 4000


def test_a_batch_is_fast_enough_for_the_import():
    random = np.random.default_rng(4)
    positions = [
        Position(ra=ra, dec=dec, radius=radius, containment=0.9)
        for ra, dec, radius in zip(
            random.uniform(0, 360, 500),
            random.uniform(-90, 90, 500),
            10 ** random.uniform(-2, 1.3, 500),
            strict=True,
        )
    ]
    times = []
    for _ in range(5):
        begin = time.process_time()
        circle_regions(positions)
        times.append(time.process_time() - begin)
    # the goal is 150 microseconds; twice that allows for a busy machine
    assert min(times) / 500 < 300e-6


def test_the_smallest_positive_number_is_a_valid_radius():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tiny, small = circle_regions(
            [Position(ra=10, dec=20, radius=radius, containment=0.9) for radius in (5e-324, 1e-9)]
        )
    assert tiny == small
