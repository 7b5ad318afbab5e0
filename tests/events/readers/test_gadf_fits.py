"""Expected times come from astropy's Time of the values written, or are known leap seconds."""

from __future__ import annotations

import gzip

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from astropy.time import Time

from ingest.core.errors import InputError
from ingest.events.fields import MISSING_INTEGER
from ingest.events.readers.gadf_fits import GadfFitsReader

SECONDS = np.array([0.0, 86400.0, 1e7 + 0.25])


def gadf(path, keywords=(), units=(), drop=(), **columns):
    """Write a small event list; `columns` are added, `keywords` set (None removes one)."""
    table = Table(
        {
            "EVENT_ID": np.array([11, 2**40, 13]),
            "TIME": SECONDS,
            "RA": [10.0, 20.0, 359.5],
            "DEC": [-80.0, 0.0, 45.25],
            "ENERGY": np.array([0.5, 2.0, 120_000.0], "f4"),
            **columns,
        }
    )
    table.remove_columns(list(drop))
    hdu = fits.BinTableHDU(table, name="EVENTS")
    header = {
        "HDUCLASS": "GADF", "HDUCLAS1": "EVENTS", "MJDREFI": 58000, "MJDREFF": 0.0,
        "TIMESYS": "UTC", "TIMEUNIT": "s", "TIMEREF": "LOCAL", "RADECSYS": "ICRS",
        "EQUINOX": 2000.0, "TELESCOP": "KM3NeT", "INSTRUME": "ORCA6", "LIVETIME": 77.5,
        "TSTART": 0.0, "TSTOP": 86400.0, **dict(keywords),
    }  # fmt: skip
    for key, value in header.items():
        if value is not None:
            hdu.header[key] = value
    for name, unit in {"ENERGY": "TeV", "RA": "deg", "DEC": "deg", **dict(units)}.items():
        if name not in drop:
            hdu.columns[name].unit = unit
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, overwrite=True)
    return path


def everything(path, rows=2):
    return np.concatenate(list(GadfFitsReader(path).chunks(rows)))


def test_a_list_of_another_tool(tmp_path):
    path = gadf(tmp_path / "a.fits")
    assert GadfFitsReader.recognises(path)
    events = everything(path)
    assert events.dtype.names == ("event_no", "mjd", "ra", "dec", "energy")
    assert list(events["event_no"]) == [11, 2**40, 13]
    assert list(events["ra"]) == [10.0, 20.0, 359.5]
    assert list(events["dec"]) == [-80.0, 0.0, 45.25]
    np.testing.assert_allclose(events["energy"], [500.0, 2000.0, 1.2e8], rtol=1e-7)  # GeV
    np.testing.assert_allclose(events["mjd"], 58000 + SECONDS / 86400, rtol=0, atol=1e-11)
    facts = GadfFitsReader(path).facts()
    assert (facts.detector, facts.livetime, facts.n_events) == ("orca", 77.5, 3)
    assert (facts.start_mjd, facts.stop_mjd) == (58000.0, 58001.0)


@pytest.mark.parametrize(("scale", "ahead"), [("TT", 37 + 32.184), ("TAI", 37.0)])
def test_time_scales_become_utc(tmp_path, scale, ahead):
    """In 2017 TAI was 37 s ahead of UTC, and TT 32.184 s of TAI."""
    path = gadf(tmp_path / "a.fits", {"TIMESYS": scale})
    expected = 58000 + (SECONDS - ahead) / 86400
    np.testing.assert_allclose(everything(path)["mjd"], expected, rtol=0, atol=1e-10)


def test_epoch_and_unit_of_time_are_those_of_the_header(tmp_path):
    path = gadf(
        tmp_path / "a.fits",
        {"MJDREFI": 51910, "MJDREFF": 7.428703703703703e-4, "TIMESYS": "TT", "TIMEUNIT": "d"},
        {"TIME": "d"},
        TIME=np.array([6000.0, 6000.5, 7000.0]),
    )
    # the epoch of GADF's examples is 2001-01-01 UTC exactly, in TT
    start = Time("2001-01-01", scale="utc").tt
    expected = [(start + days * u.d).utc.mjd for days in (6000.0, 6000.5, 7000.0)]
    np.testing.assert_allclose(everything(path)["mjd"], expected, rtol=0, atol=1e-10)


