"""The sample in ObsCore, and the product it leads to."""

import urllib.request

import pytest
from astropy import constants, units
from astropy.io import fits
from gammapy.data import EventList


@pytest.fixture(scope="module")
def entry(tap):
    rows = tap.search("SELECT * FROM ivoa.obscore WHERE obs_collection = 'ANTARES-2017-PS'")
    assert len(rows) == 1
    return rows.to_table()[0]


@pytest.fixture(scope="module")
def product(entry, tmp_path_factory):
    path = tmp_path_factory.mktemp("product") / "events.fits"
    with urllib.request.urlopen(entry["access_url"], timeout=60) as reply:
        assert reply.headers.get_content_type() in ("application/fits", "image/fits")
        path.write_bytes(reply.read())
    return path


def test_sample_is_described_as_a_calibrated_event_list_of_antares(entry):
    assert (entry["dataproduct_type"], entry["calib_level"]) == ("event", 2)
    assert (entry["facility_name"], entry["instrument_name"]) == ("KM3NeT", "ANTARES")


def test_energies_are_given_as_wavelengths(entry):
    """From 100 GeV to 1e8 GeV, by the constants of CODATA that astropy has."""
    hc = constants.h * constants.c
    longest = (hc / (100 * units.GeV)).to_value("m")
    shortest = (hc / (1e8 * units.GeV)).to_value("m")
    assert entry["em_max"] == pytest.approx(longest, rel=1e-7)
    assert entry["em_min"] == pytest.approx(shortest, rel=1e-7)
    assert entry["em_min"] < entry["em_max"]


def test_times_and_resolution_are_those_of_the_paper(entry):
    assert (entry["t_min"], entry["t_max"]) == (54129.0, 58119.0)  # 2007-01-29, 2018-01-01
    # a float in the standard: 8 s are lost
    assert entry["t_exptime"] == pytest.approx(3136 * 86400, rel=1e-7)
    assert entry["s_resolution"] == 0.4 * 3600


def test_astropy_reads_the_product_and_its_size_is_announced(entry, product):
    assert abs(entry["access_estsize"] - product.stat().st_size / 1024) <= 1
    with fits.open(product, checksum=True) as hdus:
        hdus.verify("exception")
        assert len(hdus["EVENTS"].data) == 8754


def test_gammapy_reads_the_product(product):
    events = EventList.read(product)
    assert len(events.table) == 8754
    assert events.radec.dec.deg.max() < 53


@pytest.mark.slow
def test_publisher_id_stays_the_same_when_the_release_is_imported_again(instance, tap, entry):
    done = instance.km3vo("import", "--release", "ant20_01", "--force")
    assert done.returncode == 0, done.stderr
    assert "unchanged" not in done.stdout
    again = tap.search(
        "SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_collection = 'ANTARES-2017-PS'"
    )
    assert list(again["obs_publisher_did"]) == [entry["obs_publisher_did"]]
