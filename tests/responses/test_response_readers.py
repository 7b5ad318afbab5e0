"""Delivered responses: the numbers of the files, in one unit per table, and what is refused."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from ingest.core.errors import InputError
from ingest.responses import AXES, READERS, TABLES, read_response, write_tables
from km3vo.analysis import Acceptance

YEAR = 365.25 * 86400
"""s"""
BIN_CUBE = {"zenith": np.cos, "dec": np.sin}


def solid_angles(axis):
    edge = BIN_CUBE[axis.name](np.radians(axis.edges))
    return 2 * np.pi * np.abs(np.diff(edge))


def test_every_format_has_a_delivered_file(delivered):
    assert {format for format, _ in delivered.values()} == set(READERS)


def test_tables_and_kinds(response, delivered):
    kinds = {name: (response(name).kind, response(name).table) for name in delivered}
    assert kinds["acceptance"] == ("aeff", "acceptance")
    assert kinds["background"] == ("bkgrate", "background")
    for name in set(kinds) - {"acceptance", "background"}:
        kind = name.split("_")[1].replace("bkg", "bkgrate")
        assert kinds[name] == (kind, kind)


def test_the_acceptance_is_that_of_the_file(response, delivered):
    acceptance = response("acceptance")
    index, dec = acceptance.axes
    assert index.points and np.allclose(index.edges, np.linspace(1.5, 3.0, 16))
    assert np.allclose(np.sin(np.radians(dec.edges)), np.linspace(-1, 1, 21), atol=1e-6)
    # first line, first and last numbers; last line
    assert acceptance.values[0, [0, 19]] == pytest.approx([1141.34e8, 0.220271e8], rel=1e-12)
    # the services of limits read the same file by themselves
    of_limits = Acceptance.from_text(delivered["acceptance"][1].read_text())
    assert of_limits.values == pytest.approx(acceptance.values, rel=1e-12)
    assert of_limits.indices == pytest.approx(index.edges, rel=1e-6)
    assert of_limits.sin_dec_edges == pytest.approx(np.sin(np.radians(dec.edges)), abs=1e-6)
    assert acceptance.unit == "GeV cm2 s"


def test_the_background_gives_the_published_number_of_events(response):
    background = response("background")
    below = np.polynomial.Polynomial(background.values)
    # KM3NeT's documentation: ana20_01_bkg.evaluate(20)
    assert below(20) == pytest.approx(7893.0656496, abs=1e-6)
    assert background.axes[0].edges.tolist() == list(range(7))


def test_the_area_in_json_is_that_of_the_file_in_square_metres(response, delivered):
    area = response("uhe_aeff")
    table = json.loads(delivered["uhe_aeff"][1].read_text())
    assert np.allclose(area.values * 1e4, list(table["Aeff [cm^2]"].values()))
    (energy,) = area.axes
    # centres at 10^5.05, 10^5.15 … GeV
    assert np.allclose(np.log10(energy.edges), np.linspace(5, 11, 61), atol=1e-6)
    assert np.allclose(
        np.sqrt(energy.lo * energy.hi), list(table["Energy [GeV]"].values()), rtol=1e-6
    )
    assert "half a step" in area.notes[0]


def test_angles_of_gadf_files_are_degrees_and_round(response):
    area = response("arca115_aeff")
    zenith = area.axis("zenith")
    assert np.allclose(np.cos(np.radians(zenith.edges)), np.linspace(1, -1, 13), atol=1e-6)
    # not 90.0000025 as from radians in single precision
    assert {0.0, 60.0, 90.0, 120.0, 180.0} <= set(zenith.edges)


@pytest.mark.parametrize("name", ["arca115_bkg_nu", "arca115_bkg_mu"])
def test_the_transposed_background_is_put_right(response, delivered, name):
    with fits.open(delivered[name][1]) as hdus:
        raw = hdus[1].data["BKG"][0]
        assert hdus[1].header["TDIM5"] == "(12,64)"  # GADF: (64,12), the energy varies fastest
    background = response(name)
    assert [axis.name for axis in background.axes] == ["energy_reco", "zenith"]
    # MeV-1 to GeV-1
    assert np.allclose(background.values, raw * 1e3, rtol=1e-12, atol=0)
    assert "opposite order" in background.notes[0]


def test_physics_confirms_the_order_of_the_axes(response):
    """Muons come from above only; with 12 and 64 exchanged they would come through the Earth."""
    muons, neutrinos = response("arca115_bkg_mu"), response("arca115_bkg_nu")
    for name, background in (("mu", muons), ("nu", neutrinos)):
        energy, zenith = background.axes
        for values, right in (
            (background.values, True),
            (background.values.reshape(12, 64).T, False),
        ):
            per_year = np.diff(energy.edges) @ values * solid_angles(zenith) * YEAR
            upgoing = per_year[zenith.lo >= 90].sum()
            if name == "mu":
                assert (upgoing == 0) == right
                assert (np.count_nonzero(per_year) == 1) == right
            else:
                # ARCA230's background, another file: 86,000 events of all zenith angles
                assert (5e4 < per_year.sum() < 1.2e5) == right
                assert (upgoing / per_year.sum() > 0.75) == right


def test_the_effective_areas_of_two_files_agree_below_the_horizon(response):
    """The axes of two independent files: ARCA115 as GADF, ARCA230 as text."""
    areas = [response("arca115_aeff"), response("arca230_aeff")]
    for energy in (1e3, 1e4, 1e5):
        for zenith in (100.0, 125.0, 165.0):
            found = []
            for area in areas:
                centre = np.log(area.axes[0].lo * area.axes[0].hi) / 2
                column = area.values[:, np.searchsorted(area.axes[1].edges, zenith) - 1]
                found.append(np.interp(np.log(energy), centre, np.log(np.maximum(column, 1e-9))))
            assert found[0] == pytest.approx(found[1], abs=0.4)


def test_the_energy_dispersion_of_arca115_is_a_probability(response):
    """Its sum is 1, and its median is that of ARCA230's response, which is another file."""
    dispersion = response("arca115_edisp")
    energy, migration, zenith = dispersion.axes
    sums = dispersion.values.sum(axis=1)
    assert np.allclose(sums[dispersion.values.any(axis=1)], 1)
    other = response("arca230_edisp")
    for log_energy in (3.975, 4.675, 5.375, 6.075):
        row = np.searchsorted(energy.edges, 10**log_energy) - 1
        column = np.searchsorted(zenith.edges, 100.0) - 1
        medians = []
        for values, logs in (
            (dispersion.values[row, :, column], np.log10(migration.edges) + log_energy),
            (dispersion.values[row, :, column] * np.diff(migration.edges),
             np.log10(migration.edges) + log_energy),
            (other.values[np.searchsorted(other.axes[0].edges, 10**log_energy) - 1],
             np.log10(other.axes[1].edges)),
        ):  # fmt: skip
            share = np.append(0, np.cumsum(values)) / values.sum()
            medians.append(np.interp(0.5, share, logs))
        probability, density, expected = medians
        assert probability == pytest.approx(expected, abs=0.25)
        assert density > expected + 0.35


