"""Pictures are true: what is drawn is where it belongs. Beauty is for people to judge."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from PIL import Image

from ingest.core import skyplot
from ingest.core.skyplot import galactic_to_icrs, mollweide
from ingest.events.fields import chunk_dtype
from ingest.events.product.gadf import write_event_list
from ingest.events.product.header import ProductMetadata
from ingest.events.product.preview import write_preview
from ingest.events.survey import SkyCounts

ABOUT = ProductMetadata(
    release="evts23_01", obs_id=1, telescope="KM3NeT", instrument="ARCA21", longitude=16.0,
    latitude=36.3, height=-3450.0, creator="test", kid="1", title="A sample",
)  # fmt: skip


def product(path, ra, dec, about=ABOUT, **more):
    chunk = np.zeros(len(np.atleast_1d(ra)), chunk_dtype(("mjd", "ra", "dec", *more)))
    chunk["mjd"], chunk["ra"], chunk["dec"] = 59_988.0, ra, dec
    for name, value in more.items():
        chunk[name] = value
    write_event_list(path, [chunk], replace(about, gtis=[(59_988.0, 59_989.0)]))
    return path


def colours(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def spots(pixels, colour="#ffd166", within=24):
    """Return the pixels of nearly one colour, as rows and columns."""
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return np.argwhere(np.abs(pixels - wanted).max(axis=2) < within)


def ellipse(pixels):
    """Return the edges of the dark sky: left, right, top, bottom."""
    rows, columns = spots(pixels, "#0d1b33", 4).T
    return columns.min(), columns.max(), rows.min(), rows.max()


@pytest.mark.parametrize(
    ("ra", "dec"), [(10.0, 5.0), (350.0, -40.0), (180.0, 80.0), (83.63, 22.01), (266.4, -29.0)]
)
def test_an_event_is_drawn_where_it_is(tmp_path, ra, dec):
    # two at one place: a single event would have its surroundings drawn beside it
    pixels = colours(write_preview(product(tmp_path / "a.fits", [ra, ra], [dec, dec])))
    left, right, top, bottom = ellipse(pixels)
    found = spots(pixels).mean(axis=0)
    x, y = mollweide(ra, dec)
    assert found[1] == pytest.approx((left + right) / 2 + x / 4 * (right - left), abs=2.5)
    assert found[0] == pytest.approx((top + bottom) / 2 - y / 2 * (bottom - top), abs=2.5)


def test_the_map_keeps_areas_and_has_east_to_the_left():
    assert mollweide(359.0, 0)[0] == pytest.approx(-1.988, abs=1e-3)
    assert mollweide(1.0, 0)[0] == pytest.approx(1.988, abs=1e-3)
    assert np.allclose(mollweide([12.0, 300.0], [90, -90]), [[0, 0], [1, -1]], atol=1e-5)
    # of random positions on the sphere as many are inside as its area says
    random = np.random.default_rng(3)
    ra, dec = random.uniform(0, 360, 100_000), np.degrees(np.arcsin(random.uniform(-1, 1, 100_000)))
    x, y = mollweide(ra, dec)
    assert np.mean(x**2 / 4 + y**2 < 0.25) == pytest.approx(0.25, abs=0.006)
    back = skyplot.inverse_mollweide(x, y)
    assert np.allclose(back, [ra, dec], atol=1e-4)


def test_the_galactic_plane_is_the_plane():
    ra, dec = galactic_to_icrs([0.0, 120.0], [0.0, 0.0])
    galactic = SkyCoord(ra, dec, unit="deg").galactic
    assert np.abs(galactic.b.deg).max() < 1e-4
    assert galactic.l.wrap_at(180 * u.deg).deg == pytest.approx([0, 120], abs=1e-4)


def test_many_events_become_a_density(tmp_path):
    random = np.random.default_rng(7)
    ra, dec = random.uniform(100, 120, 60_000), random.uniform(20, 40, 60_000)
    path = write_preview(product(tmp_path / "many.fits", ra, dec))
    pixels = colours(path)
    left, right, top, bottom = ellipse(pixels)
    bright = np.argwhere(pixels[: bottom - 4, :, 0] > 180)
    bright = bright[(bright[:, 0] > top + 4) & (bright[:, 1] > left + 9)]
    bright = bright[bright[:, 1] < right - 9]
    x, y = mollweide(110, 30)
    near = np.hypot(
        bright[:, 1] - ((left + right) / 2 + x / 4 * (right - left)),
        bright[:, 0] - ((top + bottom) / 2 - y / 2 * (bottom - top)),
    )
    assert np.count_nonzero(near < 60) > 1000
    assert path.stat().st_size < 150_000


def test_a_single_event_has_its_circles(tmp_path):
    one = {"err_50": 1.2, "err_68": 1.5, "err_90": 2.2, "err_99": 3.0}
    with_circles = spots(colours(write_preview(product(tmp_path / "a.fits", 94.3, -7.8, **one))))
    without = spots(colours(write_preview(product(tmp_path / "b.fits", 94.3, -7.8))))
    assert len(with_circles) > len(without) + 100


def test_the_same_product_gives_the_same_picture(tmp_path, monkeypatch):
    path = product(tmp_path / "a.fits", [1.0, 2.0], [3.0, 4.0])
    first = write_preview(path).read_bytes()
    import matplotlib

    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30.0)
    monkeypatch.setitem(matplotlib.rcParams, "lines.antialiased", False)
    assert write_preview(path).read_bytes() == first
    assert b"matplotlib" not in first.lower()
    assert b"tIME" not in first


def test_events_that_are_known_already_are_drawn_the_same(tmp_path):
    random = np.random.default_rng(11)
    ra, dec = random.uniform(0, 360, 10), random.uniform(-60, 60, 10)
    path = product(tmp_path / "a.fits", ra, dec)
    read = write_preview(path).read_bytes()
    sky = SkyCounts()
    sky.include(ra, dec)
    assert write_preview(path, sky).read_bytes() == read
    assert write_preview(path, SkyCounts()).read_bytes() != read


def test_a_simulation_is_marked_as_one(tmp_path):
    real = write_preview(product(tmp_path / "a.fits", [1.0, 2.0], [3.0, 4.0]))
    about = replace(ABOUT, simulated=True)
    simulated = write_preview(product(tmp_path / "b.fits", [1.0, 2.0], [3.0, 4.0], about))
    red = [np.count_nonzero((p[..., 0] > p[..., 2] + 50) & (p[..., 0] > 120)) for p in
           (colours(real), colours(simulated))]  # fmt: skip
    assert red[1] > red[0] + 5_000
