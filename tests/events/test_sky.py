"""Sky locations against astropy's full transformation and the collaboration's own numbers."""

import calendar
import csv
import logging
import math
import time
from pathlib import Path

import astropy_iers_data
import numpy as np
import pytest
import uproot
from astropy import units as u
from astropy.coordinates import FK5, AltAz, EarthLocation, SkyCoord, get_sun
from astropy.time import Time, TimeDelta
from astropy.utils import iers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from km3net_testdata import data_path

from ingest.core.errors import InputError
from ingest.events.sky.coordinates import direction, galactic, locate, mjd_utc
from ingest.events.sky.detectors import DETECTORS, detector, detector_with_id, meridian_convergence

BENCHMARK_NAMES = {"antares": "antares", "orca": "ORCA", "arca": "ARCA"}
AGREEMENT = 0.02  # arcsec, with astropy; 0.1 is promised
BENCHMARK_LIMIT = 60  # arcsec; the benchmark programs leave out aberration and nutation
Y2000, Y2027 = 946_684_800, 1_798_761_600
LEAP_DAY = 1_483_142_400  # 2016-12-31T00:00:00, a day of 86 401 s

events = st.lists(
    st.tuples(
        st.floats(0, 360),  # azimuth of the way it goes, in the detector, deg
        st.floats(0, 180),
        st.integers(Y2000, Y2027 - 1),
        st.integers(0, 999_999_999),
    ),
    min_size=1,
    max_size=25,
)


def unit_vector(phi, theta):
    """Of the azimuth from x to y and the angle from z, deg."""
    phi, theta = np.radians(phi), np.radians(theta)
    return np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)


def separation(lon1, lat1, lon2, lat2):
    """Arcsec between places in deg."""
    a = np.array(unit_vector(lon1, 90 - np.asarray(lat1)))
    b = np.array(unit_vector(lon2, 90 - np.asarray(lat2)))
    sine = np.linalg.norm(np.cross(a, b, axis=0), axis=0)
    return np.degrees(np.arctan2(sine, (a * b).sum(axis=0))) * 3600


@pytest.fixture(scope="module", autouse=True)
def bundled_earth_orientation():
    """Let astropy take the table that reaches into the future; by default it reads another."""
    table = iers.IERS_A.open(astropy_iers_data.IERS_A_FILE)
    with iers.earth_orientation_table.set(table), iers.conf.set_temp("auto_download", False):
        yield