def test_the_point_spread_function_is_normalised_where_it_is_valid(response):
    psf = response("arca115_psf")
    energy, zenith, radius = psf.axes
    solid_angle = -2 * np.pi * np.diff(np.cos(np.radians(radius.edges)))
    integral = psf.values @ solid_angle
    assert np.allclose(integral[:, zenith.lo > 70], 1, atol=0.011)
    # the collaboration: only valid for zenith angles above 80 degrees
    assert (integral[:, zenith.hi < 71] < 0.7).all()
    # arXiv:1810.08499: better than 0.2 deg for the tracks of ARCA at the highest energies
    row = np.searchsorted(energy.edges, 1e6) - 1
    inside = np.cumsum(psf.values[row, 3] * solid_angle)
    assert 0.05 < radius.hi[np.searchsorted(inside, 0.5)] < 0.2


def test_arca230_is_that_of_the_files(response, delivered):
    with delivered["arca230_aeff"][1].open() as stream:
        lines = list(csv.reader(stream))[1:]
    area = response("arca230_aeff")
    energy, zenith = area.axes
    for line in lines[::37]:
        log_energy, cosine, value = float(line[1]), float(line[4]), float(line[6])
        i = np.searchsorted(energy.edges, 10**log_energy) - 1
        j = np.searchsorted(zenith.edges, np.degrees(np.arccos(cosine))) - 1
        assert area.values[i, j] == value
    # nothing is selected from above, where muons come from
    assert not area.values[:, zenith.hi < 80].any()
    assert area.values[:, zenith.lo > 90].any(axis=0).all()


