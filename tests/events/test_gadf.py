import shutil
import subprocess
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time

from ingest.core.errors import InputError, ManifestError
from ingest.core.files import sha256
from ingest.events.checks.checker import Checker, Expectations
from ingest.events.fields import FIELDS, MISSING_INTEGER, chunk_dtype
from ingest.events.product.gadf import write_event_list
from ingest.events.product.header import ProductMetadata
from ingest.events.product.index import Response, write_index
from ingest.events.readers.antares_text import AntaresTextReader

ANTARES = ProductMetadata(
    release="ant20_01",
    obs_id=1,
    telescope="ANTARES",
    instrument="ANTARES",
    longitude=6.1657,
    latitude=42.7989,
    height=-2475.0,
    creator="km3net-vo 0.1.0",
    kid="09a9c182-e5af-5fd1-b556-0368bc9a130d",
    provenance="made by km3net-vo 0.1.0 from PublicData_0717.dat " + "and more " * 10,
    title="ANTARES 2007–2017 point-source sample, a title that is longer than a card of FITS is",
    reference="doi:10.3847/2041-8213/aad8c0",
    licence="CC-BY-4.0",
    gtis=[(54129.0, 55000.0), (55000.5, 58119.0)],
    livetime=3136 * 86400.0,
)
needs_fitsverify = pytest.mark.skipif(
    not shutil.which("fitsverify"), reason="fitsverify is not installed: ./setup.sh test"
)
SKY = ("event_no", "mjd", "ra", "dec", "energy", "n_hits")


def sky(count=4, fields=SKY):
    chunk = np.zeros(count, chunk_dtype(fields))
    chunk["mjd"] = 57753.25 + np.arange(count) / 4
    chunk["ra"] = 10.0 + np.arange(count)
    chunk["dec"] = -5.5
    return chunk


@pytest.fixture(scope="module")
def antares(antares_list, tmp_path_factory):
    path = tmp_path_factory.mktemp("antares") / "ant20_01.fits"
    checker = Checker(AntaresTextReader(antares_list), Expectations(rows=8754))
    write_event_list(path, checker.checked_chunks(), ANTARES)
    return path


# GADF, events, "Mandatory header keywords" of 0.2 and 0.3 without those of a pointing
# instrument's observer, object and event class
MANDATORY = {
    "HDUCLASS",
    "HDUDOC",
    "HDUVERS",
    "HDUCLAS1",
    "OBS_ID",
    "TSTART",
    "TSTOP",
    "ONTIME",
    "LIVETIME",
    "DEADC",
    "TELAPSE",
    "MJDREFI",
    "MJDREFF",
    "TIMEUNIT",
    "TIMESYS",
    "TIMEREF",
    "GEOLON",
    "GEOLAT",
    "ALTITUDE",
    "RADECSYS",
    "EQUINOX",
    "ORIGIN",
    "TELESCOP",
    "INSTRUME",
    "CREATOR",
    "OBS_MODE",
    "ALT_PNT",
    "AZ_PNT",
    "DATE-OBS",
    "DATE-END",
}


@pytest.mark.filterwarnings("error")
def test_the_form_is_that_of_gadf(antares):
    with fits.open(antares, checksum=True) as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "EVENTS", "GTI"]
        header = hdus["EVENTS"].header
        assert set(header) >= MANDATORY
        assert (header["HDUCLASS"], header["HDUVERS"]) == ("GADF", "0.3")
        assert (header["HDUCLAS1"], hdus["GTI"].header["HDUCLAS1"]) == ("EVENTS", "GTI")
        assert header["OBS_MODE"] == "DRIFT"
        assert "RA_PNT" not in header
        columns = hdus["EVENTS"].columns
        assert columns.names[:5] == ["EVENT_ID", "TIME", "RA", "DEC", "ENERGY"]
        assert columns.formats[:5] == ["1K", "1D", "1D", "1D", "1D"]
        assert columns.units[:5] == ["", "s", "deg", "deg", "TeV"]
        assert columns.names[5:] == ["EVENT_NAME", "MJD", "ANG_ERR", "N_HITS"]
        for keyword in ("MJDREFI", "MJDREFF", "TIMEUNIT", "TIMESYS", "TIMEREF"):
            assert header[keyword] == hdus["GTI"].header[keyword]
        assert hdus[0].header["KID"] == ANTARES.kid
        assert hdus[0].header["TITLE"] == ANTARES.title.replace("–", "-")
        assert "".join(hdus[0].header["HISTORY"]).strip() == ANTARES.provenance.strip()


