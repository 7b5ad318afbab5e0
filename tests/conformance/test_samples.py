"""The KM3NeT samples as an astronomer gets them, against the collaboration's own numbers."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from pathlib import Path

import astropy.units as u
import awkward as ak
import km3net_testdata
import numpy as np
import prov.model
import pytest
import pyvo
import requests
import uproot
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time
from gammapy.data import GTI, EventList

from ingest.events.delivery.manifest import load_manifest, release_names
from tests.instances import Instance

DST = Path(km3net_testdata.__file__).parent / "data" / "dst"
SAMPLES = {"evts20_01": ("orca4_sample.root", 44), "evts21_01": ("orca6_sample.root", 49)}
COMMON = [
    "event_id",
    "mjd",
    "ra",
    "dec",
    "ang_err",
    "ang_err_cl",
    "energy",
    "n_hits",
    "likelihood",
    "topology",
    "zenith",
    "azimuth",
    "det_id",
    "run_id",
    "frame_index",
    "trigger_counter",
    "event_no",
    "quality",
    "release",
    "detector",
    "origin_est",
]


RESPONSES = {"ant20_01": {"aeff", "bkgrate"}, "evts23_01": {"aeff"}}
"""The responses that belong to the events of a release."""


@pytest.fixture(scope="module")
def tap(instance: Instance) -> pyvo.dal.TAPService:
    return pyvo.dal.TAPService(instance.tap)


@pytest.mark.parametrize("release", SAMPLES)
def test_positions_and_times_are_the_collaborations_own(
    tap: pyvo.dal.TAPService, release: str
) -> None:
    name, det_id = SAMPLES[release]
    with uproot.open(DST / name) as file:
        own = {
            key: file["T"][f"coords/{key}"].array(library="np")
            for key in ("mjd", "trackfit_ra", "trackfit_dec")
        }
        event = {
            key: file["E"][f"Evt/{key}"].array(library="np")
            for key in ("run_id", "frame_index", "trigger_counter")
        }
    located = own["trackfit_ra"] > -10  # -999 where no track was found
    names = [
        f"km3.{det_id}.{run}.{frame}.{trigger}"
        for run, frame, trigger in zip(*(column[located] for column in event.values()), strict=True)
    ]
    answer = tap.search(f"SELECT * FROM {release}.main", maxrec=10_000).to_table()
    assert answer.colnames == COMMON
    assert sorted(answer["event_id"]) == sorted(names)
    order = np.argsort(names)
    answer.sort("event_id")
    ours = SkyCoord(answer["ra"], answer["dec"])
    theirs = SkyCoord(
        own["trackfit_ra"][located][order] * u.rad, own["trackfit_dec"][located][order] * u.rad
    )
    assert ours.separation(theirs).max() < 60 * u.arcsec
    # theirs is the begin of the time slice of 0.1 s; an event may end a little after it
    delay = (np.asarray(answer["mjd"]) - own["mjd"][located][order]) * 86400
    assert delay.min() > -1e-3
    assert delay.max() < 0.11


def test_km3_230213a_is_as_published(tap: pyvo.dal.TAPService) -> None:
    (row,) = tap.search("SELECT * FROM evts23_01.main").to_table()
    assert row["event_id"] == "KM3-230213A"
    assert (row["ra"], row["dec"]) == (94.3, -7.8)
    radii = [row[f"err_{level}"] for level in (50, 68, 90, 99)]
    assert radii == pytest.approx([1.2, 1.5, 2.2, 3.0])
    assert row["energy"] == pytest.approx(120e6)  # 120 PeV in GeV
    assert row["mjd"] == pytest.approx(Time("2023-02-13T01:16:47").mjd, abs=1e-9)
    assert (row["detector"], row["det_id"], row["topology"]) == ("ARCA21", 133, "track")
    assert row["n_hits"] is np.ma.masked  # not published: NULL, and not a number


def test_all_samples_are_in_one_view(tap: pyvo.dal.TAPService) -> None:
    answer = tap.search(
        "SELECT release, count(*) AS n FROM km3net.events GROUP BY release ORDER BY release"
    ).to_table()
    assert dict(zip(answer["release"], answer["n"], strict=True)) == {
        "ant20_01": 8754,
        "evts20_01": 2498,
        "evts21_01": 2495,
        "evts23_01": 1,
    }
    (event,) = tap.search("SELECT * FROM km3net.events WHERE event_id='ANT3412'").to_table()
    assert (event["mjd"], event["ra"], event["dec"], event["n_hits"]) == (55592.169, 43.3, 35.8, 48)
    # What the release has under another name, only by its descriptor, or not at all.
    assert event["ang_err"] == pytest.approx(0.3)
    assert (event["detector"], event["topology"], event["event_no"]) == ("ANTARES", "track", 3412)
    assert event["energy"] is np.ma.masked
    assert event["run_id"] is np.ma.masked


def test_a_cone_over_all_samples_is_the_sum_of_the_samples_cones(instance: Instance) -> None:
    place = SkyCoord(326.48, 44.26, unit="deg")
    every = pyvo.dal.SCSService(f"{instance.url}/km3net/nu/cone/scs.xml").search(place, 3.0)
    found = {row.id for row in every}
    apart = set()
    for release in ("ant20_01", "evts20_01", "evts21_01", "evts23_01"):
        service = pyvo.dal.SCSService(f"{instance.url}/{release}/nu/cone/scs.xml")
        apart |= {row.id for row in service.search(place, 3.0)}
    assert "km3.44.6370.185.0" in found
    assert found == apart


def test_a_missing_value_is_null_and_a_zero_is_zero(tap: pyvo.dal.TAPService) -> None:
    nulls = tap.search("SELECT count(*) AS n FROM evts21_01.main WHERE ang_err IS NULL")
    # three errors above 180 degrees say nothing, and the fits of seven events gave none
    with uproot.open(DST / "orca6_sample.root") as file:
        first_track = file["E"]["Evt/trks/trks.fitinf"].array()[:, 0]
        beta0 = np.degrees(ak.to_numpy(ak.fill_none(ak.firsts(first_track), np.nan)))
        placed = file["T"]["coords/trackfit_ra"].array(library="np") > -10
    expected = np.count_nonzero(placed & ~((beta0 >= 0) & (beta0 <= 180)))
    assert nulls["n"][0] == expected
    zeros = tap.search("SELECT count(*) AS n FROM evts20_01.main WHERE trigger_counter = 0")
    assert zeros["n"][0] > 0


def test_counts_and_extremes_of_columns_can_be_read(tap: pyvo.dal.TAPService) -> None:
    columns = (
        "count(likelihood) AS n, min(likelihood) AS low, max(energy) AS high, min(n_hits) AS h"
    )
    (row,) = tap.search(f"SELECT {columns} FROM evts21_01.main").to_table()
    with uproot.open(DST / "orca6_sample.root") as file:
        track = file["E"].arrays(["Evt/trks/trks.lik"], library="ak")["Evt/trks/trks.lik"][:, 0]
        likelihood = ak.to_numpy(track)
        placed = file["T"]["coords/trackfit_ra"].array(library="np") > -10
    real = likelihood[placed & (likelihood > -1e300)]
    assert row["n"] == len(real)
    assert row["low"] == pytest.approx(real.min(), rel=1e-6)
    assert row["h"] > 0


def test_obscore_gives_energies_as_wavelengths_and_the_extension_as_energies(
    tap: pyvo.dal.TAPService,
) -> None:
    query = "SELECT * FROM ivoa.obscore JOIN ivoa.obscore_hea USING (obs_publisher_did)"
    answer = tap.search(f"{query} WHERE dataproduct_type = 'hea-event-list'").to_table()
    assert len(answer) == 4
    for row in answer:
        low, high = row["energy_min"] * u.eV, row["energy_max"] * u.eV
        assert row["em_max"] == pytest.approx(low.to_value(u.m, u.spectral()), rel=1e-6)
        assert row["em_min"] == pytest.approx(high.to_value(u.m, u.spectral()), rel=1e-6)
        assert row["calib_level"] == 2
        assert row["event_type"] == "track"
        assert row["messenger_name"] == "neutrino"
    by_collection = {row["obs_collection"]: row for row in answer}
    antares = by_collection["ANTARES-2017-PS"]
    assert (antares["ev_xel"], antares["obs_mode"]) == (8754, "wide-array")
    assert (antares["analysis_mode"], antares["messenger_pdgid"]) == ("pointsource", "+14")
    assert antares["facility_name"] == "KM3NeT"


def test_datalinks_lead_to_everything_that_belongs_to_a_product(
    tap: pyvo.dal.TAPService,
) -> None:
    delivered = {
        checksum
        for name in release_names()
        for file in load_manifest(name).files
        for checksum in file.sha256
    }
    results = tap.search(
        "SELECT * FROM ivoa.obscore WHERE dataproduct_type = 'hea-event-list' ORDER BY obs_id"
    )
    seen = 0
    for links in results.iter_datalinks():
        by_meaning = {link.semantics: link for link in links}
        calibrations = [link for link in links if link.semantics == "#calibration"]
        responses = {link["content_qualifier"] for link in calibrations}
        release = by_meaning["#this"].access_url.split("/data/")[0].rpartition("/")[2]
        assert responses == RESPONSES.get(release, set())
        by_meaning.pop("#calibration", None)
        # further tables and the alert of an event, which have tests of their own
        for other in ("#auxiliary", "#coderived"):
            by_meaning.pop(other, None)
        assert set(by_meaning) == {
            "#this",
            "#package",
            "#preview",
            "#provenance",
            "#documentation",
            "#progenitor",
            "#derivation",
        }
        for link in links:
            meaning = link.semantics
            if meaning in ("#auxiliary", "#coderived"):
                continue
            reply = requests.get(link.access_url, timeout=20)
            assert reply.status_code == 200, link.access_url
            stated = link.content_type.partition(";")[0]
            assert reply.headers["content-type"].partition(";")[0] == stated
            if meaning == "#progenitor":
                assert hashlib.sha256(reply.content).hexdigest() in delivered
                by_ending = {".dat": "text/plain", ".csv": "text/csv"}
                assert by_ending.get(Path(link.access_url).suffix, stated) == stated
            if meaning == "#this":
                assert link.content_length == len(reply.content)
                with fits.open(io.BytesIO(reply.content)) as hdus:
                    kid = hdus["EVENTS"].header["KID"]
            if meaning == "#derivation":
                assert stated == "application/vnd.apache.parquet"
                assert link.content_length == len(reply.content)
            if meaning == "#preview":
                assert reply.content.startswith(b"\x89PNG")
        document = requests.get(by_meaning["#provenance"].access_url, timeout=20).text
        prov.model.ProvDocument.deserialize(content=document)
        assert kid in document
        seen += 1
    assert seen == 4


def test_stilts_finds_no_error_in_the_datalinks(
    instance: Instance, tap: pyvo.dal.TAPService
) -> None:
    did = tap.search("SELECT obs_publisher_did FROM km3net.observations")["obs_publisher_did"][0]
    address = requests.Request("GET", f"{instance.url}/km3net/nu/dl/dlmeta", params={"ID": did})
    done = subprocess.run(
        ["stilts", "datalinklint", f"votable={address.prepare().url}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "ERROR" not in done.stdout + done.stderr


@pytest.mark.parametrize("release", ["ant20_01", "evts20_01", "evts21_01"])
def test_gammapy_reads_what_the_access_url_gives(
    tap: pyvo.dal.TAPService, release: str, tmp_path: Path
) -> None:
    (row,) = tap.search(
        f"SELECT accref, t_min, t_max FROM km3net.observations WHERE release='{release}'"
        " AND product_type = 'hea-event-list'"
    )
    path = tmp_path / "events.fits"
    path.write_bytes(requests.get(row["accref"], timeout=30).content)
    events = EventList.read(path)
    count = tap.search(f"SELECT count(*) AS n FROM {release}.main")["n"][0]
    assert len(events.table) == count
    gti = GTI.read(path)
    assert gti.time_start[0].utc.mjd == pytest.approx(row["t_min"], abs=1e-9)
    assert gti.time_stop[-1].utc.mjd == pytest.approx(row["t_max"], abs=1e-9)
    # each event lies within its good time interval
    assert np.all((events.time >= gti.time_start[0]) & (events.time <= gti.time_stop[-1]))


def test_the_report_of_an_import_is_kept(instance: Instance) -> None:
    report = json.loads((instance.var / "reports" / "evts21_01" / "record.json").read_text())
    assert report["result"]["rejected"] == 4
    rules = {rule["name"]: rule["count"] for rule in report["conversions"][0]["checks"]["rules"]}
    assert rules["finite-direction"] == 4