def test_the_background_of_arca230_keeps_its_number_of_events(response, delivered):
    with delivered["arca230_bkg"][1].open() as stream:
        total = sum(float(line[6]) for line in list(csv.reader(stream))[1:])
    background = response("arca230_bkg")
    energy, dec = background.axes
    again = np.diff(energy.edges) @ background.values @ solid_angles(dec)
    assert again == pytest.approx(total, rel=1e-5)
    assert background.unit == "GeV-1 sr-1 s-1"


def test_rows_of_the_energy_response_are_divided_by_their_sums(response):
    sums = response("arca230_edisp").values.sum(axis=1)
    # below 50 GeV there are no events
    assert np.allclose(sums, [0, 0, *[1] * 18])


@pytest.mark.parametrize("name", ["arca115_aeff", "arca115_edisp", "arca115_psf", "arca115_bkg_mu",
                                  "arca230_aeff", "arca230_bkg", "arca230_edisp", "uhe_aeff",
                                  "acceptance", "background"])  # fmt: skip
def test_a_table_has_one_row_per_bin(response, tmp_path, name):
    one = response(name)
    path = tmp_path / "table.fits"
    assert write_tables(one, path, "irf_arca115", name) == one.values.size
    with fits.open(path, checksum=True) as hdus:
        units = {column.name: column.unit or "" for column in hdus[1].columns}
    table = Table.read(path)
    expected = TABLES[one.table].columns
    assert table.colnames == ["release", "response", *(column.name for column in expected)]
    assert units == {"release": "", "response": "", **{c.name: c.unit for c in expected}}
    assert set(table["response"]) == {name}
    value = TABLES[one.table].value.name
    # ten rows at random, found again by their bins
    for row in np.random.default_rng(5).choice(len(table), min(10, len(table)), replace=False):
        place = []
        for axis in one.axes:
            start = table[row][axis.name if axis.points else f"{axis.name}_lo"]
            place.append(int(np.argmin(np.abs(axis.lo - start))))
            if not axis.points:
                assert table[row][f"{axis.name}_hi"] == pytest.approx(axis.hi[place[-1]])
        assert table[row][value] == one.values[tuple(place)]


def test_axes_that_a_response_does_not_have(response, tmp_path):
    write_tables(response("uhe_aeff"), tmp_path / "a.fits", "evts23_01", "aeff")
    area = Table.read(tmp_path / "a.fits")
    assert (set(area["zenith_lo"]), set(area["zenith_hi"])) == ({0.0}, {180.0})
    write_tables(response("arca230_bkg"), tmp_path / "b.fits", "irf_arca230", "bkg")
    rate = Table.read(tmp_path / "b.fits", mask_invalid=False)
    assert np.isnan(rate["zenith_lo"]).all() and not np.isnan(rate["dec_lo"]).any()


def test_the_same_response_gives_the_same_bytes(response, tmp_path):
    files = []
    for name in ("a.fits", "b.fits"):
        write_tables(response("arca230_bkg"), tmp_path / name, "irf_arca230", "bkg")
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]


def test_every_axis_has_a_unit():
    for table in TABLES.values():
        assert set(table.axes) <= set(AXES)


def test_an_unknown_format_names_the_known_ones(tmp_path):
    with pytest.raises(InputError, match="does not exist") as caught:
        read_response(tmp_path / "a", "root")
    assert all(name in caught.value.expected for name in READERS)


