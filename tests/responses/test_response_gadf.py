"""GADF files of responses, read by gammapy: the numbers of the delivered files."""

from __future__ import annotations

import subprocess
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits

from ingest.responses import read_response, write_gadf

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from gammapy.irf import (
        PSF3D,
        Background2D,
        EffectiveAreaTable2D,
        EnergyDispersion2D,
        load_irf_dict_from_file,
    )

CARDS = [("TELESCOP", "KM3NeT/ARCA", "telescope"), ("INSTRUME", "ARCA115", "instrument")]


@pytest.fixture
def written(response, tmp_path):
    def write(name):
        path = tmp_path / f"{name}.fits"
        assert write_gadf(response(name), path, CARDS) == path
        return path

    return write


@pytest.mark.parametrize(
    ("name", "irf"),
    [
        ("arca115_aeff", EffectiveAreaTable2D),
        ("arca115_psf", PSF3D),
        ("arca115_bkg_nu", Background2D),
        ("arca115_bkg_mu", Background2D),
    ],
)
def test_gammapy_reads_the_numbers_of_the_delivered_file(written, delivered, name, irf):
    ours, theirs = irf.read(written(name)), irf.read(delivered[name][1])
    assert ours.axes.names == theirs.axes.names
    for axis, other in zip(ours.axes, theirs.axes, strict=True):
        assert np.allclose(axis.edges.to_value(other.unit), other.edges.value, rtol=1e-6, atol=1e-6)
    assert ours.unit == theirs.unit
    assert np.allclose(ours.data, theirs.data, rtol=1e-13, atol=0)


def test_gammapy_reads_the_energy_dispersion_as_a_density(written, delivered):
    ours = EnergyDispersion2D.read(written("arca115_edisp"))
    # the delivered file has another EXTNAME, by which gammapy does not find it
    with pytest.raises(KeyError):
        EnergyDispersion2D.read(delivered["arca115_edisp"][1])
    theirs = EnergyDispersion2D.read(delivered["arca115_edisp"][1], hdu="EDISP_2D")
    width = np.diff(theirs.axes["migra"].edges.value)[:, np.newaxis]
    assert np.allclose(ours.data * width, theirs.data, rtol=1e-5)
    integral = (ours.data * width).sum(axis=1)
    assert np.allclose(integral[theirs.data.any(axis=1)], 1, atol=1e-5)


def test_gammapy_knows_the_classes_of_all_files(written, delivered):
    for name in set(delivered) - {"acceptance", "background", "arca230_bkg"}:
        kind = name.split("_")[1]
        assert list(load_irf_dict_from_file(written(name))) == [kind]


def test_arca230_reads_as_gadf(written, response):
    area = EffectiveAreaTable2D.read(written("arca230_aeff"))
    values = response("arca230_aeff")
    assert np.array_equal(area.data, values.values)
    centre = [axis.center for axis in area.axes]
    found = area.evaluate(energy_true=centre[0][8], offset=centre[1][30]).to_value("m2")
    assert found == pytest.approx(values.values[8, 30])


def test_the_response_in_energies_becomes_one_in_their_ratio(written, response):
    dispersion = EnergyDispersion2D.read(written("arca230_edisp"))
    true, reco = response("arca230_edisp").axes
    migra = dispersion.axes["migra"]
    assert len(migra.edges) == len(true) + len(reco)
    width = np.diff(migra.edges.value)
    for i in (4, 11, 19):
        for j in (0, 7, 19):
            ratio = np.sqrt(reco.lo[j] * reco.hi[j] / (true.lo[i] * true.hi[i]))
            k = migra.coord_to_idx(ratio)
            found = dispersion.data[i, k, 0] * width[k]
            assert found == pytest.approx(response("arca230_edisp").values[i, j], rel=1e-5)
    kernel = dispersion.to_edisp_kernel(offset=100 * u.deg)
    assert np.allclose(kernel.pdf_matrix.sum(axis=1), [0, 0, *[1] * 18])


def test_a_sky_average_has_one_zenith_bin(written):
    area = EffectiveAreaTable2D.read(written("uhe_aeff"))
    assert area.axes["offset"].edges.to_value("deg").tolist() == [0, 180]
    energy = area.axes["energy_true"].center[30]
    assert area.evaluate(energy_true=energy, offset=80 * u.deg).to_value("cm2") == pytest.approx(
        2267036.58
    )


@pytest.mark.parametrize("name", ["acceptance", "background", "arca230_bkg"])
def test_there_is_no_file_of_what_gadf_cannot_hold(response, tmp_path, name):
    assert write_gadf(response(name), tmp_path / "a.fits") is None
    assert not list(tmp_path.iterdir())


def test_keywords_are_complete_and_files_valid(written, delivered):
    for name in ("arca115_aeff", "arca115_edisp", "arca115_psf", "arca115_bkg_nu", "uhe_aeff"):
        path = written(name)
        header = fits.getheader(path, 1)
        assert header["HDUCLASS"] == "GADF" and header["HDUVERS"] == "0.3"
        assert header["HDUCLAS3"] == "FULL-ENCLOSURE" and header["INSTRUME"] == "ARCA115"
        checked = subprocess.run(["fitsverify", "-q", path], capture_output=True, text=True)
        assert "verification OK" in checked.stdout


@pytest.mark.parametrize("name", ["arca115_aeff", "arca115_psf", "arca115_edisp", "arca115_bkg_nu",
                                  "arca230_aeff"])  # fmt: skip
def test_our_reader_reads_what_we_write(written, response, name):
    again, first = read_response(written(name), "gadf"), response(name)
    assert [axis.name for axis in again.axes] == [axis.name for axis in first.axes]
    assert np.allclose(again.values, first.values, rtol=1e-5)
    assert not again.notes
    for axis, other in zip(again.axes, first.axes, strict=True):
        assert np.array_equal(axis.edges, other.edges)


def test_the_same_response_gives_the_same_bytes(written):
    first = written("arca115_bkg_nu").read_bytes()
    assert written("arca115_bkg_nu").read_bytes() == first
