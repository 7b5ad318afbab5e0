"""Exposure and expected events: against astropy, and the collaboration's published numbers."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.table import Table, vstack
from astropy.time import Time
from astropy.utils import iers
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.responses import read_response, write_tables
from km3vo.analysis import AnalysisError
from km3vo.analysis.exposure import (
    events_by_energy,
    expected_background,
    expected_events,
    exposure_by_energy,
    zenith_fractions,
)
from km3vo.analysis.flux import PowerLaw
from km3vo.analysis.folding import fold
from km3vo.analysis.responses import (
    BackgroundRate,
    EffectiveArea,
    EnergyResponse,
    PointSpread,
)

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ROOT / "inputs"
ARCA = tomllib.loads((ROOT / "ingest/events/sky/detectors.toml").read_text())["arca"]
LATITUDE = ARCA["latitude"]
YEAR = 365.25 * 86400
"""s"""
# the example of the open data KM3NeT-ARCA-irf 1.0.1, analysis/analysis.ipynb: norm in m-2, the
# latitude, and what it prints
EXAMPLE = PowerLaw(5e-5 / 1e4, 2.0)
EXAMPLE_DEC = np.degrees(np.arcsin(0.475))
EXAMPLE_LATITUDE = np.degrees(0.633407)
EXAMPLE_SIGNAL, EXAMPLE_BACKGROUND = 5.660006346621482, 5.904394226015313


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Return the rows of a response, as the tables in ``irf`` have them."""
    directory = tmp_path_factory.mktemp("responses")

    def read(format, name):
        path = directory / f"{Path(name).stem}.fits"
        if not path.exists():
            write_tables(read_response(INPUTS / name, format), path, "irf", Path(name).stem)
        return Table.read(path)

    return read


@pytest.fixture(scope="module")
def area(rows):
    csv = "irf_arca230/aeff_coszen_allnumuCC_track.csv"
    return EffectiveArea.from_rows(rows("arca230-csv", csv))


@pytest.fixture(scope="module")
def background(rows):
    return BackgroundRate.from_rows(rows("arca230-csv", "irf_arca230/bkg_track.csv"))


@pytest.mark.parametrize("dec", [-75.0, -28.9, 5.69, 40.0, 80.0])
def test_the_fractions_are_those_of_astropy_over_a_day(dec):
    edges = np.degrees(np.arccos(np.linspace(1, -1, 13)))
    place = EarthLocation.from_geodetic(
        ARCA["longitude"] * u.deg, LATITUDE * u.deg, ARCA["height"] * u.m
    )
    count = 4000
    with iers.conf.set_temp("auto_download", False):
        times = Time(58849.0, np.linspace(0, 0.99726957, count, endpoint=False), format="mjd")
        zenith = SkyCoord(10.0, dec, unit="deg").transform_to(
            AltAz(obstime=times, location=place)
        ).zen.deg  # fmt: skip
    expected = np.histogram(zenith, edges)[0] / count
    # precession since J2000, 0.11 deg in declination, moves the ends of the path
    assert np.allclose(zenith_fractions(dec, LATITUDE, edges), expected, atol=0.012)


@given(st.floats(-90, 90), st.floats(-90, 90), st.lists(st.floats(0.01, 179.99), max_size=8))
@settings(max_examples=200, deadline=None)
def test_fractions_are_complete_and_of_the_right_zenith_angles(dec, latitude, between):
    edges = np.unique([0.0, *between, 180.0])
    fractions = zenith_fractions(dec, latitude, edges)
    assert fractions.sum() == pytest.approx(1, abs=1e-12)
    assert (fractions >= 0).all()
    # culminations
    highest, lowest = abs(latitude - dec), 180 - abs(latitude + dec)
    seen = (edges[1:] > highest - 1e-4) & (edges[:-1] < lowest + 1e-4)
    assert not fractions[~seen].any()


def test_fractions_by_hand():
    # on the equator, the celestial equator passes the zenith: 15 degrees an hour
    assert zenith_fractions(0, 0, [0, 30, 90, 180]) == pytest.approx([1 / 6, 1 / 3, 1 / 2])
    # from a pole, nothing rises or sets
    assert zenith_fractions([20, -20], 90, [0, 90, 180]).tolist() == [[1, 0], [0, 1]]
    assert zenith_fractions(90, 36.3, [0, 53, 54, 180]).tolist() == [0, 1, 0]