def frame(seconds, nanoseconds, name):
    """Astropy's horizontal frame, its times made of calendar days and seconds in the day."""
    seconds = np.asarray(seconds)
    midnight = Time((seconds // 86_400 + 40_587).astype(float), format="mjd", scale="utc")
    in_day = TimeDelta(
        (seconds % 86_400).astype(float), np.asarray(nanoseconds) * 1e-9, format="sec"
    )
    site = DETECTORS[name]
    return AltAz(
        obstime=(midnight.tai + in_day).utc,
        location=EarthLocation.from_geodetic(site.longitude, site.latitude, site.height),
    )


def astropys(positions, seconds, nanoseconds, name):
    """Return astropy's ICRS of the zeniths and azimuths in `positions`."""
    horizontal = frame(seconds, nanoseconds, name)
    return SkyCoord(
        horizontal.realize_frame(
            SkyCoord(positions.azimuth, 90 - positions.zenith, unit="deg").data
        )
    ).icrs


def in_the_sun(positions, seconds):
    """Behind the disc of the Sun, where the formula for its light deflection has no meaning."""
    sun = get_sun(Time(seconds, format="unix"))
    return separation(positions.ra, positions.dec, sun.ra.deg, sun.dec.deg) < 0.3 * 3600


# ---- astropy


@settings(max_examples=100, deadline=None)
@given(events, st.sampled_from(sorted(DETECTORS)))
@example([(10.0, 20.0, LEAP_DAY + 86_399, 999_999_999)], "orca")
@example([(10.0, 20.0, LEAP_DAY + 43_200, 0)], "orca")
@example([(0.0, 0.0, Y2000, 0), (0.0, 180.0, Y2000, 0)], "arca")
def test_positions_are_those_of_astropys_full_transformation(sample, name):
    phi, theta, seconds, nanoseconds = np.array(sample, dtype=object).T
    seconds, nanoseconds = seconds.astype(np.int64), nanoseconds.astype(np.int64)
    dirs = unit_vector(phi.astype(float), theta.astype(float))
    here = locate(*dirs, seconds, nanoseconds, name)
    there = astropys(here, seconds, nanoseconds, name)
    off = separation(here.ra, here.dec, there.ra.deg, there.dec.deg)
    assert off[~in_the_sun(here, seconds)].max(initial=0) < AGREEMENT


@pytest.mark.parametrize("distance", [0.3, 0.5, 1.0, 5.0])
def test_light_is_deflected_near_the_sun_as_by_astropy(distance):
    seconds = Y2000 + 7_000_000 * np.arange(30) + 40_000
    sun = get_sun(Time(seconds, format="unix"))
    beside = sun.directional_offset_by(np.arange(30) * 12 * u.deg, distance * u.deg)
    dirs = direction(beside.ra.deg, beside.dec.deg, seconds, 0, "orca")
    here = locate(*dirs, seconds, 0, "orca")
    there = astropys(here, seconds, np.zeros(30), "orca")
    assert separation(here.ra, here.dec, there.ra.deg, there.dec.deg).max() < AGREEMENT


def test_zenith_and_azimuth_are_those_of_true_north():
    east_side, north_side = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)
    for coming_from, grid_azimuth in ((east_side, 90), (north_side, 0)):
        here = locate(*coming_from, Y2000, 0, "arca")
        assert here.zenith == pytest.approx(90)
        # ARCA stands east of its central meridian: grid north is east of true north.
        assert here.azimuth == pytest.approx(grid_azimuth + 0.577, abs=0.001)
    assert locate(0, 0, -1, Y2000, 0, "arca").zenith == 0


@settings(max_examples=50, deadline=None)
@given(events, st.sampled_from(sorted(DETECTORS)))
def test_direction_undoes_locate(sample, name):
    phi, theta, seconds, nanoseconds = (np.array(c) for c in zip(*sample, strict=True))
    dirs = np.array(unit_vector(phi, theta))
    here = locate(*dirs, seconds, nanoseconds, name)
    back = np.array(direction(here.ra, here.dec, seconds, nanoseconds, name))
    assert np.abs(back - dirs)[:, ~in_the_sun(here, seconds)].max(initial=0) < 2e-8


# ---- the collaboration


class Benchmark:
    """A table of km3net-testdata with its comment lines left out."""

    def __init__(self, name):
        lines = Path(data_path(f"astro/{name}")).read_text().splitlines()
        self.rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))

    def __getitem__(self, column):
        return np.array([float(row[column]) for row in self.rows])

    def sexagesimal(self, column):
        def value(text):
            whole, minutes, seconds = (float(part) for part in text.lstrip("+-").split(":"))
            return math.copysign(whole + minutes / 60 + seconds / 3600, -1 if text[0] == "-" else 1)

        return np.array([value(row[column]) for row in self.rows])

    @property
    def times(self):
        """Unix seconds and nanoseconds of the columns `date` and `time`."""
        pairs = []
        for row in self.rows:
            whole, _, rest = row["time"].partition(".")
            moment = time.strptime(f"{row['date']} {whole}", "%Y-%m-%d %H:%M:%S")
            pairs.append((calendar.timegm(moment), round(float(f"0.{rest or 0}") * 1e9)))
        return np.array(pairs).T


@pytest.mark.parametrize("name", BENCHMARK_NAMES)
def test_coordinate_systems_benchmark(name):
    table = Benchmark(f"{BENCHMARK_NAMES[name]}_coordinate_systems_benchmark.csv")
    here = locate(*unit_vector(table["phi"], table["theta"]), *table.times, name)
    assert here.zenith == pytest.approx(table["zenith"], abs=1e-9)
    off = separation(here.ra, here.dec, table["RA-J2000"], table["DEC-J2000"])
    assert off.max() < BENCHMARK_LIMIT
    lon, lat = galactic(here.ra, here.dec)
    assert separation(lon, lat, table["gal_lon"], table["gal_lat"]).max() < BENCHMARK_LIMIT


@pytest.mark.parametrize("name", BENCHMARK_NAMES)
def test_galactic_coordinates_of_the_benchmark(name):
    table = Benchmark(f"{BENCHMARK_NAMES[name]}_coordinate_systems_benchmark.csv")
    lon, lat = galactic(table["RA-J2000"], table["DEC-J2000"])
    # ANTARES' table has three digits, the others all
    limit = 5 if name == "antares" else 0.1
    assert separation(lon, lat, table["gal_lon"], table["gal_lat"]).max() < limit


