"""The samples in ObsCore and its extension for high energies, and the products they lead to.

The extension is a Proposed Endorsed Note of the IVOA, whose use cases give the queries.
"""

import io
import tarfile
import time
import tomllib
import urllib.request

import numpy as np
import pytest
import requests
from astropy import constants, units
from astropy.io import fits
from astropy.io.votable import ucd
from astropy.time import Time
from gammapy.data import GTI, EventList
from mocpy import TimeMOC

from tests.instances import ROOT

JOINED = "SELECT * FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea WHERE "
# The queries of the note, as the page /status runs them.
_FILE = ROOT / "site" / "dachs" / "pages" / "status" / "hea_queries.toml"
QUERIES = {one["id"]: one["adql"] for one in tomllib.loads(_FILE.read_text())["query"]}

AREA = "effective_area_brighttrackselection_allflavour_skyavg"


@pytest.fixture(scope="module")
def entry(tap):
    rows = tap.search(
        "SELECT * FROM ivoa.obscore WHERE obs_collection = 'ANTARES-2017-PS'"
        " AND dataproduct_type = 'hea-event-list'"
    )
    assert len(rows) == 1
    return rows.to_table()[0]


@pytest.fixture(scope="module")
def joined(tap):
    """Return all rows of the extension, with those of ObsCore."""
    return tap.search(JOINED + "1 = 1")


def download(url):
    reply = requests.get(url, timeout=30)
    assert reply.status_code == 200, url
    return reply


@pytest.fixture(scope="module")
def product(entry, tmp_path_factory):
    path = tmp_path_factory.mktemp("product") / "events.fits"
    with urllib.request.urlopen(entry["access_url"], timeout=60) as reply:
        assert reply.headers.get_content_type() in ("application/fits", "image/fits")
        path.write_bytes(reply.read())
    return path


def test_sample_is_described_as_a_calibrated_event_list_of_antares(entry):
    assert entry["calib_level"] == 2
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


# -- the extension for high energies -----------------------------------------------------------


def test_every_row_of_the_extension_is_one_of_obscore(tap, joined):
    (count,) = tap.search("SELECT count(*) AS n FROM ivoa.obscore_hea")["n"]
    ours = tap.search(
        "SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_collection NOT LIKE 'alerts/%'"
    )["obs_publisher_did"]
    assert len(set(ours)) == len(ours) == len(joined) == count


def test_events_acceptance_and_background_of_hess_j0632_057(tap, delivered):
    """The note's use case with ANTARES: the flux from a source, and its significance."""
    found = tap.search(QUERIES["hess_j0632"])
    content = {
        (row["dataproduct_type"], row["dataproduct_subtype"]): download(row["access_url"]).content
        for row in found
    }
    assert set(content) == {
        ("hea-event-list", ""),
        ("hea-event-bundle", ""),
        ("response-function", "aeff"),
        ("response-function", "bkgrate"),
    }
    with fits.open(io.BytesIO(content["hea-event-list", ""])) as hdus:
        assert len(hdus["EVENTS"].data) == 8754
    # spectral indices from 1.5 to 3.0, and bins of sin(declination)
    acceptance = content["response-function", "aeff"].decode().splitlines()
    assert [len(line.split()) for line in acceptance] == [20] * 16
    # the example in the documentation of openkm3
    polynomial = map(float, content["response-function", "bkgrate"].split())
    below = sum(factor * 20**power for power, factor in enumerate(polynomial))
    assert below == pytest.approx(7893.0656496, abs=1e-7)
    for name, kind in (("acceptance.txt", "aeff"), ("background.txt", "bkgrate")):
        published = (delivered / "ant20_01" / name).read_bytes()
        assert content["response-function", kind] == published


def test_responses_for_a_combined_study_of_vela_x(tap):
    """The note's use case with KM3NeT/ARCA, whose responses are those of the planned detector."""
    found = tap.search(QUERIES["vela_x"]).to_table()
    kinds = {}
    for row in found:
        kinds.setdefault(row["obs_collection"], set()).add(row["dataproduct_subtype"])
    assert kinds == {
        "KM3NeT-ARCA115-IRF": {"aeff", "edisp", "psf", "bkgrate"},
        "KM3NeT-ARCA230-IRF": {"aeff", "edisp", "bkgrate"},
    }
    assert set(found["messenger_pdgid"]) == {"+14"}
    assert set(found["access_format"]) == {"application/fits", "text/csv"}
    # from 2027 to 2030, the years that the note gives
    assert Time(found["t_min"][0], format="mjd").isot.startswith("2027-01-01T00")
    assert Time(found["t_max"][0], format="mjd").isot.startswith("2031-01-01T00")


@pytest.mark.parametrize("name", ["galactic_plane", "tau_neutrinos"])
def test_queries_for_data_that_are_not_public_are_quick_and_find_nothing(tap, name):
    start = time.monotonic()
    assert len(tap.search(QUERIES[name])) == 0
    assert time.monotonic() - start < 5