def test_the_values_are_those_of_the_list(antares, antares_list):
    lines = np.loadtxt(antares_list, comments="#")
    events = Table.read(antares, hdu="EVENTS")
    assert len(events) == 8754
    for name, column in (("DEC", 0), ("N_HITS", 2), ("ANG_ERR", 3), ("MJD", 4)):
        np.testing.assert_array_equal(events[name], lines[:, column], err_msg=name)
    np.testing.assert_array_equal(events["RA"], lines[:, 1] % 360)
    assert np.isnan(np.asarray(events["ENERGY"])).all()
    assert (events["EVENT_NAME"][0], events["EVENT_NAME"][-1]) == ("ANT0001", "ANT8754")
    assert events["EVENT_ID"].tolist() == list(range(1, 8755))


def test_times_are_seconds_of_tt(antares):
    events = Table.read(antares, hdu="EVENTS")
    meta = events.meta
    reference = Time(meta["MJDREFI"], meta["MJDREFF"], format="mjd", scale="tt")
    expected = (Time(events["MJD"], format="mjd", scale="utc").tt - reference).sec
    np.testing.assert_allclose(events["TIME"], expected, rtol=0, atol=2.4e-7)
    # 54129 is 2007-01-29, TT-UTC 65.184 s; 58119 is 2018-01-01, 69.184 s
    assert meta["DATE-OBS"] == "2007-01-29T00:01:05.184"
    assert meta["DATE-END"] == "2018-01-01T00:01:09.184"
    # 3990 days and four leap seconds (2009, 2012, 2015, 2017), less half a day
    assert meta["TELAPSE"] == pytest.approx(3990 * 86400 + 4, abs=1e-6)
    assert meta["ONTIME"] == pytest.approx(3989.5 * 86400 + 4, abs=1e-6)
    assert meta["LIVETIME"] == 3136 * 86400
    assert meta["DEADC"] == pytest.approx(3136 / 3989.5, rel=1e-7)


def test_gammapy_reads_it(antares):
    from gammapy import data  # takes seconds

    events = data.EventList.read(antares, checksum=True)
    assert len(events.table) == 8754
    assert events.radec[0].ra.deg == 68.2
    assert events.time[0].utc.mjd == pytest.approx(54138.3105, abs=1e-11)
    gti = data.GTI.read(antares, checksum=True)
    assert gti.time_start[0].utc.mjd == pytest.approx(54129, abs=1e-11)
    assert gti.time_sum.to_value("d") == pytest.approx(3989.5 + 4 / 86400, abs=1e-9)


@needs_fitsverify
def test_fitsverify_finds_nothing(antares, tmp_path):
    write_event_list(tmp_path / "empty.fits", [], ANTARES)
    for path in (antares, tmp_path / "empty.fits"):
        done = subprocess.run(["fitsverify", path], capture_output=True, text=True)
        assert "0 warning(s) and 0 error(s)" in done.stdout, done.stdout