def test_the_example_of_the_collaboration_has_the_same_signal(area):
    found = expected_events(area, EXAMPLE, EXAMPLE_DEC, EXAMPLE_LATITUDE, YEAR)
    # they sample 1000 hour angles
    assert found == pytest.approx(EXAMPLE_SIGNAL, rel=2e-3)


def test_the_example_of_the_collaboration_has_the_same_background(background):
    found = expected_background(background, EXAMPLE_DEC, 1.0, YEAR)
    assert found == pytest.approx(EXAMPLE_BACKGROUND, rel=1e-6)


def test_two_responses_of_arca_agree(rows, area, background):
    """ARCA115 as GADF and ARCA230 as text: two files, two formats, other selections."""
    other = EffectiveArea.from_rows(rows("gadf", "irf_arca115/aeff.fits"))
    for dec in (-60.0, -30.0, 0.0, EXAMPLE_DEC):
        found = [expected_events(one, EXAMPLE, dec, LATITUDE, YEAR) for one in (area, other)]
        assert found[0] == pytest.approx(found[1], rel=0.15)
    rates = [BackgroundRate.from_rows(rows("gadf", f"irf_arca115/bkg_{one}.fits"))
             for one in ("nu", "mu")]  # fmt: skip
    for dec in (-60.0, 0.0, 30.0):
        both = sum(expected_background(rate, dec, 1.0, YEAR, LATITUDE) for rate in rates)
        assert both == pytest.approx(expected_background(background, dec, 1.0, YEAR), rel=0.25)


@pytest.mark.parametrize(
    ("norm", "index", "published"),
    # single power laws at 100 TeV, per flavour, and the expected events in 335 days:
    # KM3-230213A-data, notebook "Expected events per flux"
    [(1.44e-18, 2.37, 0.117431), (1.68e-18, 2.58, 0.052083), (2.12e-18, 2.87, 0.019698)],
)
def test_the_expected_events_published_with_km3_230213a(rows, norm, index, published):
    name = "evts23_01/effective_area_brighttrackselection_allflavour_skyavg.json"
    sky_average = EffectiveArea.from_rows(rows("effective-area-json", name))

    def flux(energy, _):
        return norm * (energy / 1e5) ** -index

    livetime = 335 * 86400
    # they interpolate the area between the centres of the bins
    assert fold(sky_average, flux, livetime).sum() == pytest.approx(published, rel=3e-3)
    by_dec = fold(sky_average, flux, livetime, LATITUDE, np.linspace(-90, 90, 7))
    assert by_dec.sum() == pytest.approx(published, rel=3e-3)


def test_zenith_and_declination_give_the_same_events_of_an_isotropic_flux(area):
    def flux(energy, angle):
        return 1e-8 * energy**-2.0 * np.ones_like(angle)

    by_zenith = fold(area, flux, YEAR)
    assert by_zenith.shape == (18, 40)
    by_dec = fold(area, flux, YEAR, LATITUDE, np.linspace(-90, 90, 181))
    assert by_dec.shape == (18, 180)
    assert by_zenith.sum(axis=1) == pytest.approx(by_dec.sum(axis=1), rel=2e-3)
    # 4 pi / 40 sr in each bin of the cosine
    expected = PowerLaw(1e-8, 2).integrals(area.energy_edges)[:, np.newaxis]
    expected = expected * area.values * 1e4 * YEAR * 4 * np.pi / 40
    assert np.allclose(by_zenith, expected, rtol=1e-5)


def test_a_flux_that_depends_on_direction_is_folded_in_its_place(area):
    def flux(energy, dec):
        return np.where(dec < -30, 1e-8 * energy**-2.0, 0)

    by_band = fold(area, flux, YEAR, LATITUDE, [-90, -30, 30, 90]).sum(axis=0)
    assert by_band[0] > 0 and not by_band[1:].any()


