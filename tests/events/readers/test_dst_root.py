"""Expected values are read with uproot alone, or are the collaboration's own in T/coords."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
import uproot
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time

from ingest.core.errors import InputError
from ingest.events.fields import MISSING_INTEGER
from ingest.events.readers.dst_root import DstRootReader

SAMPLES = {"dst/orca4_sample.root": 2500, "dst/orca6_sample.root": 2499}
ORCA = EarthLocation.from_geodetic(6.0287 * u.deg, 42.7939 * u.deg, -2440 * u.m)
SIMULATED = [
    "dst/mcv5.1.km3_numuCC.ALL.dst.bdt.10events.root",
    "dst/mcv6.gsg_numu-CCHEDIS_1e2-1e8GeV.sirene.jte.jchain.aashower.dst.bdt_trk.bdt_casc"
    ".10events.root",
]


def everything(path, rows=700):
    return np.concatenate(list(DstRootReader(path).chunks(rows)))


def first_tracks(path):
    """Return branches of the first track of each event; the samples have no other."""
    tree = uproot.open(path)["E"]
    names = ["lik", "rec_type", "t", "E", "dir.x", "dir.y", "dir.z"]
    return {n: tree[f"trks.{n}"].array()[:, 0].to_numpy() for n in names}, tree


@pytest.mark.parametrize("name", SAMPLES)
def test_events_are_those_of_the_file(real, name):
    path = real(name)
    events = everything(path)
    tracks, tree = first_tracks(path)
    assert len(events) == SAMPLES[name] == DstRootReader(path).facts().n_events
    for field in ("det_id", "run_id", "frame_index", "trigger_counter"):
        assert (events[field] == tree[field].array(library="np")).all()
    found = tracks["rec_type"] == 4000
    assert (events["topology"] == np.where(found, "track", "")).all()
    for axis in "xyz":
        assert (events[f"dir_{axis}"][found] == tracks[f"dir.{axis}"][found]).all()
        assert np.isnan(events[f"dir_{axis}"][~found]).all()
    assert (events["likelihood"][found] == tracks["lik"][found]).all()
    # in measured data Jpp's uncorrected energy is the track's
    assert (events["energy"][found] == tracks["E"][found]).all()
    fit = [track[0] if len(track[0]) else None for track in tree["trks.fitinf"].array().tolist()]
    beta = np.array([np.nan if f is None else f[0] for f in fit])
    hits = np.array([MISSING_INTEGER if f is None else f[3] for f in fit])
    np.testing.assert_allclose(events["ang_err"], beta * 180 / np.pi, rtol=1e-15)
    assert (events["n_hits"] == hits).all()


@pytest.mark.parametrize("name", SAMPLES)
def test_time_is_that_of_the_slice_plus_that_of_the_track(real, name):
    path = real(name)
    events = everything(path)
    tracks, _ = first_tracks(path)
    mjd = uproot.open(path)["T/coords/mjd"].array(library="np")
    whole = (mjd - 40587) * 86400
    late = (events["unix_seconds"] - whole) + events["unix_nanoseconds"] * 1e-9
    found = tracks["rec_type"] == 4000
    # a double holds an MJD of today to 0.6 microseconds; the file's was rounded to 40
    np.testing.assert_allclose(late[found], tracks["t"][found] * 1e-9, atol=2.5e-5)
    np.testing.assert_allclose(late[~found], 0, atol=2.5e-5)
    assert ((events["unix_nanoseconds"] >= 0) & (events["unix_nanoseconds"] < 10**9)).all()


@pytest.mark.parametrize("name", SAMPLES)
def test_the_best_track_is_the_one_the_collaboration_located(real, name):
    path = real(name)
    events = everything(path)
    coordinates = uproot.open(path)["T/coords"]
    mjd, ra, dec = (
        coordinates[n].array(library="np") for n in ("mjd", "trackfit_ra", "trackfit_dec")
    )
    found = events["topology"] == "track"
    assert (ra[~found] == -999).all() and (ra[found] != -999).all()
    # convergence of the UTM grid, zone 32, at the detector: negative west of 9 degrees
    tilt = np.arctan(np.tan(np.radians(6.0287 - 9)) * np.sin(np.radians(42.7939)))
    local = AltAz(
        az=(np.arctan2(-events["dir_x"], -events["dir_y"])[found] + tilt) * u.rad,
        alt=np.arcsin(-events["dir_z"][found]) * u.rad,
        obstime=Time(mjd[found], format="mjd", scale="utc"),
        location=ORCA,
    )
    there = SkyCoord(ra[found] * u.rad, dec[found] * u.rad)
    assert SkyCoord(local).icrs.separation(there).arcsec.max() < 45


def test_chunks_do_not_depend_on_their_size(real):
    path = real("dst/orca4_sample.root")
    whole = everything(path, 10_000)
    assert whole.tobytes() == everything(path, 333).tobytes()
    assert [len(c) for c in DstRootReader(path).chunks(1000)] == [1000, 1000, 500]


def test_facts_of_a_measured_file(real):
    facts = DstRootReader(real("dst/orca6_sample.root")).facts()
    assert (facts.detector, facts.runs, facts.simulated) == ("orca", (9505,), False)
    assert facts.livetime == 21593.2
    assert facts.start_mjd == pytest.approx(Time(1614168005, format="unix").mjd, abs=1e-9)
    assert facts.stop_mjd == pytest.approx(Time(1614189598, format="unix").mjd, abs=1e-9)
    selection = facts.provenance["selection"]
    assert selection["header_sums"]["JDAQEvent"] == [170316.0]
    assert selection["summaries"]["coords"] == "Celestial_coordinates"
    facts = DstRootReader(real("dst/orca4_sample.root")).facts()
    assert (facts.livetime, facts.simulated, facts.runs) == (21582.2, False, ())
    assert "-r 4000" in facts.provenance["history"]["command_line"]


@pytest.mark.parametrize("name", SIMULATED)
def test_a_simulation_is_recognised_and_has_no_events_on_the_sky(real, name):
    reader = DstRootReader(real(name))
    assert reader.facts().simulated is True
    with pytest.raises(InputError, match="no absolute time") as caught:
        next(reader.chunks())
    assert caught.value.where == "E entry 0"
    assert "simulated" in caught.value.remedy


def test_best_track_of_several(real, monkeypatch):
    """The simulated files have a muon and a shower track: the muon track is taken."""
    monkeypatch.setattr("ingest.events.readers._columns.FIRST_LIGHT", 0)
    for name in SIMULATED:
        path = real(name)
        events = everything(path)
        tree = uproot.open(path)["E"]
        kinds = tree["trks.rec_type"].array().tolist()
        lik = tree["trks.lik"].array().tolist()
        stages = tree["trks.rec_stages"].array().tolist()
        for event, kind, values, stage in zip(events, kinds, lik, stages, strict=True):
            muons = [(len(s), v) for k, v, s in zip(kind, values, stage, strict=True)
                     if k == 4000 and s and max(s) < 100]  # fmt: skip
            if muons:
                assert event["likelihood"] == max(muons)[1]
            else:
                assert event["topology"] == "" and np.isnan(event["dir_z"])


def test_other_files_are_refused(tmp_path, real):
    text = tmp_path / "a.root"
    text.write_text("root is how this starts, and that is all")
    with pytest.raises(InputError, match="damaged"):
        DstRootReader(text)
    text.write_text("something else")
    with pytest.raises(InputError, match="not a ROOT file"):
        DstRootReader(text)
    with pytest.raises(InputError, match="cannot be read"):
        DstRootReader(tmp_path / "none.root")
    with uproot.recreate(tmp_path / "b.root") as file:
        file["E"] = {"det_id": np.arange(3)}
    with pytest.raises(InputError, match="branches are missing: run_id"):
        DstRootReader(tmp_path / "b.root")
    with uproot.recreate(tmp_path / "c.root") as file:
        file["F"] = {"det_id": np.arange(3)}
    with pytest.raises(InputError, match="the tree is missing"):
        DstRootReader(tmp_path / "c.root")
    assert not DstRootReader.recognises(tmp_path / "c.root")