@pytest.mark.parametrize("name", BENCHMARK_NAMES)
def test_astro_objects_benchmark(name):
    table = Benchmark(f"{BENCHMARK_NAMES[name]}_astro_objects_benchmark.csv")
    ra, dec = 15 * table.sexagesimal("RA-J2000"), table.sexagesimal("DEC-J2000")
    here = locate(*unit_vector(table["phi"], table["theta"]), *table.times, name)
    assert separation(here.ra, here.dec, ra, dec).max() < BENCHMARK_LIMIT
    x, y, z = direction(ra, dec, *table.times, name)
    phi, latitude = np.degrees(np.arctan2(y, x)), np.degrees(np.arcsin(z))
    assert separation(phi, latitude, table["phi"], 90 - table["theta"]).max() < BENCHMARK_LIMIT


@pytest.mark.parametrize("name", BENCHMARK_NAMES)
def test_moon_sun_position_benchmark(name):
    # zenith and azimuth are of the source, the azimuth from UTM east over north
    table = Benchmark(f"{BENCHMARK_NAMES[name]}_moon_sun_position_benchmark.csv")
    came_from = np.array(unit_vector(table["azimuth"], table["zenith"]))
    here = locate(*-came_from, *table.times, name)
    off = separation(here.ra, here.dec, table["RA-J2000"], table["DEC-J2000"])
    assert off.max() < BENCHMARK_LIMIT


def test_aanets_positions():
    table = Benchmark("local2eq_aanet_2.7.1.csv")
    names = ("year", "month", "day", "hour", "min", "sec")
    seconds = [calendar.timegm(tuple(int(row[name]) for name in names)) for row in table.rows]
    here = locate(table["dx"], table["dy"], table["dz"], seconds, 0, "arca")
    j2000 = np.array([row["j2000"] == "True" for row in table.rows])
    ra, dec = np.degrees(table["eq_ra"]), np.degrees(table["eq_dec"])
    assert separation(here.ra, here.dec, ra, dec)[j2000].max() < BENCHMARK_LIMIT
    # galactic coordinates were computed as if all of them were J2000
    theirs = np.degrees(table["gal_lon"]), np.degrees(table["gal_lat"])
    off = separation(*galactic(here.ra, here.dec), *theirs)
    assert off[j2000].max() < BENCHMARK_LIMIT
    for i in np.flatnonzero(~j2000):
        of_date = FK5(ra[i] * u.deg, dec[i] * u.deg, equinox=Time(seconds[i], format="unix"))
        icrs = SkyCoord(of_date).icrs
        assert separation(here.ra[i], here.dec[i], icrs.ra.deg, icrs.dec.deg) < BENCHMARK_LIMIT


@pytest.mark.parametrize("sample", ["orca4", "orca6"])
def test_positions_in_the_dst_samples(sample):
    # T/coords was made of the first track of an event; without one, it has the direction
    # (0, 0, 0) and the position -999, -999
    with uproot.open(data_path(f"dst/{sample}_sample.root")) as file:
        event, theirs = file["E/Evt"], file["T/coords"].arrays(library="np")
        dirs = [event[f"trks/trks.dir.{axis}"].array()[:, 0].to_numpy() for axis in "xyz"]
        times = [event[f"t/t.f{part}"].array(library="np") for part in ("Sec", "NanoSec")]
    here = locate(*dirs, *times, "orca")
    found = theirs["trackfit_ra"] != -999
    assert (np.isnan(here.ra) == ~found).all()
    assert found.sum() > 2000
    ra, dec = np.degrees(theirs["trackfit_ra"]), np.degrees(theirs["trackfit_dec"])
    assert separation(here.ra, here.dec, ra, dec)[found].max() < BENCHMARK_LIMIT
    assert mjd_utc(*times) == pytest.approx(theirs["mjd"], abs=1e-9, rel=0)


# ---- times


@pytest.mark.parametrize(
    "moment",
    ["2016-12-31T12:00:00", "2016-12-31T23:59:59.5", "2015-06-30T18:00:00", "2017-01-01T00:00:00"],
)
def test_mjd_on_days_with_a_leap_second_is_read_back_by_astropy(moment):
    whole, _, rest = moment.partition(".")
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    mjd = mjd_utc(seconds, 500_000_000 if rest else 0)
    assert abs((Time(mjd, format="mjd", scale="utc") - Time(moment)).sec).max() < 2e-6