@pytest.mark.parametrize("cutoff", [1e4, 1e6, 1e12])
def test_the_integral_of_a_flux_with_cutoff(cutoff):
    edges = 10.0 ** np.arange(2, 8.1, 0.35)
    found = PowerLaw(1e-8, 2.2, cutoff).integrals(edges)
    for low, high, value in zip(edges[:-1], edges[1:], found, strict=True):
        energy = np.geomspace(low, high, 20001)
        expected = np.trapezoid(1e-8 * energy**-2.2 * np.exp(-energy / cutoff), energy)
        assert value == pytest.approx(expected, rel=1e-6, abs=1e-40)


def test_the_integral_of_a_power_law_by_hand():
    assert PowerLaw(3, 2).integrals([1, 10, 100]) == pytest.approx([2.7, 0.27])
    assert PowerLaw(3, 1).integrals([1, np.e]) == pytest.approx([3])
    assert PowerLaw(3, 1 + 1e-12).integrals([1, np.e]) == pytest.approx([3])
    assert PowerLaw(2, 0).integrals([1, 4]) == pytest.approx([6])


def test_exposure_is_area_times_time(area):
    everywhere = EffectiveArea(area.energy_edges, np.array([0.0, 180]), np.full((18, 1), 2.0))
    assert exposure_by_energy(everywhere, [10, -80], LATITUDE, 100.0) == pytest.approx(2e6)
    by_energy = events_by_energy(area, EXAMPLE, [10.0, 20.0], LATITUDE, YEAR)
    assert by_energy.shape == (2, 18)


def test_a_background_of_every_zenith_angle_in_a_circle():
    edges = np.array([1.0, 10.0, 100.0])
    flat = BackgroundRate(edges, np.array([0.0, 60, 180]), np.full((2, 2), 1e-3), False)
    for dec, radius in ((0.0, 1.0), (90.0, 10.0), (-45.0, 90.0), (10.0, 180.0)):
        solid_angle = 2 * np.pi * (1 - np.cos(np.radians(radius)))
        found = expected_background(flat, dec, radius, 10.0, LATITUDE)
        assert found == pytest.approx(1e-3 * 99 * solid_angle * 10, rel=1e-9)
        found = expected_background(flat, dec, radius, 10.0, LATITUDE, 5, 20)
        assert found == pytest.approx(1e-3 * 15 * solid_angle * 10, rel=1e-9)


def test_a_circle_over_several_bands_of_declination(background):
    per_band = background.integrated() * YEAR
    area = 2 * np.pi * np.diff(np.sin(np.radians(background.edges)))
    assert expected_background(background, 12.0, 180.0, YEAR) == pytest.approx(
        (per_band * area).sum(), rel=0.02
    )


def test_the_energy_response_keeps_the_number_of_events(rows, area):
    name = "irf_arca230/energyresponse_numuCC_track.csv"
    response = EnergyResponse.from_rows(rows("arca230-csv", name))
    by_energy = events_by_energy(area, EXAMPLE, EXAMPLE_DEC, LATITUDE, YEAR)
    # the area starts two bins later
    given = np.concatenate([[0, 0], by_energy])
    folded = response.fold(given)
    assert folded.sum() == pytest.approx(by_energy.sum())
    assert np.argmax(folded) < np.argmax(given)
    with pytest.raises(AnalysisError, match="20 numbers"):
        response.fold(by_energy)


def test_the_events_within_a_circle_are_those_of_the_example(rows):
    """The example has ARCA230's point-spread function, which is not among its tables here."""
    whole = EffectiveArea.from_rows(rows("gadf", "irf_arca115/aeff.fits"))
    spread = PointSpread.from_rows(rows("gadf", "irf_arca115/psf.fits"))
    inside = spread.contained_area(whole, 1.0)
    events = [expected_events(one, EXAMPLE, EXAMPLE_DEC, LATITUDE, YEAR) for one in (inside, whole)]
    # it prints "Fraction within 1 degrees: 0.892"
    assert events[0] / events[1] == pytest.approx(0.892, abs=0.03)


def test_the_containment_is_that_of_gammapy(rows):
    irf = pytest.importorskip("gammapy.irf")
    spread = PointSpread.from_rows(rows("gadf", "irf_arca115/psf.fits"))
    theirs = irf.PSF3D.read(INPUTS / "irf_arca115/psf.fits")
    theirs.normalize()
    centre = [axis.center for axis in theirs.axes]
    for radius in (0.2, 1.0, 5.0):
        ours = spread.containment(radius)
        for i, j in ((4, 3), (12, 4), (20, 3)):
            expected = theirs.containment(
                energy_true=centre[0][i], offset=centre[1][j], rad=radius * u.deg
            )
            assert ours[i, j] == pytest.approx(float(expected), abs=0.02)
    assert np.allclose(spread.containment(180)[:, 3:], 1)