def test_our_own_product(tmp_path):
    path = gadf(
        tmp_path / "a.fits",
        EVENT_NAME=["km3.49.9505.1.2", "b", "c"],
        MJD=[59000.125, 59001.0, 59002.0],
        RUN_ID=MaskedColumn(np.array([7, 8, 9], "i4"), mask=[False, True, False], fill_value=-99),
        N_HITS=np.array([1, 2, 3], "i4"),
        ANG_ERR=np.array([0.5, np.nan, 1.0], "f4"),
        TOPOLOGY=["track", "", "shower"],
    )
    events = everything(path)
    assert list(events["mjd"]) == [59000.125, 59001.0, 59002.0]
    assert list(events["run_id"]) == [7, MISSING_INTEGER, 9]
    assert list(events["n_hits"]) == [1, 2, 3]
    assert list(events["event_name"]) == ["km3.49.9505.1.2", "b", "c"]
    assert list(events["topology"]) == ["track", "", "shower"]
    assert np.isnan(events["ang_err"][1]) and events["ang_err"][0] == 0.5


def test_chunks_do_not_depend_on_their_size(tmp_path):
    path = gadf(tmp_path / "a.fits")
    assert everything(path, 1).tobytes() == everything(path, 100).tobytes()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"keywords": {"TIMESYS": None}}, "TIMESYS are missing"),
        ({"keywords": {"MJDREFI": None, "MJDREFF": None}}, "MJDREFI, MJDREFF are missing"),
        ({"keywords": {"TIMESYS": "GMT"}}, "the time scale is not supported"),
        ({"keywords": {"TIMEREF": "SOLARSYSTEM"}}, "TIME is not measured at the detector"),
        ({"keywords": {"RADECSYS": "FK4", "EQUINOX": 1950.0}}, "another frame"),
        ({"keywords": {"MJDREFI": -5}}, "the epoch of TIME is not a date"),
        ({"units": {"ENERGY": "m"}}, "unit of ENERGY"),
        ({"units": {"RA": "nonsense"}}, "unit of RA"),
        ({"drop": ["RA"]}, "columns are missing: RA"),
        ({"drop": ["TIME"]}, "columns are missing: TIME"),
        ({"DEC": ["a", "b", "c"]}, "DEC has the wrong type"),
        ({"DEC": np.zeros((3, 2))}, "DEC has the wrong type"),
    ],
)
def test_what_cannot_be_understood_is_refused(tmp_path, change, problem):
    path = gadf(tmp_path / "a.fits", **change)
    with pytest.raises(InputError, match=problem) as caught:
        GadfFitsReader(path)
    assert caught.value.file == str(path) and caught.value.expected and caught.value.remedy


def test_files_that_are_no_event_lists(tmp_path):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((3, 3))).writeto(path)
    assert not GadfFitsReader.recognises(path)
    with pytest.raises(InputError, match="the file has no table of events"):
        GadfFitsReader(path)
    data = gadf(path).read_bytes()
    packed = tmp_path / "a.fits.gz"
    packed.write_bytes(gzip.compress(data))
    with pytest.raises(InputError, match="compressed") as caught:
        GadfFitsReader(packed)
    assert caught.value.remedy == "gunzip a.fits.gz"
    path.write_bytes(
        data.replace(b"NAXIS2  =                    3", b"NAXIS2  =              3000000")
    )
    with pytest.raises(InputError, match="shorter than its header claims"):
        GadfFitsReader(path)
    path.write_bytes(data[:-2880])
    with pytest.raises(InputError):
        GadfFitsReader(path)


def test_a_list_without_events_is_refused(tmp_path):
    path = gadf(tmp_path / "a.fits")
    with fits.open(path) as hdus:
        fits.BinTableHDU(hdus[1].data[:0], hdus[1].header).writeto(tmp_path / "b.fits")
    with pytest.raises(InputError, match="no events"):
        next(GadfFitsReader(tmp_path / "b.fits").chunks())