def test_an_event_after_the_last_prediction_is_located_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        assert np.isfinite(locate(1, 0, 0, 2_100_000_000, 0, "orca").ra).all()  # in 2036
    assert "astropy-iers-data" in caplog.text
    caplog.clear()
    locate(1, 0, 0, Y2000, 0, "orca")
    assert not caplog.records


@pytest.mark.parametrize("seconds", [0, -(2**31), 2**40, -(2**62), 4_102_444_800])
def test_times_out_of_range_have_a_place_in_the_detector_but_not_on_the_sky(seconds):
    here = locate(0, 0, -1, [seconds, Y2000], [0, 0], "orca")
    assert np.isnan(here.ra).tolist() == np.isnan(here.dec).tolist() == [True, False]
    assert here.zenith.tolist() == [0, 0]
    assert np.isnan(mjd_utc([seconds], [0])).all()


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64, np.int32, np.int64, np.float64])
def test_every_type_of_time_that_is_delivered(dtype):
    times = np.array([1_614_168_008], dtype), np.array([700_000_000], dtype)
    assert mjd_utc(*times) == pytest.approx(59_269 + 43_208.7 / 86_400, abs=1e-11, rel=0)


# ---- arrays


def test_order_and_block_do_not_matter():
    random = np.random.default_rng(20_070_127)
    n = 20_000
    dirs = random.normal(size=(3, n))
    times = random.integers(Y2000, Y2027, n), random.integers(0, 10**9, n)
    whole = np.array(locate(*dirs, *times, "antares"))
    order = np.argsort(times[0])
    sorted_ = np.array(locate(*dirs[:, order], *(t[order] for t in times), "antares"))
    assert (whole[:, order] == sorted_).all()
    some = slice(8_190, 8_195)
    assert (
        np.array(locate(*dirs[:, some], *(t[some] for t in times), "antares")) == whole[:, some]
    ).all()


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 7.0, 1e30])
def test_length_of_the_direction_does_not_matter(scale):
    one = np.array(locate(0.6, -0.64, 0.48, Y2000, 0, "arca"))
    other = np.array(locate(0.6 * scale, -0.64 * scale, 0.48 * scale, Y2000, 0, "arca"))
    assert other == pytest.approx(one, rel=1e-13)


@pytest.mark.filterwarnings("error")
def test_what_is_no_direction_is_nan_and_disturbs_no_other():
    dirs = np.array([(0, 0, 0), (np.nan, 0, 1), (0, np.inf, 1), (0.6, 0, 0.8), (-0.0, 0, -0.0)]).T
    here = locate(*dirs, [Y2000] * 5, [0] * 5, "orca")
    alone = locate(0.6, 0, 0.8, Y2000, 0, "orca")
    for field, expected in zip(here, alone, strict=True):
        assert np.isnan(field).tolist() == [True, True, True, False, True]
        assert field[3] == expected[0]
    assert np.isnan(galactic(here.ra, here.dec)).sum() == 8


def test_no_events():
    nothing = np.empty(0)
    for result in (
        locate(nothing, nothing, nothing, nothing, nothing, "orca"),
        direction(nothing, nothing, nothing, nothing, "orca"),
        galactic(nothing, nothing),
        [mjd_utc(nothing, nothing)],
    ):
        assert all(array.shape == (0,) for array in result)


def test_one_time_serves_many_directions():
    dirs = np.random.default_rng(1).normal(size=(3, 10_000))
    assert (
        np.array(locate(*dirs, Y2000, 5, "orca"))
        == np.array(locate(*dirs, np.full(10_000, Y2000), np.full(10_000, 5), "orca"))
    ).all()


def test_angles_stay_in_their_ranges():
    dirs = np.array(
        unit_vector(np.array([90 - 2.0242, -90, 90, 0, 0]), np.array([90, 90, 90, 0, 180]))
    )
    here = locate(*dirs, Y2000, 0, "orca")
    assert ((here.azimuth >= 0) & (here.azimuth < 360)).all()
    assert ((here.ra >= 0) & (here.ra < 360)).all()
    assert here.zenith[3:] == pytest.approx([180, 0], abs=1e-12)
    assert (here.zenith <= 180).all()
    assert (np.abs(here.dec) <= 90).all()
    assert galactic(np.array([266.4049948]), np.array([-28.9361727]))[0] < 360  # l = -4e-10


