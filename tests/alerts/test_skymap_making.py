"""Sky maps of our own alerts have the right regions; expected values are analytic."""

import math

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from mocpy import MOC

from ingest.alerts.skymaps.directions import Directions, read_directions
from ingest.alerts.skymaps.making import concentration, make_map
from ingest.alerts.skymaps.model import read_map
from ingest.commands.alerts_map import inspect_map, map_
from ingest.core.errors import InputError
from tests.alerts.sample_maps import cap, fisher_radius

POSITIONS = [(83.63, 22.01), (0.0, 0.0), (359.999, -45.0), (120.0, 90.0), (10.0, -89.9)]


def rayleigh(ra, dec, sigma, count, seed=0):
    """Return directions whose distances from a centre follow a Rayleigh distribution."""
    random = np.random.default_rng(seed)
    there = SkyCoord(ra, dec, unit="deg").directional_offset_by(
        random.uniform(0, 360, count) * u.deg, random.rayleigh(sigma, count) * u.deg
    )
    return there.ra.deg, there.dec.deg


def sample(*arguments, **options):
    ra, dec = rayleigh(*arguments, **options)
    return Directions(ra, dec, np.full(len(ra), 1 / len(ra)))


def apart(one, other):
    return SkyCoord(*one, unit="deg").separation(SkyCoord(*other, unit="deg")).deg


@pytest.mark.parametrize("spot", POSITIONS)
@pytest.mark.parametrize("sigma", [0.02, 4.0])
def test_areas_and_centre_agree_with_the_directions(spot, sigma):
    count = 2000
    sky = make_map(*spot, sample(*spot, sigma, count))
    for level in (0.5, 0.9):
        # r_p = sigma sqrt(-2 ln(1 - p)); the variance of n directions is known to 1/sqrt(n),
        # of which four times are allowed
        expected = cap(sigma * math.sqrt(-2 * math.log1p(-level)))
        assert sky.area(level) == pytest.approx(expected, rel=4 / math.sqrt(count))
    assert apart(sky.best(), spot) < sigma / 2
    assert sky.probability.sum() == pytest.approx(1, abs=1e-6)
    inside = sky.containment_at(*rayleigh(*spot, sigma, 4000, seed=1)) <= 0.9
    assert inside.mean() == pytest.approx(0.9, abs=0.03)


def test_the_mean_area_of_many_small_samples_is_unbiased():
    ratios = [
        make_map(40, 10, sample(40, 10, 1.0, 200, seed=seed)).area(0.9)
        / (math.pi * 2 * math.log(10))
        for seed in range(60)
    ]
    # each is known to 7 %, the mean of sixty to 1 %
    assert np.mean(ratios) == pytest.approx(1, abs=0.05)


def test_two_separate_maxima_stay_separate():
    ra, dec = np.hstack([rayleigh(100, 0, 0.3, 1000), rayleigh(106, 0, 0.3, 1000, seed=1)])
    sky = make_map(100, 0, Directions(ra, dec, np.full(2000, 1 / 2000)))
    assert len(sky.region(0.5).split()) == 2
    assert list(sky.containment_at([100.2, 105.8], [0, 0]) < 0.5) == [True, True]
    assert sky.containment_at([103.0], [0.0]) > 0.9


def test_long_tails_do_not_widen_the_core():
    core, tail = rayleigh(50, 20, 0.1, 1800), rayleigh(50, 20, 3.0, 200, seed=1)
    ra, dec = np.hstack([core, tail])
    sky = make_map(50, 20, Directions(ra, dec, np.full(2000, 1 / 2000)))
    # half of all is 5/9 of the core: 0.1 deg sqrt(-2 ln(4/9)); kernels add a tenth
    assert sky.area(0.5) == pytest.approx(cap(0.1 * math.sqrt(-2 * math.log(4 / 9))), rel=0.25)


def test_directions_are_weighted():
    ra, dec = np.hstack([rayleigh(100, 0, 0.3, 500), rayleigh(106, 0, 0.3, 500, seed=1)])
    weight = np.repeat([1.0, 19.0], 500)
    sky = make_map(106, 0, Directions(ra, dec, weight / weight.sum()))
    assert apart(sky.best(), (106, 0)) < 0.3
    near = MOC.from_cone(lon=100 * u.deg, lat=0 * u.deg, radius=2.5 * u.deg, max_depth=9)
    table = Table({"UNIQ": sky.uniq.astype("u8"), "PROBDENSITY": sky.density})
    assert near.probability_in_multiordermap(table) == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize("spot", POSITIONS)