def test_stilts_reads_it(antares):
    command = ["stilts", "tpipe", f"in={antares}#EVENTS", "cmd=keepcols 'EVENT_NAME MJD ENERGY'"]
    done = subprocess.run(
        [*command, "cmd=tail 1", "ofmt=csv"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["EVENT_NAME,MJD,ENERGY", "ANT8754,58118.3703,"]


def test_the_same_events_give_the_same_bytes(antares, antares_list, tmp_path):
    path = tmp_path / "again.fits"
    checker = Checker(AntaresTextReader(antares_list), Expectations())
    write_event_list(path, checker.checked_chunks(1000), ANTARES)
    assert sha256(path) == sha256(antares)


def test_all_fields(tmp_path):
    fields = tuple(name for name in FIELDS if not name.startswith(("dir_", "unix_")))
    chunk = sky(3, fields)
    chunk["event_name"] = "km3." + "9" * 44
    chunk["topology"] = "starting track"
    chunk["energy"] = [120e6, np.nan, 5.0]
    for name, type_ in FIELDS.items():
        if type_ in ("i4", "i8") and name in fields:
            chunk[name] = [5, MISSING_INTEGER, np.iinfo(type_).max]
    write_event_list(tmp_path / "a.fits", [chunk], replace(ANTARES, gtis=(), livetime=None))
    events = Table.read(tmp_path / "a.fits", hdu="EVENTS")
    np.testing.assert_allclose(events["ENERGY"], [120e3, np.nan, 0.005], rtol=1e-15)
    assert events["EVENT_NAME"][0] == "km3." + "9" * 44
    assert events["TOPOLOGY"][0] == "starting track"
    for name in ("N_HITS", "DET_ID", "RUN_ID", "FRAME_INDEX", "TRIGGER_COUNTER", "QUALITY"):
        assert events[name].mask.tolist() == [False, True, False], name
    assert events["TRIGGER_COUNTER"][2] == np.iinfo("i8").max
    np.testing.assert_array_equal(events["MJD"], chunk["mjd"])


def test_events_are_numbered_where_they_are_not(tmp_path):
    chunk = sky(3, ("mjd", "ra", "dec"))
    product = write_event_list(tmp_path / "a.fits", [chunk, chunk[:2]], ANTARES)
    assert product.rows == 5
    assert (product.first_mjd, product.last_mjd) == (57753.25, 57753.75)
    assert fits.getdata(tmp_path / "a.fits")["EVENT_ID"].tolist() == [1, 2, 3, 4, 5]


def test_nanoseconds_are_kept_where_they_are_given(tmp_path):
    chunk = sky(2, ("mjd", "ra", "dec", "unix_seconds", "unix_nanoseconds"))
    chunk["unix_seconds"] = 1_600_000_000
    chunk["unix_nanoseconds"] = [0, 1_000]
    write_event_list(tmp_path / "a.fits", [chunk], ANTARES)
    time = fits.getdata(tmp_path / "a.fits")["TIME"]
    # 1 µs is lost in an MJD, but not in TIME
    assert time[1] - time[0] == pytest.approx(1e-6, abs=1.2e-7)


def test_without_good_time_intervals_the_events_tell(tmp_path):
    write_event_list(tmp_path / "a.fits", [sky(5)], replace(ANTARES, gtis=(), livetime=None))
    header = fits.getheader(tmp_path / "a.fits", "EVENTS")
    # a day from 2016-12-31T06:00 (of 86 401 s) on, with the leap second in it
    assert header["ONTIME"] == pytest.approx(86400.75, abs=1e-6)
    assert header["LIVETIME"] == header["ONTIME"]
    assert header["DEADC"] == 1
    assert "first and last event" in header.comments["TSTART"]
    assert "unknown" in header.comments["LIVETIME"]
    with pytest.raises(ValueError, match="neither events nor"):
        write_event_list(tmp_path / "b.fits", [], replace(ANTARES, gtis=()))
    assert not (tmp_path / "b.fits").exists()


def test_events_outside_the_good_times_are_counted(tmp_path):
    chunk = sky(6)
    chunk["mjd"] = [58000, 58001, 58001.5, 58002, 58003, 58003.5]
    gtis = [(58000, 58001), (58002, 58003)]
    metadata = replace(ANTARES, gtis=gtis, livetime=None)
    assert write_event_list(tmp_path / "a.fits", [chunk], metadata).outside == 2


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="livetime is negative or longer"):
        write_event_list(tmp_path / "a.fits", [sky()], replace(ANTARES, livetime=1e9))
    for gtis in ([(2, 1)], [(1, 3), (2, 4)], [(1, np.nan)]):
        with pytest.raises(ManifestError, match="not in order"):
            replace(ANTARES, gtis=gtis)
    with pytest.raises(ValueError, match="differ"):
        write_event_list(tmp_path / "a.fits", [sky(), sky(2, ("mjd", "ra", "dec"))], ANTARES)
    assert not list(tmp_path.iterdir())


def test_a_failure_on_the_way_leaves_the_old_product(tmp_path):
    path = tmp_path / "a.fits"
    write_event_list(path, [sky()], ANTARES)
    before = sha256(path)

    def chunks():
        yield sky()
        raise InputError("the file ends in the middle of a line")

    with pytest.raises(InputError):
        write_event_list(path, chunks(), ANTARES)
    assert sha256(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_memory_does_not_grow_with_the_events(tmp_path):
    def peak(chunks):
        chunk = sky(10_000)
        tracemalloc.start()
        write_event_list(tmp_path / "a.fits", (chunk for _ in range(chunks)), ANTARES)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    few = peak(5)
    assert peak(50) < few * 1.1


@pytest.fixture
def runs(tmp_path):
    for run in (17, 9):
        metadata = replace(ANTARES, obs_id=run, gtis=(), livetime=None)
        write_event_list(tmp_path / "runs" / f"{run}.fits", [sky(run)], metadata)
    return tmp_path


def test_the_index_tables(runs):
    products = sorted((runs / "runs").iterdir())
    aeff = runs / "aeff.fits"
    aeff.write_bytes(b"")
    responses = [Response(aeff, "aeff", "aeff_2d", "EFFECTIVE AREA")]
    write_index(runs, products, responses)
    observations = Table.read(runs / "obs-index.fits.gz", hdu=1)
    assert observations["OBS_ID"].tolist() == [9, 17]
    assert observations["EVENT_COUNT"].tolist() == [9, 17]
    assert observations.meta["HDUCLAS2"] == "OBS"
    hdus = Table.read(runs / "hdu-index.fits.gz", hdu=1)
    hdus["FILE_DIR"].fill_value = ""
    names = ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME")
    rows = [tuple(row[name] for name in names) for row in hdus.filled()]
    assert rows[:3] == [
        (9, "events", "events", "runs", "9.fits", "EVENTS"),
        (9, "gti", "gti", "runs", "9.fits", "GTI"),
        (9, "aeff", "aeff_2d", "", "aeff.fits", "EFFECTIVE AREA"),
    ]
    assert len(rows) == 6
    before = sha256(runs / "obs-index.fits.gz"), sha256(runs / "hdu-index.fits.gz")
    # RFC 1952: the flags say that there is no name, and the four bytes of the date are 0
    assert (runs / "obs-index.fits.gz").read_bytes()[3:8] == bytes(5)
    write_index(runs, products[::-1], responses)
    assert (sha256(runs / "obs-index.fits.gz"), sha256(runs / "hdu-index.fits.gz")) == before


def test_gammapy_finds_the_runs(runs):
    from gammapy import data  # takes seconds

    write_index(runs, sorted((runs / "runs").iterdir()))
    store = data.DataStore.from_dir(runs)
    observation = store.obs(9, required_irf=[])
    assert len(observation.events.table) == 9
    assert observation.gti.time_sum.to_value("d") == pytest.approx(2 + 1 / 86400, rel=1e-4)
    assert observation.observatory_earth_location.lat.deg == pytest.approx(42.7989)


@needs_fitsverify
def test_fitsverify_finds_nothing_in_the_index(runs):
    write_index(runs, sorted((runs / "runs").iterdir()))
    for path in runs.glob("*-index.fits.gz"):
        done = subprocess.run(["fitsverify", path], capture_output=True, text=True)
        assert "0 warning(s) and 0 error(s)" in done.stdout, done.stdout


def test_an_index_is_of_files_below_it_with_numbers_of_their_own(runs, tmp_path_factory):
    product = runs / "runs" / "9.fits"
    with pytest.raises(InputError, match="same OBS_ID"):
        write_index(runs, [product, product])
    with pytest.raises(InputError, match="outside"):
        write_index(tmp_path_factory.mktemp("other"), [product])
    with pytest.raises(InputError, match="no products"):
        write_index(runs, [])