CHANGES = {
    # name: format, what is replaced, by what, place, problem
    "missing bin": ("arca230_bkg", "\n1.0,1.175,1.35,-0.95,", None, None, "not a complete grid"),
    "double bin": (
        "arca230_bkg",
        "\n1.0,1.175,1.35,-0.95,-0.925,-0.9,",
        "\n1.0,1.175,1.35,-1.0,-0.975,-0.95,",
        None,
        "not a complete grid",
    ),
    "negative": ("arca230_bkg", "2.019420076044072e-06", "-1", "line 2", "not possible"),
    "not a number": ("arca230_bkg", "2.019420076044072e-06", "nan", "line 2 column 7", "number"),
    "gap": ("arca230_bkg", "1.35,1.525,1.7,", "1.4,1.525,1.7,", "reco_E", "not adjacent"),
    "header": ("arca230_bkg", "rate [s^-1]", "rate [Hz]", "line 1", "first line"),
    "cosine": ("arca230_aeff", "-1.0,-0.975,-0.95", "-1.1,-0.975,-0.95", "cos(zen)", "range"),
    "line": ("acceptance", "1141.34 1339.09", "1141.34", "line 1", "wrong number of values"),
    "sign": ("acceptance", "1141.34", "-1141.34", "line 1 number 1", "not possible"),
    "word": ("background", "70.914", "7O.914", "line 1 number 2", "not a number"),
    "area": ("uhe_aeff", "45.9646734", "-45.9646734", "row 6", "not possible"),
    "step": ("uhe_aeff", "141253.754", "151253.754", "row 1", "not equally spaced"),
    "text": ("uhe_aeff", "45.9646734", '"45"', "row 6", "not a number"),
    "column": ("uhe_aeff", "Aeff [cm^2]", "Aeff [m^2]", "Aeff [cm^2]", "not a table"),
    "end": ("uhe_aeff", "}}", "}", None, "not JSON"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_errors_name_place_value_and_remedy(delivered, tmp_path, change):
    name, old, new, where, problem = CHANGES[change]
    format, original = delivered[name]
    path = tmp_path / original.name
    text = original.read_text()
    assert old in text
    if new is None:
        start = text.index(old)
        text = text[:start] + text[text.index("\n", start + 1) :]
    else:
        text = text.replace(old, new)
    path.write_text(text)
    with pytest.raises(InputError, match=problem) as caught:
        read_response(path, format)
    error = caught.value
    assert error.file == str(path) and error.remedy and error.expected
    assert where is None or where in error.where


def changed_fits(original, path, change):
    with fits.open(original) as hdus:
        change(hdus[1])
        hdus.writeto(path)


def lower(hdu):
    hdu.data["EFFAREA"][0, 3, 7] = -1.0


def unsorted(hdu):
    hdu.data["ENERG_LO"][0, 4] = 1e5


def wrong_unit(hdu):
    hdu.columns["EFFAREA"].unit = "s"


def no_class(hdu):
    hdu.header["HDUCLAS4"] = "AEFF_3D"


def no_response(hdu):
    del hdu.header["HDUCLAS1"]


def infinite(hdu):
    hdu.data["EFFAREA"][0, 0, 0] = np.inf


def beyond(hdu):
    hdu.data["THETA_HI"][0, -1] = 4.0


@pytest.mark.parametrize(
    ("change", "where", "expected"),
    [
        (lower, "column EFFAREA at ENERG bin 8, THETA bin 4", "not negative"),
        (infinite, "column EFFAREA at ENERG bin 1, THETA bin 1", "finite"),
        (unsorted, "column ENERG_LO bin 5", "lower edge"),
        (beyond, "column THETA_LO bin 12", "from 0 to 180"),
        (wrong_unit, "column EFFAREA", "m2"),
        (no_class, "HDUCLAS4", "AEFF_2D"),
        (no_response, None, "one table"),
    ],
)
def test_errors_of_fits_files_name_hdu_and_column(delivered, tmp_path, change, where, expected):
    path = tmp_path / "changed.fits"
    changed_fits(delivered["arca115_aeff"][1], path, change)
    with pytest.raises(InputError) as caught:
        read_response(path, "gadf")
    assert expected in caught.value.expected and caught.value.remedy
    assert where is None or (where in caught.value.where and "EFFECTIVE AREA" in caught.value.where)


def test_a_dispersion_that_is_not_normalised_is_refused(delivered, tmp_path):
    def double(hdu):
        hdu.data["MATRIX"] *= 2

    changed_fits(delivered["arca115_edisp"][1], tmp_path / "a.fits", double)
    with pytest.raises(InputError, match="not normalised"):
        read_response(tmp_path / "a.fits", "gadf")