@pytest.mark.parametrize(("radius", "level"), [(2e-5, 0.5), (0.3, 0.9), (2.0, 0.68), (60, 0.9)])
def test_a_map_of_a_radius_has_the_containment(spot, radius, level):
    sky = make_map(*spot, radius=radius, containment=level)
    # a region ends where a cell ends; around a pole whole rings of cells are equally dense
    assert sky.area(level) == pytest.approx(cap(radius), rel=0.05)
    assert apart(sky.best(), spot) < radius / 5
    edge = SkyCoord(*spot, unit="deg").directional_offset_by(
        np.arange(0, 360, 2) * u.deg, radius * u.deg
    )
    reached = sky.containment_at(edge.ra.deg, edge.dec.deg)
    assert np.mean(reached) == pytest.approx(level, abs=0.03)


@settings(max_examples=60, deadline=None)
@given(
    ra=st.floats(0, 360, exclude_max=True),
    dec=st.floats(-90, 90),
    radius=st.floats(1e-5, 170),
    containment=st.floats(0.01, 0.999),
)
def test_every_map_integrates_to_one(ra, dec, radius, containment):
    try:
        sky = make_map(ra, dec, radius=radius, containment=containment)
    except InputError:
        # the uniform distribution has a larger containment
        assert containment <= (1 - math.cos(math.radians(radius))) / 2 + 1e-9
        return
    assert sky.probability.sum() == pytest.approx(1, abs=1e-6)
    kappa = concentration(radius, containment)
    assert fisher_radius(containment, max(kappa, 1e-9)) == pytest.approx(radius, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("suffix", [".csv", ".ecsv", ".fits", ".txt"])
def test_tables_in_all_formats_are_read(tmp_path, suffix):
    ra, dec = rayleigh(83, 22, 0.5, 100)
    path = tmp_path / f"resimulated{suffix}"
    form = {".csv": "ascii.csv", ".ecsv": "ascii.ecsv", ".txt": "ascii.basic", ".fits": "fits"}
    Table({"RA": ra, "Dec": dec, "weight": np.ones(100)}).write(path, format=form[suffix])
    found = read_directions(path, 83, 22)
    assert found.ra == pytest.approx(ra)
    assert found.dec == pytest.approx(dec)
    assert found.effective_size == pytest.approx(100)


def test_units_of_columns_are_converted(tmp_path):
    ra, dec = rayleigh(83, 22, 0.5, 100)
    path = tmp_path / "radian.ecsv"
    Table({"ra": np.radians(ra) * u.rad, "dec": np.radians(dec) * u.rad}).write(path)
    found = read_directions(path, 83, 22)
    assert found.ra == pytest.approx(ra)


def test_offsets_of_simulated_events_are_applied_to_the_best_direction(tmp_path):
    # each event is reconstructed 1 deg south of its true direction
    random = np.random.default_rng(2)
    true = SkyCoord(random.uniform(0, 360, 60), random.uniform(-60, 60, 60), unit="deg")
    reco = true.directional_offset_by(180 * u.deg, 1 * u.deg)
    path = tmp_path / "events.csv"
    write_table(
        path, true_ra=true.ra.deg, true_dec=true.dec.deg, reco_ra=reco.ra.deg, reco_dec=reco.dec.deg
    )
    found = read_directions(path, 200, 50)
    assert found.ra == pytest.approx(np.full(60, 200))
    assert found.dec == pytest.approx(np.full(60, 51))


def write_table(path, **columns):
    Table(columns).write(path, format="ascii.csv", overwrite=True)
    return path


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ({"ra": np.ones(49), "dec": np.ones(49)}, "too few directions"),
        ({"ra": np.ones(60), "dec": np.ones(60), "weight": np.r_[1e6, np.ones(59)]}, "too few"),
        ({"ra": np.ones(60), "dec": np.full(60, 91.0)}, "row 1: a direction is invalid"),
        ({"ra": np.r_[np.ones(59), np.nan], "dec": np.ones(60)}, "row 60: a direction is invalid"),
        ({"ra": np.ones(60), "dec": np.ones(60), "weight": -np.ones(60)}, "weights are invalid"),
        ({"ra": np.ones(60), "dec": np.ones(60), "weight": np.zeros(60)}, "weights are invalid"),
        ({"ra": ["here"] * 60, "dec": np.ones(60)}, "column ra: a column is not numeric"),
        ({"x": np.ones(60), "y": np.ones(60)}, "no columns of directions"),
    ],
)
def test_unusable_tables_are_refused(tmp_path, columns, word):
    path = write_table(tmp_path / "bad.csv", **columns)
    with pytest.raises(InputError, match=word) as caught:
        read_directions(path, 1, 1)
    assert caught.value.file == str(path)


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b"ra,dec\n1\n2,3,4\n", b"ra,dec\n"])
def test_files_that_are_not_tables_are_refused(tmp_path, content):
    for suffix in (".csv", ".ecsv", ".fits", ".txt", ".pdf"):
        path = tmp_path / f"bad{suffix}"
        path.write_bytes(content)
        with pytest.raises(InputError):
            read_directions(path, 1, 1)