def test_the_parts_of_these_queries_find_what_there_is(tap):
    """Otherwise an empty answer would say nothing."""

    def collections(query):
        return {row["obs_collection"] for row in tap.search(query)}

    galactic = QUERIES["galactic_plane"].replace("'diffuse'", "'pointsource'")
    assert collections(galactic) == {"ANTARES-2017-PS"}
    vela = QUERIES["vela_x"].replace("ARCA", "ANTARES")
    vela = vela.replace("61406", "54129").replace("62870", "58119")
    assert collections(vela) == {"ANTARES-2017-PS"}
    assert collections(QUERIES["tau_neutrinos"].replace("16", "14")) == {
        "ANTARES-2017-PS",
        "KM3NeT-ARCA115-IRF",
        "KM3NeT-ARCA230-IRF",
    }


@pytest.mark.parametrize(
    "where",
    [
        "1 = CONTAINS(POINT(s_ra, s_dec), CIRCLE(98.24, 5.81, 270))",
        "1 = CONTAINS(POINT(98.24, 5.81), CIRCLE(s_ra, s_dec, s_fov + 180))",
        "DISTANCE(s_ra, s_dec, 98.24, 5.81) < 270",
        "270 >= DISTANCE(s_ra, s_dec, 98.24, 5.81)",
    ],
)
def test_a_circle_may_be_larger_than_the_sky(tap, joined, where):
    assert len(tap.search(JOINED + where)) == len(joined)
    far = tap.search(JOINED + where.replace("270", "1").replace("s_fov + 180", "1"))
    assert len(far) == 0


def test_what_obscore_says_of_a_file_is_true(joined):
    for row in joined:
        reply = download(row["access_url"])
        assert reply.headers["content-type"].partition(";")[0] == row["access_format"]
        assert row["access_estsize"] == -(-len(reply.content) // 1024)
        assert download(row["preview"]).content.startswith(b"\x89PNG")


def test_a_bundle_has_the_list_its_provenance_and_the_responses(joined):
    by_type = {}
    for row in joined:
        by_type.setdefault(row["dataproduct_type"], {})[row["obs_id"]] = row
    lists, bundles = by_type["hea-event-list"], by_type["hea-event-bundle"]
    assert set(lists) == set(bundles)
    for obs_id, row in bundles.items():
        assert row["ev_xel"] == lists[obs_id]["ev_xel"]
        with tarfile.open(fileobj=io.BytesIO(download(row["access_url"]).content)) as archive:
            names = archive.getnames()
            content = archive.extractfile(names[0]).read()
        assert content == download(lists[obs_id]["access_url"]).content
        name = obs_id.partition("/")[0]
        expected = [f"{name}/{name}.fits", f"{name}/{name}.fits.prov.json"]
        if name == "ant20_01":
            expected += [f"{name}/responses/{one}.txt" for one in ("acceptance", "background")]
        if name == "evts23_01":
            expected += [f"{name}/responses/{AREA}{end}" for end in (".gadf.fits", ".json")]
        assert names == expected


def test_observables_are_those_of_the_list(tap, joined):
    found = {
        row["obs_id"].partition("/")[0]: row["o_ucd"].split("#")
        for row in joined
        if row["dataproduct_type"] == "hea-event-list"
    }
    for release, ucds in found.items():
        declared = tap.search(
            f"SELECT ucd FROM tap_schema.columns WHERE table_name = '{release}.main'"
        )["ucd"]
        assert all(ucd.check_ucd(one, check_controlled_vocabulary=True) for one in ucds)
        assert set(ucds) < set(declared)
    # an angular error, a number of hits, and no energy
    assert set(found["ant20_01"]) == {
        "time.epoch",
        "pos.eq.ra;meta.main",
        "pos.eq.dec;meta.main",
        "stat.error;pos",
        "meta.number;instr.det",
    }
    # an energy, and no number of hits
    assert "phys.energy" in found["evts23_01"]
    assert "meta.number;instr.det" not in found["evts23_01"]


def test_time_intervals_are_the_good_times_of_the_product(joined, tmp_path):
    for row in joined:
        moc = TimeMOC.from_string(row["t_intervals"])
        edges = Time([row["t_min"], row["t_max"]], format="mjd", scale="utc")
        assert moc.contains(edges).all()
        assert not moc.contains(edges + [-0.02, 0.02] * units.d).any()
        if row["dataproduct_type"] == "hea-event-list":
            path = tmp_path / "events.fits"
            path.write_bytes(download(row["access_url"]).content)
            gti = GTI.read(path)
            theirs = TimeMOC.from_time_ranges(gti.time_start, gti.time_stop, order=31)
            assert theirs.difference(moc).empty()


def test_the_resolution_of_an_event_is_that_at_its_energy(joined):
    """The neutrino of KM3-230213A had 220 PeV; those of samples are averages."""
    energies = {row["obs_collection"]: row["s_ref_energy"] for row in joined.to_table()}
    assert energies.pop("KM3NeT-KM3-230213A") == pytest.approx(220e15)
    assert all(np.ma.is_masked(energy) for energy in energies.values())


@pytest.mark.slow
def test_publisher_id_stays_the_same_when_the_release_is_imported_again(instance, tap, entry):
    done = instance.km3vo("import", "--release", "ant20_01", "--force")
    assert done.returncode == 0, done.stderr
    assert "unchanged" not in done.stdout
    again = tap.search(
        "SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_collection = 'ANTARES-2017-PS'"
        " AND dataproduct_type = 'hea-event-list'"
    )
    assert list(again["obs_publisher_did"]) == [entry["obs_publisher_did"]]