# ---- the detectors


def geodetic(easting, northing, zone):
    """UTM to latitude and longitude, deg, by Krueger's series (Karney 2011, eqs. 9-36)."""
    a, f = 6_378_137.0, 1 / 298.257223563
    n, e = f / (2 - f), math.sqrt(f * (2 - f))
    radius = a / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    beta = (
        n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96 - n**4 / 360,
        n**2 / 48 + n**3 / 15 - 437 * n**4 / 1440,
        17 * n**3 / 480 - 37 * n**4 / 840,
        4397 * n**4 / 161_280,
    )
    zeta = complex(northing, easting - 500_000) / (0.9996 * radius)
    flat = zeta - sum(b * np.sin(2 * j * zeta) for j, b in enumerate(beta, 1))
    conformal = math.sin(flat.real) / math.hypot(math.sinh(flat.imag), math.cos(flat.real))
    tau = conformal
    for _ in range(10):
        sigma = math.sinh(e * math.atanh(e * tau / math.hypot(1, tau)))
        tau += conformal - (tau * math.hypot(1, sigma) - sigma * math.hypot(1, tau))
    longitude = math.atan2(math.sinh(flat.imag), math.cos(flat.real))
    return math.degrees(math.atan(tau)), math.degrees(longitude) + 6 * zone - 183


@pytest.mark.parametrize("site", DETECTORS.values(), ids=DETECTORS)
def test_latitude_longitude_and_convergence_are_those_of_the_utm_grid(site):
    latitude, longitude = geodetic(site.easting, site.northing, site.utm_zone)
    assert site.latitude == pytest.approx(latitude, abs=1e-8)
    assert site.longitude == pytest.approx(longitude, abs=1e-8)
    # the convergence is the azimuth of a small step to grid north
    ahead = geodetic(site.easting, site.northing + 50, site.utm_zone)
    behind = geodetic(site.easting, site.northing - 50, site.utm_zone)
    e2, sine = 0.00669437999014, math.sin(math.radians(latitude))
    prime_vertical_by_meridian_radius = (1 - e2 * sine**2) / (1 - e2)
    east = (
        (ahead[1] - behind[1])
        * math.cos(math.radians(latitude))
        * prime_vertical_by_meridian_radius
    )
    expected = math.degrees(math.atan2(east, ahead[0] - behind[0]))
    assert site.meridian_convergence * 3600 == pytest.approx(expected * 3600, abs=0.01)


def test_convergence_is_near_aanets():
    row = Benchmark("local2eq_aanet_2.7.1.csv").rows[0]
    latitude, longitude, theirs = (
        math.degrees(float(row[name]))
        for name in ("det_latitude", "det_longitude", "meridian_convergence")
    )
    ours = meridian_convergence(latitude, longitude, int(row["utm_zone"]))
    assert ours * 3600 == pytest.approx(theirs * 3600, abs=0.3)  # see the function's notes


@pytest.mark.parametrize(
    ("name", "det_id", "file"),
    [
        ("orca", 49, "D_ORCA006_t.A02181836.p.A02181837.r.A02182001.detx"),
        ("arca", 133, "KM3NeT_00000133_20221025.detx"),
    ],
)
def test_detectors_are_where_their_description_files_say(name, det_id, file):
    lines = Path(data_path(f"detx/{file}")).read_text().splitlines()
    words = next(line for line in lines if line.startswith("UTM")).split()
    site = detector(name)
    assert words[:3] == ["UTM", "WGS84", f"{site.utm_zone}N"]
    assert [float(word) for word in words[3:]] == [site.easting, site.northing, site.height]
    assert detector_with_id(det_id) == site
    assert detector_with_id(-1) is None


def test_unknown_detectors_are_named_with_those_there_are():
    with pytest.raises(InputError) as caught:
        locate(1, 0, 0, Y2000, 0, "ORCA6")
    assert str(caught.value) == (
        "the detector does not exist\n"
        "  found:    ORCA6\n"
        "  expected: one of antares, orca, arca\n"
        "  remedy:   correct the name, or add the detector to ingest/events/sky/detectors.toml"
    )