def test_directions_without_a_centre_or_scatter_are_refused():
    same = Directions(np.ones(60), np.ones(60), np.full(60, 1 / 60))
    with pytest.raises(InputError, match="all the same"):
        make_map(1, 1, same)
    around = np.arange(0, 360, 6.0)
    circle = Directions(around, np.zeros(60), np.full(60, 1 / 60))
    with pytest.raises(InputError, match="no centre"):
        make_map(1, 1, circle)
    with pytest.raises(InputError, match="far from its resimulated"):
        make_map(22, 83, sample(83, 22, 0.5, 200))


@pytest.mark.parametrize(
    ("radius", "containment"),
    [(0, 0.9), (-1, 0.9), (180, 0.9), (1, 0), (1, 1), (1, 1.5), (120, 0.5), (math.nan, 0.9)],
)
def test_impossible_radii_are_refused(radius, containment):
    with pytest.raises(InputError, match="no distribution"):
        make_map(10, 10, radius=radius, containment=containment)


@pytest.mark.parametrize(("ra", "dec"), [(360, 0), (-1, 0), (0, 91), (math.nan, 0)])
def test_a_best_direction_that_is_not_on_the_sphere_is_refused(ra, dec):
    with pytest.raises(InputError, match="best direction is not on the sphere"):
        make_map(ra, dec, radius=1, containment=0.9)


def test_the_commands_make_and_describe_a_map(tmp_path):
    ra, dec = rayleigh(83, 22, 0.5, 1000)
    table = write_table(tmp_path / "resimulated.csv", ra=ra, dec=dec)
    out = tmp_path / "our.fits"
    run = CliRunner().invoke
    arguments = [str(table), "--ra", "83", "--dec", "22", "-o", str(out)]
    made = run(map_, [*arguments, "--name", "KM3-1", "--preview"])
    assert made.exit_code == 0, made.output
    assert out.with_suffix(".png").exists()
    shown = run(inspect_map, [str(out), "--at", "83", "22", "--preview", str(tmp_path / "a.png")])
    assert shown.exit_code == 0, shown.output
    sky = read_map(out)
    assert f"{sky.best()[0]:.5f} {sky.best()[1]:+.5f}" in shown.output
    assert f"90 % region           {sky.area(0.9):.2f} deg²" in shown.output
    assert f"{float(sky.probability_density_at([83], [22])[0]):.4g} per sr" in shown.output
    assert "credible level" in shown.output
    again = run(map_, arguments)
    assert isinstance(again.exception, InputError)
    assert "exists" in str(again.exception)


def test_the_command_makes_a_map_from_a_radius(tmp_path):
    out = tmp_path / "circle.fits"
    made = CliRunner().invoke(
        map_, f"--ra 83 --dec -22 --radius 1.5 --containment 0.9 -o {out}".split()
    )
    assert made.exit_code == 0, made.output
    assert read_map(out).area(0.9) == pytest.approx(cap(1.5), rel=0.02)


@pytest.mark.parametrize(
    "options", ["", "--radius 1", "a.csv --radius 1 --containment 0.9", "--containment 0.5"]
)
def test_the_command_requires_directions_or_a_radius(options):
    made = CliRunner().invoke(map_, ["--ra", "1", "--dec", "1", *options.split()])
    assert made.exit_code == 2
    assert "give" in made.output


def test_a_position_that_is_not_on_the_sphere_is_refused(tmp_path):
    shown = CliRunner().invoke(inspect_map, [str(tmp_path / "none.fits"), "--at", "999", "0"])
    assert shown.exit_code == 2
    assert "RA from 0 to 360" in shown.output