def test_rows_in_any_order_and_masked_columns(rows):
    table = rows("arca230-csv", "irf_arca230/bkg_track.csv")
    ordered = BackgroundRate.from_rows(table)
    shuffled = BackgroundRate.from_rows(table[np.random.default_rng(1).permutation(len(table))])
    assert np.array_equal(ordered.values, shuffled.values)
    plain = {name: np.asarray(table[name].filled(np.nan) if hasattr(table[name], "filled")
                              else table[name])
             for name in table.colnames}  # fmt: skip
    assert np.array_equal(BackgroundRate.from_rows(plain).values, ordered.values)


def test_rows_of_two_responses_or_of_half_a_one_are_refused(rows):
    one = rows("gadf", "irf_arca115/aeff.fits")
    other = rows("arca230-csv", "irf_arca230/aeff_coszen_allnumuCC_track.csv")
    for wrong in (
        vstack([one, other], metadata_conflicts="silent"),
        vstack([one, one]),
        one[::2],
        one[:0],
        one[:-1],
    ):
        with pytest.raises(AnalysisError):
            EffectiveArea.from_rows(wrong)
    with pytest.raises(AnalysisError, match="a column energy_true_lo"):
        EffectiveArea.from_rows({"aeff": [1.0]})


@pytest.mark.parametrize(
    ("parameter", "call"),
    [
        ("dec", lambda a, b: expected_events(a, EXAMPLE, 91, 36, 1)),
        ("latitude", lambda a, b: expected_events(a, EXAMPLE, 1, 360, 1)),
        ("livetime", lambda a, b: expected_events(a, EXAMPLE, 1, 36, -1)),
        ("livetime", lambda a, b: expected_background(b, 1, 1, np.nan)),
        ("radius", lambda a, b: expected_background(b, 1, 0, 1)),
        ("radius", lambda a, b: expected_background(b, 1, np.nan, 1)),
        ("energy_min", lambda a, b: expected_background(b, 1, 1, 1, None, 10, 10)),
        ("radius", lambda a, b: PointSpread(a, a, a, a).containment(181)),
        ("edges", lambda a, b: zenith_fractions(1, 1, [3, 2])),
        ("latitude", lambda a, b: fold(a, lambda e, d: e, 1, None, [-90, 90])),
        ("dec_edges", lambda a, b: fold(a, lambda e, d: e, 1, 36, [90, -90])),
        ("dec", lambda a, b: fold(a, lambda e, d: e, 1, 36, [-91, 90])),
        ("norm", lambda a, b: PowerLaw(-1, 2)),
        ("index", lambda a, b: PowerLaw(1, np.nan)),
        ("cutoff", lambda a, b: PowerLaw(1, 2, 0)),
    ],
)
def test_errors_name_the_parameter(area, background, parameter, call):
    with pytest.raises(AnalysisError) as caught:
        call(area, background)
    assert caught.value.parameter == parameter


def test_a_declination_that_is_not_known_gives_nan(area):
    found = expected_events(area, EXAMPLE, [np.nan, 0.0], LATITUDE, YEAR)
    assert np.isnan(found[0]) and found[1] > 0


def test_it_runs_in_the_python_of_dachs():
    code = """
import json
import numpy as np
from km3vo.analysis import exposure, flux, responses
area = responses.EffectiveArea(np.array([1e2, 1e4]), np.array([0., 90, 180]), np.array([[0., 1]]))
events = exposure.expected_events(area, flux.PowerLaw(1e-4, 2), [0., 30], 36.3, 1e5)
print(json.dumps(events.tolist()))
"""
    done = subprocess.run(
        ["/usr/bin/python3", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    # below the horizon for half of the day, and less in the north
    assert found[0] == pytest.approx(1e-4 * 0.0099 * 1e4 * 1e5 / 2)
    assert found[1] < found[0]
